// Vulnerable: the token is verified when the stream opens, and whoever is connected hears of every price from then on.
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { jwtVerify } from 'jose'

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')
const listeners = new Set<Response>()

const app = express()
app.use(authenticate)
app.get('/prices', (_req, res) => {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 stays open for as long as the client likes
  res.flushHeaders()
  listeners.add(res)
  res.on('close', () => listeners.delete(res))
})
app.put('/prices/:item', (req, res) => {
  for (const stream of listeners) stream.write(`data: ${encodeURIComponent(req.params.item)}\n\n`)
  res.sendStatus(204)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

async function authenticate(req: Request, res: Response, next: NextFunction): Promise<void> {
  try {
    const token = req.get('authorization')?.replace(/^Bearer /i, '') ?? ''
    const { payload } = await jwtVerify(token, key, {
//                            ^^^^^^^^^^^^^^^^^^^^^^^ 1 a token that expires is verified, once
      audience: 'https://prices.example',
      issuer: 'https://login.example',
      requiredClaims: ['exp'],
    })
    res.locals.expiresAt = Number(payload.exp) * 1_000
    next()
  } catch {
    res.status(401).end()
  }
}
