// Vulnerable: the sweep in `sessions.ts` deletes by user name from a map keyed by session ID, so nothing ever expires.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import Koa from 'koa'
import { z } from 'zod'
import { SessionRegistry, usedAt } from './sessions.ts'

const host = '127.0.0.1'
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))
const registry = new SessionRegistry({
  idleTimeoutMs: Number(process.env.IDLE_TIMEOUT_MS ?? 15 * 60_000),
  absoluteTimeoutMs: Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000),
})

const app = new Koa<{ user: string }>()

app.use(async (ctx, next) => {
  if (ctx.get('origin') === '') return next()
  ctx.status = 403
})

app.use(async (ctx, next) => {
  const user = users.get(sha256(ctx.get('authorization').replace('Bearer ', '')))
  if (user === undefined) return ctx.throw(401)
  ctx.state.user = user
  await next()
})

app.use(async (ctx) => {
  if (ctx.path !== '/mcp') return ctx.throw(404)
  const { user } = ctx.state
  const id = ctx.get('mcp-session-id')
  const opening = id === '' && ctx.method === 'POST'
  const session = opening ? await registry.open(user, createScoreServer()) : registry.resume(id, user)
  if (session === undefined) return ctx.throw(404, 'session not found')
  ctx.respond = false
  usedAt.set(session.transport, Date.now())
  await session.transport.handleRequest(ctx.req, ctx.res)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function createScoreServer(): McpServer {
  let score = 0
  const server = new McpServer({ name: 'score', version: '1.0.0' })
  server.registerTool('score_add', { inputSchema: { points: z.int() } }, ({ points }) => {
    score += points
    return { content: [{ type: 'text', text: String(score) }] }
  })
  server.registerTool('score', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: String(score) }],
  }))
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
