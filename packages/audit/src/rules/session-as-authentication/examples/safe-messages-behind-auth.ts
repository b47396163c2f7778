// Safe: the authentication middleware is in place before either route is mounted, so no message reaches a session without a token.
import { createHash, randomInt, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import express, { type NextFunction, type Request, type Response } from 'express'
import { z } from 'zod'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  readonly transport: SSEServerTransport
  readonly owner: string
  readonly openedAt: number
  usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()

function buildServer(): McpServer {
  const server = new McpServer({ name: 'dice', version: '1.0.0' })
  server.registerTool('roll', { inputSchema: { sides: z.number().int().min(2) } }, async ({ sides }) => {
    return { content: [{ type: 'text', text: String(randomInt(1, sides + 1)) }] }
  })
  return server
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

async function openStream(_req: Request, res: Response): Promise<void> {
  const transport = new SSEServerTransport('/messages', res)
  const now = Date.now()
  sessions.set(transport.sessionId, { transport, owner: res.locals.user, openedAt: now, usedAt: now })
  transport.onclose = () => sessions.delete(transport.sessionId)
  await buildServer().connect(transport)
}

async function receive(req: Request, res: Response): Promise<void> {
  const session = sessions.get(req.get('mcp-session-id') ?? '')
  if (session === undefined || session.owner !== res.locals.user) {
    res.sendStatus(404)
    return
  }
  session.usedAt = Date.now()
  await session.transport.handlePostMessage(req, res)
}

const app = express()
app.use(localhostHostValidation())
app.use(authenticate)
app.post('/messages', receive)
app.get('/sse', openStream)

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
