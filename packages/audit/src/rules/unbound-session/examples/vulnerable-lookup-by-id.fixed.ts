// Vulnerable: any signed-in user who presents a session's ID is served from that session, whoever opened it.
import { createHash, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import express from 'express'
import { z } from 'zod'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  transport: StreamableHTTPServerTransport
  openedAt: number
  usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions = new Map<string, Session>()

async function verifyAccessToken(token: string): Promise<AuthInfo> {
  const user = users.get(digest(token))
  if (user === undefined) throw new InvalidTokenError('unknown token')
  return { token, clientId: 'notes-app', scopes: [], expiresAt: Date.now() / 1000 + 60, extra: { sub: user } }
}

function buildServer(): McpServer {
  const notes: string[] = []
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool('note_put', { inputSchema: { text: z.string() } }, async ({ text }) => {
    notes.push(text)
    return { content: [{ type: 'text', text: 'kept' }] }
  })
  server.registerTool('note_list', {}, async () => ({ content: [{ type: 'text', text: notes.join('\n') }] }))
  return server
}

async function openSession(): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { transport, openedAt: Date.now(), usedAt: Date.now() })
    },
  })
  transport.onclose = () => sessions.delete(transport.sessionId ?? '')
  await buildServer().connect(transport)
  return transport
}

const app = express()
app.use(localhostHostValidation())
app.use('/mcp', requireBearerAuth({ verifier: { verifyAccessToken } }), express.json())

/** Who opened the session of a transport. */
const owners = new WeakMap<object, unknown>()

/** The users of one client share its ID. */
function callerOf({ clientId, extra }: { clientId: string; extra?: Record<string, unknown> }): string {
  return JSON.stringify([clientId, extra?.sub])
}

app.all('/mcp', async (req, res) => {
  const id = req.get('mcp-session-id')
  if (id === undefined) {
    const transport = await openSession()
    owners.set(transport, callerOf(req.auth!))
    await transport.handleRequest(req, res, req.body)
    return
  }
  const session = sessions.get(id)
  if (session === undefined) {
    res.sendStatus(404)
    return
  }
  // For anybody but its owner a session does not exist.
  if (owners.get(session.transport) !== callerOf(req.auth!)) {
    res.status(404).end()
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
