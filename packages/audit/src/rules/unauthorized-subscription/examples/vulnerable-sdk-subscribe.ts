// Vulnerable: reading an inbox is for its owner, subscribing to it is for everybody.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import {
  CallToolRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

const IDLE_TIMEOUT_MS = 20 * 60_000
const ABSOLUTE_TIMEOUT_MS = 6 * 60 * 60_000

const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const sessions = new Map<string, Session>()
const mailByUser = new Map<string, string>()
const subscribers = new Map<string, Set<Server>>()

setInterval(sweep, 1_000).unref()
const listener = createServer((req, res) => void handle(req, res))
listener.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function sweep(): void {
  const now = Date.now()
  for (const [id, session] of sessions) {
    if (now - session.lastSeenAt < IDLE_TIMEOUT_MS && now - session.openedAt < ABSOLUTE_TIMEOUT_MS) continue
    sessions.delete(id)
    void session.transport.close()
  }
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = userByDigest.get(sha256(req.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return void res.writeHead(401).end()
  const id = req.headers['mcp-session-id']
  const session = id === undefined && req.method === 'POST' ? await openSession(user) : sessions.get(String(id))
  if (session?.owner !== user) return void res.writeHead(404).end()
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res)
}

async function openSession(owner: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
  const session: Session = { owner, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await createMailServer(owner).connect(transport)
  return session
}

function createMailServer(user: string): Server {
  const capabilities = { tools: {}, resources: { subscribe: true } }
  const server = new Server({ name: 'mail', version: '1.4.0' }, { capabilities })
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    if (uri !== inboxOf(user)) throw new Error('There is no such resource.')
    return { contents: [{ uri, text: mailByUser.get(user) ?? '' }] }
  })
  server.setRequestHandler(SubscribeRequestSchema, ({ params: { uri } }) => {
//                                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 on behalf of whoever asks
    subscribers.set(uri, (subscribers.get(uri) ?? new Set()).add(server))
//  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 taken as named, whoever asks
    return {}
  })
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
    deliver(String(params.arguments?.to), String(params.arguments?.text))
    return { content: [] }
  })
  return server
}

function deliver(to: string, text: string): void {
  mailByUser.set(to, text)
  for (const server of subscribers.get(inboxOf(to)) ?? []) void server.sendResourceUpdated({ uri: inboxOf(to) })
//                                                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 told to all who named it
}

function inboxOf(user: string): string {
  return `inbox://${user}`
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
