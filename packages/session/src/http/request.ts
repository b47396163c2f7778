/** A request and an answer as the rules of transport see them, whatever framework serves them. */

export interface RequestView {
  readonly method: string
  /** Path and query as the request line has them. */
  readonly target: string
  /** Every value of a header, in order; the name is in lower case. A field that came twice has two. */
  header(name: string): readonly string[]
  /** Whether this very connection is TLS. What a proxy claims is judged elsewhere. */
  readonly encrypted: boolean
  /** Address of the peer of this connection, which may be a proxy. */
  readonly remoteAddress: string | undefined
}

/** A whole answer, for requests that go no further. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An answer in JSON that no cache keeps. */
export function answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(body),
  }
}

/** A JSON-RPC error without an id, as MCP answers what it refuses before reading the message. */
export function rpcError(
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return answer(status, { jsonrpc: '2.0', error: { code, message }, id: null }, headers)
}

/** The value of a header that must not come twice; `many` where it does. */
export function singleHeader(request: RequestView, name: string): string | undefined | { readonly many: true } {
  const values = request.header(name)
  return values.length > 1 ? { many: true } : values[0]
}
