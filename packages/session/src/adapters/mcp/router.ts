/**
 * The endpoint of the legacy revisions: from a request to the server of its session. Authenticated before
 * anything is read, opened under a handle that is born authenticated, owned on every verb, over when its session is.
 */
import { MisuseError, SessionEndedError, SessionError } from '../../errors.ts'
import type { SessionEvent } from '../../events.ts'
import type { ExclusiveOptions } from '../../exclusive.ts'
import type { AdmitOptions, Guard } from '../../guard.ts'
import { rpcError, type Answer, type RequestView } from '../../http/request.ts'
import { principalKey } from '../../principal.ts'
import type { Session } from '../../session.ts'
import type { Caller } from '../../sessions.ts'
import type { MaybePromise } from '../../store/store.ts'
import type { ReadBody } from './body.ts'
import { authInfoFor, type AuthInfo } from './context.ts'
import {
  SessionServer,
  type EndCause,
  type SessionServerSettings,
  type SdkServer,
  type SdkTransport,
  type SdkTransportOptions,
} from './session-server.ts'
import type { EventLimits } from './event-store.ts'
import { Accounts, Outflow, type UnreadLimits } from './outflow.ts'
import { isActivity, isCall } from './messages.ts'

/** Whom a server is made for. */
export interface ServerContext {
  readonly session: Session
  readonly caller: Caller
}

export type MayRead = (caller: Caller, uri: string) => MaybePromise<boolean>

export interface SessionRouterOptions {
  /** Its carrier is `Mcp-Session-Id`. */
  readonly guard: Guard
  /**
   * Calls of tools in one session take turns: readers beside each other, all others alone, by the tools' annotations.
   * `waitMs` and `holdMs` bound it; false lets them all run at once.
   */
  readonly turns?: Pick<ExclusiveOptions, 'waitMs' | 'holdMs'> | false
  /**
   * Whether the caller may hear of a resource. Asked when it subscribes and again at every delivery. Without it nobody
   * may; that a list has changed, everybody may hear.
   */
  readonly mayRead?: MayRead
  /** What is kept of each session's streams, so that a client can take them up again; false for nothing. */
  readonly events?: Partial<EventLimits> | false
  /** Largest body of a POST. */
  readonly maxBodyBytes?: number
  /** Calls of one session that may be open at once. */
  readonly maxCalls?: number
  /** Streams of one session that may be open at once, beside those of its calls. */
  readonly maxStreams?: number
  /**
   * What may wait for a caller that does not read its streams, over all of them; a stream that stands still beyond it is
   * cut, and `stalled` is raised.
   */
  readonly unread?: Partial<UnreadLimits>
  /** How often an open stream says that it is alive. No activity of the session. */
  readonly keepAliveMs?: number
  /** After how long a client should take a stream up again. */
  readonly retryMs?: number
}

/** A request as far as it has been read. */
interface Inbound {
  kind: 'modern' | 'opening' | 'legacy'
  body: unknown
}

/** What differs between the SDKs. */
export interface SdkParts {
  readonly createTransport: (options: SdkTransportOptions) => SdkTransport
  readonly createServer: (context: ServerContext) => SdkServer | Promise<SdkServer>
  readonly isInitialize: (body: unknown) => boolean
  readonly protocolVersions: readonly string[]
}

/** Serves what belongs to a revision without protocol sessions. */
export interface ModernLeg {
  /** Whether this request is one of its own; `body` is undefined where the verb has none. */
  takes(face: Face, body: unknown): Promise<boolean>
  serve(face: Face, caller: Caller, body: unknown): Promise<Served>
  close(): Promise<void>
}

/** A request as the framework has it. */
export interface Face {
  readonly view: RequestView
  /** The body as JSON, or why it is not read. */
  readBody(): Promise<ReadBody>
  /**
   * As the SDK wants it, without a body, with this session ID in place of the handle. Its signal is that of `stop`, which
   * is aborted when the client goes away.
   */
  request(sessionId: string | undefined, stop?: AbortController): Request
  /** What a middleware before this one has found out about the caller. */
  readonly authInfo: Partial<AuthInfo> | undefined
}

/** A whole answer, or one that streams. */
export interface Served<Stream = ReadableStream<Uint8Array>> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Stream | null
}

export const defaultMaxBodyBytes = 4 * 1024 * 1024
const defaultEvents: EventLimits = { maxEvents: 1000, maxBytes: 1024 * 1024 }
const unreadDefaults: UnreadLimits = { maxBytes: 16 * 1024 * 1024, stalledMs: 10_000 }
const turnDefaults = { waitMs: 10_000, holdMs: 5 * 60_000 }
const janitorMs = 60_000
const verbs: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE'])

