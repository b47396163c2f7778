// Vulnerable: the options are kept in one place, and they switch Secure off and let every site send the cookie.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'

const invite = digest(process.env.INVITE ?? randomBytes(32).toString('base64url'))
const issued = new Set<string>()
const options = { path: '/', httpOnly: true, secure: false, sameSite: 'None' } as const
//              ^ 2 its attributes are written here

const app = new Hono()
app.post('/desk', (c) => {
  if (!timingSafeEqual(digest(c.req.header('x-invite-token') ?? ''), invite)) return c.text('', 401)
  const ticket = randomBytes(32).toString('base64url')
  issued.add(digest(ticket).toString('hex'))
  setCookie(c, 'desk', ticket, options)
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 set without Secure and with SameSite=None
  return c.text('', 200)
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
