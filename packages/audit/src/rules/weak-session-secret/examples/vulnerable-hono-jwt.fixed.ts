// Vulnerable: where JWT_SECRET is not set, tokens are signed with a text that stands in the source.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { jwt, sign } from 'hono/jwt'

const secret = requiredSetting(process.env.JWT_SECRET, 'JWT_SECRET')
const invite = digest(process.env.INVITE ?? randomBytes(32).toString('base64url'))

const app = new Hono()
app.post('/tokens', async (c) => {
  if (!timingSafeEqual(digest(c.req.header('x-invite-token') ?? ''), invite)) return c.text('', 401)
  const exp = Math.floor(Date.now() / 1000) + 600
  return c.json({ token: await sign({ sub: 'alice', exp }, secret, 'HS256') })
})
app.get('/notes', jwt({ secret, alg: 'HS256' }), (c) => c.json([]))

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** A secret that everybody can read in the source is none. */
function requiredSetting(value: string | undefined, name: string): string {
  if (!value) throw new Error(`${name} must be set: a secret has no default.`)
  return value
}
