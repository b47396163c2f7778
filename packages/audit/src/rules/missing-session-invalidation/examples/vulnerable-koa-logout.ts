// Vulnerable: logout clears the cookie and leaves the record, where a copy of the cookie still finds it.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Koa, { type Context } from 'koa'

interface Session {
  readonly user: string
  readonly openedAt: number
  lastSeenAt: number
  clicks: number
}

const host = '127.0.0.1'
const cookieName = 'sid'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))
const sessions = new Map<string, Session>()
//               ^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 sessions are kept here

const app = new Koa()

app.use(async (ctx) => {
  const user = users.get(sha256(ctx.get('authorization').replace('Bearer ', '')))
  if (user === undefined) return ctx.throw(401)
  if (ctx.method === 'POST' && ctx.path === '/login') return logIn(ctx, user)

  const id = ctx.cookies.get(cookieName) ?? ''
  const session = sessions.get(id)
  if (session?.user !== user) return ctx.throw(404, 'session not found')
  session.lastSeenAt = Date.now()
  route(ctx, id, session)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of sessions) {
    const idle = now - session.lastSeenAt > idleTimeoutMs
    const old = now - session.openedAt > absoluteTimeoutMs
    if (idle || old) sessions.delete(id)
//                   ^^^^^^^^^^^^^^^^^^^ 3 removed only when its time is over
  }
}, 1_000).unref()

function route(ctx: Context, id: string, session: Session): void {
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /clicks':
      ctx.body = { clicks: session.clicks }
      return
    case 'POST /clicks':
      session.clicks += 1
      ctx.status = 204
      return
    case 'POST /logout':
      return logOut(ctx, id)
    default:
      ctx.throw(404)
  }
}

function logIn(ctx: Context, user: string): void {
  const id = randomBytes(32).toString('base64url')
  sessions.set(id, { user, openedAt: Date.now(), lastSeenAt: Date.now(), clicks: 0 })
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 a session is added
  ctx.cookies.set(cookieName, id, { httpOnly: true, sameSite: 'strict', secure: ctx.secure })
  ctx.status = 204
}

function logOut(ctx: Context, _id: string): void {
  ctx.cookies.set(cookieName, null)
  ctx.status = 204
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
