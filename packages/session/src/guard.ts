/**
 * From a request to a decision, the same for every framework: transport, then who calls, then whose session. An adapter
 * turns its request into a view, asks `admit`, sends the answer or goes on, and says when the response has ended.
 */
import { CapReachedError, MisuseError, SessionError } from './errors.ts'
import { tell } from './events.ts'
import { hasHandleForm, type HandleKind } from './handle.ts'
import { clearCookie, cookiesOf, isHostCookieName, readCookie, writeCookie } from './http/cookies.ts'
import { answer, rpcError, singleHeader, type Answer, type RequestView } from './http/request.ts'
import {
  createTransport,
  handlesInUrl,
  maxSuspects,
  noSecretsInUrls,
  type Transport,
  type TransportFault,
  type TransportPolicy,
  type TransportRefusal,
} from './http/transport.ts'
import type { Principal } from './principal.ts'
import type { Session } from './session.ts'
import type { Caller, Opened, OpenOptions, Resumption, Sessions } from './sessions.ts'
import type { MaybePromise } from './store/store.ts'

/** What a verified credential says. Verification, with issuer, audience and algorithm, is the application's. */
export interface Credential {
  readonly principal: Principal
  /** Milliseconds since 1970. */
  readonly expiresAt?: number
  /** The agent instance, where the credential itself names it; then the header is not asked. */
  readonly agent?: string
}

/** `undefined`: no credential, or one that does not hold. `anonymous` is for public servers and has to be said. */
export type Authenticate = (request: RequestView) => MaybePromise<Credential | 'anonymous' | undefined>

export interface GuardOptions {
  readonly sessions: Sessions
  readonly transport: TransportPolicy
  /**
   * How a caller is known. Asked for every request, whatever session it names. `by-cookie`: the session cookie itself
   * is the credential, which needs a login that opened its session; nothing else may be one.
   */
  readonly authenticate: Authenticate | 'by-cookie'
  /** How the handle travels: `Mcp-Session-Id` or a cookie, never both for one guard. */
  readonly carrier?: { readonly header: string } | { readonly cookie: string }
  /** The header by which a caller names its agent instance; false if none may. */
  readonly agentHeader?: string | false
  /** `WWW-Authenticate` of a 401: where the client learns how to authenticate. */
  readonly challenge?: string
  /** Told of credentials other than our handles that were exposed, so that whoever issued them can revoke them. */
  readonly onExposedCredential?: (credential: string, where: 'plaintext' | 'url') => void
}

export interface AdmitOptions {
  /**
   * `required`: 400 or 401 without. `optional`: goes on without, but never with one that is not good. `lenient`: takes
   * one that is not good for none, as a login must. `none`: does not look.
   */
  readonly session?: 'required' | 'optional' | 'lenient' | 'none'
  /** Whether the request is activity. Pings, keep-alives and the opening of a stream are not. */
  readonly activity?: boolean
}

/**
 * Decides once it is known who calls and before any session is looked at: what a message is stands in its body, and a
 * body is read for callers only. `refuse` is sent as it is.
 */
export type DecideAdmission = (caller: Caller) => MaybePromise<AdmitOptions | { readonly refuse: Answer }>

/** Why a request was refused, for logs; the answer tells less. */
export type RefusedBecause = TransportFault | 'unauthenticated' | 'message' | 'no-session' | 'bad-session' | 'error'

export type Admission<Data = unknown> =
  | { readonly admitted: false; readonly because: RefusedBecause; readonly answer: Answer }
  | {
      readonly admitted: true
      readonly caller: Caller
      readonly session: Session<Data> | undefined
      /** To be set on the response, whatever it is. */
      readonly headers: Readonly<Record<string, string>>
      /** To be called once the response has ended: until then the session does not idle out. */
      finish(): void
    }

/** A session that was opened or regenerated, and the headers that hand out its handle. */
export interface HandedOut<Data = unknown> {
  readonly session: Session<Data>
  readonly headers: Readonly<Record<string, string>>
}

type Need = NonNullable<AdmitOptions['session']>

const sessionIdHeader = 'mcp-session-id'
const defaultAgentHeader = 'x-agent-instance-id'

/** Makes a guard. @throws MisuseError where the options contradict each other */
export function createGuard(options: GuardOptions): Guard {
  return new Guard(options)
}

export class Guard {
  readonly sessions: Sessions
  readonly #options: GuardOptions
  readonly #transport: Transport
  readonly #carrier: { readonly header: string } | { readonly cookie: string }
  readonly #agentHeader: string | false

