// Vulnerable: the log of events looks for the named event among those of all sessions.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { type EventStore, StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'

interface Session {
  readonly owner: string
  readonly transport: StreamableHTTPServerTransport
  readonly openedAt: number
  lastSeenAt: number
}

type Replay = Parameters<EventStore['replayEventsAfter']>[1]

interface Limits {
  readonly idleTimeoutMs: number
  readonly absoluteTimeoutMs: number
}

class EventLog implements EventStore {
  private readonly kept: { id: string; stream: string; message: JSONRPCMessage }[] = []

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}_${this.kept.length}_${randomUUID()}`
    this.kept.push({ id, stream, message })
    return id
  }

  async replayEventsAfter(last: string, { send }: Replay): Promise<string> {
//      ^^^^^^^^^^^^^^^^^ 3 whichever stream that event is of
    const from = this.kept.findIndex(({ id }) => id === last)
    const stream = this.kept[from]?.stream ?? ''
    for (const event of this.kept.slice(from + 1)) if (event.stream === stream) await send(event.id, event.message)
    return stream
  }
}

const host = '127.0.0.1'
const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const events = new EventLog()
//             ^^^^^^^^^^^^^^ 1 made once, for all sessions
const sessions = new Map<string, Session>()

startSweep({
  idleTimeoutMs: milliseconds('IDLE_TIMEOUT_MS', 20 * 60_000),
  absoluteTimeoutMs: milliseconds('ABSOLUTE_TIMEOUT_MS', 6 * 60 * 60_000),
})

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

function milliseconds(name: string, fallback: number): number {
  const value = process.env[name]
  return value === undefined ? fallback : Number(value)
}

function startSweep({ idleTimeoutMs, absoluteTimeoutMs }: Limits): void {
  setInterval(() => {
    const now = Date.now()
    for (const [id, session] of sessions) {
      if (now - session.lastSeenAt < idleTimeoutMs && now - session.openedAt < absoluteTimeoutMs) continue
      sessions.delete(id)
      void session.transport.close()
    }
  }, 1_000).unref()
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = userByDigest.get(sha256(req.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return void res.writeHead(401).end()
  if (req.url !== '/mcp') return void res.writeHead(404).end()

  const id = req.headers['mcp-session-id']
  const session = id === undefined && req.method === 'POST' ? await openSession(user) : sessions.get(String(id))
  if (session?.owner !== user) return void res.writeHead(404).end()
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res)
}

async function openSession(owner: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
//                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 replays to this session whatever Last-Event-ID names
    sessionIdGenerator: () => randomUUID(),
    eventStore: events,
    onsessioninitialized: (id) => void sessions.set(id, session),
  })
  transport.onclose = () => void sessions.delete(transport.sessionId ?? '')
  const session: Session = { owner, transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await createUnitServer().connect(transport)
  return session
}

function createUnitServer(): McpServer {
  const server = new McpServer({ name: 'units', version: '1.2.0' })
  server.registerTool('units', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: 'metre, kilogram, second' }],
  }))
  return server
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
