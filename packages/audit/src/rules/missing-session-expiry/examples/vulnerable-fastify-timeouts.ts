// Vulnerable: a timer ends each session after a day, but one that its user has left stays open until then.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify, { type FastifyRequest } from 'fastify'
import { z } from 'zod'

declare module 'fastify' {
  interface FastifyRequest {
    user: string
  }
}

interface Session {
  readonly user: string
  readonly transport: StreamableHTTPServerTransport
}

const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 24 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))
const sessions: Partial<Record<string, Session>> = {}
//                                                 ^^ 1 sessions are kept here

const app = fastify({ forceCloseConnections: true })

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})
app.decorateRequest('user', '')
app.addHook('onRequest', async (request, reply) => {
  const user = users.get(sha256(request.headers.authorization?.replace('Bearer ', '') ?? ''))
  if (user === undefined) return reply.code(401).send({ error: 'unauthorized' })
  request.user = user
})

app.route({
  method: ['GET', 'POST', 'DELETE'],
  url: '/mcp',
  handler: async (request, reply) => {
    const session = isOpening(request) ? await openSession(request.user) : findSession(request)
    if (session === undefined) return reply.code(404).send({ error: 'session not found' })
    reply.hijack()
    await session.transport.handleRequest(request.raw, reply.raw, request.body)
    return reply
  },
})

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)

function isOpening(request: FastifyRequest): boolean {
  return request.method === 'POST' && request.headers['mcp-session-id'] === undefined
}

async function openSession(user: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void (sessions[id] = session),
  })
  const absoluteTimer = setTimeout(() => transport.close(), absoluteTimeoutMs)
//                                       ^^^^^^^^^^^^^^^^^ 2 only the absolute timeout
  transport.onclose = () => {
    clearTimeout(absoluteTimer)
    delete sessions[transport.sessionId ?? '']
  }
  const session: Session = { user, transport }
  await createCartServer().connect(transport)
  return session
}

function findSession(request: FastifyRequest): Session | undefined {
  const session = sessions[String(request.headers['mcp-session-id'])]
  if (session?.user !== request.user) return undefined
  return session
}

function createCartServer(): McpServer {
  const items: string[] = []
  const server = new McpServer({ name: 'cart', version: '3.0.0' })
  server.registerTool('cart_add', { inputSchema: { item: z.string() } }, ({ item }) => {
    items.push(item)
    return { content: [{ type: 'text', text: `${items.length} items` }] }
  })
  server.registerTool('cart_list', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: items.join('\n') }],
  }))
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
