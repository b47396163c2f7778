// Vulnerable: all headers of each request are logged, the credential and the session ID among them.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

interface Limits {
  readonly idleTimeoutMs: number
  readonly absoluteTimeoutMs: number
}

const host = '127.0.0.1'
const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const sessions = new Map<string, Session>()

startSweep({
  idleTimeoutMs: milliseconds('IDLE_TIMEOUT_MS', 20 * 60_000),
  absoluteTimeoutMs: milliseconds('ABSOLUTE_TIMEOUT_MS', 6 * 60 * 60_000),
})

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

function milliseconds(name: string, fallback: number): number {
  const value = process.env[name]
  return value === undefined ? fallback : Number(value)
}

function startSweep({ idleTimeoutMs, absoluteTimeoutMs }: Limits): void {
  setInterval(() => {
    const now = Date.now()
    for (const [id, session] of sessions) {
      if (now - session.lastSeenAt < idleTimeoutMs && now - session.openedAt < absoluteTimeoutMs) continue
      sessions.delete(id)
      void session.transport.close()
    }
  }, 1_000).unref()
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  console.error(req.method, req.url, Object.keys(req.headers))
  const user = userByDigest.get(sha256(req.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return void res.writeHead(401).end()
  if (req.url !== '/mcp') return void res.writeHead(404).end()

  const id = req.headers['mcp-session-id']
  const session = id === undefined && req.method === 'POST' ? await openSession(user) : sessions.get(String(id))
  if (session?.owner !== user) return void res.writeHead(404).end()
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res)
}

async function openSession(owner: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
  const session: Session = { owner, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await createUnitServer().connect(transport)
  return session
}

function createUnitServer(): McpServer {
  const server = new McpServer({ name: 'units', version: '1.2.0' })
  server.registerTool('units', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: 'metre, kilogram, second' }],
  }))
  return server
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
