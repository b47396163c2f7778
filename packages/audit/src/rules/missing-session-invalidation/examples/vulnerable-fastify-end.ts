// Vulnerable: DELETE marks the session as closed and no look-up ever reads the mark, so the ID works as before.
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
  openedAt: number
  lastSeenAt: number
  closed: boolean
}

const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 15 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))

class Sessions {
  private readonly byId = new Map<string, Session>()
//                        ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 sessions are kept here

  async open(user: string): Promise<Session> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => void this.byId.set(id, session),
//                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 a session is added
    })
    const session: Session = { user, transport, openedAt: Date.now(), lastSeenAt: Date.now(), closed: false }
    await createDiary().connect(transport)
    return session
  }

  find(id: string, user: string): Session | undefined {
    const session = this.byId.get(id)
    if (session?.user !== user) return undefined
    session.lastSeenAt = Date.now()
    return session
  }

  async end(session: Session): Promise<void> {
    session.closed = true
  }

  sweep(now = Date.now()): void {
    for (const [id, { transport, openedAt, lastSeenAt }] of this.byId) {
      if (now - lastSeenAt <= idleTimeoutMs && now - openedAt <= absoluteTimeoutMs) continue
      this.byId.delete(id)
//    ^^^^^^^^^^^^^^^^^^^^ 3 removed only when its time is over
      void transport.close()
    }
  }
}

const sessions = new Sessions()
setInterval(() => sessions.sweep(), 1_000).unref()

const app = fastify({ forceCloseConnections: true })

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})
app.decorateRequest('user', '')
app.addHook('onRequest', async (request, reply) => {
  const user = users.get(sha256(request.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return reply.code(401).send({ error: 'unauthorized' })
  request.user = user
})

app.post('/mcp', async (request, reply) => {
  const isNew = request.headers['mcp-session-id'] === undefined
  return forward(isNew ? await sessions.open(request.user) : findFor(request), request, reply)
})
app.get('/mcp', (request, reply) => forward(findFor(request), request, reply))
app.delete('/mcp', async (request, reply) => {
  const session = findFor(request)
  if (session === undefined) return reply.code(404).send({ error: 'session not found' })
  await sessions.end(session)
  return reply.code(204).send()
})

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)

function findFor(request: FastifyRequest): Session | undefined {
  return sessions.find(String(request.headers['mcp-session-id']), request.user)
}

async function forward(session: Session | undefined, request: FastifyRequest, reply: FastifyReply) {
  if (session === undefined) return reply.code(404).send({ error: 'session not found' })
  reply.hijack()
  await session.transport.handleRequest(request.raw, reply.raw, request.body)
  return reply
}

function createDiary(): McpServer {
  const pages: string[] = []
  const server = new McpServer({ name: 'diary', version: '1.0.0' })
  server.registerTool('diary', { inputSchema: { page: z.string().optional() } }, ({ page }) => {
    if (page !== undefined) pages.push(page)
    return { content: [{ type: 'text', text: pages.join('\n') }] }
  })
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
