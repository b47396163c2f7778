/** A small MCP server for tests, hardened unless a weakness is asked for. Speaks Streamable HTTP of both eras. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

/** What the server leaves out or does wrong. */
export interface Weaknesses {
  /** Sessions are looked up by ID alone, on these verbs. */
  readonly unbound?: readonly string[]
  /** These verbs ask for no credential once a session ID is there. */
  readonly unauthenticated?: readonly string[]
  /** Anybody is let in. */
  readonly anonymous?: boolean
  /** An ID that the client brings to `initialize` becomes the session's. */
  readonly adopts?: boolean
  /** An unknown ID becomes a session at its first use. */
  readonly createsUnknown?: boolean
  /** Not even Origin is compared. */
  readonly anyOrigin?: boolean
  /** DELETE says yes and does nothing. */
  readonly keepsDeleted?: boolean
  /** Milliseconds without use after which a session ends; never where absent. */
  readonly idleMs?: number
  readonly absoluteMs?: number
  /** A session ID in the query is as good as one in the header. */
  readonly idInQuery?: boolean
  /** A token in the query is as good as one in the header. */
  readonly tokenInQuery?: boolean
  /** Tokens for other servers are taken. */
  readonly anyAudience?: boolean
  /** Anybody may open a session, and whoever knows the ID shares what its first credential made of it. */
  readonly raises?: boolean
  /** Set when a session opens, with its ID for `$ID`. */
  readonly cookie?: string
  /** Whose note is read is kept for all requests together, and looked up a moment after it was set. */
  readonly currentUser?: boolean
  /** No session ID is minted. */
  readonly stateless?: boolean
}

/** What differs among servers that are sound. */
export interface Manners {
  /** Instead of 404, to whoever names no session of his. */
  readonly unknown?: number
  /** DELETE is answered alike whatever it names, and ends only the caller's own. */
  readonly quietDelete?: boolean
  /** So many requests are served, every further one is refused with 429. */
  readonly limit?: number
  /** Every second request meets a fault. */
  readonly faulty?: boolean
  /** Event streams carry a sign of life as an event, and stay open when their session ends. */
  readonly pings?: boolean
  /** A user has one session: a new one ends the one before. */
  readonly oneEach?: boolean
  /** So many sessions are kept: a new one ends that which nobody has used for the longest time. */
  readonly most?: number
  /** A session is over after so many requests. */
  readonly uses?: number
  /** Notes are the user's, in whatever session. */
  readonly notesOfUser?: boolean
  /** Milliseconds that every answer takes. */
  readonly slowMs?: number
  /** GET is not for anybody. */
  readonly noStream?: boolean
  /** DELETE is not for anybody. */
  readonly noDelete?: boolean
  /** Milliseconds after which every credential has ended. */
  readonly credentialsMs?: number
}

export interface Running {
  readonly url: string
  /** Sessions that are open now. */
  readonly sessions: ReadonlyMap<string, unknown>
  /** `POST initialize`, … in the order in which they came. */
  readonly seen: readonly string[]
  /** How many requests were being answered at the same time, at the most. */
  readonly atOnce: () => number
  close(): Promise<void>
}

interface Session {
  owner: string
  readonly openedAt: number
  usedAt: number
  uses: number
  note: string
}

/** Bearer tokens of the principals, as the configuration of a probe has them. */
export const tokens = {
  alice: 'alice-token-0123456789',
  bob: 'bob-token-0123456789',
  carol: 'carol-token-0123456789',
  expired: 'expired-token-0123456789',
  wrongAudience: 'elsewhere-token-0123456789',
} as const

