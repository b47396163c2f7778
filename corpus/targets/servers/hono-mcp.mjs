// @hono/mcp, hardened: bearer, owner, two timeouts, Host and Origin.
import { randomUUID } from 'node:crypto'
import { StreamableHTTPTransport } from '@hono/mcp'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { callerOf, createNotes } from './notes.mjs'

const IDLE_TIMEOUT_MS = 2_000
const ABSOLUTE_TIMEOUT_MS = 5_000
const port = Number(process.env.TARGET_PORT)
const sessions = new Map()

const app = new Hono()
app.use('*', async (c, next) => {
  if (c.req.header('host') !== `127.0.0.1:${port}` || c.req.header('origin') !== undefined) return c.body(null, 403)
  const user = callerOf(c.req.header('authorization'))
  if (user === undefined) return c.body(null, 401, { 'www-authenticate': 'Bearer' })
  c.set('user', user)
  await next()
})
app.all('/mcp', async (c) => {
  const id = c.req.header('mcp-session-id')
  const transport = id === undefined ? await opened(c.get('user')) : found(id, c.get('user'))
  return transport === undefined ? c.body(null, 404) : transport.handleRequest(c)
})

async function opened(user) {
  const transport = new StreamableHTTPTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => {
      sessions.set(id, { transport, user, openedAt: Date.now(), usedAt: Date.now() })
    },
    onsessionclosed: (id) => {
      sessions.delete(id)
    },
  })
  await createNotes().connect(transport)
  return transport
}

function found(id, user) {
  const session = sessions.get(id)
  if (session?.user !== user) return undefined
  const now = Date.now()
  if (now - session.openedAt > ABSOLUTE_TIMEOUT_MS || now - session.usedAt > IDLE_TIMEOUT_MS) {
    sessions.delete(id)
    void session.transport.close()
    return undefined
  }
  session.usedAt = now
  return session.transport
}

serve({ fetch: app.fetch, port })
