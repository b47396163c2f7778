/** Requests of the fetch standard: Hono, Bun, Deno, workers. */
import type { Answer, RequestView } from './request.ts'

/** What a fetch request does not say about its connection. */
export interface Connection {
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
}

/**
 * A header that came twice is one value with a comma here, which is neither a handle nor a host nor an origin, so it is
 * refused all the same.
 */
export function viewOfFetch(request: Request, connection: Connection): RequestView {
  const { pathname, search, host } = new URL(request.url)
  return {
    method: request.method,
    target: pathname + search,
    encrypted: connection.encrypted,
    remoteAddress: connection.remoteAddress,
    header(name) {
      const value = request.headers.get(name) ?? (name === 'host' ? host : null)
      return value === null ? [] : [value]
    },
  }
}

export function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: { ...headers } })
}
