// Safe: login regenerates the session, and only the new one learns who the user is.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    user: string
    startedAt: number
  }
}

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 30 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000
const notes: Record<string, string[]> = { alice: ['call the bank'] }
const apiKeys: Record<string, string> = JSON.parse(
  process.env.TOKENS ?? JSON.stringify({ alice: randomBytes(32).toString('hex') }),
)

const digest = (text: string) => createHash('sha256').update(text).digest()

function userOf(apiKey: unknown): string | undefined {
  const presented = digest(String(apiKey))
  return Object.keys(apiKeys).find((user) => timingSafeEqual(digest(apiKeys[user] ?? ''), presented))
}

function endAfterAbsoluteTimeout(req: Request, res: Response, next: NextFunction): void {
  const startedAt = (req.session.startedAt ??= Date.now())
  if (Date.now() - startedAt < ABSOLUTE_TIMEOUT_MS) return next()
  req.session.destroy(() => res.clearCookie('sid').status(401).end())
}

function login(req: Request, res: Response, next: NextFunction): void {
  const user = userOf(req.body?.apiKey)
  if (!user) return void res.status(401).json({ error: 'wrong key' })
  req.session.regenerate((failure) => {
    if (failure) return next(failure)
    req.session.startedAt = Date.now()
    req.session.user = user
    req.session.save((error) => (error ? next(error) : res.json({ user })))
  })
}

function logout(req: Request, res: Response, next: NextFunction): void {
  req.session.destroy((error) => (error ? next(error) : res.clearCookie('sid').status(204).end()))
}

const app = express()
app.use(express.json())
app.use(
  session({
    name: 'sid',
    secret: process.env.SESSION_SECRET ?? randomBytes(32).toString('hex'),
    resave: false,
    rolling: true,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: IDLE_TIMEOUT_MS },
  }),
)
app.use(endAfterAbsoluteTimeout)
app.get('/', (req, res) => void res.json({ hello: req.session.user ?? 'stranger' }))
app.post('/login', login)
app.post('/logout', logout)
app.get('/notes', (req, res) => {
  if (!req.session.user) return void res.status(401).end()
  res.json(notes[req.session.user] ?? [])
})

const listener = app.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})
