// Vulnerable: of the claims of a token that is rightly signed, the subject alone is looked at.
import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { verify } from 'hono/jwt'

const key = process.env.ISSUER_KEY ?? randomBytes(32).toString('hex')

const app = new Hono()
app.use(async (c, next) => {
  const caller = await callerOf(c.req.header('authorization')?.replace(/^Bearer /i, '') ?? '')
  if (caller === undefined) return c.text('', 401)
  await next()
})
app.get('/notes', (c) => c.json([]))

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

async function callerOf(token: string): Promise<unknown> {
  const claims = await verify(token, key, 'HS256').catch(() => undefined)
//                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^ signature and expiry are checked, the audience is not
  return claims?.sub
}
