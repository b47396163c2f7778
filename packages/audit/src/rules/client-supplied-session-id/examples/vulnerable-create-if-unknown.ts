// Vulnerable: a session ID the server has never seen opens a session under that very ID.
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import Koa, { type Context } from 'koa'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 60 * 60_000
const ABSOLUTE_TIMEOUT_MS = 24 * 60 * 60_000

/** What an agent remembers during one conversation. */
interface Session {
  owner: string
  facts: string[]
  openedAt: number
  seenAt: number
}

const sessions = new Map<string, Session>()
const tokens: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function principalOf(ctx: Context): string | undefined {
  const presented = digest(ctx.get('authorization').replace(/^Bearer /, ''))
  return Object.keys(tokens).find((user) => timingSafeEqual(digest(tokens[user] ?? ''), presented))
}

function openSession(id: string, owner: string): Session {
  const session = { owner, facts: [], openedAt: Date.now(), seenAt: Date.now() }
  sessions.set(id, session)
//^^^^^^^^^^^^^^^^^^^^^^^^^ 2 the request header x-session-id becomes the session ID
  return session
}

function isExpired(session: Session, now: number): boolean {
  return now - session.seenAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS
}

function sweep(): void {
  for (const [id, session] of sessions) {
    if (isExpired(session, Date.now())) sessions.delete(id)
  }
}

async function serveMemory(ctx: Context, id: string, session: Session): Promise<void> {
  if (ctx.method === 'DELETE') {
    sessions.delete(id)
    ctx.status = 204
    return
  }
  if (ctx.method === 'POST') {
    const body = (await json(ctx.req).catch(() => undefined)) as { fact?: unknown } | undefined
    if (typeof body?.fact !== 'string') return ctx.throw(400)
    session.facts.push(body.fact)
  }
  ctx.body = { facts: session.facts }
}

const app = new Koa()

app.use(async (ctx) => {
  const user = principalOf(ctx)
  if (!user) return ctx.throw(401)
  if (ctx.path === '/sessions' && ctx.method === 'POST') {
    const id = randomUUID()
    openSession(id, user)
    ctx.body = { sessionId: id }
    return
  }
  if (ctx.path !== '/memory') return
  const id = ctx.get('x-session-id')
  if (!id) return ctx.throw(400)
  const session = sessions.get(id) ?? openSession(id, user)
//                                    ^^^^^^^^^^^^^^^^^^^^^ 1 the request comes in here
  if (session.owner !== user) return ctx.throw(404)
  session.seenAt = Date.now()
  await serveMemory(ctx, id, session)
})

setInterval(sweep, 60_000).unref()

const listener = app.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
