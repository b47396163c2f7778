// Vulnerable: a version 1 UUID is a clock reading and the machine's address, not a secret.
import { createSecretKey, randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
import { jwtVerify } from 'jose'
import { v4 as uuid } from 'uuid'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000
const key = createSecretKey(process.env.JWT_SECRET ?? randomBytes(32).toString('hex'), 'utf8')

class Session {
  readonly openedAt = Date.now()
  seenAt = Date.now()
  readonly owner: string
  readonly transport: WebStandardStreamableHTTPServerTransport

  constructor(owner: string, transport: WebStandardStreamableHTTPServerTransport) {
    this.owner = owner
    this.transport = transport
  }

  isExpired(now: number): boolean {
    return now - this.seenAt > IDLE_TIMEOUT_MS || now - this.openedAt > ABSOLUTE_TIMEOUT_MS
  }
}

const sessions = new Map<string, Session>()

async function principalOf(authorization: string | undefined): Promise<string | undefined> {
  const token = authorization?.match(/^Bearer (.+)$/)?.[1]
  if (!token) return undefined
  const options = { algorithms: ['HS256'], issuer: 'https://id.example', audience: 'https://clock.example/mcp' }
  const verified = await jwtVerify(token, key, { ...options, requiredClaims: ['exp', 'sub'] }).catch(() => undefined)
  return verified?.payload.sub
}

function clockServer(owner: string): McpServer {
  const server = new McpServer({ name: 'clock', version: '1.0.0' })
  server.registerTool('time', { description: 'The time of day' }, () => ({
    content: [{ type: 'text', text: `${owner}: ${new Date().toISOString()}` }],
  }))
  return server
}

async function openSession(owner: string): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: uuid,
    onsessioninitialized: (id) => void sessions.set(id, new Session(owner, transport)),
  })
  transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
  await clockServer(owner).connect(transport)
  return transport
}

const app = new Hono()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.all('/mcp', async (c) => {
  const user = await principalOf(c.req.header('authorization'))
  if (!user) return c.body(null, 401, { 'WWW-Authenticate': 'Bearer' })
  const id = c.req.header('mcp-session-id')
  if (!id) {
    if (c.req.method !== 'POST') return c.body(null, 400)
    return (await openSession(user)).handleRequest(c.req.raw)
  }
  const session = sessions.get(id)
  if (!session || session.owner !== user) return c.body(null, 404)
  session.seenAt = Date.now()
  return session.transport.handleRequest(c.req.raw)
})

setInterval(() => {
  for (const [id, session] of sessions) {
    if (!session.isExpired(Date.now())) continue
    sessions.delete(id)
    void session.transport.close()
  }
}, 30_000).unref()

serve({ fetch: app.fetch, hostname: HOST, port: Number(process.env.PORT ?? 3000) }, (info) => {
  console.log(`listening on ${info.port}`)
})
