// Vulnerable: `serve` without a hostname listens on every interface, and bearer tokens reach it over plain HTTP.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'

interface Session {
  user: string
  transport: WebStandardStreamableHTTPServerTransport
  openedAt: number
  lastSeenAt: number
}

const limits = {
  idleTimeoutMs: Number(process.env.IDLE_TIMEOUT_MS ?? 20 * 60_000),
  absoluteTimeoutMs: Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000),
}
const secrets = process.env.TOKENS ?? JSON.stringify({ [randomBytes(24).toString('base64url')]: 'alice' })
const usersByDigest = new Map<string, string>()
for (const [token, user] of Object.entries<string>(JSON.parse(secrets))) usersByDigest.set(fingerprint(token), user)

const sessions = new Map<string, Session>()

const authenticated = createMiddleware<{ Variables: { user: string } }>(async (c, next) => {
  const [scheme, token] = (c.req.header('authorization') ?? '').split(' ')
  const user = usersByDigest.get(fingerprint(token ?? ''))
  if (scheme !== 'Bearer' || user === undefined) return c.text('Unauthorized', 401)
  c.set('user', user)
  return next()
})

const app = new Hono()
// TLS ends at the proxy in front, which says so; what comes without it is refused.
app.use(async (c, next) => {
  if (c.req.header('x-forwarded-proto') !== 'https') return c.body(null, 426, { Upgrade: 'TLS/1.2' })
  return next()
})

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})
app.all('/mcp', authenticated, async (c) => {
  const id = c.req.header('mcp-session-id')
  const opening = id === undefined && c.req.method === 'POST'
  const session = opening ? await open(c.var.user) : sessions.get(id ?? '')
  if (session === undefined || session.user !== c.var.user) return c.json({ error: 'no such session' }, 404)
  session.lastSeenAt = Date.now()
  return session.transport.handleRequest(c.req.raw)
})

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, (info) => {
  console.log(`listening on ${info.port}`)
})
setInterval(closeExpired, 1_000).unref()

async function open(user: string): Promise<Session> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
    onsessionclosed: (id) => void sessions.delete(id),
  })
  const session: Session = { user, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await createDice().connect(transport)
  return session
}

async function closeExpired(): Promise<void> {
  const now = Date.now()
  for (const [id, session] of sessions) {
    const idle = now - session.lastSeenAt > limits.idleTimeoutMs
    const old = now - session.openedAt > limits.absoluteTimeoutMs
    if (!idle && !old) continue
    sessions.delete(id)
    await session.transport.close()
  }
}

function createDice(): McpServer {
  const server = new McpServer({ name: 'dice', version: '0.3.0' })
  server.registerTool('roll', { description: 'Rolls one die' }, () => ({
    content: [{ type: 'text', text: String(1 + ((randomBytes(1)[0] ?? 0) % 6)) }],
  }))
  return server
}

function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
