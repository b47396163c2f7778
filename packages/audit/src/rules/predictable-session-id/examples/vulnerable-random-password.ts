// Vulnerable: the one-time password of a new colleague is drawn with a generator that is made for speed, and anyone with a few of them computes the next.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type Request, type Response } from 'express'

const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'
const invite = digest(process.env.INVITE ?? randomBytes(32).toString('base64url'))
const passwords = new Map<string, Buffer>()

const app = express()
app.use(express.json())
app.post('/colleagues', enrol)

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function enrol(req: Request, res: Response): void {
  if (!timingSafeEqual(digest(req.get('x-invite-token') ?? ''), invite)) return void res.status(401).end()
  const password = draw(24)
//                 ^^^^^^^^ 2 becomes the value of password
  passwords.set(String(req.body.name), digest(password))
  res.status(201).json({ password })
}

function draw(length: number): string {
  let text = ''
  for (let index = 0; index < length; index++) text += ALPHABET[Math.floor(Math.random() * ALPHABET.length)]
//                                                                         ^^^^^^^^^^^^^ 1 Math.random, whose state can be recovered from a few outputs: at most 52 bits
  return text
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
