// Safe: a timer looks for sessions that are over, and closing them closes their streams.
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { jwtVerify } from 'jose'

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const IDLE_TIMEOUT_MS = Number(process.env.IDLE_TIMEOUT_MS ?? 20 * 60_000)
const ABSOLUTE_TIMEOUT_MS = 6 * 60 * 60_000

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')
const sessions = new Map<string, Session>()

setInterval(() => {
  for (const id of sessions.keys()) findSession(id)
}, 1_000).unref()

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = await userOf(req.headers.authorization?.slice('Bearer '.length) ?? '')
  if (user === undefined) return void res.writeHead(401).end()
  const id = req.headers['mcp-session-id']
  const session = id === undefined && req.method === 'POST' ? await openSession(user) : findSession(String(id))
  if (session?.owner !== user) return void res.writeHead(404).end()
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res)
}

function findSession(id: string): Session | undefined {
  const session = sessions.get(id)
  const now = Date.now()
  if (session === undefined) return undefined
  if (now - session.lastSeenAt < IDLE_TIMEOUT_MS && now - session.openedAt < ABSOLUTE_TIMEOUT_MS) return session
  sessions.delete(id)
  void session.transport.close()
  return undefined
}

async function openSession(owner: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
  const session: Session = { owner, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await new McpServer({ name: 'tides', version: '1.0.0' }).connect(transport)
  return session
}

async function userOf(token: string): Promise<string | undefined> {
  try {
    const { payload } = await jwtVerify(token, key, {
      audience: 'https://tides.example',
      issuer: 'https://login.example',
    })
    return payload.sub
  } catch {
    return undefined
  }
}
