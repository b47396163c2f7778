// Safe: the person is proven beside the team on every request, so no session is older than its user.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Request, Response } from 'express'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  readonly team: string
  readonly user: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
const teamTokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ sales: randomBytes(32).toString('hex') }),
)
const userKeys: Record<string, string> = JSON.parse(
  process.env.USER_KEYS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function nameOf(secret: string, known: Record<string, string>): string | undefined {
  return Object.keys(known).find((name) => timingSafeEqual(digest(known[name] ?? ''), digest(secret)))
}

const userOf = (req: Request) => nameOf(req.get('x-user-key') ?? '', userKeys)
const teamOf = (req: Request) => nameOf(req.get('authorization')?.replace(/^Bearer /, '') ?? '', teamTokens)
const say = (text: string) => ({ content: [{ type: 'text' as const, text }] })

function crmServer(user: string): McpServer {
  const server = new McpServer({ name: 'crm', version: '1.0.0' })
  server.registerTool('whoami', { description: 'The person acting' }, () => say(`acting as ${user}`))
  server.registerTool('customers', { description: 'My customers' }, () => say(`customers of ${user}`))
  return server
}

async function openSession(team: string, user: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { team, user, transport, openedAt: Date.now(), seenAt: Date.now() })
    },
  })
  transport.onclose = () => {
    if (transport.sessionId) sessions.delete(transport.sessionId)
  }
  await crmServer(user).connect(transport)
  return transport
}

async function handle(req: Request, res: Response): Promise<void> {
  const team = teamOf(req)
  const user = userOf(req)
  if (!team || !user) return void res.status(401).set('WWW-Authenticate', 'Bearer').end()
  const id = req.get('mcp-session-id')
  if (!id && isInitializeRequest(req.body)) return (await openSession(team, user)).handleRequest(req, res, req.body)
  if (!id) return void res.status(400).end()
  const session = sessions.get(id)
  if (!session || session.team !== team || session.user !== user) return void res.status(404).end()
  session.seenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

setInterval(() => {
  const now = Date.now()
  for (const { transport, seenAt, openedAt } of sessions.values()) {
    if (now - seenAt > IDLE_TIMEOUT_MS || now - openedAt > ABSOLUTE_TIMEOUT_MS) void transport.close()
  }
}, 60_000).unref()

const app = createMcpExpressApp({ host: HOST })
app.all('/mcp', handle)
const listener = app.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
