// Safe: the ID a client names is kept as a note beside the session, whose own ID is minted afresh.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { type InitializeRequest, isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import { Hono } from 'hono'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  owner: string
  transport: WebStandardStreamableHTTPServerTransport
  resumes: string | undefined
  openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function principalOf(authorization = ''): string | undefined {
  const presented = digest(authorization.replace(/^Bearer /, ''))
  return Object.entries(tokens).find(([, token]) => timingSafeEqual(digest(token), presented))?.[0]
}

/** Clients that lost their connection name the session they had. */
function previousSession(request: InitializeRequest): string | undefined {
  const previous = request.params._meta?.['example.com/previousSession']
  return typeof previous === 'string' && !sessions.has(previous) ? previous : undefined
}

async function openSession(owner: string, request: InitializeRequest) {
  const resumes = previousSession(request)
  return connect(owner, randomUUID(), resumes)
}

async function connect(owner: string, id: string, resumes: string | undefined) {
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => id })
  sessions.set(id, { owner, transport, resumes, openedAt: Date.now(), seenAt: Date.now() })
  transport.onclose = () => {
    sessions.delete(id)
  }
  const server = new McpServer({ name: 'weather', version: '1.0.0' })
  server.registerTool('forecast', { description: 'Tomorrow, roughly' }, () => ({
    content: [{ type: 'text', text: resumes ? 'still rain' : 'rain' }],
  }))
  await server.connect(transport)
  return transport
}

const app = new Hono()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.on(['GET', 'POST', 'DELETE'], '/mcp', async (c) => {
  const user = principalOf(c.req.header('authorization'))
  if (!user) return c.body(null, 401, { 'WWW-Authenticate': 'Bearer' })
  const id = c.req.header('mcp-session-id')
  if (id) {
    const session = sessions.get(id)
    if (!session || session.owner !== user) return c.body(null, 404)
    session.seenAt = Date.now()
    return session.transport.handleRequest(c.req.raw)
  }
  const body: unknown = await c.req.json().catch(() => undefined)
  if (!isInitializeRequest(body)) return c.body(null, 400)
  const transport = await openSession(user, body)
  return transport.handleRequest(c.req.raw, { parsedBody: body })
})

setInterval(() => {
  for (const { transport, seenAt, openedAt } of sessions.values()) {
    const now = Date.now()
    if (now - seenAt > IDLE_TIMEOUT_MS || now - openedAt > ABSOLUTE_TIMEOUT_MS) void transport.close()
  }
}, 60_000).unref()

serve({ fetch: app.fetch, hostname: HOST, port: Number(process.env.PORT ?? 3000) }, (info) => {
  console.log(`listening on ${info.port}`)
})
