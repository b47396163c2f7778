/**
 * As much of the fetch standard's Request as the transport of SDK v1 reads of one whose body is parsed already: its
 * verb, its address, its headers. A whole one costs as much as the session check.
 */
export function plainRequest(url: string, method: string, headers: Readonly<Record<string, string>>): Request {
  const request: Pick<Request, 'method' | 'url' | 'body'> & { readonly headers: object } = {
    method,
    url,
    body: null,
    headers: {
      get: (name: string) => headers[name.toLowerCase()] ?? null,
      has: (name: string) => Object.hasOwn(headers, name.toLowerCase()),
      entries: () => Object.entries(headers)[Symbol.iterator](),
    },
  }
  return request as unknown as Request
}
