// Safe: before each tick the clock is asked whether the token is still good.
import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { jwtVerify } from 'jose'

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')
const expectations = { audience: 'https://ticks.example', issuer: 'https://login.example' }

const app = new Hono()
app.get('/ticks', async (c) => {
  const token = c.req.header('authorization')?.replace(/^Bearer /i, '') ?? ''
  const claims = await jwtVerify(token, key, expectations).catch(() => undefined)
  if (claims === undefined) return c.text('', 401)
  const { exp = 0 } = claims.payload
  return streamSSE(c, async (stream) => {
    while (!stream.aborted) {
      if (Date.now() >= exp * 1_000) return
      await stream.writeSSE({ event: 'tick', data: String(exp) })
      await stream.sleep(1_000)
    }
  })
})

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on ${port}`)
})
