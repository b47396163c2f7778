// Vulnerable: whoever is logged in may open the stream of whichever user the path names.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'

const LONGEST_MS = 60_000

const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const streams = new Map<string, Set<Response>>()

const app = express()
app.use(authenticate)
app.get('/events/:user', (req, res) => {
  const { user } = req.params
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  const open = streams.get(user) ?? new Set()
  streams.set(user, open.add(res))
//^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 taken as named, whoever asks
  res.on('close', () => open.delete(res))
  setTimeout(() => res.end(), LONGEST_MS).unref()
})
app.post('/alarms', (_req, res) => {
  for (const stream of streams.get(res.locals.user) ?? []) stream.write('event: alarm\ndata: \n\n')
//                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 told to all who named it
  res.sendStatus(204)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const user = userByDigest.get(sha256(req.get('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (user === undefined) return void res.sendStatus(401)
  res.locals.user = user
  next()
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
