/** Visits on requests and responses of the fetch standard, wherever they are served. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Guard } from '../guard.ts'
import { readJson } from '../http/body.ts'
import { responseOf, viewOfFetch, type Connection } from '../http/fetch.ts'
import { viewOfNode } from '../http/node.ts'
import type { RequestView } from '../http/request.ts'
import type { LoginRoutes } from '../login.ts'
import { beginVisit } from './on-node.ts'
import { admitOptions, isEventStream, Visit, type Outlet, type ProtectOptions } from './visit.ts'

/**
 * What a fetch request does not say, from what the runtime gives beside it: the second argument of a handler, `c.env` in
 * Hono. Not needed with @hono/node-server, which gives Node's own request.
 */
export type ConnectionOf = (request: Request, environment: unknown) => Connection

export interface FetchProtectOptions extends ProtectOptions {
  /** Without it, and not on @hono/node-server, every request counts as plain text from nowhere and is refused. */
  readonly connectionOf?: ConnectionOf
}

/** A refusal to be returned, or a visit and what its response has to pass through. */
export type Reception<Data> =
  | { readonly refusal: Response }
  | { readonly refusal: undefined; readonly visit: Visit<Data>; readonly dress: (response: Response) => Response }

/** Asks the guard about a request. */
export async function receive<Data>(
  guard: Guard,
  request: Request,
  environment: unknown,
  { connectionOf, ...options }: FetchProtectOptions,
): Promise<Reception<Data>> {
  const node = nodeOf(environment)
  const view = viewOf(request, environment, connectionOf)
  const admitted = guard.admitAtOnce<Data>(view, admitOptions(view, options))
  const admission = admitted instanceof Promise ? await admitted : admitted
  if (!admission.admitted) return { refusal: responseOf(admission.answer) }
  if (node) {
    const visit = beginVisit(guard, admission, node.incoming, node.outgoing)
    return { refusal: undefined, visit, dress: (response) => response }
  }
  const outlet = new FetchOutlet(admission.headers)
  const visit = new Visit<Data>(guard, admission, outlet)
  return { refusal: undefined, visit, dress: (response) => outlet.dress(response, visit, request.method) }
}

/** The answer to a request for one of the login routes, or undefined where it is none. */
export async function answerLogin(
  login: LoginRoutes,
  request: Request,
  environment: unknown,
  connectionOf: ConnectionOf | undefined,
): Promise<Response | undefined> {
  const readBody = async (): Promise<unknown> => (request.body ? readJson(request.body) : undefined)
  const answer = await login.handle(viewOf(request, environment, connectionOf), readBody)
  return answer && responseOf(answer)
}

interface NodePair {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** What @hono/node-server gives beside a request; better than the request, because it shows that a header came twice. */
function nodeOf(environment: unknown): NodePair | undefined {
  const { incoming, outgoing } = (environment ?? {}) as Partial<NodePair>
  return incoming?.rawHeaders && typeof outgoing?.writeHead === 'function' ? { incoming, outgoing } : undefined
}

function viewOf(request: Request, environment: unknown, connectionOf: ConnectionOf | undefined): RequestView {
  const node = nodeOf(environment)
  if (node) return viewOfNode(node.incoming)
  const connection = connectionOf?.(request, environment) ?? { encrypted: false, remoteAddress: undefined }
  return viewOfFetch(request, connection)
}

class FetchOutlet implements Outlet {
  #headers: Readonly<Record<string, string>>
  #begun = false

  constructor(headers: Readonly<Record<string, string>>) {
    this.#headers = headers
  }

  get begun(): boolean {
    return this.#begun
  }

  carry(headers: Readonly<Record<string, string>>): void {
    this.#headers = { ...this.#headers, ...headers }
  }

  /** The response with what it has to carry. From here on the visit is over, unless what is sent is a stream. */
  dress(response: Response, visit: Visit, method: string): Response {
    this.#begun = true
    // An upgrade is the runtime's, which knows it by the very object.
    if (response.status === 101) {
      visit.finish()
      return response
    }
    const streams = response.body !== null && isEventStream(response.headers.get('content-type'))
    if (!streams || method === 'GET') visit.finish()
    const { status, statusText } = response
    if (streams)
      return new Response(cutWhenOver(response.body, visit), {
        status,
        statusText,
        headers: this.#join(response.headers),
      })
    try {
      this.#put(response.headers)
      return response
    } catch {
      // Headers of a redirect, or of a response that was fetched, cannot be changed.
      return new Response(response.body, { status, statusText, headers: this.#join(response.headers) })
    }
  }

  #join(theirs: Headers): Headers {
    const headers = new Headers(theirs)
    this.#put(headers)
    return headers
  }

  /** A cookie joins those that the handler sets, and replaces what would be another of its name. */
  #put(headers: Headers): void {
    for (const name in this.#headers) {
      const value = this.#headers[name] as string
      if (name !== 'set-cookie') {
        headers.set(name, value)
        continue
      }
      const others = headers.getSetCookie().filter((other) => !other.startsWith(value.slice(0, value.indexOf('=') + 1)))
      headers.delete(name)
      for (const cookie of [...others, value]) headers.append(name, cookie)
    }
  }
}

/** The same stream, ended when the session is. */
function cutWhenOver(body: ReadableStream<Uint8Array>, visit: Visit): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let over = false
  let stop = (): void => undefined
  const end = (): boolean => {
    if (over) return false
    over = true
    stop()
    visit.finish()
    return true
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stop = visit.watch(() => {
        if (!end()) return
        controller.close()
        reader.cancel().catch(() => undefined)
      })
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (over) return
        if (!done) controller.enqueue(value)
        else if (end()) controller.close()
      } catch (error) {
        if (end()) controller.error(error)
      }
    },
    async cancel(reason) {
      end()
      await reader.cancel(reason)
    },
  })
}
