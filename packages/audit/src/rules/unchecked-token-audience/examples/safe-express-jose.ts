// Safe: the token must name this server as its audience, and the issuer that may name it.
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
    const { payload } = await jwtVerify(tokenOf(req), key, {
      audience: 'https://notes.example',
      issuer: 'https://login.example',
    })
    res.locals.user = payload.sub
    next()
  } catch {
    res.status(401).end()
  }
}

function tokenOf(req: Request): string {
  return req.get('authorization')?.replace(/^Bearer /i, '') ?? ''
}
