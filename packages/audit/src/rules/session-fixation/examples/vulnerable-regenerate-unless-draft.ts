// Vulnerable: the session is regenerated at login only if it holds no draft, and anyone can put a draft into it first.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import Fastify from 'fastify'

declare module 'fastify' {
  interface Session {
    user?: string
    draft?: string
    startedAt?: number
  }
}

const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000
const apiKeys: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function userOf(apiKey: string): string | undefined {
  const presented = digest(apiKey)
  return Object.keys(apiKeys).find((user) => timingSafeEqual(digest(apiKeys[user] ?? ''), presented))
}

const app = Fastify()
await app.register(cookie)
await app.register(session, {
//    ^^^^^^^^^^^^^^^^^^^^^^^ 1 the session exists before login
  secret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
  saveUninitialized: false,
  rolling: true,
  cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: IDLE_TIMEOUT_MS },
})

app.addHook('preHandler', async (request, reply) => {
  const startedAt = (request.session.startedAt ??= Date.now())
  if (Date.now() - startedAt < ABSOLUTE_TIMEOUT_MS) return
  await request.session.destroy()
  return reply.code(401).send()
})

app.put<{ Body: { text: string } }>('/draft', async (request) => {
  request.session.draft = request.body.text
  return { kept: true }
})

app.post<{ Body: { apiKey: string } }>('/login', async (request, reply) => {
  const user = userOf(request.body.apiKey)
  if (!user) return reply.code(401).send({ error: 'wrong key' })
  // Regenerating would lose the draft.
  if (request.session.draft === undefined) await request.session.regenerate()
  request.session.startedAt = Date.now()
  request.session.user = user
//^^^^^^^^^^^^^^^^^^^^ 2 becomes authenticated under the same ID
  return { user }
})

app.post('/logout', async (request, reply) => {
  await request.session.destroy()
  return reply.code(204).send()
})

app.get('/posts', async (request, reply) => {
  const { user, draft } = request.session
  if (!user) return reply.code(401).send()
  return { user, draft }
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`listening on ${(app.server.address() as AddressInfo).port}`)
