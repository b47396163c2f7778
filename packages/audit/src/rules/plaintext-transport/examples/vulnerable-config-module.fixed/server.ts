// Vulnerable: the host comes from another module, whose default parameter is `0.0.0.0`, and nothing here asks for TLS.
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import Koa from 'koa'
import { digest, loadConfig } from './config.ts'

interface Session {
  readonly user: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const config = loadConfig()
const sessions: Record<string, Session> = Object.create(null)

const app = new Koa<{ user: string }>()
// TLS ends at the proxy in front, which says so; what comes without it is refused.
app.use(async (ctx, next) => {
  if (!(ctx.headers['x-forwarded-proto'] !== 'https')) return next()
  ctx.status = 426
  ctx.set('Upgrade', 'TLS/1.2')
})

app.use(async (ctx, next) => {
  if (ctx.get('origin') === '') return next()
  ctx.status = 403
})

app.use(async (ctx, next) => {
  const user = config.users.get(digest(ctx.get('authorization').replace('Bearer ', '')))
  if (user === undefined) return ctx.throw(401, 'a bearer token is required')
  ctx.state.user = user
  await next()
})

app.use(async (ctx) => {
  if (ctx.path !== '/mcp') return ctx.throw(404)
  const id = ctx.get('mcp-session-id')
  const session = id === '' && ctx.method === 'POST' ? await openSession(ctx.state.user) : sessions[id]
  if (session?.user !== ctx.state.user) return ctx.throw(404, 'session not found')
  session.lastSeenAt = Date.now()
  ctx.respond = false
  await session.transport.handleRequest(ctx.req, ctx.res)
})

const listener = app.listen(config.port, config.host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

setInterval(() => {
  for (const session of Object.values(sessions)) if (isExpired(session, Date.now())) void session.transport.close()
}, 1_000).unref()

function isExpired(session: Session, now: number): boolean {
  return now - session.lastSeenAt > config.idleTimeoutMs || now - session.openedAt > config.absoluteTimeoutMs
}

async function openSession(user: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void (sessions[id] = session),
  })
  const session: Session = { user, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  transport.onclose = () => {
    if (transport.sessionId !== undefined) delete sessions[transport.sessionId]
  }
  await createGreeter(user).connect(transport)
  return session
}

function createGreeter(user: string): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1.4.0' })
  server.registerTool('greet', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: `Hello, ${user}` }],
  }))
  return server
}
