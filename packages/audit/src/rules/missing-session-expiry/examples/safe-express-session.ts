// Safe: `maxAge` with `rolling` ends an idle session, cookie and record, and a check on access ends an old one.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    user: string
    openedAt: number
    drafts: string[]
  }
}

const host = '127.0.0.1'
const idleTimeoutMs = Number(process.env.IDLE_TIMEOUT_MS ?? 30 * 60_000)
const absoluteTimeoutMs = Number(process.env.ABSOLUTE_TIMEOUT_MS ?? 4 * 60 * 60_000)
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))

const app = express()
app.use(authenticate, express.json())
app.use(
  session({
    name: 'sid',
    secret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
    resave: false,
    rolling: true,
    saveUninitialized: false,
    cookie: { maxAge: idleTimeoutMs, httpOnly: true, sameSite: 'strict', secure: 'auto' },
  }),
)

app.post('/session', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error)
    Object.assign(req.session, { user: res.locals.user, openedAt: Date.now(), drafts: [] })
    res.sendStatus(201)
  })
})

app.use(requireOwnSession)
app.get('/drafts', (req, res) => void res.json(req.session.drafts))
app.post('/drafts', (req, res) => {
  req.session.drafts = [...(req.session.drafts ?? []), String(req.body.text)]
  res.sendStatus(201)
})
app.delete('/session', endSession)

const listener = app.listen(Number(process.env.PORT ?? 3000), host, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const user = users.get(sha256(req.get('authorization')?.replace('Bearer ', '') ?? ''))
  if (user === undefined) return void res.sendStatus(401)
  res.locals.user = user
  next()
}

function requireOwnSession(req: Request, res: Response, next: NextFunction): void {
  if (req.session.user !== res.locals.user) return void res.sendStatus(404)
  if (Date.now() - (req.session.openedAt ?? 0) > absoluteTimeoutMs) return endSession(req, res, next)
  next()
}

function endSession(req: Request, res: Response, next: NextFunction): void {
  req.session.destroy((error) => {
    if (error) return next(error)
    res.clearCookie('sid').sendStatus(req.method === 'DELETE' ? 204 : 404)
  })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