export const TOOLS = [
  { name: 'note_put', inputSchema: { type: 'object', required: ['text'] } },
  { name: 'note_get', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
]

/** Over TLS where `tls` holds a certificate and its key. */
export async function startTarget(weak: Weaknesses = {}, manners: Manners = {}, tls?: ServerOptions): Promise<Running> {
  const sessions = new Map<string, Session>()
  const seen: string[] = []
  const notes = new Map<string, string>()
  const startedAt = performance.now()
  let [now, most] = [0, 0]
  const context: Context = { weak, manners, sessions, notes, seen, startedAt, currentUser: '' }
  const listener: RequestListener = (req, res) => {
    most = Math.max(most, ++now)
    res.once('close', () => now--)
    handle(req, res, context).catch(() => res.writeHead(500).end())
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/mcp`,
    sessions,
    seen,
    atOnce: () => most,
    close: () => stop(server),
  }
}

interface Context {
  readonly weak: Weaknesses
  readonly manners: Manners
  /** By user, where they are the user's. */
  readonly notes: Map<string, string>
  currentUser: string
  readonly sessions: Map<string, Session>
  readonly seen: string[]
  readonly startedAt: number
}

async function handle(req: IncomingMessage, res: ServerResponse, context: Context): Promise<void> {
  const { weak, manners, sessions, seen } = context
  const url = new URL(req.url ?? '/', 'http://localhost')
  const body = req.method === 'POST' ? ((JSON.parse(await text(req)) as Message | undefined) ?? {}) : {}
  seen.push(`${req.method} ${body.method ?? ''}`.trim())
  if (seen.length > (manners.limit ?? Infinity)) return end(res, 429)
  if (manners.faulty && seen.length % 2 === 0) return end(res, 503)
  if (manners.slowMs !== undefined) await setTimeout(manners.slowMs)
  if (performance.now() - context.startedAt > (manners.credentialsMs ?? Infinity)) return end(res, 401)
  if (url.pathname !== '/mcp') return end(res, 404)
  if (!weak.anyOrigin && req.headers.origin !== undefined) return end(res, 403)
  if (!weak.anyOrigin && !/^127\.0\.0\.1:\d+$/.test(req.headers.host ?? '')) return end(res, 403)
  const verb = req.method ?? ''
  const id =
    header(req, 'mcp-session-id') ?? (weak.idInQuery ? (url.searchParams.get('sessionId') ?? undefined) : undefined)
  const user = userOf(req, url, weak)
  const mayPass = id !== undefined && body.method !== 'initialize' && weak.unauthenticated?.includes(verb)
  if (user === undefined && !mayPass && !weak.raises) return end(res, 401)
  if (body.method === 'initialize') return initialize(res, body, { user: user ?? '', id, context })
  if (weak.stateless) return verb === 'POST' ? serve(res, body, undefined) : end(res, 405)
  if (id === undefined) return end(res, 400)
  if (verb === 'GET' && manners.noStream) return end(res, 405)
  if (verb === 'DELETE' && manners.noDelete) return end(res, 405)
  let session = live(id, context)
  if (session === undefined && weak.createsUnknown) sessions.set(id, (session = opened(user ?? '')))
  if (weak.raises && session?.owner === '' && user !== undefined) session.owner = user
  if (weak.raises && session?.owner === '') return end(res, 401)
  const isBound = !mayPass && !(weak.raises && user === undefined) && !weak.unbound?.includes(verb)
  if (session === undefined || (isBound && session.owner !== user))
    return end(res, verb === 'DELETE' && manners.quietDelete ? 204 : (manners.unknown ?? 404))
  session.usedAt = Date.now()
  if (++session.uses >= (manners.uses ?? Infinity)) sessions.delete(id)
  if (verb === 'POST' && weak.currentUser) {
    context.currentUser = session.owner
    await setTimeout(LOOKUP_MS)
    return serve(res, body, { ...session, owner: context.currentUser }, context.notes)
  }
  if (verb === 'POST') return serve(res, body, session, manners.notesOfUser ? context.notes : undefined)
  if (verb === 'GET') {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.flushHeaders()
    if (manners.pings) keepAlive(res)
    return
  }
  if (verb !== 'DELETE') return end(res, 405)
  if (!weak.keepsDeleted) sessions.delete(id)
  end(res, 200)
}

/** What a database takes. */
const LOOKUP_MS = 30

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly name?: string; readonly arguments?: { readonly text?: string } }
}

function initialize(
  res: ServerResponse,
  body: Message,
  { user, id, context }: { user: string; id: string | undefined; context: Context },
): void {
  const { weak, manners, sessions } = context
  if (manners.oneEach) for (const [key, { owner }] of sessions) if (owner === user) sessions.delete(key)
  if (sessions.size >= (manners.most ?? Infinity)) sessions.delete(longestUnused(sessions))
  const own = weak.adopts && id !== undefined ? id : randomUUID()
  if (!weak.stateless) {
    sessions.set(own, opened(user))
    res.setHeader('mcp-session-id', own)
    if (weak.cookie !== undefined) res.setHeader('set-cookie', weak.cookie.replace('$ID', own))
  }
  const result = {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'notes', version: '1' },
  }
  reply(res, body, result)
}

function longestUnused(sessions: ReadonlyMap<string, Session>): string {
  const [oldest] = [...sessions].toSorted(([, one], [, other]) => one.usedAt - other.usedAt)
  return oldest?.[0] ?? ''
}

/** The first at once, and more as long as somebody listens. */
function keepAlive(res: ServerResponse): void {
  const ping = () => res.write('event: ping\ndata: {}\n\n')
  ping()
  const timer = setInterval(ping, 100)
  res.on('close', () => clearInterval(timer))
}

function serve(res: ServerResponse, body: Message, session: Session | undefined, notes?: Map<string, string>): void {
  if (body.id === undefined) return end(res, 202)
  if (body.method === 'tools/list') return reply(res, body, { tools: TOOLS })
  if (body.method !== 'tools/call') return reply(res, body, undefined)
  if (body.params?.name === 'note_put' && session) {
    session.note = body.params.arguments?.text ?? ''
    notes?.set(session.owner, session.note)
  }
  const note = notes?.get(session?.owner ?? '') ?? session?.note ?? ''
  reply(res, body, { content: [{ type: 'text', text: note }] })
}

function reply(res: ServerResponse, { id }: Message, result: unknown): void {
  const answer = result === undefined ? { error: { code: -32601, message: 'Method not found' } } : { result }
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
}

function userOf(req: IncomingMessage, url: URL, weak: Weaknesses): string | undefined {
  if (weak.anonymous) return 'anybody'
  const fromQuery = weak.tokenInQuery ? url.searchParams.get('access_token') : undefined
  const token = req.headers.authorization?.replace(/^Bearer /, '') ?? fromQuery
  const known = Object.entries(tokens).find(([, value]) => value === token)?.[0]
  if (known === 'expired' || (known === 'wrongAudience' && !weak.anyAudience)) return undefined
  return known
}

function live(id: string, { sessions, weak }: Context): Session | undefined {
  const session = sessions.get(id)
  if (session === undefined) return undefined
  const now = Date.now()
  const isOver =
    now - session.usedAt > (weak.idleMs ?? Infinity) || now - session.openedAt > (weak.absoluteMs ?? Infinity)
  if (isOver) sessions.delete(id)
  return isOver ? undefined : session
}

function opened(owner: string): Session {
  return { owner, openedAt: Date.now(), usedAt: Date.now(), uses: 0, note: '' }
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function end(res: ServerResponse, status: number): void {
  res.writeHead(status).end()
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
