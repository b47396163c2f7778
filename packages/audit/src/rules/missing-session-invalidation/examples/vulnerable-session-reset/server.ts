// Vulnerable: reset sets a new cookie and leaves the old record, full, for whoever holds the old cookie.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { type Session, SessionStore } from './store.ts'

const host = '127.0.0.1'
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [digest(token), user]))
const store = new SessionStore()

const app = express()
app.use(authenticate, express.json())

app.post('/session', (_req, res) => {
  setCookie(res, store.create(res.locals.user)).sendStatus(201)
//               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 3 where one is opened
})

app.use(requireSession)

app.get('/basket', (_req, res) => void res.json(res.locals.session.basket))
app.post('/basket', (req, res) => {
  res.locals.session.basket.push(String(req.body.item))
  res.sendStatus(201)
})
app.post('/session/reset', (_req, res) => {
  const session = store.create(res.locals.user)
//                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4 where one is opened
  setCookie(res, session).sendStatus(201)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const user = users.get(digest(req.get('authorization')?.replace('Bearer ', '') ?? ''))
  if (user === undefined) return void res.sendStatus(401)
  res.locals.user = user
  next()
}

function requireSession(req: Request, res: Response, next: NextFunction): void {
  const id = /(?:^|; )basket=([\w-]+)/.exec(req.get('cookie') ?? '')?.[1] ?? ''
  const session = store.find(id, res.locals.user)
  if (session === undefined) return void res.sendStatus(404)
  res.locals.session = session
  next()
}

function setCookie(res: Response, session: Session): Response {
  return res.cookie('basket', session.id, { httpOnly: true, sameSite: 'strict', secure: res.req.secure })
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
