// Safe: each request first closes what has been idle too long and what is too old, and use makes nothing younger.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
import { z } from 'zod'

interface Session {
  readonly user: string
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const hostname = '127.0.0.1'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const secrets = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' })
const userByDigest = new Map(Object.entries<string>(JSON.parse(secrets)).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()

const app = new Hono<{ Variables: { user: string } }>()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.use(async (c, next) => {
  const user = userByDigest.get(digest(c.req.header('authorization')?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return c.body(null, 401, { 'www-authenticate': 'Bearer' })
  c.set('user', user)
  await next()
})

app.post('/mcp', async (c) => {
  const id = c.req.header('mcp-session-id')
  const session = id === undefined ? await open(c.var.user) : find(id, c.var.user)
  return session?.transport.handleRequest(c.req.raw) ?? c.notFound()
})
app.on(['GET', 'DELETE'], '/mcp', async (c) => {
  const session = find(c.req.header('mcp-session-id') ?? '', c.var.user)
  return session?.transport.handleRequest(c.req.raw) ?? c.notFound()
})

serve({ fetch: app.fetch, hostname, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

async function open(user: string): Promise<Session> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  transport.onclose = () => sessions.delete(transport.sessionId ?? '')
  const session: Session = { user, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await createDraftServer().connect(transport)
  return session
}

/** The caller's own session, unless its time is up; expired ones are closed on the way. */
function find(id: string, user: string): Session | undefined {
  closeExpired()
  const session = sessions.get(id)
  if (session?.user !== user) return undefined
  session.lastSeenAt = Date.now()
  return session
}

function closeExpired(): void {
  for (const session of sessions.values()) {
    if (isExpired(session, Date.now())) void session.transport.close()
  }
}

function isExpired(session: Session, now: number): boolean {
  return now - session.lastSeenAt > idleTimeoutMs || now - session.openedAt > absoluteTimeoutMs
}

function createDraftServer(): McpServer {
  let draft = ''
  const server = new McpServer({ name: 'draft', version: '0.9.0' })
  server.registerTool('draft_put', { inputSchema: { text: z.string() } }, ({ text }) => {
    draft = text
    return { content: [{ type: 'text', text: 'saved' }] }
  })
  server.registerTool('draft_get', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: draft }],
  }))
  return server
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
