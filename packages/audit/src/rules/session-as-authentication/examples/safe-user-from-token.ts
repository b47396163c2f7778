// Safe: who is calling comes from the token of this very request; the session is asked only whether it belongs to that caller.
import { createHash, randomUUID } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify, { type FastifyRequest } from 'fastify'
import { z } from 'zod'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  transport: StreamableHTTPServerTransport
  owner: string
  openedAt: number
  usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()

function buildServer(owner: string): McpServer {
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', { inputSchema: { name: z.string() } }, async ({ name }) => {
    return { content: [{ type: 'text', text: `${owner} says hello to ${name}` }] }
  })
  return server
}

async function openSession(owner: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { transport, owner, openedAt: Date.now(), usedAt: Date.now() })
    },
  })
  transport.onclose = () => sessions.delete(transport.sessionId ?? '')
  await buildServer(owner).connect(transport)
  return transport
}

function sessionOf(request: FastifyRequest): Session | undefined {
  return sessions.get(String(request.headers['mcp-session-id']))
}

function principalOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers
  if (authorization === undefined) return undefined
  return users.get(digest(authorization.replace(/^Bearer /, '')))
}

const app = fastify()

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})

app.all('/mcp', async (request, reply) => {
  const user = principalOf(request)
  if (user === undefined) return reply.code(401).send()
  if (request.headers['mcp-session-id'] === undefined) {
    const transport = await openSession(user)
    reply.hijack()
    return transport.handleRequest(request.raw, reply.raw, request.body)
  }
  const session = sessionOf(request)
  if (session === undefined || session.owner !== user) return reply.code(404).send()
  session.usedAt = Date.now()
  reply.hijack()
  return session.transport.handleRequest(request.raw, reply.raw, request.body)
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

const address = await app.listen({ port: PORT, host: HOST })
console.log(`listening on ${new URL(address).port}`)
