/** Sends what actors say to one server, within a budget, and records what comes back. */
import { setMaxListeners } from 'node:events'
import type { Exchange, HeaderField } from '../finding/finding.ts'
import type { Budget } from './budget.ts'
import { Connection, type Endpoint, type RawRequest, type RawResponse } from './connection.ts'
import type { Gate } from './gate.ts'
import { type Patience, whenTimeIsUp } from './patience.ts'
import { parsed } from './reading.ts'
import type { Redactor } from './redact.ts'
import { headerValue, headerValues, type Head, type Limits } from './response.ts'
import { SseParser } from './sse.ts'
import { Stream } from './stream.ts'
import { hostOf, isLoopback, portOf } from './target.ts'

/** Somebody who speaks to the server, with what he presents on every request. */
export interface Actor {
  /** `alice`, `bob`, `nobody`, … as reports name him. */
  readonly name: string
  readonly headers: readonly HeaderField[]
}

export interface Outgoing {
  readonly method: string
  /** Path and query; the target's own where absent. */
  readonly path?: string
  /** Win over what the actor presents and over our own, by name. */
  readonly headers?: readonly HeaderField[]
  readonly body?: string
}

export interface SendOptions {
  readonly timeoutMs?: number
  /** This connection, which must be idle, instead of one of its own. It stays open. */
  readonly over?: Connection
  /** Ends what was opened: sent whatever is left of the budget, and though the probe be interrupted. */
  readonly closing?: true
  /** Meets others in the server. */
  readonly gate?: Gate
}

export interface WireOptions {
  readonly target: URL
  /** Certificates to trust, PEM. */
  readonly ca?: string
  readonly budget: Budget
  readonly redactor: Redactor
  readonly patience: Patience
  readonly signal: AbortSignal
}

const LIMITS: Limits = { headBytes: 64 * 1024, bodyBytes: 1024 * 1024 }
const CONNECT_TIMEOUT_MS = 2_000
/** Long enough for a tool, short enough that a server that says nothing cannot spend the budget on one question. */
export const ANSWER_TIMEOUT_MS = 5_000
/** A stream begins at once or not at all. */
const HEAD_TIMEOUT_MS = 2_000
const CLOSING_MS = 3_000
const MOST_STREAMS = 64
const LONGEST_SHOWN_BODY = 256 * 1024

export class Wire {
  readonly target: URL
  /** Something was not answered, or with the fault or the limit of a server that has too much to do. */
  troubled = false
  private readonly options: WireOptions
  private readonly endpoint: Endpoint
  private readonly streams = new Set<Stream>()

  constructor(options: WireOptions) {
    this.options = options
    this.target = options.target
    this.endpoint = endpointOf(options)
    // Everything that is under way listens to it: more than Node takes for a leak.
    setMaxListeners(0, options.signal)
  }

  /** One request and its whole answer; of an answer that is a stream, as much as holds the reply. Throws BudgetSpent. */
  async send(actor: Actor, outgoing: Outgoing, options: SendOptions = {}): Promise<Exchange> {
    if (!options.closing) this.options.budget.spend()
    const request = this.requestOf(actor, outgoing, options.over !== undefined)
    const { budget, patience } = this.options
    const timeoutMs = options.closing
      ? CLOSING_MS
      : this.within(options.timeoutMs ?? patience.longEnough(ANSWER_TIMEOUT_MS))
    const startedAt = budget.secondsLeft()
    const signal = options.closing ? AbortSignal.timeout(CLOSING_MS) : this.options.signal
    const connection =
      options.over ?? (await Connection.open(this.endpoint, Math.min(timeoutMs, CONNECT_TIMEOUT_MS), signal))
    if (!(connection instanceof Connection)) {
      void options.gate?.arrive()
      this.troubled ||= !options.closing
      return this.recorded(actor, request, undefined, connection.failure)
    }
    const onPart = replyWatcher(request)
    const gate = options.gate && { gate: options.gate }
    const response = await connection.send(request, { limits: LIMITS, timeoutMs, signal, onPart, ...gate })
    if (response.failure === undefined) patience.answered((startedAt - budget.secondsLeft()) * 1000)
    if (options.over === undefined) connection.close()
    this.troubled ||= !options.closing && isTroubled(response.head, response.failure)
    return this.recorded(actor, request, response, response.failure)
  }

  /** A request whose answer stays open. Resolves with the head; what is no stream has ended by then. */
  async listen(actor: Actor, outgoing: Outgoing): Promise<Stream> {
    this.options.budget.spend()
    const request = this.requestOf(actor, outgoing, false)
    const connection = this.streams.size < MOST_STREAMS ? await this.connect() : { failure: 'too many open streams' }
    const bare = { actor: actor.name, request: this.shownRequest(request) }
    if (!(connection instanceof Connection)) return ended(bare, connection.failure)
    const stream = new Stream(bare, () => connection.close())
    this.streams.add(stream)
    await this.headOf(stream, connection, request)
    if (stream.ended) this.streams.delete(stream)
    return stream
  }

  /** A connection to send several requests over. */
  connect(endpoint: Partial<NonNullable<Endpoint['tls']>> = {}): Promise<Connection | { failure: string }> {
    const { tls } = this.endpoint
    const chosen = tls ? { ...this.endpoint, tls: { ...tls, ...endpoint } } : this.endpoint
    return Connection.open(chosen, this.within(CONNECT_TIMEOUT_MS), this.options.signal)
  }

