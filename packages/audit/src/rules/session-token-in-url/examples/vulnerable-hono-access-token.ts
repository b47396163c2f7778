// Vulnerable: where no header came, the access token is taken from the query string.
import { createHash, randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const tokens = (process.env.TOKENS ?? randomBytes(32).toString('base64url')).split(',')
const known = new Set(tokens.map(digest))

const app = new Hono()
app.use(async (c, next) => {
  if (!known.has(digest(tokenOf(c.req.header('authorization'), c.req.query('access_token'))))) return c.text('', 401)
//                                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 read from the query parameter access_token
//     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 accepted as the caller’s credential
  await next()
})
app.get('/notes', (c) => c.json([]))

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})

function tokenOf(header: string | undefined, parameter: string | undefined): string {
  return header?.replace(/^Bearer /i, '') ?? parameter ?? ''
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
