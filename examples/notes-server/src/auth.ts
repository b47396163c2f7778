import { createHash, timingSafeEqual } from 'node:crypto'
import type { NextFunction, Request, Response } from 'express'

/** SHA-256 of each user's API key, as `user=hex` pairs: `NOTES_KEYS="alice=2c26…,bob=fcde…"`. */
const keyDigests = new Map(
  (process.env.NOTES_KEYS ?? '').split(',').map((pair): [string, Buffer] => {
    const [user = '', digest = ''] = pair.split('=')
    return [user, Buffer.from(digest, 'hex')]
  }),
)

const users = new WeakMap<Request, string>()

export function authenticate(request: Request, response: Response, next: NextFunction): void {
  const user = userWithKey(request.header('authorization')?.replace(/^Bearer /, '') ?? '')
  if (user === undefined) {
    response.status(401).set('WWW-Authenticate', 'Bearer').end()
    return
  }
  users.set(request, user)
  next()
}

export function userOf(request: Request): string {
  const user = users.get(request)
  if (user === undefined) throw new Error('userOf needs authenticate before it')
  return user
}

function userWithKey(key: string): string | undefined {
  const digest = createHash('sha256').update(key).digest()
  for (const [user, expected] of keyDigests) {
    if (expected.length === digest.length && timingSafeEqual(expected, digest)) return user
  }
  return undefined
}
