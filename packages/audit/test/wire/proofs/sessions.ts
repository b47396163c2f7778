/** A server of sessions for the tests of scenarios: each weakness is one option, and without any it has none. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate as turn, setTimeout } from 'node:timers/promises'
import { text } from 'node:stream/consumers'
import { tokens } from '../target.ts'
import { served, type Target } from './served.ts'

export interface Options {
  readonly generator?: () => string
  /** Answers find their way by the JSON-RPC id alone. */
  readonly answersById?: boolean
  /** Answers go to whoever opened a session last. */
  readonly lastTransport?: boolean
  /** A request that names no session falls into the newest. */
  readonly fallback?: boolean
  /** What is written in one session is read in all. */
  readonly oneNote?: boolean
  /** There is one event stream. */
  readonly oneStream?: boolean
  /** The coupon is looked for, and only later taken. */
  readonly checkThenTake?: boolean
  /** `shared`: events of all sessions are found by any. `own`: by their session's. */
  readonly events?: 'shared' | 'own'
  /** A page that lists sessions. */
  readonly listing?: string
  /** An error that names the sessions there are. */
  readonly tellingErrors?: boolean
  /** Does not say what it does not have. */
  readonly silent?: boolean
}

interface Session {
  readonly owner: string
  note: string
  coupons: number
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly name?: string; readonly arguments?: { readonly text?: string } }
}

const TOOLS = [
  { name: 'note_put', inputSchema: { type: 'object', required: ['text'] } },
  { name: 'note_get', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'coupon_take', inputSchema: { type: 'object' } },
]

export function startSessions(options: Options = {}): Promise<Target> {
  const state = new State(options)
  return served((req, res) => state.handle(req, res))
}

class State {
  private readonly sessions = new Map<string, Session>()
  private readonly waiting = new Map<number, ServerResponse>()
  private readonly events = new Map<string, { readonly session: string; readonly data: string }>()
  private readonly options: Options
  private stream: ServerResponse | undefined
  private note = ''
  private nextEvent = 0

  constructor(options: Options) {
    this.options = options
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { listing, fallback } = this.options
    if (req.url === listing) return void res.end(JSON.stringify({ sessions: [...this.sessions.keys()] }))
    if (req.url !== '/mcp') return void res.writeHead(404).end()
    const user = Object.entries(tokens).find(([, token]) => req.headers.authorization === `Bearer ${token}`)?.[0]
    if (user === undefined) return void res.writeHead(401).end()
    const message = req.method === 'POST' ? (JSON.parse(await text(req)) as Message) : {}
    if (message.method === 'initialize') return this.open(res, message, user)
    const named = req.headers['mcp-session-id'] as string | undefined
    const id = named ?? (fallback ? [...this.sessions.keys()].at(-1) : undefined)
    if (id === undefined) return this.refuse(res, 400)
    const session = this.sessions.get(id)
    if (session === undefined || (session.owner !== user && named !== undefined)) return this.refuse(res, 404)
    if (req.method === 'GET') return this.listen(res, id, req.headers['last-event-id'] as string | undefined)
    if (req.method !== 'DELETE') return this.serve(res, message, id, session)
    this.sessions.delete(id)
    res.writeHead(204).end()
  }

  private refuse(res: ServerResponse, status: number): void {
    res.writeHead(status).end(this.options.tellingErrors ? `known: ${[...this.sessions.keys()].join()}` : '')
  }

  private open(res: ServerResponse, { id }: Message, owner: string): void {
    const own = this.options.generator?.() ?? randomUUID()
    this.sessions.set(own, { owner, note: '', coupons: 1 })
    res.setHeader('mcp-session-id', own)
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 't', version: '1' },
    }
    reply(res, JSON.stringify({ jsonrpc: '2.0', id, result }))
  }

  private listen(res: ServerResponse, session: string, after: string | undefined): void {
    if (this.options.oneStream) this.stream?.end()
    this.stream = res
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.flushHeaders()
    const event = after === undefined ? undefined : this.events.get(after)
    const mayHave = this.options.events === 'shared' || event?.session === session
    if (event !== undefined && mayHave) res.write(`data: ${event.data}\n\n`)
  }

  private async serve(res: ServerResponse, message: Message, id: string, session: Session): Promise<void> {
    if (message.id === undefined) return void res.writeHead(202).end()
    const { answersById, lastTransport } = this.options
    if (lastTransport && id !== [...this.sessions.keys()].at(-1)) return
    if (answersById) this.waiting.set(message.id, res)
    const answer = JSON.stringify({ jsonrpc: '2.0', id: message.id, ...(await this.answer(message, session)) })
    const to = answersById ? this.waiting.get(message.id) : res
    if (answersById) this.waiting.delete(message.id)
    if (to !== undefined) this.send(to, answer, id)
  }

  private send(res: ServerResponse, data: string, session: string): void {
    if (this.options.events === undefined) return reply(res, data)
    const priming = `${this.nextEvent++}`
    this.events.set(priming, { session, data })
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.end(`id: ${priming}\ndata:\n\nid: ${this.nextEvent++}\ndata: ${data}\n\n`)
  }

  private async answer({ method, params }: Message, session: Session): Promise<object> {
    await turn()
    if (method === 'tools/list') return { result: { tools: TOOLS } }
    const name = params?.name ?? ''
    if (name === 'note_put') {
      this.note = session.note = params?.arguments?.text ?? ''
      return said('written')
    }
    if (name === 'note_get') return said(this.options.oneNote ? this.note : session.note)
    if (name === 'coupon_take') return this.take(session)
    return { error: { code: -32602, message: this.options.silent ? 'no' : `no tool ${name}` } }
  }

  private async take(session: Session): Promise<object> {
    if (session.coupons === 0) return said('none left')
    if (this.options.checkThenTake) await setTimeout(20)
    session.coupons = 0
    return said('taken')
  }
}

function said(words: string): object {
  return { result: { content: [{ type: 'text', text: words }] } }
}

function reply(res: ServerResponse, body: string): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(body)
}
