// A login with a password and @fastify/session, and MCP behind it. REGENERATE=1: the session is another one after the login.
import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify from 'fastify'
import { createNotes } from './notes.mjs'

const sessions = new Map()
const app = fastify()
app.register(cookie)
app.register(session, {
  secret: `${randomUUID()}${randomUUID()}`,
  cookie: { secure: false, httpOnly: true },
})
app.get('/login', async (request) => ({ loggedIn: request.session.user !== undefined }))
app.post('/login', async (request, reply) => {
  const { user, password } = request.body
  if (password !== `password of ${user}`) return reply.code(401).send()
  if (process.env.REGENERATE === '1') await request.session.regenerate()
  request.session.user = user
  return { user }
})
app.all('/mcp', async (request, reply) => {
  const { user } = request.session
  if (user === undefined) return reply.code(401).send()
  const id = request.headers['mcp-session-id']
  const found = id === undefined ? { user, transport: await opened(user) } : sessions.get(id)
  if (found?.user !== user) return reply.code(404).send()
  reply.hijack()
  await found.transport.handleRequest(request.raw, reply.raw, request.body)
})

async function opened(user) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => sessions.set(id, { transport, user }),
  })
  transport.onclose = () => sessions.delete(transport.sessionId)
  await createNotes().connect(transport)
  return transport
}

await app.listen({ port: Number(process.env.TARGET_PORT) })
