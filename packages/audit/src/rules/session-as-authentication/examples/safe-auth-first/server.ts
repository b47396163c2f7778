// Safe: the token is verified on every request, before the session ID is looked at.
import { randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
import { z } from 'zod'
import { verifyBearer } from './auth.ts'

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

const sessions = new Map<string, Session>()

function buildServer(): McpServer {
  const tasks: string[] = []
  const server = new McpServer({ name: 'tasks', version: '1.0.0' })
  server.registerTool('task_add', { inputSchema: { task: z.string() } }, async ({ task }) => {
    tasks.push(task)
    return { content: [{ type: 'text', text: tasks.join('\n') }] }
  })
  return server
}

async function openSession(owner: string): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { transport, owner, openedAt: Date.now(), usedAt: Date.now() })
    },
  })
  transport.onclose = () => sessions.delete(transport.sessionId ?? '')
  await buildServer().connect(transport)
  return transport
}

const app = new Hono()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.all('/mcp', async (c) => {
  const user = verifyBearer(c.req.header('authorization'))
  if (user === undefined) return c.body(null, 401)
  const id = c.req.header('mcp-session-id')
  if (id !== undefined) {
    const session = sessions.get(id)
    if (session === undefined || session.owner !== user) return c.body(null, 404)
    session.usedAt = Date.now()
    return session.transport.handleRequest(c.req.raw)
  }
  const transport = await openSession(user)
  return transport.handleRequest(c.req.raw)
})

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of sessions) {
    if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
      sessions.delete(id)
      void session.transport.close()
    }
  }
}, 60_000).unref()

serve({ fetch: app.fetch, hostname: HOST, port: PORT }, ({ port }) => console.log(`listening on ${port}`))
