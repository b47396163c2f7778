// Vulnerable: the end of a session, by DELETE or by time, only forgets its entry, and the open stream goes on.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'

interface Session {
  readonly user: string
  readonly server: McpServer
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const hostname = '127.0.0.1'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const secrets = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(secrets)).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()
//               ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 sessions are kept here

const app = new Hono<{ Variables: { user: string } }>()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.use(async (c, next) => {
  const user = users.get(digest(c.req.header('authorization')?.replace('Bearer ', '') ?? ''))
  if (user === undefined) return c.body(null, 401)
  c.set('user', user)
  await next()
})

app.on(['POST', 'GET'], '/mcp', async (c) => {
  const id = c.req.header('mcp-session-id')
  const opening = id === undefined && c.req.method === 'POST'
  const session = opening ? await openSession(c.var.user) : findSession(id, c.var.user)
  if (session === undefined) return c.notFound()
  session.lastSeenAt = Date.now()
  return session.transport.handleRequest(c.req.raw)
})

app.delete('/mcp', (c) => {
  const id = c.req.header('mcp-session-id')
  const session = findSession(id, c.var.user)
  if (id === undefined || session === undefined) return c.notFound()
  endSession(id, session)
  return c.body(null, 204)
})

serve({ fetch: app.fetch, hostname, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of sessions) {
    const isExpired = now - session.lastSeenAt > idleTimeoutMs || now - session.openedAt > absoluteTimeoutMs
    if (isExpired) endSession(id, session)
  }
}, 1_000).unref()

async function openSession(user: string): Promise<Session> {
  const server = createPriceServer()
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  const session: Session = { user, server, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await server.connect(transport)
  return session
}

function findSession(id: string | undefined, user: string): Session | undefined {
  const session = sessions.get(id ?? '')
  return session?.user === user ? session : undefined
}

function endSession(id: string, _session: Session): void {
  sessions.delete(id)
//^^^^^^^^^^^^^^^^^^^ 2 removed, and left open
}

/** Sends its client a price every second for as long as the connection is open. */
function createPriceServer(): McpServer {
  const server = new McpServer({ name: 'prices', version: '1.0.0' }, { capabilities: { logging: {} } })
  const send = () => server.sendLoggingMessage({ level: 'info', data: { price: 100 + (randomBytes(1)[0] ?? 0) } })
  const timer = setInterval(() => void send().catch(() => clearInterval(timer)), 1_000)
  server.server.onclose = () => clearInterval(timer)
  return server
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
