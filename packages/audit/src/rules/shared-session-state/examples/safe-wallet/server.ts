// Safe: the wallet of a session pays one request after the other, so no second payment is made against credit already spent.
import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'
import { Wallet } from './wallet.ts'

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
const sessions = new Map<string, Session>()

function buildServer(wallet: Wallet): McpServer {
  const server = new McpServer({ name: 'arcade', version: '1.0.0' })
  server.registerTool('buy_round', { inputSchema: { amount: z.number().positive() } }, async ({ amount }) => {
    const paid = await wallet.spend(amount)
    return { content: [{ type: 'text', text: paid ? 'paid' : 'not enough credit' }] }
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
  await buildServer(new Wallet()).connect(transport)
  return transport
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers.origin !== undefined) return void res.writeHead(403).end()
  const user = users.get(digest((req.headers.authorization ?? '').replace(/^Bearer /, '')))
  if (user === undefined) {
    res.writeHead(401).end()
    return
  }
  const id = req.headers['mcp-session-id']
  if (id === undefined) {
    const transport = await openSession(user)
    return transport.handleRequest(req, res)
  }
  const session = sessions.get(String(id))
  if (session === undefined || session.owner !== user) {
    res.writeHead(404).end()
    return
  }
  session.usedAt = Date.now()
  return session.transport.handleRequest(req, res)
}

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of sessions) {
    if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) {
      sessions.delete(id)
      void session.transport.close()
    }
  }
}, 60_000).unref()

const listener = createServer((req, res) => void handle(req, res)).listen(PORT, HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
