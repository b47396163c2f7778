// Vulnerable: HSTS means nothing over plain HTTP, and this server sends it and then serves whoever asks in clear.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'

declare module 'fastify' {
  interface FastifyRequest {
    user: string
  }
}

interface Session {
  user: string
  transport: StreamableHTTPServerTransport
  timers: { idle: NodeJS.Timeout; absolute: NodeJS.Timeout }
}

const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 10 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 2 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))
const sessions = new Map<string, Session>()

const app = fastify({ trustProxy: 'loopback', forceCloseConnections: true })
// TLS ends at the proxy in front, which says so; what comes without it is refused.
app.addHook('onRequest', (request, reply, done) => {
  if (request.headers['x-forwarded-proto'] !== 'https') reply.code(426).header('Upgrade', 'TLS/1.2').send()
  else done()
})

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})
app.decorateRequest('user', '')

app.addHook('onRequest', async (_request, reply) => {
  reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains')
})

app.addHook('onRequest', async (request, reply) => {
  const user = users.get(sha256(request.headers.authorization?.slice(7) ?? ''))
  if (user === undefined) return reply.code(401).send({ error: 'unauthorized' })
  request.user = user
})

app.post('/mcp', async (request, reply) => {
  const id = request.headers['mcp-session-id']
  return forward(id === undefined ? await open(request.user) : find(request), request, reply)
})
app.route({
  method: ['GET', 'DELETE'],
  url: '/mcp',
  handler: (request, reply) => forward(find(request), request, reply),
})

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '0.0.0.0' })
console.log(`listening on ${new URL(address).port}`)

async function open(user: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  const close = () => void transport.close()
  const timers = { idle: setTimeout(close, idleTimeoutMs), absolute: setTimeout(close, absoluteTimeoutMs) }
  const session: Session = { user, transport, timers }
  transport.onclose = () => {
    clearTimeout(timers.idle)
    clearTimeout(timers.absolute)
    sessions.delete(transport.sessionId ?? '')
  }
  await createCounter().connect(transport)
  return session
}

function find(request: FastifyRequest): Session | undefined {
  const session = sessions.get(String(request.headers['mcp-session-id']))
  if (session?.user !== request.user) return undefined
  session.timers.idle.refresh()
  return session
}

async function forward(session: Session | undefined, request: FastifyRequest, reply: FastifyReply) {
  if (session === undefined) return reply.code(404).send({ error: 'session not found' })
  reply.hijack()
  await session.transport.handleRequest(request.raw, reply.raw, request.body)
  return reply
}

function createCounter(): McpServer {
  let total = 0
  const server = new McpServer({ name: 'counter', version: '1.0.0' })
  server.registerTool('add', { inputSchema: { amount: z.number() } }, ({ amount }) => {
    total += amount
    return { content: [{ type: 'text', text: String(total) }] }
  })
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
