/** MCP up to 2025-11-25 over HTTP: sessions with an ID, Streamable HTTP and the older HTTP+SSE. */
import type { Exchange, HeaderField } from '../finding/finding.ts'
import { isObject, isServed, messagesIn, parsed, responseHeader, resultIn } from './reading.ts'
import type { Redactor } from './redact.ts'
import type { Stream } from './stream.ts'
import { sameOrigin } from './target.ts'
import { type Actor, ANSWER_TIMEOUT_MS, type Outgoing, type SendOptions, type Wire } from './wire.ts'

export const LEGACY_REVISION = '2025-11-25'

/** What names a session, and where its messages go. */
export interface Session {
  readonly transport: 'http' | 'sse'
  /** Absent where the server mints none. */
  readonly id: string | undefined
  /** Path and query that messages are posted to. */
  readonly path: string
  /** Cookies that the server set when it was opened. */
  readonly cookies: readonly string[]
  /** The one that was agreed on; ours where the server named none. */
  readonly revision?: string
  /** Of HTTP+SSE: where answers come. */
  readonly stream?: Stream
}

export interface Opening {
  /** The request that opened it: `initialize`, or the stream of HTTP+SSE. */
  readonly exchange: Exchange
  /** Absent where the server did not open one. */
  readonly session: Session | undefined
}

/** What a scenario may change about a request. */
export interface Changes extends SendOptions {
  readonly headers?: readonly HeaderField[]
  readonly path?: string
  /** Beside or instead of the usual parameters. */
  readonly params?: Readonly<Record<string, unknown>>
  /** The JSON-RPC id, where it must be a certain one. */
  readonly id?: number
  /** Of an opening: nothing is going to be asked in the session, so that the server is not told that all is ready. */
  readonly unused?: true
}

/** HTTP+SSE answers on a stream of its own: an answer that takes longer does not come. */
const STREAM_ANSWER_MS = 2_000
const ENDPOINT_MS = 2_000
/** A shorter part of a path is the name of a route. */
const SHORTEST_ID = 16

export class LegacyClient {
  private readonly wire: Wire
  private readonly redactor: Redactor
  private readonly transport: 'http' | 'sse'
  private readonly nextId: () => number

  constructor(wire: Wire, redactor: Redactor, transport: 'http' | 'sse', nextId: () => number) {
    this.wire = wire
    this.redactor = redactor
    this.transport = transport
    this.nextId = nextId
  }

  /** Opens a session as a client does, `notifications/initialized` included. */
  open(actor: Actor, changes: Changes = {}): Promise<Opening> {
    return this.transport === 'sse' ? this.openStream(actor, changes) : this.initialize(actor, changes)
  }

  /** One request within a session, whoever sends it. Of HTTP+SSE the answer is what comes on the session's stream. */
  async request(
    actor: Actor,
    session: Session,
    method: string,
    params: object = {},
    changes: Changes = {},
  ): Promise<Exchange> {
    const id = changes.id ?? this.nextId()
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    const exchange = await this.post(actor, session, body, changes)
    const usualMs = method === 'initialize' ? ANSWER_TIMEOUT_MS : STREAM_ANSWER_MS
    return session.stream === undefined
      ? exchange
      : withAnswer(exchange, session.stream, id, this.wire.patienceOf(usualMs))
  }

  /** A notification, for which no answer comes. */
  notify(actor: Actor, session: Session, method: string, changes: Changes = {}): Promise<Exchange> {
    return this.post(actor, session, JSON.stringify({ jsonrpc: '2.0', method }), changes)
  }

  /** The session's event stream. */
  stream(actor: Actor, session: Session, { headers = [] }: Pick<Changes, 'headers'> = {}): Promise<Stream> {
    return this.wire.listen(actor, this.outgoing('GET', session, undefined, { headers: [EVENTS, ...headers] }))
  }

  /** DELETE, which ends the session. HTTP+SSE has none: there its owner closes the stream. */
  end(actor: Actor, session: Session, changes: Changes = {}): Promise<Exchange> {
    return this.wire.send(actor, this.outgoing('DELETE', session, undefined, changes), changes)
  }

  private async initialize(actor: Actor, changes: Changes): Promise<Opening> {
    const bare: Session = {
      transport: 'http',
      id: undefined,
      path: changes.path ?? pathOf(this.wire.target),
      cookies: [],
    }
    const params = { ...initializeParams, ...changes.params }
    const body = JSON.stringify({ jsonrpc: '2.0', id: this.nextId(), method: 'initialize', params })
    const exchange = await this.post(actor, bare, body, {
      ...changes,
      headers: [...NO_REVISION, ...(changes.headers ?? [])],
    })
    if (!isServed(exchange)) return { exchange, session: undefined }
    const session = {
      ...bare,
      id: responseHeader(exchange, 'mcp-session-id'),
      cookies: cookiesOf(exchange),
      ...agreed(exchange),
    }
    if (!changes.unused) await this.notify(actor, session, 'notifications/initialized')
    return { exchange, session }
  }