  /** A connection to the same port without TLS. No credential belongs on it. */
  connectPlain(): Promise<Connection | { failure: string }> {
    const { host, port } = this.endpoint
    return Connection.open({ host, port }, this.within(CONNECT_TIMEOUT_MS), this.options.signal)
  }

  /** Closes every stream. */
  close(): void {
    for (const stream of this.streams) stream.close()
    this.streams.clear()
  }

  private async headOf(stream: Stream, connection: Connection, request: RawRequest): Promise<void> {
    const { signal, budget } = this.options
    await new Promise<void>((resolve) => {
      const callOff = whenTimeIsUp(this.within(HEAD_TIMEOUT_MS), resolve)
      const onPart = (head: Head, text: string): boolean => {
        const enough = stream.take(head, text)
        if (isStream(head)) {
          callOff()
          resolve()
        }
        return enough
      }
      const timeoutMs = Math.max(1, budget.secondsLeft() * 1000)
      void connection.send(request, { limits: LIMITS, timeoutMs, signal, onPart }).then(({ head, failure }) => {
        if (head !== undefined) this.keepSecrets(head)
        stream.finish(failure)
        callOff()
        resolve()
      })
    })
    const head = stream.exchange().response
    if (head !== undefined) this.keepSecrets(head)
    this.troubled ||= isTroubled(head, undefined)
    // Neither a stream nor a whole answer in time.
    if (head === undefined || !isStream(head)) stream.close()
  }

  /** So long is waited for an answer that comes elsewhere than after its request: `usualMs`, or more where answers were slow. */
  patienceOf(usualMs: number): number {
    return this.within(this.options.patience.longEnough(usualMs))
  }

  /** Never longer than what is left of the budget. */
  private within(timeoutMs: number): number {
    return Math.max(1, Math.min(timeoutMs, this.options.budget.secondsLeft() * 1000))
  }

  private requestOf(actor: Actor, { method, path, headers = [], body }: Outgoing, keepAlive: boolean): RawRequest {
    const own: HeaderField[] = [
      ['host', this.target.host],
      ['user-agent', 'sallyport-probe'],
      ...(body === undefined ? [] : ([['content-type', 'application/json']] as const)),
      ...actor.headers,
    ]
    const last: HeaderField[] = [
      ...(body === undefined ? [] : ([['content-length', String(Buffer.byteLength(body))]] as const)),
      ['connection', keepAlive ? 'keep-alive' : 'close'],
    ]
    return {
      method,
      path: path ?? `${this.target.pathname}${this.target.search}`,
      headers: merged(merged(own, headers), last),
      ...(body !== undefined && { body }),
    }
  }

  private shownRequest({ method, path, headers, body }: RawRequest): Exchange['request'] {
    return { method, url: `${this.target.origin}${path}`, headers, ...(body !== undefined && { body }) }
  }

  private recorded(
    actor: Actor,
    request: RawRequest,
    response: RawResponse | undefined,
    failure: string | undefined,
  ): Exchange {
    const head = response?.head
    if (head !== undefined) this.keepSecrets(head)
    const body = response?.body.slice(0, LONGEST_SHOWN_BODY) ?? ''
    return {
      actor: actor.name,
      request: this.shownRequest(request),
      ...(head && { response: { status: head.status, headers: head.headers, body } }),
      ...(failure !== undefined && { failure }),
    }
  }

  /** Handles that the server mints in headers. */
  private keepSecrets({ headers }: Pick<Head, 'headers'>): void {
    const { redactor } = this.options
    const session = headerValue(headers, 'mcp-session-id')
    if (session !== undefined) redactor.keep('session', session)
    for (const cookie of headerValues(headers, 'set-cookie')) {
      const value = /^[^=;]*=([^;]*)/.exec(cookie)?.[1] ?? ''
      redactor.keep('cookie', value)
    }
  }
}

function isTroubled(head: Pick<Head, 'status'> | undefined, failure: string | undefined): boolean {
  return head === undefined || failure !== undefined || head.status >= 500 || OVERLOADED.has(head.status)
}

/** Request timeout, too early, too many requests. */
const OVERLOADED: ReadonlySet<number> = new Set([408, 425, 429])

function ended(request: Omit<Exchange, 'response'>, failure: string): Stream {
  const stream = new Stream(request, () => {})
  stream.finish(failure)
  return stream
}

function endpointOf({ target, ca }: WireOptions): Endpoint {
  const address = { host: hostOf(target), port: portOf(target) }
  if (target.protocol === 'http:') return address
  return { ...address, tls: { verify: !isLoopback(target), ...(ca !== undefined && { ca, verify: true }) } }
}

/** `later` wins by name, whole: a name that it holds twice is sent twice. */
function merged(earlier: readonly HeaderField[], later: readonly HeaderField[]): readonly HeaderField[] {
  const names = new Set(later.map(([name]) => name.toLowerCase()))
  return [...earlier.filter(([name]) => !names.has(name.toLowerCase())), ...later]
}

/** Ends the waiting when the reply to the request has come on a stream that the server would keep open; none comes to a GET. */
function replyWatcher({ body }: RawRequest): (head: Head, text: string) => boolean {
  const id = parsed(body ?? '')[0]?.id
  const parser = new SseParser()
  return (head, text) =>
    isStream(head) &&
    (body === undefined ||
      parser
        .push(text)
        .some(({ data }) =>
          parsed(data).some((message) => id !== undefined && message.id === id && !('method' in message)),
        ))
}

function isStream({ status, headers }: Pick<Head, 'status' | 'headers'>): boolean {
  return status >= 200 && status < 300 && /^text\/event-stream\b/i.test(headerValue(headers, 'content-type') ?? '')
}
