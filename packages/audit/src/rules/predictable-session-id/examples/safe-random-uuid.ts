// Safe: session IDs are random UUIDs, 122 bits from the operating system's generator.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Request, Response } from 'express'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import { z } from 'zod'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function principalOf(req: Request): string | undefined {
  const presented = digest(req.get('authorization')?.replace(/^Bearer /, '') ?? '')
  return Object.keys(tokens).find((user) => timingSafeEqual(digest(tokens[user] ?? ''), presented))
}

function notesServer(): McpServer {
  const notes: string[] = []
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('add_note', { description: 'Keep a note', inputSchema: { text: z.string() } }, ({ text }) => {
    notes.push(text)
    return { content: [{ type: 'text', text: `kept ${notes.length}` }] }
  })
  server.registerTool('list_notes', { description: 'Read the notes' }, () => ({
    content: [{ type: 'text', text: notes.join('\n') }],
  }))
  return server
}

async function openSession(owner: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { owner, transport, openedAt: Date.now(), seenAt: Date.now() })
    },
  })
  transport.onclose = () => {
    if (transport.sessionId) sessions.delete(transport.sessionId)
  }
  await notesServer().connect(transport)
  return transport
}

async function handle(req: Request, res: Response): Promise<void> {
  const user = principalOf(req)
  if (!user) return void res.status(401).set('WWW-Authenticate', 'Bearer').end()
  const id = req.get('mcp-session-id')
  if (!id && isInitializeRequest(req.body)) return (await openSession(user)).handleRequest(req, res, req.body)
  if (!id) return void res.status(400).end()
  const session = sessions.get(id)
  if (!session || session.owner !== user) return void res.status(404).end()
  session.seenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of sessions) {
    if (now - session.seenAt < IDLE_TIMEOUT_MS && now - session.openedAt < ABSOLUTE_TIMEOUT_MS) continue
    sessions.delete(id)
    void session.transport.close()
  }
}, 60_000).unref()

const app = createMcpExpressApp({ host: HOST })
app.post('/mcp', handle)
app.get('/mcp', handle)
app.delete('/mcp', handle)
const listener = app.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
