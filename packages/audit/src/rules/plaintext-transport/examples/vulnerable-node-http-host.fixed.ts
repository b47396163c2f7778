// Vulnerable: unless HOST says otherwise this plain `http.createServer` listens on `::`, every address of the machine.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 15 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 12 * 60 * 60_000)
const accounts: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }),
)
const userByDigest = new Map(Object.entries(accounts).map(([token, user]) => [sha256(token), user]))

class SessionStore {
  readonly #byId = new Map<string, Session>()

  async open(owner: string): Promise<Session> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#byId.set(id, session),
    })
    const session: Session = { owner, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
    transport.onclose = () => void this.#byId.delete(transport.sessionId ?? '')
    await createClock().connect(transport)
    return session
  }

  find(id: string, owner: string): Session | undefined {
    const session = this.#byId.get(id)
    if (session === undefined || session.owner !== owner) return undefined
    session.lastSeenAt = Date.now()
    return session
  }

  async closeExpired(now: number): Promise<void> {
    for (const session of this.#byId.values()) {
      const expired = now - session.lastSeenAt > idleTimeoutMs || now - session.openedAt > absoluteTimeoutMs
      if (expired) await session.transport.close()
    }
  }
}

const store = new SessionStore()
setInterval(() => store.closeExpired(Date.now()), 1_000).unref()

const server = createServer(handle)
server.listen({ port: Number(process.env.PORT ?? 3000), host: process.env.HOST ?? '::' }, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  // TLS ends at the proxy in front, which says so; what comes without it is refused.
  if (req.headers['x-forwarded-proto'] !== 'https') {
    res.writeHead(426, { Upgrade: 'TLS/1.2' }).end()
    return
  }
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = userByDigest.get(sha256(req.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return void res.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
  if (req.url !== '/mcp') return void res.writeHead(404).end()
  const session = await sessionOf(req, user)
  if (session === undefined) return void res.writeHead(404).end()
  await session.transport.handleRequest(req, res)
}

async function sessionOf(req: IncomingMessage, user: string): Promise<Session | undefined> {
  const id = req.headers['mcp-session-id']
  if (id === undefined && req.method === 'POST') return store.open(user)
  return store.find(String(id), user)
}

function createClock(): McpServer {
  const server = new McpServer({ name: 'clock', version: '2.1.0' })
  server.registerTool('now', { description: 'The time of day', annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }))
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
