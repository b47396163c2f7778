/**
 * One session of the legacy revisions in this process: its transport, its server, what is under way in it. It speaks to
 * the SDK through the public parts of a transport alone, so that both SDKs will do.
 */
import { BusyError, FencedError, MisuseError, SessionEndedError, SessionError } from '../../errors.ts'
import { exclusiveDefaults, type ExclusiveOptions } from '../../exclusive.ts'
import type { Session } from '../../session.ts'
import type { Sessions } from '../../sessions.ts'
import { contextOf, withSession } from './context.ts'
import { SessionEventStore, type EventLimits } from './event-store.ts'
import { isAnswer, isCall, messagesOf, sessionNotFound, type Call, type Message, type MessageId } from './messages.ts'
import { untilEnd, withBody } from './streams.ts'
import { ToolModes } from './tool-modes.ts'

/** What comes with a message. */
export interface MessageExtra {
  readonly authInfo?: object
}

export interface SendOptions {
  readonly relatedRequestId?: MessageId
}

/** The web-standard transport of either SDK. */
export interface SdkTransport {
  onmessage?: ((message: Message, extra?: MessageExtra) => void) | undefined
  onclose?: (() => void) | undefined
  send(message: Message, options?: SendOptions): Promise<void>
  close(): Promise<void>
  handleRequest(request: Request, options?: { authInfo?: object; parsedBody?: unknown }): Promise<Response>
}

export interface SdkTransportOptions {
  readonly sessionIdGenerator: () => string
  readonly eventStore?: SessionEventStore
  readonly keepAliveMs?: number
  readonly retryInterval?: number
}

/** A server of either SDK. */
export interface SdkServer {
  connect(transport: SdkTransport): Promise<void>
  close(): Promise<void>
}

export interface SessionServerSettings {
  /** Calls of tools take turns by the annotations of the tools; false where they may all run at once. */
  readonly turns: Pick<ExclusiveOptions, 'waitMs' | 'holdMs'> | false
  /** What a stream can be taken up from; false where it cannot. */
  readonly events: EventLimits | false
  readonly maxCalls: number
  readonly maxStreams: number
  readonly keepAliveMs?: number
  readonly retryMs?: number
}

export interface SessionServerParts {
  readonly sessions: Sessions
  readonly session: Session
  readonly settings: SessionServerSettings
  /** Whether its client may hear of a resource. */
  readonly mayHear: (uri: string) => Promise<boolean>
  readonly createTransport: (options: SdkTransportOptions) => SdkTransport
  readonly createServer: () => SdkServer | Promise<SdkServer>
  /** Called once, when it is over. */
  readonly onEnd: (server: SessionServer, cause: EndCause) => void
}

/** Whether the session ended, or was taken up under another handle; or the server did, and the session has yet to. */
export type EndCause = 'session' | 'server'

/** A call that has not been answered. */
interface OpenCall {
  readonly id: MessageId
  readonly method: string
  readonly settled: Promise<void>
  readonly settle: () => void
  /** Of the tools, when it came. */
  readonly toolsRevision: number
  /** Whether the server has it. */
  delivered: boolean
  answering: boolean
  over: boolean
}

interface RpcError {
  readonly code: number
  readonly message: string
}

/** Why a body is not served. */
export type PostFault = 'id-in-use'

/** A client opens the stream of its session right after it began; for so long what is meant for it waits. */
const streamWithinMs = 500

export class SessionServer {
  readonly session: Session
  readonly #sessions: Sessions
  readonly #settings: SessionServerSettings
  readonly #transport: SdkTransport
  readonly #mayHear: SessionServerParts['mayHear']
  readonly #onEnd: SessionServerParts['onEnd']
  readonly #calls = new Map<MessageId, OpenCall>()
  readonly #tools = new ToolModes()
  #server: SdkServer | undefined
  #deliver: (message: Message, extra?: MessageExtra) => void = () => undefined
  #sendOut: SdkTransport['send']
  readonly #streamOpened: Promise<void>
  #openStream: () => void = () => undefined
  #streams = 0
  #busy = 0
  #unwatch: (() => void) | undefined
  #ended = false
  #lastUsed = performance.now()

  /** Makes the server of a session and connects it. @throws what `createServer` and the SDK throw */
  static async begin(parts: SessionServerParts): Promise<SessionServer> {
    const server = new SessionServer(parts)
    await server.#connect(await parts.createServer())
    return server
  }

