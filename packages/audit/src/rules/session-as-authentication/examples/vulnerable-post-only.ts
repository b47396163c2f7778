// Vulnerable: the bearer token is verified for POST alone; the event stream and termination ask for nothing but a session ID.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
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

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions: Record<string, Session | undefined> = {}

function buildServer(): McpServer {
  const server = new McpServer({ name: 'words', version: '1.0.0' })
  server.registerTool('count_words', { inputSchema: { text: z.string() } }, async ({ text }) => {
    return { content: [{ type: 'text', text: String(text.split(/\s+/).filter(Boolean).length) }] }
  })
  return server
}

async function openSession(owner: string): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions[id] = { transport, owner, openedAt: Date.now(), usedAt: Date.now() }
    },
  })
  transport.onclose = () => {
    delete sessions[transport.sessionId ?? '']
  }
  await buildServer().connect(transport)
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

async function resume(req: Request, res: Response): Promise<void> {
  const session = sessions[req.get('mcp-session-id') ?? '']
  if (session === undefined) {
    res.sendStatus(404)
    return
  }
  if (req.method === 'POST' && session.owner !== res.locals.user) {
    res.sendStatus(404)
    return
  }
  session.usedAt = Date.now()
  await session.transport.handleRequest(req, res, req.body)
//      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 served on the session ID alone
}

const app = express()
app.use(localhostHostValidation())

app.post('/mcp', authenticate, express.json(), async (req, res) => {
  if (req.get('mcp-session-id') !== undefined) return resume(req, res)
  const transport = await openSession(res.locals.user)
  await transport.handleRequest(req, res, req.body)
})
app.get('/mcp', resume)
//<^^^^^^^^^^^^^^^^^^^^^^^ 1 no credential is verified on this route
app.delete('/mcp', resume)
//<^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 no credential is verified on this route

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of Object.entries(sessions)) {
    if (session === undefined) continue
    if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
      delete sessions[id]
      void session.transport.close()
    }
  }
}, 60_000).unref()

const listener = app.listen(PORT, HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
