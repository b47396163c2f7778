// Vulnerable: hashing the user name and the time hides neither: Mallory hashes the same guesses.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Entry {
  owner: string
  transport: StreamableHTTPServerTransport
  openedAt: number
  seenAt: number
}

class SessionRegistry {
  private readonly entries = new Map<string, Entry>()

  newId(owner: string): string {
    const seed = `${owner}:${Date.now()}`
//                           ^^^^^^^^^^ 1 a millisecond clock: at most 42 bits
    return createHash('md5').update(seed).digest('hex')
  }

  add(id: string, owner: string, transport: StreamableHTTPServerTransport): void {
    this.entries.set(id, { owner, transport, openedAt: Date.now(), seenAt: Date.now() })
  }

  find(id: string, owner: string): Entry | undefined {
    const entry = this.entries.get(id)
    if (!entry || entry.owner !== owner) return undefined
    entry.seenAt = Date.now()
    return entry
  }

  remove(id: string): void {
    const entry = this.entries.get(id)
    this.entries.delete(id)
    void entry?.transport.close()
  }

  sweep(now: number): void {
    for (const [id, { openedAt, seenAt }] of this.entries) {
      if (now - seenAt > IDLE_TIMEOUT_MS || now - openedAt > ABSOLUTE_TIMEOUT_MS) this.remove(id)
    }
  }
}

const registry = new SessionRegistry()
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function principalOf(request: FastifyRequest): string | undefined {
  const presented = digest((request.headers.authorization ?? '').replace(/^Bearer /, ''))
  return Object.keys(tokens).find((user) => timingSafeEqual(digest(tokens[user] ?? ''), presented))
}

async function openSession(owner: string): Promise<StreamableHTTPServerTransport> {
  const id = registry.newId(owner)
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => id,
//                      ^^^^^^^^ 2 becomes the session ID
    onsessioninitialized: () => registry.add(id, owner, transport),
  })
  transport.onclose = () => registry.remove(id)
  const server = new McpServer({ name: 'greeter', version: '1.0.0' })
  server.registerTool('greet', { description: 'Say hello', inputSchema: { name: z.string() } }, ({ name }) => ({
    content: [{ type: 'text', text: `${owner} greets ${name}` }],
  }))
  await server.connect(transport)
  return transport
}

async function handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const user = principalOf(request)
  if (!user) return reply.code(401).header('WWW-Authenticate', 'Bearer').send()
  const id = request.headers['mcp-session-id']
  if (id === undefined && request.method !== 'POST') return reply.code(400).send()
  const transport = id === undefined ? await openSession(user) : registry.find(String(id), user)?.transport
  if (!transport) return reply.code(404).send()
  reply.hijack()
  return transport.handleRequest(request.raw, reply.raw, request.body)
}

setInterval(() => registry.sweep(Date.now()), 60_000).unref()

const app = Fastify()

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
})
app.route({ method: ['GET', 'POST', 'DELETE'], url: '/mcp', handler: handle })
await app.listen({ host: HOST, port: Number(process.env.PORT ?? 3000) })
console.log(`listening on ${(app.server.address() as AddressInfo).port}`)