  private constructor({ sessions, session, settings, mayHear, createTransport, onEnd }: SessionServerParts) {
    this.session = session
    this.#sessions = sessions
    this.#settings = settings
    this.#mayHear = mayHear
    this.#onEnd = onEnd
    this.#transport = createTransport({
      // The SDK gets the reference: tools and logs see no handle that would open the session.
      sessionIdGenerator: () => session.ref,
      ...(settings.events && { eventStore: new SessionEventStore(settings.events) }),
      ...(settings.keepAliveMs !== undefined && { keepAliveMs: settings.keepAliveMs }),
      ...(settings.retryMs !== undefined && { retryInterval: settings.retryMs }),
    })
    this.#sendOut = this.#transport.send.bind(this.#transport)
    this.#streamOpened = new Promise((resolve) => {
      this.#openStream = resolve
      setTimeout(resolve, streamWithinMs).unref()
    })
  }

  /** Whether it has work or streams, for which it watches its session. */
  get isBusy(): boolean {
    return this.#busy > 0
  }

  /** Milliseconds since its last call. */
  get unusedMs(): number {
    return performance.now() - this.#lastUsed
  }

  /**
   * Serves a body that was POSTed. `finish` is called when all its calls are answered or given up, which may be after
   * the response has broken off: a stream can be taken up again.
   *
   * @throws BusyError where too many calls are open, SessionEndedError where it is over
   */
  async post(request: Request, body: unknown, authInfo: object, finish: () => void): Promise<Response | PostFault> {
    this.#requireOpen()
    const calls = messagesOf(body).filter(isCall)
    if (!this.#areFree(calls)) {
      finish()
      return 'id-in-use'
    }
    const open = calls.map((call) => this.#openCall(call))
    this.#lastUsed = performance.now()
    void Promise.all(open.map(({ settled }) => settled)).then(finish)
    try {
      const response = await this.#transport.handleRequest(request, { authInfo, parsedBody: body })
      // What the SDK refused never reached the server.
      if (!response.ok) for (const call of open) this.#settle(call)
      return response
    } catch (error) {
      for (const call of open) this.#settle(call)
      throw error
    }
  }

  /**
   * Opens the stream of the session, or takes one up after `Last-Event-ID`. Of each there is one at a time; a second is
   * refused by the SDK with 409.
   *
   * @throws BusyError where too many streams are open, SessionEndedError where it is over
   */
  async get(request: Request): Promise<Response> {
    this.#requireOpen()
    if (this.#streams >= this.#settings.maxStreams) throw new BusyError('the session has as many streams as it may')
    this.#streams += 1
    this.#hold()
    const ended = (): void => {
      this.#streams -= 1
      this.#release()
    }
    try {
      const response = await this.#transport.handleRequest(request)
      if (response.ok && !request.headers.has('last-event-id')) this.#openStream()
      if (response.ok && response.body) return withBody(response, untilEnd(response.body, ended))
      ended()
      return response
    } catch (error) {
      ended()
      throw error
    }
  }

  /** Ends it: open calls are answered with an error, streams closed, handlers told to stop. Saying so twice does nothing. */
  async end(cause: EndCause): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#unwatch?.()
    const unanswered = [...this.#calls.values()].filter(({ answering }) => !answering)
    await Promise.allSettled(unanswered.map(({ id }) => this.#sendOut({ jsonrpc: '2.0', id, error: sessionNotFound })))
    for (const call of Array.from(this.#calls.values())) this.#settle(call)
    await Promise.allSettled([this.#transport.close()])
    await Promise.allSettled([this.#server?.close()])
    this.#onEnd(this, cause)
  }

  /** A request that was admitted before the end may come after it: what it would begin, nobody would end. */
  #requireOpen(): void {
    if (this.#ended) throw new SessionEndedError('the session has ended')
  }

  async #connect(server: SdkServer): Promise<void> {
    this.#server = server
    await server.connect(this.#transport)
    const { onmessage, onclose } = this.#transport
    if (!onmessage) throw new MisuseError('the server did not connect')
    this.#deliver = onmessage.bind(this.#transport)
    // The SDK has its own listeners in place by now; ours stand before them.
    const between: Pick<SdkTransport, 'onmessage' | 'onclose' | 'send'> = {
      onmessage: (message, extra) => this.#receive(message, extra),
      send: (message, options) => this.#send(message, options),
      onclose: () => {
        onclose?.call(this.#transport)
        void this.end('server')
      },
    }
    Object.assign(this.#transport, between)
  }

  /** Ids are told apart within a session by the SDK alone, so two calls under one would be given each other's answer. */
  #areFree(calls: readonly Call[]): boolean {
    const ids = new Set(calls.map(({ id }) => id))
    if (ids.size < calls.length || calls.some(({ id }) => this.#calls.has(id))) return false
    if (this.#calls.size + calls.length > this.#settings.maxCalls) throw new BusyError('the session has too many calls')
    return true
  }

  #openCall({ id, method }: Call): OpenCall {
    let settle: () => void = () => undefined
    const settled = new Promise<void>((resolve) => (settle = resolve))
    const toolsRevision = this.#tools.revision
    const call = { id, method, settled, settle, toolsRevision, delivered: false, answering: false, over: false }
    this.#calls.set(id, call)
    this.#hold()
    return call
  }

  #settle(call: OpenCall): void {
    if (call.over) return
    call.over = true
    this.#calls.delete(call.id)
    call.settle()
    this.#release()
  }

  #hold(): void {
    this.#busy += 1
    this.#unwatch ??= this.#sessions.watch(this.session, () => void this.end('session'))
  }

  #release(): void {
    this.#busy -= 1
    if (this.#busy > 0) return
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  /** From the client. */
  #receive(message: Message, extra: MessageExtra | undefined): void {
    const call = isCall(message) ? this.#calls.get(message.id) : undefined
    if (call?.method === 'tools/call' && this.#settings.turns && extra?.authInfo)
      return void this.#inTurn(call, message, extra, this.#settings.turns)
    if (call?.method === 'resources/subscribe') return void this.#subscribe(call, message, extra)
    if (call) call.delivered = true
    this.#deliver(message, extra)
    if (message.method === 'notifications/cancelled') this.#cancelled(message.params?.['requestId'])
    return undefined
  }

  /** Who may not read a resource is told what it would be told of one that there is not. */
  async #subscribe(call: OpenCall, message: Message, extra: MessageExtra | undefined): Promise<void> {
    const granted = await this.#grants(message)
    if (call.over) return
    if (!granted) return this.#answerError(call, { code: -32002, message: 'Resource not found' })
    call.delivered = true
    this.#deliver(message, extra)
  }

  /** Where it cannot be found out whether the client may hear of the resource, it does not. */
  async #grants({ params }: Message): Promise<boolean> {
    const uri = params?.['uri']
    try {
      return typeof uri === 'string' && (await this.#mayHear(uri))
    } catch {
      return false
    }
  }

  /** A call that its client gave up is not answered. The SDKs take an id of 0 for none and go on, so it stays open. */
  #cancelled(id: unknown): void {
    const call = id ? this.#calls.get(id as MessageId) : undefined
    if (call && !call.answering) this.#settle(call)
  }

  async #inTurn(
    call: OpenCall,
    message: Message,
    extra: MessageExtra,
    turns: Pick<ExclusiveOptions, 'waitMs' | 'holdMs'>,
  ): Promise<void> {
    const { authInfo = {} } = extra
    const { session = this.session } = contextOf({ authInfo })
    try {
      const found = this.#tools.modeOf(String(message.params?.['name']), (question) => this.#deliver(question, extra))
      const mode = typeof found === 'string' ? found : await found
      const work = (mine: Session, signal: AbortSignal): Promise<void> | undefined => {
        if (call.over) return undefined
        call.delivered = true
        signal.addEventListener('abort', () => this.#stop(call), { once: true })
        this.#deliver(message, { ...extra, authInfo: withSession(authInfo, mine) })
        return call.settled
      }
      await this.#sessions.exclusive(session, work, { ...exclusiveDefaults, ...turns, mode })
    } catch (error) {
      await this.#answerError(call, refusalOf(error))
    }
  }

  /** Its turn is lost: what it would still do is refused, so it may as well stop. */
  #stop(call: OpenCall): void {
    if (call.over || call.answering) return
    const params = { requestId: call.id, reason: 'the turn of this call is over' }
    this.#deliver({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
  }

  async #answerError(call: OpenCall, error: RpcError): Promise<void> {
    if (call.over || call.answering) return
    call.answering = true
    await Promise.allSettled([this.#sendOut({ jsonrpc: '2.0', id: call.id, error })])
    this.#settle(call)
  }

  /** From the server. */
  async #send(message: Message, options: SendOptions | undefined): Promise<void> {
    if (!isAnswer(message)) {
      if (message.method === 'notifications/tools/list_changed') this.#tools.forget()
      if (message.method === 'notifications/resources/updated' && !(await this.#grants(message))) return
      // The SDK drops what is sent before there is a stream, and a client whose question it was waits for ever.
      if (options?.relatedRequestId === undefined) await this.#streamOpened
      if (!this.#ended) await this.#sendOut(message, options)
      return
    }
    if (this.#tools.takes(message)) return
    const call = this.#calls.get(message.id)
    // Of a call that was given up or has its answer, nothing is said any more.
    if (!call || call.answering) return
    call.answering = true
    if (call.method === 'tools/list') this.#tools.learn(message.result, call.toolsRevision)
    try {
      await this.#sendOut(message, options)
    } finally {
      this.#settle(call)
      // A session that could not be initialized is none.
      if (call.method === 'initialize' && message.error !== undefined) void this.end('server')
    }
  }
}

/** What a client is told of a call that did not run, or was stopped. */
function refusalOf(error: unknown): RpcError {
  if (!(error instanceof SessionError)) return { code: -32603, message: 'Internal error' }
  if (error.status === 404) return sessionNotFound
  if (error instanceof FencedError) return { code: -32000, message: 'The turn of this call is over: it was stopped' }
  return { code: -32000, message: 'The session is busy: try again shortly' }
}
