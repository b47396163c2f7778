// Vulnerable: whatever a client sends as Mcp-Session-Id on initialize becomes the ID of the new session.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import express, { type Request, type Response } from 'express'
import { z } from 'zod'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  owner: string
  transport: StreamableHTTPServerTransport
  openedAt: number
  seenAt: number
}

const sessions: { [id: string]: Session } = Object.create(null)
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

function shopServer(): McpServer {
  const cart: string[] = []
  const server = new McpServer({ name: 'shop', version: '1.0.0' })
  server.registerTool('add_item', { description: 'Fill the cart', inputSchema: { item: z.string() } }, ({ item }) => {
    cart.push(item)
    return { content: [{ type: 'text', text: cart.join(', ') }] }
  })
  return server
}

async function initialize(req: Request, res: Response, owner: string): Promise<void> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => req.get('mcp-session-id') ?? randomUUID(),
//                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 the request header mcp-session-id becomes the session ID
    onsessioninitialized: (id) => {
      sessions[id] = { owner, transport, openedAt: Date.now(), seenAt: Date.now() }
    },
  })
  transport.onclose = () => {
    if (transport.sessionId) delete sessions[transport.sessionId]
  }
  await shopServer().connect(transport)
  await transport.handleRequest(req, res, req.body)
}

async function handle(req: Request, res: Response): Promise<void> {
  const user = principalOf(req)
  if (!user) return void res.status(401).set('WWW-Authenticate', 'Bearer').end()
  const session = sessions[req.get('mcp-session-id') ?? '']
  if (!session && isInitializeRequest(req.body)) return initialize(req, res, user)
//                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 the request comes in here
  if (!session || session.owner !== user) return void res.status(404).end()
  session.seenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of Object.entries(sessions)) {
    if (now - session.seenAt < IDLE_TIMEOUT_MS && now - session.openedAt < ABSOLUTE_TIMEOUT_MS) continue
    delete sessions[id]
    void session.transport.close()
  }
}, 60_000).unref()

const app = express()
app.use(localhostHostValidation())
app.use(express.json())
app.all('/mcp', handle)
const listener = app.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
