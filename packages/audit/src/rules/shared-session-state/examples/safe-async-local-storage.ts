// Safe: the caller travels with the request's own asynchronous context, so a request that arrives meanwhile cannot replace it.
import { createHash, randomUUID } from 'node:crypto'
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { Hono } from 'hono'
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

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()
const currentUser = new AsyncLocalStorage<string>()

function buildServer(): McpServer {
  const server = new McpServer({ name: 'letters', version: '1.0.0' })
  server.registerTool('sign_letter', { inputSchema: { text: z.string() } }, async ({ text }) => {
    await sleep(100) // the spelling service takes its time
    const author = currentUser.getStore()
    return { content: [{ type: 'text', text: `${text}\n\nYours, ${author}` }] }
  })
  return server
}

async function openSession(owner: string): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { transport, owner, openedAt: Date.now(), usedAt: Date.now() })
    },
    onsessionclosed: (id) => {
      sessions.delete(id)
    },
  })
  await buildServer().connect(transport)
  return transport
}

const app = new Hono<{ Variables: { user: string } }>()

app.use(async (c, next) => {
  if (c.req.header('origin') !== undefined) return c.text('not for web pages', 403)
  await next()
})

app.use(async (c, next) => {
  const user = users.get(digest((c.req.header('authorization') ?? '').replace(/^Bearer /, '')))
  if (user === undefined) return c.body(null, 401)
  c.set('user', user)
  return currentUser.run(user, next)
})

app.on(['POST', 'GET', 'DELETE'], '/mcp', async (c) => {
  const id = c.req.header('mcp-session-id')
  if (id === undefined) {
    const transport = await openSession(c.get('user'))
    return transport.handleRequest(c.req.raw)
  }
  const session = sessions.get(id)
  if (session === undefined || session.owner !== c.get('user')) return c.body(null, 404)
  session.usedAt = Date.now()
  return session.transport.handleRequest(c.req.raw)
})

function isExpired({ openedAt, usedAt }: Session, now: number): boolean {
  return now - usedAt > IDLE_TIMEOUT_MS || now - openedAt > ABSOLUTE_TIMEOUT_MS
}

setInterval(() => {
  for (const [id, session] of sessions) {
    if (!isExpired(session, Date.now())) continue
    sessions.delete(id)
    void session.transport.close()
  }
}, 60_000).unref()

serve({ fetch: app.fetch, hostname: HOST, port: PORT }, ({ port }) => console.log(`listening on ${port}`))
