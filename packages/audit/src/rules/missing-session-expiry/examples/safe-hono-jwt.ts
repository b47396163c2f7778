// Safe: `exp` ends an idle token and is renewed by use; `maxTokenAge` counts from the `iat` that renewal keeps.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'

type Env = { Variables: { user: string; session: JWTPayload } }

const issuer = 'urn:boards'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const secrets = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(secrets)).map(([token, user]) => [digest(token), user]))
const key = process.env.SESSION_KEY ? Buffer.from(process.env.SESSION_KEY, 'base64url') : randomBytes(32)
const revoked = new Set<string>()

const authenticated = createMiddleware<Env>(async (c, next) => {
  const user = users.get(digest(c.req.header('authorization')?.replace('Bearer ', '') ?? ''))
  if (user === undefined) return c.json({ error: 'unauthorized' }, 401)
  c.set('user', user)
  await next()
})

const ownSession = createMiddleware<Env>(async (c, next) => {
  const session = await verify(c.req.header('x-session-token') ?? '')
  if (session === undefined || session.sub !== c.var.user) return c.json({ error: 'session not found' }, 404)
  c.set('session', session)
  await next()
  c.header('x-session-token', await mint(session))
})

const app = new Hono<Env>()
app.use(authenticated)

app.post('/session', async (c) => {
  const { board } = await c.req.json<{ board: string }>()
  c.header('x-session-token', await mint({ sub: c.var.user, jti: randomUUID(), board }))
  return c.body(null, 201)
})
app.get('/board', ownSession, (c) => c.json({ board: c.var.session.board, reader: c.var.user }))
app.delete('/session', ownSession, (c) => {
  revoked.add(String(c.var.session.jti))
  return c.body(null, 204)
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function mint(claims: JWTPayload): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(issuer)
    .setAudience(issuer)
    .setIssuedAt(claims.iat)
    .setExpirationTime(Math.ceil((Date.now() + idleTimeoutMs) / 1_000))
    .sign(key)
}

async function verify(token: string): Promise<JWTPayload | undefined> {
  const options = { algorithms: ['HS256'], issuer, audience: issuer, maxTokenAge: absoluteTimeoutMs / 1_000 }
  const verified = await jwtVerify(token, key, options).catch(() => undefined)
  return verified && !revoked.has(String(verified.payload.jti)) ? verified.payload : undefined
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
