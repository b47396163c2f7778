// Vulnerable: one variable holds the session of whoever connected last, so every newcomer takes the place of the one before.
import { createHash, randomUUID } from 'node:crypto'
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
  transport: SSEServerTransport
  owner: string
  openedAt: number
  usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
let current: Session | undefined
//<^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 outlives every request

function buildServer(): McpServer {
  const server = new McpServer({ name: 'units', version: '1.0.0' })
  server.registerTool('to_celsius', { inputSchema: { fahrenheit: z.number() } }, async ({ fahrenheit }) => {
    return { content: [{ type: 'text', text: `${((fahrenheit - 32) * 5) / 9}` }] }
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

const app = express()
app.use(localhostHostValidation())
app.use(authenticate)

app.get('/sse', async (_req, res) => {
  const transport = new SSEServerTransport('/messages', res)
  const now = Date.now()
  current = { transport, owner: res.locals.user, openedAt: now, usedAt: now }
//^^^^^^^ 2 overwritten by each request
  transport.onclose = () => {
    if (current?.transport === transport) current = undefined
  }
  await buildServer().connect(transport)
})

app.post('/messages', async (req, res) => {
  const session = current
//                ^^^^^^^ 3 read as if it were this caller’s
  if (session === undefined || session.owner !== res.locals.user) {
    res.sendStatus(404)
    return
  }
  session.usedAt = Date.now()
  await session.transport.handlePostMessage(req, res)
})

setInterval(() => {
  const now = Date.now()
  const session = current
  if (session === undefined) return
  if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
    current = undefined
    void session.transport.close()
  }
}, 60_000).unref()

const listener = app.listen(PORT, HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
