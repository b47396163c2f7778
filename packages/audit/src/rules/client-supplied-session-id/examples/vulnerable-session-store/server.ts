// Vulnerable: the store mints an ID only if the client has not brought one along.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { SessionStore } from './session-store.ts'

const store = new SessionStore()
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function principalOf(request: FastifyRequest): string | undefined {
  const presented = digest((request.headers.authorization ?? '').replace(/^Bearer /, ''))
  return Object.keys(tokens).find((user) => timingSafeEqual(digest(tokens[user] ?? ''), presented))
}

function sessionIdOf(request: FastifyRequest): string | undefined {
  const id = request.headers['mcp-session-id']
  return typeof id === 'string' ? id : undefined
}

async function openSession(owner: string, request: FastifyRequest): Promise<StreamableHTTPServerTransport> {
  const session = store.open(owner, sessionIdOf(request))
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => session.id })
//                                                                          ^^^^^^^^^^^^^^^^ 2 the request header mcp-session-id becomes the session ID
  transport.onclose = () => store.close(session.id)
  session.transport = transport
  const server = new McpServer({ name: 'echo', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Say who is asking' }, () => ({
    content: [{ type: 'text', text: owner }],
  }))
  await server.connect(transport)
  return transport
}

async function handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const user = principalOf(request)
  if (!user) return reply.code(401).header('WWW-Authenticate', 'Bearer').send()
  const id = sessionIdOf(request)
  const session = id === undefined ? undefined : store.find(id)
  if (session && session.owner !== user) return reply.code(404).send()
  if (!session && !isInitializeRequest(request.body)) return reply.code(id === undefined ? 400 : 404).send()
  if (session) session.seenAt = Date.now()
  const transport = session?.transport ?? (await openSession(user, request))
//                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 the request comes in here
  reply.hijack()
  return transport.handleRequest(request.raw, reply.raw, request.body)
}

setInterval(() => store.closeExpired(Date.now()), 60_000).unref()

const app = Fastify()

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})
app.route({ method: ['GET', 'POST', 'DELETE'], url: '/mcp', handler: handle })
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`listening on ${(app.server.address() as AddressInfo).port}`)