export class SessionRouter {
  readonly #guard: Guard
  readonly #sdk: SdkParts
  readonly #settings: SessionServerSettings
  readonly #mayRead: MayRead
  readonly #servers = new Map<string, SessionServer>()
  readonly #unread: UnreadLimits
  readonly #accounts = new Accounts()
  readonly #stopListening: () => void
  readonly #janitor: NodeJS.Timeout
  #closed = false

  readonly #modern: ModernLeg | undefined

  /** @throws MisuseError where the guard carries handles in cookies */
  constructor(sdk: SdkParts, options: SessionRouterOptions, modern?: ModernLeg) {
    if (options.guard.carrier === 'cookie')
      throw new MisuseError('an MCP client carries an Mcp-Session-Id: make the guard without a cookie')
    this.#sdk = sdk
    this.#modern = modern
    this.#guard = options.guard
    this.#mayRead = options.mayRead ?? (() => false)
    this.#unread = { ...unreadDefaults, ...options.unread }
    this.#settings = {
      turns: options.turns === false ? false : { ...turnDefaults, ...options.turns },
      events: options.events === false ? false : { ...defaultEvents, ...options.events },
      maxCalls: options.maxCalls ?? 100,
      maxStreams: options.maxStreams ?? 16,
      ...(options.keepAliveMs !== undefined && { keepAliveMs: options.keepAliveMs }),
      ...(options.retryMs !== undefined && { retryMs: options.retryMs }),
    }
    this.#stopListening = this.#guard.sessions.onEvent((event) => this.#heard(event))
    this.#janitor = setInterval(() => void this.sweep(), janitorMs).unref()
  }

  /** How many sessions have a server in this process. */
  get size(): number {
    return this.#servers.size
  }

  /** Serves a request of whatever verb. Never throws. */
  async serve(face: Face): Promise<Served<Outflow>> {
    if (this.#closed) return rpcError(503, -32000, 'The server is shutting down', { 'retry-after': '1' })
    const message: Inbound = { kind: 'legacy', body: undefined }
    const admission = await this.#guard.admit(face.view, () => this.#read(face, message))
    if (!admission.admitted) return admission.answer
    const { caller, session, headers, finish } = admission
    const { kind, body } = message
    try {
      if (kind === 'modern' && this.#modern)
        return this.#sendOut(await this.#modern.serve(face, caller, body), headers, caller)
      if (kind === 'opening') return this.#sendOut(await this.#open(face, caller, body), headers, caller)
      if (!session) throw new MisuseError('a request was admitted without its session')
      return this.#sendOut(await this.#goOn(face, { caller, session, body }, finish), headers, caller, session)
    } catch (error) {
      finish()
      const { status, headers: own, body: text } = this.#guard.answerOf(error)
      return { status, headers: { ...headers, ...own }, body: text }
    }
  }

  /** Ends what has been over for a while without anybody asking. Called by a timer. */
  async sweep(): Promise<void> {
    for (const server of Array.from(this.#servers.values()))
      if (!server.isBusy && server.unusedMs >= server.session.idleTimeoutMs) await this.#check(server)
  }

  /** Ends all sessions that have their server in this process, with their streams, and takes no more requests. */
  async close(): Promise<void> {
    this.#closed = true
    this.#stopListening()
    clearInterval(this.#janitor)
    await this.#modern?.close()
    await Promise.allSettled([...this.#servers.values()].map((server) => this.#over(server, 'server')))
  }

  /** What streams is counted: under its principal, or its session; alone where two callers cannot be told apart. */
  #sendOut(
    { status, headers, body }: Served,
    added: Readonly<Record<string, string>>,
    caller: Caller,
    session?: Session,
  ): Served<Outflow> {
    const own = { ...added, ...headers }
    if (body === null || typeof body === 'string') return { status, headers: own, body }
    const key = 'principal' in caller ? principalKey(caller.principal) : (session?.ref ?? Symbol('anonymous'))
    const account = this.#accounts.enter(key)
    const onEnd = (): void => this.#accounts.leave(key, account)
    const onStalled = (): void => this.#guard.sessions.noteStalled(caller, session)
    return { status, headers: own, body: new Outflow(body, { limits: this.#unread, account, onEnd, onStalled }) }
  }

  /** What the request is, and what it needs for it. */
  async #read(face: Face, message: Inbound): Promise<AdmitOptions | { readonly refuse: Answer }> {
    const { method } = face.view
    if (method === 'POST') {
      const read = await face.readBody()
      if ('refuse' in read) return read
      message.body = read.body
    }
    const { body } = message
    if (this.#modern && (await this.#modern.takes(face, body))) message.kind = 'modern'
    else if (isCall(body) && body.method === 'initialize' && this.#sdk.isInitialize(body)) message.kind = 'opening'
    else if (!verbs.has(method)) return { refuse: methodNotAllowed() }
    return message.kind === 'legacy' ? { activity: method === 'POST' && isActivity(body) } : { session: 'none' }
  }

  async #open(face: Face, caller: Caller, body: unknown): Promise<Served> {
    const { session, headers } = await this.#guard.open(caller)
    let server: SessionServer | undefined
    try {
      const context = { session, caller }
      server = await SessionServer.begin({
        sessions: this.#guard.sessions,
        session,
        settings: this.#settings,
        mayHear: async (uri) => this.#mayRead(caller, uri),
        createTransport: this.#sdk.createTransport,
        createServer: () => this.#sdk.createServer(context),
        onEnd: (ended, cause) => void this.#over(ended, cause),
      })
      if (this.#closed) throw new SessionEndedError('the server is shutting down')
      this.#servers.set(session.ref, server)
      const authInfo = authInfoFor({ ...context, body }, face.authInfo)
      const response = await server.post(face.request(undefined), body, authInfo, () => undefined)
      if (typeof response !== 'string' && response.ok) {
        const served = servedOf(response)
        return { ...served, headers: { ...served.headers, ...headers } }
      }
      await this.#over(server, 'server')
      return typeof response === 'string' ? idInUse() : servedOf(response)
    } catch (error) {
      if (server) await this.#over(server, 'server')
      else await this.#guard.sessions.terminate(session)
      throw error
    }
  }

  async #goOn(
    face: Face,
    { caller, session, body }: ServerContext & { readonly body: unknown },
    finish: () => void,
  ): Promise<Served> {
    const server = this.#servers.get(session.ref)
    // Its server is in another process, or was: the SDKs cannot rebuild one, so the client has to begin anew.
    if (!server) throw new SessionEndedError('the session has no server here')
    const { method } = face.view
    if (method !== 'POST') finish()
    if (method === 'DELETE') return this.#delete(face, server)
    const request = face.request(session.ref)
    if (method === 'GET') return servedOf(await server.get(request))
    const authInfo = authInfoFor({ caller, session, body }, face.authInfo)
    const response = await server.post(request, body, authInfo, finish)
    return typeof response === 'string' ? idInUse() : servedOf(response)
  }

  async #delete(face: Face, server: SessionServer): Promise<Served> {
    const [version, ...more] = face.view.header('mcp-protocol-version')
    if (more.length > 0 || (version !== undefined && !this.#sdk.protocolVersions.includes(version)))
      return rpcError(400, -32000, 'Bad Request: Unsupported protocol version')
    const headers = await this.#guard.terminate(server.session)
    await server.end('session')
    return { status: 200, headers, body: null }
  }

  /** What happened in this process ends what belongs to it at once; elsewhere, streams are watched. */
  #heard(event: SessionEvent): void {
    // An Mcp-Session-Id does not change in place: under its new handle the session goes on elsewhere.
    if (event.kind === 'ended' || event.kind === 'regenerated') void this.#servers.get(event.session)?.end('session')
    if (event.kind !== 'principal-revoked' && event.kind !== 'agent-reset') return
    const key = principalKey(event.principal)
    for (const server of this.#servers.values()) {
      const { principal } = server.session
      if (principal && principalKey(principal) === key) void this.#check(server)
    }
  }

  async #check(server: SessionServer): Promise<void> {
    try {
      await this.#guard.sessions.read(server.session)
    } catch (error) {
      // While the store is away nothing is known; requests are refused by the guard.
      if (error instanceof SessionError && error.status !== 503) await server.end('session')
    }
  }

  /** However it ended, nothing of it is left here; and of its session nothing in the store, unless that goes on without it. */
  async #over(server: SessionServer, cause: EndCause): Promise<void> {
    if (this.#servers.get(server.session.ref) === server) this.#servers.delete(server.session.ref)
    await server.end(cause)
    if (cause === 'session') return
    try {
      await this.#guard.sessions.terminate(server.session)
    } catch {
      // The store is away, which an event has said. Without its server the session is answered with 404.
    }
  }
}

function idInUse(): Answer {
  return rpcError(400, -32600, 'Invalid Request: a request with this id is not answered yet')
}

function methodNotAllowed(): Answer {
  return rpcError(405, -32000, 'Method not allowed', { allow: [...verbs].join(', ') })
}

/** The answer of an SDK as ours. */
export function servedOf({ status, headers, body }: Response): Served {
  // What a caller may see is nobody else's, and what a requestState stands in is good once.
  const own: Record<string, string> = { 'cache-control': 'no-store' }
  // What the SDK takes for the session ID is the reference; and the connection is the framework's.
  for (const [name, value] of headers) if (name !== 'mcp-session-id' && name !== 'connection') own[name] = value
  return { status, headers: own, body }
}
