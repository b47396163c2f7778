// Safe: login hands out a new ID and withdraws the old one before the session learns who the user is.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import * as sessions from './sessions.ts'

const apiKeys: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function userOf(apiKey: unknown): string | undefined {
  const presented = digest(String(apiKey))
  return Object.keys(apiKeys).find((user) => timingSafeEqual(digest(apiKeys[user] ?? ''), presented))
}

function hand(c: Context, id: string): void {
  setCookie(c, 'sid', id, { prefix: 'host', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' })
}

const app = new Hono()

app.get('/', (c) => {
  const session = sessions.find(getCookie(c, 'sid', 'host'))
  if (!session) hand(c, sessions.open(c.req.header('accept-language') ?? 'en'))
  return c.json({ hello: session?.user ?? 'stranger' })
})

app.post('/login', async (c) => {
  const body = await c.req.json<{ apiKey?: unknown }>().catch(() => undefined)
  const user = userOf(body?.apiKey)
  if (!user) return c.json({ error: 'wrong key' }, 401)
  const id = getCookie(c, 'sid', 'host') ?? sessions.open('en')
  const session = sessions.find(id)
  if (!session) return c.json({ error: 'no session' }, 401)
  hand(c, sessions.rotate(id, session))
  session.user = user
  return c.json({ user })
})

app.post('/logout', (c) => {
  const id = deleteCookie(c, 'sid', { prefix: 'host', path: '/', secure: true })
  if (id !== undefined) sessions.close(id)
  return c.body(null, 204)
})

app.get('/inbox', (c) => {
  const user = sessions.find(getCookie(c, 'sid', 'host'))?.user
  if (!user) return c.json({ error: 'log in first' }, 401)
  return c.json({ inbox: [`welcome, ${user}`] })
})

setInterval(() => sessions.closeExpired(Date.now()), 60_000).unref()

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, (info) => {
  console.log(`listening on ${info.port}`)
})
