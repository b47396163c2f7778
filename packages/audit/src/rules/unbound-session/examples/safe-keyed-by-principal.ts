// Safe: sessions are kept under principal and ID together, so another principal's request looks under another key.
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
  openedAt: number
  usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()

function principalOf(request: FastifyRequest): string | undefined {
  return users.get(digest((request.headers.authorization ?? '').replace(/^Bearer /, '')))
}

function buildServer(): McpServer {
  const ideas: string[] = []
  const server = new McpServer({ name: 'ideas', version: '1.0.0' })
  server.registerTool('idea_add', { inputSchema: { idea: z.string() } }, async ({ idea }) => {
    ideas.push(idea)
    return { content: [{ type: 'text', text: ideas.join('\n') }] }
  })
  return server
}

async function openSession(sub: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (sid) => {
      sessions.set(`${sub}:${sid}`, { transport, openedAt: Date.now(), usedAt: Date.now() })
    },
  })
  transport.onclose = () => sessions.delete(`${sub}:${transport.sessionId}`)
  await buildServer().connect(transport)
  return transport
}

const app = fastify()

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})

app.route({
  method: ['GET', 'POST', 'DELETE'],
  url: '/mcp',
  handler: async (request, reply) => {
    const sub = principalOf(request)
    if (sub === undefined) return reply.code(401).send()
    const sid = request.headers['mcp-session-id']
    if (sid === undefined) {
      const transport = await openSession(sub)
      reply.hijack()
      return transport.handleRequest(request.raw, reply.raw, request.body)
    }
    const session = sessions.get(`${sub}:${sid}`)
    if (session === undefined) return reply.code(404).send()
    session.usedAt = Date.now()
    reply.hijack()
    return session.transport.handleRequest(request.raw, reply.raw, request.body)
  },
})

setInterval(() => {
  const now = Date.now()
  for (const [key, session] of sessions) {
    if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
      sessions.delete(key)
      void session.transport.close()
    }
  }
}, 60_000).unref()

const address = await app.listen({ port: PORT, host: HOST })
console.log(`listening on ${new URL(address).port}`)