  constructor(options: GuardOptions) {
    this.sessions = options.sessions
    this.#options = options
    this.#transport = createTransport(options.transport)
    this.#carrier = options.carrier ?? { header: sessionIdHeader }
    this.#agentHeader = options.agentHeader ?? defaultAgentHeader
    if ('cookie' in this.#carrier && !isHostCookieName(this.#carrier.cookie))
      throw new MisuseError('the name of a session cookie begins with __Host-')
    if (options.authenticate === 'by-cookie' && !('cookie' in this.#carrier))
      throw new MisuseError('only a cookie may be its own credential; a session ID must come with one')
  }

  /**
   * Decides over a request. The order matters: nothing is authenticated that came in the clear or from a strange page,
   * and nobody's session is looked at before it is known who asks. Never throws: where the store is away, the answer is
   * 503 and the request goes no further.
   */
  async admit<Data = unknown>(
    request: RequestView,
    admit: AdmitOptions | DecideAdmission = {},
  ): Promise<Admission<Data>> {
    return this.admitAtOnce<Data>(request, admit)
  }

  /** `admit` that answers at once where verifier and store do: a promise costs as much as what is asked here. */
  admitAtOnce<Data = unknown>(
    request: RequestView,
    admit: AdmitOptions | DecideAdmission = {},
  ): MaybePromise<Admission<Data>> {
    try {
      const refusal = this.#refuseTransport(request)
      const admission =
        refusal instanceof Promise
          ? this.#decideLater<Data>(refusal, request, admit)
          : this.#decide<Data>(refusal, request, admit)
      return admission instanceof Promise ? this.#caught(admission, request) : admission
    } catch (error) {
      return this.#refuse(request, 'error', this.answerOf(error))
    }
  }

  /** Opens a session for an admitted caller and says how its handle travels. @throws what `Sessions.open` throws */
  async open<Data = unknown>(caller: Caller, options: OpenOptions<Data> = {}): Promise<HandedOut<Data>> {
    return this.#handOut(await this.sessions.open<Data>(caller, { ...options, kind: this.#kind }))
  }

  /** What login does: see `Sessions.authenticate`. @throws what that throws */
  async authenticate<Data = unknown>(
    session: Session<Data> | undefined,
    caller: Caller & { readonly principal: Principal },
    options: OpenOptions<Data> = {},
  ): Promise<HandedOut<Data>> {
    if (session && 'header' in this.#carrier)
      throw new MisuseError('an Mcp-Session-Id never changes in place: end the session and let the client begin anew')
    return this.#handOut(await this.sessions.authenticate<Data>(session, caller, { ...options, kind: this.#kind }))
  }

  /** Ends the session; the headers make a browser forget what it has of it. @throws StoreUnavailableError */
  async terminate(session: Session): Promise<Readonly<Record<string, string>>> {
    await this.sessions.terminate(session)
    if ('header' in this.#carrier) return { 'cache-control': 'no-store' }
    return {
      'cache-control': 'no-store',
      'clear-site-data': '"cache", "cookies", "storage"',
      'set-cookie': clearCookie(this.#carrier.cookie),
    }
  }

  /** The answer to what a session operation threw. It tells nothing of the inside. */
  answerOf(error: unknown): Answer {
    if (!(error instanceof SessionError)) return this.#fault(500, 'internal error')
    const retry = error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }
    if (error instanceof MisuseError) return this.#fault(500, 'internal error')
    if (error instanceof CapReachedError) return this.#fault(error.status, 'too many sessions', retry)
    if (error.status === 503) return this.#fault(503, 'try again shortly', retry)
    if (error.status === 404) return this.#badSession()
    return this.#fault(error.status, 'the session changed meanwhile', retry)
  }

  /** How handles travel. */
  get carrier(): 'header' | 'cookie' {
    return 'header' in this.#carrier ? 'header' : 'cookie'
  }

  get #kind(): HandleKind {
    return 'header' in this.#carrier ? 'session' : 'cookie'
  }

  /*
   * What follows is what every request passes, and is written so that it leaves little behind: what is answered later
   * has methods of its own, because a function that makes a closure pays for it also where the closure is not made.
   */

  #decide<Data>(
    refusal: TransportRefusal | undefined,
    request: RequestView,
    admit: AdmitOptions | DecideAdmission,
  ): MaybePromise<Admission<Data>> {
    if (refusal) return this.#refuse(request, refusal.fault, refusal.answer)
    const caller = this.#identify(request)
    return caller instanceof Promise
      ? this.#admitCallerLater<Data>(caller, request, admit)
      : this.#admitCaller<Data>(caller, request, admit)
  }

  async #decideLater<Data>(
    refusal: Promise<TransportRefusal | undefined>,
    request: RequestView,
    admit: AdmitOptions | DecideAdmission,
  ): Promise<Admission<Data>> {
    return this.#decide<Data>(await refusal, request, admit)
  }

  async #caught<Data>(admission: Promise<Admission<Data>>, request: RequestView): Promise<Admission<Data>> {
    try {
      return await admission
    } catch (error) {
      return this.#refuse(request, 'error', this.answerOf(error))
    }
  }

  #refuseTransport(request: RequestView): MaybePromise<TransportRefusal | undefined> {
    const refusal = this.#transport.refuse(request)
    if (!refusal && handlesInUrl(request.target).length === 0) return undefined
    return this.#burnExposed(request, refusal)
  }