  /** A changed path is that of the stream: where messages go, the server says. */
  private async openStream(actor: Actor, { path, ...changes }: Changes): Promise<Opening> {
    const headers = [EVENTS, ...(changes.headers ?? [])]
    const stream = await this.wire.listen(actor, { method: 'GET', headers, ...(path && { path }) })
    const endpoint = await stream.until(({ name }) => name === 'endpoint', this.wire.patienceOf(ENDPOINT_MS))
    const url = endpoint && sameOrigin(endpoint.data, this.wire.target)
    if (url === undefined) {
      stream.close()
      return { exchange: stream.exchange(), session: undefined }
    }
    const id = this.handleIn(url)
    const cookies = cookiesOf(stream.exchange())
    const session: Session = { transport: 'sse', id, path: `${url.pathname}${url.search}`, cookies, stream }
    const exchange = stream.exchange()
    const first = await this.request(actor, session, 'initialize', { ...initializeParams, ...changes.params }, changes)
    if (!isServed(first)) return { exchange: first, session: undefined }
    const agreedOn = { ...session, ...agreed(first) }
    if (!changes.unused) await this.notify(actor, agreedOn, 'notifications/initialized')
    return { exchange, session: agreedOn }
  }

  /** The session's ID in the address that messages go to: the longest value of its query, else a long part of its path. */
  private handleIn({ searchParams, pathname }: URL): string | undefined {
    const [inQuery] = [...searchParams.values()].toSorted((a, b) => b.length - a.length)
    const id = inQuery ?? pathname.split('/').findLast((part) => part.length >= SHORTEST_ID)
    if (id !== undefined) this.redactor.keep('session', id)
    return id
  }

  private post(actor: Actor, session: Session, body: string, changes: Changes): Promise<Exchange> {
    return this.wire.send(actor, this.outgoing('POST', session, body, changes), changes)
  }

  private outgoing(method: string, session: Session, body: string | undefined, changes: Changes): Outgoing {
    const own: HeaderField[] = [
      ['accept', 'application/json, text/event-stream'],
      ['mcp-protocol-version', session.revision ?? LEGACY_REVISION],
      ...(session.id !== undefined && session.transport === 'http' ? ([['mcp-session-id', session.id]] as const) : []),
    ]
    const given = new Set((changes.headers ?? []).map(([name]) => name.toLowerCase()))
    const headers = [...own.filter(([name]) => !given.has(name)), ...(changes.headers ?? [])]
    return {
      method,
      path: changes.path ?? session.path,
      headers: headers.filter(([, value]) => value !== ''),
      ...(body !== undefined && { body }),
    }
  }
}

/** A server that speaks an older revision answers with it, and refuses ours from then on. */
function agreed(exchange: Exchange): Pick<Session, 'revision'> {
  const result = resultIn(exchange)
  const revision = isObject(result) ? result['protocolVersion'] : undefined
  return typeof revision === 'string' && /^\d{4}-\d\d-\d\d$/.test(revision) ? { revision } : {}
}

const EVENTS: HeaderField = ['accept', 'text/event-stream']
/** An empty value: the header is not sent. The revision is agreed on by `initialize` and named after it. */
const NO_REVISION: readonly HeaderField[] = [['mcp-protocol-version', '']]

const initializeParams = {
  protocolVersion: LEGACY_REVISION,
  capabilities: {},
  clientInfo: { name: 'sallyport-probe', version: '1' },
}

function pathOf({ pathname, search }: URL): string {
  return `${pathname}${search}`
}

/** `name=value` of every cookie that a response sets. */
export function cookiesOf({ response }: Exchange): readonly string[] {
  return (response?.headers ?? []).flatMap(([name, value]) =>
    name.toLowerCase() === 'set-cookie' ? [value.split(';')[0]?.trim() ?? ''] : [],
  )
}

async function withAnswer(exchange: Exchange, stream: Stream, id: number, timeoutMs: number): Promise<Exchange> {
  const { response } = exchange
  if (response === undefined || response.status >= 300 || messagesIn(exchange).length > 0) return exchange
  const event = await stream.until(({ data }) => parsed(data).some((message) => message.id === id), timeoutMs)
  if (event === undefined) return exchange
  return { ...exchange, response: { ...response, body: `event: message\ndata: ${event.data}\n\n` } }
}
