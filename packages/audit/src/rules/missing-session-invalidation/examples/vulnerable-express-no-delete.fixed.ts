// Vulnerable: DELETE is not served and nobody listens to `onclose`, so a session that its client has left goes on until the clock ends it.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type NextFunction, type Request, type Response } from 'express'
import { z } from 'zod'

interface Session {
  user: string
  transport: StreamableHTTPServerTransport
  openedAt: number
  lastSeenAt: number
}

const host = '127.0.0.1'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))
const sessions = new Map<string, Session>()

const app = express()
app.use(localhostHostValidation())
app.use(authenticate, express.json())

app.post('/mcp', async (req, res) => {
  if (req.get('mcp-session-id') !== undefined) return forward(req, res)
  const transport = await openTransport(res.locals.user)
  await transport.handleRequest(req, res, req.body)
})

app.get('/mcp', forward)
app.delete('/mcp', forward)

const listener = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
setInterval(sweep, 1_000).unref()

function authenticate(req: Request, res: Response, next: NextFunction): void {
  res.locals.user = users.get(sha256(req.get('authorization')?.replace('Bearer ', '') ?? ''))
  if (res.locals.user === undefined) return void res.sendStatus(401)
  next()
}

async function openTransport(user: string): Promise<StreamableHTTPServerTransport> {
  const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { user, transport, openedAt: Date.now(), lastSeenAt: Date.now() })
    },
  })
  transport.onclose = () => {
    if (transport.sessionId) sessions.delete(transport.sessionId)
  }
  await createVault().connect(transport)
  return transport
}

function find(req: Request, res: Response): Session | undefined {
  const session = sessions.get(req.get('mcp-session-id') ?? '')
  return session?.user === res.locals.user ? session : undefined
}

async function forward(req: Request, res: Response): Promise<void> {
  const session = find(req, res)
  if (session === undefined) return void res.sendStatus(404)
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

function sweep(): void {
  const now = Date.now()
  for (const [id, session] of sessions) {
    if (now - session.lastSeenAt <= idleTimeoutMs && now - session.openedAt <= absoluteTimeoutMs) continue
    sessions.delete(id)
    void session.transport.close()
  }
}

function createVault(): McpServer {
  let secret = ''
  const server = new McpServer({ name: 'vault', version: '1.0.0' })
  server.registerTool('vault_put', { inputSchema: { text: z.string() } }, ({ text }) => {
    secret = text
    return { content: [{ type: 'text', text: 'stored' }] }
  })
  server.registerTool('vault_get', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: secret }],
  }))
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