  async #burnExposed(
    request: RequestView,
    refusal: TransportRefusal | undefined,
  ): Promise<TransportRefusal | undefined> {
    if (!refusal) {
      const burnt = await this.#burnUrl(request)
      return burnt ? { fault: 'credential-in-url', answer: noSecretsInUrls() } : undefined
    }
    try {
      if (refusal.fault === 'plaintext') await this.#burnPlaintext(request)
      await this.#burnUrl(request)
    } catch {
      // The store is away, which an event has said. The request is refused whether the secret could be burnt or not.
    }
    return refusal
  }

  /** What came in the clear has been read by whoever was on the way. */
  async #burnPlaintext(request: RequestView): Promise<void> {
    for (const handle of this.#presented(request)) await this.sessions.burn(handle, 'plaintext')
    for (const value of request.header('authorization')) this.#tellOfExposed(value, 'plaintext')
  }

  /** Whether the URL held a handle of ours. */
  async #burnUrl(request: RequestView): Promise<boolean> {
    let burnt = false
    for (const suspect of handlesInUrl(request.target)) if (await this.sessions.burn(suspect, 'url')) burnt = true
    for (const value of credentialsOf(request.target)) this.#tellOfExposed(value, 'url')
    return burnt
  }

  #tellOfExposed(credential: string, where: 'plaintext' | 'url'): void {
    tell(() => this.#options.onExposedCredential?.(credential, where))
  }

  /** What could be a handle, for burning; two of a kind both burn. No more of them than of a URL are looked up. */
  #presented(request: RequestView): readonly string[] {
    const values =
      'header' in this.#carrier
        ? request.header(this.#carrier.header).flatMap((value) => value.split(',').map((part) => part.trim()))
        : cookiesOf(request, this.#carrier.cookie)
    return values.filter(hasHandleForm).slice(0, maxSuspects)
  }

  #identify(request: RequestView): MaybePromise<Caller | undefined> {
    const { authenticate } = this.#options
    const named = this.#agentNamed(request)
    if (named === false) return undefined
    if (authenticate === 'by-cookie') return { bearer: true, ...(named !== undefined && { agent: named }) }
    if (request.header('authorization').length > 1) return undefined
    const credential = authenticate(request)
    return credential instanceof Promise ? callerLater(credential, named) : callerOf(credential, named)
  }

  #admitCaller<Data>(
    caller: Caller | undefined,
    request: RequestView,
    admit: AdmitOptions | DecideAdmission,
  ): MaybePromise<Admission<Data>> {
    if (!caller) return this.#refuse(request, 'unauthenticated', this.#unauthenticated())
    if (typeof admit !== 'function') return this.#findSession<Data>(request, caller, admit)
    return this.#admitMessage<Data>(request, caller, admit)
  }

  async #admitCallerLater<Data>(
    caller: Promise<Caller | undefined>,
    request: RequestView,
    admit: AdmitOptions | DecideAdmission,
  ): Promise<Admission<Data>> {
    return this.#admitCaller<Data>(await caller, request, admit)
  }

  async #admitMessage<Data>(request: RequestView, caller: Caller, decide: DecideAdmission): Promise<Admission<Data>> {
    const wanted = await decide(caller)
    if ('refuse' in wanted) return this.#refuse(request, 'message', wanted.refuse)
    return this.#findSession<Data>(request, caller, wanted)
  }

  /** False where the header came twice or is too long to be a name. */
  #agentNamed(request: RequestView): string | undefined | false {
    if (this.#agentHeader === false) return undefined
    const named = singleHeader(request, this.#agentHeader)
    if (named === undefined) return undefined
    return typeof named === 'string' && named.length > 0 && named.length <= 256 ? named : false
  }

  #findSession<Data>(
    request: RequestView,
    caller: Caller,
    { session: need = 'required', activity = true }: AdmitOptions,
  ): MaybePromise<Admission<Data>> {
    if (need === 'none') return this.#goOn<Data>(request, caller, undefined)
    const presented = this.#handleOf(request)
    if (presented === undefined) {
      if (need !== 'required') return this.#goOn<Data>(request, caller, undefined)
      return this.#refuse(request, 'no-session', this.#missingSession())
    }
    const found = this.sessions.resumeAtOnce<Data>(presented, caller, { kind: this.#kind, activity })
    return found instanceof Promise
      ? this.#judgeLater<Data>(found, request, caller, need)
      : this.#judge<Data>(found, request, caller, need)
  }

  #judge<Data>(found: Resumption<Data>, request: RequestView, caller: Caller, need: Need): Admission<Data> {
    if (found.live) return this.#goOn<Data>(request, caller, found.session)
    if (need === 'lenient') return this.#goOn<Data>(request, caller, undefined)
    return this.#refuse(request, 'bad-session', this.#badSession())
  }

  async #judgeLater<Data>(
    found: Promise<Resumption<Data>>,
    request: RequestView,
    caller: Caller,
    need: Need,
  ): Promise<Admission<Data>> {
    return this.#judge<Data>(await found, request, caller, need)
  }

  /** A handle that came twice is passed on as what it is: no handle. */
  #handleOf(request: RequestView): unknown {
    return 'header' in this.#carrier
      ? singleHeader(request, this.#carrier.header)
      : readCookie(request, this.#carrier.cookie)
  }

  #goOn<Data>(request: RequestView, caller: Caller, session: Session<Data> | undefined): Admission<Data> {
    const headers = this.#transport.headers(request)
    if (!session) return { admitted: true, caller, session, headers, finish: doNothing }
    const { sessions } = this
    sessions.begin(session)
    return {
      admitted: true,
      caller,
      session,
      headers: { ...headers, 'session-expires-in': secondsLeft(session) },
      finish: () => sessions.finish(session),
    }
  }

  #refuse(request: RequestView, because: RefusedBecause, { status, headers, body }: Answer): Admission<never> {
    const added = this.#transport.headers(request)
    return { admitted: false, because, answer: { status, headers: { ...added, ...headers }, body } }
  }

  #handOut<Data>({ session, handle }: Opened<Data>): HandedOut<Data> {
    const carried =
      'header' in this.#carrier
        ? { [this.#carrier.header]: handle }
        : { 'set-cookie': writeCookie(this.#carrier.cookie, handle) }
    return { session, headers: { ...carried, 'cache-control': 'no-store', 'session-expires-in': secondsLeft(session) } }
  }

  #unauthenticated(): Answer {
    const challenge = this.#options.challenge ?? 'Bearer'
    return answer(401, { error: 'invalid_token' }, { 'www-authenticate': challenge })
  }

  #missingSession(): Answer {
    if ('header' in this.#carrier) return rpcError(400, -32000, 'Bad Request: a session ID is required')
    return answer(401, { error: 'login_required' })
  }

  /** One answer for unknown, foreign, expired and stolen. */
  #badSession(): Answer {
    if ('header' in this.#carrier) return rpcError(404, -32001, 'Session not found')
    return answer(401, { error: 'login_required' }, { 'set-cookie': clearCookie(this.#carrier.cookie) })
  }

  #fault(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
    if ('header' in this.#carrier) return rpcError(status, -32000, message, headers)
    return answer(status, { error: message }, headers)
  }
}

async function callerLater(
  credential: Promise<Credential | 'anonymous' | undefined>,
  named: string | undefined,
): Promise<Caller | undefined> {
  return callerOf(await credential, named)
}

function callerOf(credential: Credential | 'anonymous' | undefined, named: string | undefined): Caller | undefined {
  if (credential === undefined) return undefined
  if (credential === 'anonymous') return named === undefined ? { anonymous: true } : { anonymous: true, agent: named }
  const { principal, expiresAt } = credential
  const agent = credential.agent ?? named
  const caller = agent === undefined ? { principal } : { principal, agent }
  return expiresAt === undefined ? caller : { ...caller, credentialExpiresAt: expiresAt }
}

function doNothing(): void {}

/**
 * Whole seconds until the session ends if it is not used, for clients that want to say goodbye in time. All of it is
 * the store's time: the clock of this process may be another.
 */
function secondsLeft({ expiresAt, lastUsedAt, idleTimeoutMs, seenAt }: Session): string {
  return String(Math.max(0, Math.floor((Math.min(expiresAt, lastUsedAt + idleTimeoutMs) - seenAt) / 1000)))
}

function credentialsOf(target: string): readonly string[] {
  const start = target.indexOf('?')
  if (start === -1) return []
  const query = new URLSearchParams(target.slice(start))
  return ['access_token', 'token', 'api_key', 'authorization'].flatMap((name) => query.getAll(name))
}
