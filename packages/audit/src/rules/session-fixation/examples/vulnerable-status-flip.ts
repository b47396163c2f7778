// Vulnerable: authentication only flips a field of the record, and the ID from before it goes on naming that record.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

type Status = { kind: 'anonymous' } | { kind: 'authenticated'; user: string }

interface Session {
  status: Status
  openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
const apiKeys: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function userOf(apiKey: unknown): string | undefined {
  const presented = digest(String(apiKey))
  return Object.keys(apiKeys).find((user) => timingSafeEqual(digest(apiKeys[user] ?? ''), presented))
}

function openSession(status: Status): string {
  const id = randomUUID()
  sessions.set(id, { status, openedAt: Date.now(), seenAt: Date.now() })
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 the session exists before login
  return id
}

function cookieOf(req: IncomingMessage): string {
  return /(?:^|; )__Host-sid=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
}

function findSession(id: string): Session | undefined {
  const session = sessions.get(id)
  if (!session) return undefined
  const now = Date.now()
  if (now - session.seenAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
    sessions.delete(id)
    return undefined
  }
  session.seenAt = now
  return session
}

function reply(res: ServerResponse, status: number, body: unknown, cookie?: string): void {
  if (cookie !== undefined) res.setHeader('Set-Cookie', `__Host-sid=${cookie}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

async function authenticate(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = (await json(req)) as { apiKey?: unknown }
  const user = userOf(body.apiKey)
  const session = findSession(cookieOf(req))
  if (!user || !session) return reply(res, 401, { error: 'not authenticated' })
  session.status = { kind: 'authenticated', user }
//^^^^^^^^^^^^^^ 2 becomes authenticated under the same ID
  reply(res, 200, { user })
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const id = cookieOf(req)
  switch (`${req.method} ${req.url}`) {
    case 'GET /session/init':
      return reply(res, 200, { ready: true }, findSession(id) ? id : openSession({ kind: 'anonymous' }))
    case 'POST /session/auth':
      return authenticate(req, res)
    case 'POST /session/end':
      sessions.delete(id)
      return reply(res, 200, { ended: true }, '')
    case 'GET /account': {
      const status = findSession(id)?.status
      if (status?.kind !== 'authenticated') return reply(res, 401, { error: 'not authenticated' })
      return reply(res, 200, { user: status.user })
    }
    default:
      return reply(res, 404, { error: 'not found' })
  }
}

const server = createServer((req, res) => {
  handle(req, res).catch(() => reply(res, 400, { error: 'bad request' }))
})
server.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
