// Vulnerable: a session ID is the millisecond of its birth and a counter, so anyone who opens one session can guess its neighbours.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 20 * 60_000
const ABSOLUTE_TIMEOUT_MS = 12 * 60 * 60_000

interface Session {
  owner: string
  server: McpServer
  transport: StreamableHTTPServerTransport
  idleTimer: NodeJS.Timeout
  absoluteTimer: NodeJS.Timeout
}

const sessions: Record<string, Session> = Object.create(null)
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)
let opened = 0

function uniquePart(): string {
  opened += 1
  return `${randomBytes(32).toString('base64url')}-${opened.toString(36)}`
}

function newSessionId(): string {
  return `notes-${uniquePart()}`
}

const digest = (text: string) => createHash('sha256').update(text).digest()

function principalOf(req: IncomingMessage): string | undefined {
  const [scheme, token] = (req.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer' || !token) return undefined
  return Object.entries(tokens).find(([, known]) => timingSafeEqual(digest(known), digest(token)))?.[0]
}

function notesServer(): McpServer {
  const notes: string[] = []
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('add_note', { description: 'Keep a note', inputSchema: { text: z.string() } }, ({ text }) => {
    notes.push(text)
    return { content: [{ type: 'text', text: notes.join('\n') }] }
  })
  return server
}

function closeSession(id: string): void {
  const session = sessions[id]
  if (!session) return
  delete sessions[id]
  clearTimeout(session.idleTimer)
  clearTimeout(session.absoluteTimer)
  void session.server.close()
}

async function openSession(owner: string, id: string): Promise<StreamableHTTPServerTransport> {
  const server = notesServer()
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => id,
    onsessioninitialized: () => {
      const idleTimer = setTimeout(() => closeSession(id), IDLE_TIMEOUT_MS).unref()
      const absoluteTimer = setTimeout(() => closeSession(id), ABSOLUTE_TIMEOUT_MS).unref()
      sessions[id] = { owner, server, transport, idleTimer, absoluteTimer }
    },
    onsessionclosed: () => closeSession(id),
  })
  await server.connect(transport)
  return transport
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = principalOf(req)
  if (!user) return void res.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
  const id = req.headers['mcp-session-id']
  if (id === undefined && req.method === 'POST') {
    const transport = await openSession(user, newSessionId())
    return transport.handleRequest(req, res)
  }
  const session = typeof id === 'string' ? sessions[id] : undefined
  if (session?.owner !== user) return void res.writeHead(404).end()
  session.idleTimer.refresh()
  await session.transport.handleRequest(req, res)
}

const server = createServer((req, res) => {
  handle(req, res).catch(() => res.destroy())
})
server.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})
