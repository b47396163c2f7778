// Vulnerable: there is no DELETE and nothing listens to `onclose`, so only the clock ends a session, never its owner.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const host = '127.0.0.1'
const methods = ['POST', 'GET']
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 60 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 24 * 60 * 60_000)
const accounts = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' })
const owners = new Map(Object.entries<string>(JSON.parse(accounts)).map(([token, owner]) => [digest(token), owner]))
const sessions: Record<string, Session> = Object.create(null)

setInterval(() => {
  for (const [id, session] of Object.entries(sessions)) if (isExpired(session)) void expire(id, session)
}, 1_000).unref()

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const owner = owners.get(digest(req.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (owner === undefined) return void res.writeHead(401).end()
  if (req.url !== '/mcp') return void res.writeHead(404).end()
  if (!methods.includes(req.method ?? '')) return void res.writeHead(405, { allow: methods.join(', ') }).end()

  const id = req.headers['mcp-session-id']
  const session = id === undefined && req.method === 'POST' ? await open(owner) : sessions[String(id)]
  if (session?.owner !== owner) return void res.writeHead(404).end()
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res)
}

async function open(owner: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void (sessions[id] = session),
  })
  transport.onclose = () => {
    if (transport.sessionId) delete sessions[transport.sessionId]
  }
  const session: Session = { owner, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await createMemo().connect(transport)
  return session
}

function isExpired({ lastSeenAt, openedAt }: Session, now = Date.now()): boolean {
  return now - lastSeenAt > idleTimeoutMs || now - openedAt > absoluteTimeoutMs
}

async function expire(id: string, session: Session): Promise<void> {
  delete sessions[id]
  await session.transport.close()
}

function createMemo(): McpServer {
  const memos: string[] = []
  const server = new McpServer({ name: 'memo', version: '2.0.0' })
  server.registerTool('memo_put', { inputSchema: { text: z.string() } }, ({ text }) => {
    memos.push(text)
    return { content: [{ type: 'text', text: `memo ${memos.length}` }] }
  })
  server.registerTool('memo_get', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: memos.join('\n') }],
  }))
  return server
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
