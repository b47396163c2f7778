// A login with a password and @fastify/session, and MCP behind it. REGENERATE=1: the session is another one after the login.
import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import fastify from 'fastify'
import { opened, sessions } from './owned-sessions.mjs'

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

await app.listen({ port: Number(process.env.TARGET_PORT) })
