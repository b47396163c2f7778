// Vulnerable: without `cookie.maxAge` express-session ends neither the cookie nor the stored record by itself.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    user: string
    drafts: string[]
  }
}

const host = '127.0.0.1'
const tokens = process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('base64url')]: 'alice' })
const users = new Map(Object.entries<string>(JSON.parse(tokens)).map(([token, user]) => [sha256(token), user]))

const app = express()
app.use(authenticate, express.json())
app.use(
  session({
    name: 'sid',
    secret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'strict', secure: 'auto', maxAge: 30 * 60 * 1000 },
    rolling: true,
  }),
)
// However much it is used, a session ends four hours after it was opened.
app.use((req, res, next) => {
  const session = req.session as typeof req.session & { openedAt?: number }
  const openedAt = (session.openedAt ??= Date.now())
  if (Date.now() - openedAt < 4 * 60 * 60 * 1000) next()
  else session.destroy(() => res.status(401).end())
})

app.post('/session', (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error)
    Object.assign(req.session, { user: res.locals.user, drafts: [] })
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
  next()
}

function endSession(req: Request, res: Response, next: NextFunction): void {
  req.session.destroy((error) => {
    if (error) return next(error)
    res.clearCookie('sid').sendStatus(204)
  })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
