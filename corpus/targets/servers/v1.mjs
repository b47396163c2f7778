// SDK v1 with the routing of its documentation. BOUND=1 adds what the documentation leaves out: an owner and two timeouts.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { callerOf, createNotes } from './notes.mjs'

const isBound = process.env.BOUND === '1'
const IDLE_TIMEOUT_MS = 1_500
const ABSOLUTE_TIMEOUT_MS = 4_000
const sessions = new Map()

function isOver({ openedAt, usedAt }) {
  return Date.now() - openedAt > ABSOLUTE_TIMEOUT_MS || Date.now() - usedAt > IDLE_TIMEOUT_MS
}

async function open(user) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => sessions.set(id, { transport, user, openedAt: Date.now(), usedAt: Date.now() }),
  })
  transport.onclose = () => sessions.delete(transport.sessionId)
  await createNotes().connect(transport)
  return transport
}

async function handle(req, res) {
  if (req.headers.origin !== undefined && isBound) return res.writeHead(403).end()
  if (!req.headers.host?.startsWith('127.0.0.1:') && isBound) return res.writeHead(403).end()
  const user = callerOf(req.headers.authorization)
  if (user === undefined) return res.writeHead(401).end()
  if (req.url !== '/mcp') return res.writeHead(404).end()
  const id = req.headers['mcp-session-id']
  if (id === undefined) {
    if (req.method !== 'POST') return res.writeHead(400).end()
    return (await open(user)).handleRequest(req, res)
  }
  const session = sessions.get(id)
  if (session !== undefined && isBound && isOver(session)) await session.transport.close()
  const found = sessions.get(id)
  if (found === undefined || (isBound && found.user !== user)) return res.writeHead(404).end()
  found.usedAt = Date.now()
  return found.transport.handleRequest(req, res)
}

createServer((req, res) => {
  handle(req, res).catch(() => res.writeHead(500).end())
}).listen(3000)
