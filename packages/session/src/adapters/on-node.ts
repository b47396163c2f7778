/** Visits on the requests and responses of node:http, which Express and Fastify have too, and Hono where it runs on Node. */
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { MisuseError } from '../errors.ts'
import type { Admission, Guard } from '../guard.ts'
import { readJson } from '../http/body.ts'
import { isGone, sendOnNode, viewOfNode } from '../http/node.ts'
import type { LoginRoutes } from '../login.ts'
import type { MaybePromise } from '../store/store.ts'
import {
  admitOptions,
  isEventStream,
  isForCaller,
  Visit,
  type Admitted,
  type Outlet,
  type ProtectOptions,
} from './visit.ts'

/**
 * Where a request has its visit, and a response what puts the headers of the visit on it. A map from one to the other
 * would keep the garbage collector busier than all else.
 */
const visitKey = Symbol('visit')
const outletKey = Symbol('outlet')

type Visited = IncomingMessage & { [visitKey]?: Visit<never> }
type Served = ServerResponse & { [outletKey]?: NodeOutlet }

/**
 * Asks the guard about a request. Where it is refused the answer is sent and there is no visit. Otherwise the visit is
 * on the request, to be had by `visitOf`, and over when the response is.
 */
export function visitOnNode<Data>(
  guard: Guard,
  request: IncomingMessage,
  response: ServerResponse,
  options: ProtectOptions,
): MaybePromise<Visit<Data> | undefined> {
  const view = viewOfNode(request)
  const admission = guard.admitAtOnce<Data>(view, admitOptions(view, options))
  return admission instanceof Promise
    ? beginLater(guard, admission, request, response)
    : beginOrRefuse(guard, admission, request, response)
}

async function beginLater<Data>(
  guard: Guard,
  admission: Promise<Admission<Data>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Visit<Data> | undefined> {
  return beginOrRefuse(guard, await admission, request, response)
}

function beginOrRefuse<Data>(
  guard: Guard,
  admission: Admission<Data>,
  request: IncomingMessage,
  response: ServerResponse,
): Visit<Data> | undefined {
  if (admission.admitted) return beginVisit(guard, admission, request, response)
  sendOnNode(response, admission.answer)
  return undefined
}

/** The visit of an admitted request. */
export function beginVisit<Data>(
  guard: Guard,
  admitted: Admitted<Data>,
  request: IncomingMessage,
  response: ServerResponse,
): Visit<Data> {
  const outlet = new NodeOutlet(request, response)
  const visit = new Visit<Data>(guard, admitted, outlet)
  ;(request as Visited)[visitKey] = visit as Visit<never>
  // Who hung up while the guard was asked is not heard of again.
  if (isGone(response)) visit.finish()
  else outlet.serve(visit, admitted.headers)
  return visit
}

/** For the response of a visit: it has ended or broken off. */
function finishVisit(this: Served): void {
  this[outletKey]?.visit?.finish()
}

/** For the response of a visit: every answer passes here, also one without a call of its own. */
function writeVisitHead(this: Served, status: number, one?: unknown, two?: unknown): ServerResponse {
  return (this[outletKey] as NodeOutlet).writeHead(status, one, two)
}

/**
 * The visit of a request that `protect` let pass.
 *
 * @throws MisuseError where it did not: a handler that counts on its session must not run without the guard
 */
export function visitOf<Data = unknown>(request: IncomingMessage | { readonly raw: IncomingMessage }): Visit<Data> {
  const visit = (('raw' in request ? request.raw : request) as Visited)[visitKey]
  if (!visit) throw new MisuseError('no guard admitted this request: `protect` must come before the handler')
  return visit as Visit<unknown> as Visit<Data>
}

/** Answers a request for one of the login routes. Whether it was one. */
export async function answerLogin(
  login: LoginRoutes,
  request: IncomingMessage & { readonly body?: unknown },
  response: ServerResponse,
): Promise<boolean> {
  const readBody = async (): Promise<unknown> => request.body ?? readJson(request)
  const answer = await login.handle(viewOfNode(request), readBody)
  if (answer) sendOnNode(response, answer)
  return answer !== undefined
}

/** Answers what a handler threw, if it is for the session layer to answer and nothing was answered yet. Whether it did. */
export function answerError(guard: Guard, response: ServerResponse, error: unknown): boolean {
  if (!isForCaller(error) || response.headersSent) return false
  sendOnNode(response, guard.answerOf(error))
  return true
}

class NodeOutlet implements Outlet {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #carried: Readonly<Record<string, string>> | undefined
  #writeHead: ServerResponse['writeHead'] | undefined
  visit: Visit | undefined

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
  }

  get begun(): boolean {
    return this.#response.headersSent
  }

  carry(headers: Readonly<Record<string, string>>): void {
    this.#carried = { ...this.#carried, ...headers }
    this.#set(headers)
  }

  serve(visit: Visit, headers: Readonly<Record<string, string>>): void {
    const response = this.#response as Served
    this.visit = visit
    this.#set(headers)
    response[outletKey] = this
    response.on('close', finishVisit)
    this.#writeHead = response.writeHead
    response.writeHead = writeVisitHead
  }

  /** What is given to the head would replace what was set before it. */
  writeHead(status: number, one: unknown, two: unknown): ServerResponse {
    const response = this.#response
    if (this.#writeHead) response.writeHead = this.#writeHead
    this.#take(two ?? one)
    if (this.#carried) this.#set(this.#carried)
    if (this.visit && isEventStream(response.getHeader('content-type'))) this.#stream(this.visit)
    return typeof one === 'string' ? response.writeHead(status, one) : response.writeHead(status)
  }

  /** The headers that a handler gave to `writeHead`: an object, or names and values in turn, or pairs of them. */
  #take(given: unknown): void {
    if (typeof given !== 'object' || given === null) return
    if (!Array.isArray(given)) {
      for (const [name, value] of Object.entries(given as OutgoingHttpHeaders))
        if (value !== undefined) this.#response.setHeader(name, value)
      return
    }
    const flat = given.flatMap((part: OutgoingHttpHeader | [string, OutgoingHttpHeader]) => part) as string[]
    for (let place = 0; place < flat.length; place += 2) this.#response.removeHeader(flat[place] as string)
    for (let place = 0; place + 1 < flat.length; place += 2)
      this.#response.appendHeader(flat[place] as string, flat[place + 1] as string)
  }

  /** A cookie joins those that the handler sets, and replaces what would be another of its name. */
  #set(headers: Readonly<Record<string, string>>): void {
    for (const name in headers) {
      const value = headers[name] as string
      if (name === 'set-cookie') this.#response.setHeader(name, withCookie(this.#response.getHeader(name), value))
      else this.#response.setHeader(name, value)
    }
  }

  /** A stream is no work that the session must wait for, unless it answers a request; and it ends with its session. */
  #stream(visit: Visit): void {
    const response = this.#response
    if (this.#request.method === 'GET') visit.finish()
    const stop = visit.watch(() => {
      // What the handler goes on writing is nobody's fault.
      response.on('error', () => undefined)
      response.end()
    })
    response.once('close', stop)
  }
}

function withCookie(there: OutgoingHttpHeader | undefined, cookie: string): string[] {
  const name = cookie.slice(0, cookie.indexOf('=') + 1)
  const others = there === undefined ? [] : [there].flat().map(String)
  return [...others.filter((other) => !other.startsWith(name)), cookie]
}
