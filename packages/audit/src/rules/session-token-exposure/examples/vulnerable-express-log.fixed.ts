// Vulnerable: the ID of every new session is written to the log.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js'
import type { NextFunction, Request, Response } from 'express'
import { z } from 'zod'

interface Session {
  user: string
  server: McpServer
  transport: StreamableHTTPServerTransport
  openedAt: number
  lastSeenAt: number
}

const host = '127.0.0.1'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))
const sessions = new Map<string, Session>()

const app = createMcpExpressApp({ host })
app.use('/mcp', authenticate)
app.post('/mcp', async (req, res) => {
  if (req.get('mcp-session-id') !== undefined) return resume(req, res)
  if (!isInitializeRequest(req.body)) return void res.status(400).json({ error: 'initialize first' })
  const { transport } = await openSession(res.locals.user)
  await transport.handleRequest(req, res, req.body)
})
app.get('/mcp', resume)
app.delete('/mcp', resume)

const listener = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
setInterval(sweep, 1_000).unref()

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const token = /^Bearer (.+)$/.exec(req.get('authorization') ?? '')?.[1] ?? ''
  res.locals.user = users.get(sha256(token))
  if (res.locals.user === undefined) return void res.status(401).json({ error: 'unauthorized' })
  next()
}

async function resume(req: Request, res: Response): Promise<void> {
  const session = sessions.get(req.get('mcp-session-id') ?? '')
  if (session === undefined || session.user !== res.locals.user)
    return void res.status(404).json({ error: 'session not found' })
  session.lastSeenAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
}

async function openSession(user: string): Promise<Session> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, session)
      console.error(`session ${sessionTag(id)} opened`)
    },
  })
  transport.onclose = () => sessions.delete(transport.sessionId ?? '')
  const session: Session = { user, server: createTodoServer(), transport, openedAt: Date.now(), lastSeenAt: Date.now() }
  await session.server.connect(transport)
  return session
}

function sweep(): void {
  const now = Date.now()
  for (const [id, session] of sessions) {
    const isIdle = now - session.lastSeenAt > idleTimeoutMs
    const isOld = now - session.openedAt > absoluteTimeoutMs
    if (!isIdle && !isOld) continue
    sessions.delete(id)
    void session.server.close()
  }
}

function createTodoServer(): McpServer {
  const todos: string[] = []
  const server = new McpServer({ name: 'todos', version: '1.0.0' })
  server.registerTool('todo_put', { inputSchema: { text: z.string().max(200) } }, ({ text }) => {
    todos.push(text)
    return { content: [{ type: 'text', text: `${todos.length} to do` }] }
  })
  server.registerTool('todo_get', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: todos.join('\n') }],
  }))
  return server
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Finds what the log says of one session, and opens nothing. */
function sessionTag(id: unknown): string {
  if (!id) return 'none'
  return createHash('sha256').update(String(id)).digest('hex').slice(0, 8)
}
