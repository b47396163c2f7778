// Vulnerable: one McpServer serves every session in turn, so the newcomer cuts off the session before it and receives what its tools send.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express, { type NextFunction, type Request, type Response } from 'express'
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

const sessions = new Map<string, Session>()
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function createServer() {
  const server = new McpServer({ name: 'shop', version: '1.0.0' }, { capabilities: { logging: {} } })
  server.registerTool('import_orders', { inputSchema: { customer: z.string() } }, async ({ customer }) => {
    await sleep(200)
    await server.sendLoggingMessage({ level: 'info', data: `orders of ${customer} imported` })
    return { content: [{ type: 'text', text: 'done' }] }
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
  await createServer().connect(transport)
  return transport
}

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const user = users.get(digest((req.get('authorization') ?? '').replace(/^Bearer /, '')))
  if (user === undefined) {
    res.sendStatus(401)
    return
  }
  res.locals.user = user
  next()
}

const app = express()
app.use(localhostHostValidation())
app.use(authenticate, express.json())

app.all('/mcp', async (req, res) => {
  const id = req.get('mcp-session-id')
  if (id === undefined) {
    const transport = await openSession(res.locals.user)
    await transport.handleRequest(req, res, req.body)
    return
  }
  const session = sessions.get(id)
  if (session === undefined || session.owner !== res.locals.user) {
    res.sendStatus(404)
    return
  }
  session.usedAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
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

const listener = app.listen(PORT, HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
