// Safe: the store hands out a session only together with the principal that opened it.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import Koa from 'koa'
import { z } from 'zod'
import { SessionStore } from './session-store.ts'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const store = new SessionStore()

function buildServer(): McpServer {
  const journal: string[] = []
  const server = new McpServer({ name: 'journal', version: '1.0.0' })
  server.registerTool('journal_add', { inputSchema: { entry: z.string() } }, async ({ entry }) => {
    journal.push(entry)
    return { content: [{ type: 'text', text: journal.join('\n') }] }
  })
  return server
}

async function openSession(owner: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => store.add(id, transport, owner),
  })
  transport.onclose = () => store.remove(transport.sessionId ?? '')
  await buildServer().connect(transport)
  return transport
}

const app = new Koa<{ user: string }>()

app.use(async (ctx, next) => {
  if (ctx.get('origin') === '') return next()
  ctx.status = 403
})

app.use(async (ctx, next) => {
  const user = users.get(digest(ctx.get('authorization').replace(/^Bearer /, '')))
  if (user === undefined) {
    ctx.status = 401
    return
  }
  ctx.state.user = user
  await next()
})

app.use(async (ctx) => {
  const id = ctx.get('mcp-session-id')
  if (id === '') {
    const transport = await openSession(ctx.state.user)
    ctx.respond = false
    return transport.handleRequest(ctx.req, ctx.res)
  }
  const session = store.find(id, ctx.state.user)
  if (session === undefined) {
    ctx.status = 404
    return
  }
  ctx.respond = false
  return session.transport.handleRequest(ctx.req, ctx.res)
})

setInterval(() => store.sweep(), 60_000).unref()

const listener = app.listen(PORT, HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
