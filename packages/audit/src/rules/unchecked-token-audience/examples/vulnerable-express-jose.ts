// Vulnerable: the token must be signed and young, but for whom it was issued is not asked.
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { jwtVerify } from 'jose'

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')

const app = express()
app.use(authenticate)
app.get('/notes', (_req, res) => void res.json([]))

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

async function authenticate(req: Request, res: Response, next: NextFunction): Promise<void> {
  try {
    const { payload } = await jwtVerify(tokenOf(req), key, { algorithms: ['HS256'] })
//                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ signature and expiry are checked, the audience is not
    res.locals.user = payload.sub
    next()
  } catch {
    res.status(401).end()
  }
}

function tokenOf(req: Request): string {
  return req.get('authorization')?.replace(/^Bearer /i, '') ?? ''
}
