// Vulnerable: the cookie that proves a visit to the desk is set with its name and value alone.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type Request, type Response } from 'express'

const invite = digest(process.env.INVITE ?? randomBytes(32).toString('base64url'))
const issued = new Set<string>()

const app = express()
app.post('/desk', login)

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function login(req: Request, res: Response): void {
  if (!timingSafeEqual(digest(req.get('x-invite-token') ?? ''), invite)) return void res.status(401).end()
  const ticket = randomBytes(32).toString('base64url')
  issued.add(digest(ticket).toString('hex'))
  give(res, ticket)
}

function give(res: Response, ticket: string): void {
  res.cookie('desk_session', ticket, { httpOnly: true, secure: true, sameSite: 'lax' }).status(204).end()
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
