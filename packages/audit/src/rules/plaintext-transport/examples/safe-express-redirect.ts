// Safe: the redirect to HTTPS is mounted before the routes, so nothing is served that did not come by the TLS proxy.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { hostHeaderValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import express, { type RequestHandler } from 'express'

interface Session {
  transport: StreamableHTTPServerTransport
  owner: string
  openedAt: number
  lastSeenAt: number
}

const publicOrigin = process.env.PUBLIC_ORIGIN ?? 'https://notes.example'
const minute = 60_000
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * minute)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * minute)
const accounts = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const owners = new Map(Object.entries<string>(JSON.parse(accounts)).map(([token, owner]) => [hash(token), owner]))
const sessions = new Map<string, Session>()

const authenticate: RequestHandler = (req, res, next) => {
  const owner = owners.get(hash((req.headers.authorization ?? '').replace('Bearer ', '')))
  if (owner === undefined) return void res.sendStatus(401)
  res.locals.owner = owner
  next()
}

const requireHttps: RequestHandler = (req, res, next) => {
  if (req.secure) return next()
  res.redirect(308, publicOrigin + req.originalUrl)
}

const mcp: RequestHandler = async (req, res) => {
  const id = req.get('mcp-session-id')
  const opening = id === undefined && req.method === 'POST' && isInitializeRequest(req.body)
  const session = opening ? await open(res.locals.owner) : sessions.get(id ?? '')
  if (session === undefined || session.owner !== res.locals.owner) return void res.status(404).send('no such session')
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

const app = express()
app.use(hostHeaderValidation(['notes.example', 'localhost', '127.0.0.1']))
app.set('trust proxy', 'loopback')
app.use(requireHttps)
app.all('/mcp', authenticate, express.json(), mcp)

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '0.0.0.0', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of sessions) {
    if (now - session.lastSeenAt <= idleTimeoutMs && now - session.openedAt <= absoluteTimeoutMs) continue
    sessions.delete(id)
    void session.transport.close()
  }
}, 1_000).unref()

async function open(owner: string): Promise<Session> {
  const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  const session = { transport, owner, openedAt: Date.now(), lastSeenAt: Date.now() }
  transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
  await createWhoAmI(owner).connect(transport)
  return session
}

function createWhoAmI(owner: string): McpServer {
  const server = new McpServer({ name: 'whoami', version: '1.0.0' })
  server.registerTool('whoami', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: owner }],
  }))
  return server
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
