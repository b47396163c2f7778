// Vulnerable: eight characters of a good UUID are 32 bits, few enough to try them all.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import Koa, { type Context } from 'koa'
import { shortId } from './ids.ts'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function principalOf(ctx: Context): string | undefined {
  const presented = digest(ctx.get('authorization').replace(/^Bearer /, ''))
  return Object.keys(tokens).find((user) => timingSafeEqual(digest(tokens[user] ?? ''), presented))
}

async function openSession(owner: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: shortId,
    onsessioninitialized: (id) => {
      sessions.set(id, { owner, transport, openedAt: Date.now(), seenAt: Date.now() })
    },
  })
  transport.onclose = () => {
    if (transport.sessionId) sessions.delete(transport.sessionId)
  }
  const server = new McpServer({ name: 'dice', version: '1.0.0' })
  server.registerTool('roll', { description: 'Roll a die' }, () => ({
    content: [{ type: 'text', text: `${owner} rolled ${1 + Math.floor(Math.random() * 6)}` }],
  }))
  await server.connect(transport)
  return transport
}

/** The live session of this ID, or undefined if it is unknown, somebody else's, or over; the last is closed on the way. */
function sessionFor(user: string, id: string): Session | undefined {
  const session = sessions.get(id)
  if (!session || session.owner !== user) return undefined
  const now = Date.now()
  if (now - session.seenAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
    sessions.delete(id)
    void session.transport.close()
    return undefined
  }
  session.seenAt = now
  return session
}

const app = new Koa()

app.use(async (ctx, next) => {
  if (ctx.get('origin') === '') return next()
  ctx.status = 403
})

app.use(async (ctx) => {
  if (ctx.path !== '/mcp') return
  const user = principalOf(ctx)
  if (!user) return ctx.throw(401)
  const id = ctx.get('mcp-session-id')
  if (!id && ctx.method !== 'POST') return ctx.throw(400)
  const transport = id ? sessionFor(user, id)?.transport : await openSession(user)
  if (!transport) return ctx.throw(404)
  ctx.respond = false
  await transport.handleRequest(ctx.req, ctx.res)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
