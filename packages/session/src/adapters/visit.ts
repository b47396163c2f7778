/**
 * What the adapters of all frameworks share: a request that was admitted, as its handler sees it. What is handed out
 * goes onto the answer to this very request, and the request is under way until that answer has ended.
 */
import { MisuseError, SessionError } from '../errors.ts'
import type { Admission, AdmitOptions, Guard, HandedOut } from '../guard.ts'
import type { RequestView } from '../http/request.ts'
import type { Principal } from '../principal.ts'
import type { Session } from '../session.ts'
import type { Caller, OpenOptions } from '../sessions.ts'

/** What `Guard.admit` may be told, once for all requests or for each. */
export interface ProtectOptions {
  /** Whether the request must name a session: see `AdmitOptions`. `required` unless said otherwise. */
  readonly session?: Need | ((request: RequestView) => Need)
  /** Whether the request is activity. All are, save those that open an event stream by GET. */
  readonly activity?: (request: RequestView) => boolean
}

type Need = NonNullable<AdmitOptions['session']>
export type Admitted<Data = unknown> = Extract<Admission<Data>, { readonly admitted: true }>

/** Where the headers of an answer go. */
export interface Outlet {
  /** Whether the head of the answer has left: then nothing can be handed out any more. */
  readonly begun: boolean
  /** Puts headers on the answer in such a way that no handler loses them. */
  carry(headers: Readonly<Record<string, string>>): void
}

export class Visit<Data = unknown> {
  /** Who calls. */
  readonly caller: Caller
  readonly #guard: Guard
  readonly #outlet: Outlet
  readonly #admitted: Admitted<Data>
  #opened: Session<Data>[] | undefined
  #session: Session<Data> | undefined
  #over = false

  constructor(guard: Guard, admitted: Admitted<Data>, outlet: Outlet) {
    this.caller = admitted.caller
    this.#guard = guard
    this.#outlet = outlet
    this.#admitted = admitted
    this.#session = admitted.session
  }

  /** The session of this request: the one that it named, or the one that its handler opened. */
  get session(): Session<Data> | undefined {
    return this.#session
  }

  /**
   * Opens a session for the caller; the answer carries its handle.
   *
   * @throws what `Sessions.open` throws, and MisuseError where the head of the answer has left
   */
  async open(options: OpenOptions<Data> = {}): Promise<Session<Data>> {
    this.#requireUnbegun()
    return this.#handOut(await this.#guard.open<Data>(this.caller, options))
  }

  /**
   * What login does: the answer carries a new handle, and the one from before is dead. For cookies; see
   * `Guard.authenticate`.
   *
   * @throws what `Guard.authenticate` throws, and MisuseError where the head of the answer has left
   */
  async authenticate(
    caller: Caller & { readonly principal: Principal },
    options: OpenOptions<Data> = {},
  ): Promise<Session<Data>> {
    this.#requireUnbegun()
    return this.#handOut(await this.#guard.authenticate<Data>(this.#session, caller, options))
  }

  /** Ends the session of this request, if it has one; the answer makes a browser forget it. @throws StoreUnavailableError */
  async terminate(): Promise<void> {
    if (!this.#session) return
    const headers = await this.#guard.terminate(this.#session)
    this.#session = undefined
    if (!this.#outlet.begun) this.#outlet.carry(headers)
  }

  /**
   * What outlives its answer, as a WebSocket does, is to be cut by `cut` when the session ends; where there is none, when
   * the caller may not go on. Adapters see to event streams. The returned function lets it be.
   */
  watch(cut: () => void): () => void {
    const { sessions } = this.#guard
    return this.#session ? sessions.watch(this.#session, cut) : sessions.watchCaller(this.caller, cut)
  }

  /** For adapters: the answer has ended or broken off, or is a stream that no work waits for. */
  finish(): void {
    if (this.#over) return
    this.#over = true
    this.#admitted.finish()
    for (const session of this.#opened ?? []) this.#guard.sessions.finish(session)
  }

  #handOut({ session, headers }: HandedOut<Data>): Session<Data> {
    const { sessions } = this.#guard
    if (!this.#over) {
      sessions.begin(session)
      this.#opened ??= []
      this.#opened.push(session)
    }
    this.#session = session
    if (!this.#outlet.begun) this.#outlet.carry(headers)
    return session
  }

  #requireUnbegun(): void {
    if (this.#outlet.begun) throw new MisuseError('the answer has begun: its headers can carry no handle any more')
  }
}

/** What to ask the guard for this request. */
export function admitOptions(request: RequestView, { session, activity }: ProtectOptions): AdmitOptions {
  return {
    session: typeof session === 'function' ? session(request) : (session ?? 'required'),
    activity: activity ? activity(request) : !asksForStream(request),
  }
}

function asksForStream(request: RequestView): boolean {
  return request.method === 'GET' && request.header('accept').some((value) => value.includes('text/event-stream'))
}

/** Whether a content type is that of an event stream, which lives until somebody ends it. */
export function isEventStream(contentType: unknown): boolean {
  return typeof contentType === 'string' && contentType.trimStart().toLowerCase().startsWith('text/event-stream')
}

/** Whether what a handler threw is an answer to the caller: the session ended, is busy, cannot be looked at. */
export function isForCaller(error: unknown): error is SessionError {
  return error instanceof SessionError && !(error instanceof MisuseError)
}
