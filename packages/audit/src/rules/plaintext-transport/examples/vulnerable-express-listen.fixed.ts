// Vulnerable: `app.listen(port)` names no host, so tokens and session IDs are served in clear on every interface.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { hostHeaderValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type NextFunction, type Request, type Response } from 'express'
import { z } from 'zod'

interface Session {
  readonly user: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const port = Number(process.env.PORT ?? 3000)
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()

const app = express()
// TLS ends at the proxy in front, which says so; what comes without it is refused.
app.use((req, res, next) => {
  if (req.headers['x-forwarded-proto'] !== 'https') res.status(426).set('Upgrade', 'TLS/1.2').end()
  else next()
})
app.use(hostHeaderValidation(['notes.example', 'localhost', '127.0.0.1']))
app.use(authenticate, express.json())

app.post('/mcp', async (req, res) => {
  const id = req.get('mcp-session-id')
  const session = id === undefined ? await open(res.locals.user) : find(id, res.locals.user)
  await serve(session, req, res)
})
app.get('/mcp', (req, res) => serve(find(req.get('mcp-session-id'), res.locals.user), req, res))
app.delete('/mcp', (req, res) => serve(find(req.get('mcp-session-id'), res.locals.user), req, res))

const listener = app.listen(port, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
setInterval(sweep, 1_000).unref()

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const user = users.get(digest(req.get('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (user === undefined) return void res.status(401).set('www-authenticate', 'Bearer').end()
  res.locals.user = user
  next()
}

async function open(user: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  const session: Session = { user, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  transport.onclose = () => sessions.delete(transport.sessionId ?? '')
  await createNotes().connect(transport)
  return session
}

function find(id: string | undefined, user: string): Session | undefined {
  const session = sessions.get(id ?? '')
  return session?.user === user ? session : undefined
}

async function serve(session: Session | undefined, req: Request, res: Response): Promise<void> {
  if (session === undefined) return void res.status(404).json({ error: 'session not found' })
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

function sweep(): void {
  const now = Date.now()
  for (const { transport, openedAt, lastSeenAt } of sessions.values()) {
    if (now - lastSeenAt > idleTimeoutMs || now - openedAt > absoluteTimeoutMs) void transport.close()
  }
}

function createNotes(): McpServer {
  const notes: string[] = []
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('note_put', { inputSchema: { text: z.string() } }, ({ text }) => {
    notes.push(text)
    return { content: [{ type: 'text', text: 'kept' }] }
  })
  server.registerTool('note_get', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: notes.join('\n') }],
  }))
  return server
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
