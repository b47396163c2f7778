// Vulnerable: only messages are compared with the session's owner; whoever knows the ID may read the event stream and end the session.
import { createHash, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono, type Context } from 'hono'
import { z } from 'zod'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  transport: WebStandardStreamableHTTPServerTransport
  owner: string
  openedAt: number
  usedAt: number
}

type Env = { Variables: { user: string } }

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions: Record<string, Session | undefined> = {}

function buildServer(): McpServer {
  const reminders: string[] = []
  const server = new McpServer({ name: 'reminders', version: '1.0.0' })
  server.registerTool('remind', { inputSchema: { what: z.string() } }, async ({ what }) => {
    reminders.push(what)
    return { content: [{ type: 'text', text: reminders.join('\n') }] }
  })
  return server
}

async function openSession(owner: string): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => {
      sessions[id] = { transport, owner, openedAt: Date.now(), usedAt: Date.now() }
    },
    onsessionclosed: (id) => {
      delete sessions[id]
    },
  })
  await buildServer().connect(transport)
  return transport
}

function sessionOf(c: Context<Env>): Session | undefined {
  const session = sessions[c.req.header('mcp-session-id') ?? '']
  if (session === undefined || session.owner !== c.get('user')) return undefined
  session.usedAt = Date.now()
  return session
}

const app = new Hono<Env>()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.use(async (c, next) => {
  const user = users.get(digest((c.req.header('authorization') ?? '').replace(/^Bearer /, '')))
  if (user === undefined) return c.body(null, 401)
  c.set('user', user)
  return next()
})

app.post('/mcp', async (c) => {
  if (c.req.header('mcp-session-id') === undefined) return (await openSession(c.get('user'))).handleRequest(c.req.raw)
  const session = sessionOf(c)
  return session === undefined ? c.body(null, 404) : session.transport.handleRequest(c.req.raw)
})

app.on(['GET', 'DELETE'], '/mcp', async (c) => {
  const session = sessions[c.req.header('mcp-session-id') ?? '']
//                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 looked up by its ID alone
  return session === undefined ? c.body(null, 404) : session.transport.handleRequest(c.req.raw)
//                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 served without comparing the owner
})

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of Object.entries(sessions)) {
    if (session === undefined) continue
    if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
      delete sessions[id]
      void session.transport.close()
    }
  }
}, 60_000).unref()

serve({ fetch: app.fetch, hostname: HOST, port: PORT }, ({ port }) => console.log(`listening on ${port}`))
