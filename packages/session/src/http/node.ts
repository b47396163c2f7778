/** Requests of node:http, and of every framework that stands on it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, RequestView } from './request.ts'

const none: readonly string[] = Object.freeze([])

/**
 * Reads the raw headers, because the parsed ones hide that a field came twice. That one did not come at all, which is
 * most of what is asked, the parsed ones say sooner.
 */
export function viewOfNode(request: IncomingMessage): RequestView {
  return new NodeRequest(request)
}

/** Sends an answer and is done with the request. */
export function sendOnNode(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  response.end(body)
}

/** Whether the client of a response is gone. That of HTTP/2 does not say so itself. */
export function isGone(response: ServerResponse): boolean {
  const { destroyed, stream } = response as ServerResponse & { readonly stream?: { readonly destroyed: boolean } }
  return destroyed || stream?.destroyed === true
}

class NodeRequest implements RequestView {
  readonly #request: IncomingMessage

  constructor(request: IncomingMessage) {
    this.#request = request
  }

  get method(): string {
    return this.#request.method ?? 'GET'
  }

  /** As the client sent it: routers cut their part off `url`. */
  get target(): string {
    const { originalUrl, url } = this.#request as IncomingMessage & { readonly originalUrl?: string }
    return originalUrl ?? url ?? '/'
  }

  get encrypted(): boolean {
    return 'encrypted' in this.#request.socket && this.#request.socket.encrypted === true
  }

  get remoteAddress(): string | undefined {
    return this.#request.socket.remoteAddress
  }

  header(name: string): readonly string[] {
    // Over HTTP/2 the host is a pseudo-header.
    if (this.#request.headers[name] === undefined) return name === 'host' ? this.header(':authority') : none
    const raw = this.#request.rawHeaders
    // Nearly every field comes once, and an array that grows makes room for many.
    let values: string[] | undefined
    for (let place = 0; place < raw.length; place += 2) {
      const field = raw[place] as string
      if (field.length !== name.length || field.toLowerCase() !== name) continue
      const value = raw[place + 1] as string
      if (values) values.push(value)
      else values = [value]
    }
    return values ?? none
  }
}
