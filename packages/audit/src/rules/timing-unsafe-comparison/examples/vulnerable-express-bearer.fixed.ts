// Vulnerable: the bearer token is compared with the configured one by ===.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'

const token = process.env.MCP_TOKEN ?? randomBytes(32).toString('base64url')

const app = express()
app.use(authenticate)
app.get('/notes', (_req, res) => void res.json([]))

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function authenticate(req: Request, res: Response, next: NextFunction): void {
  const [scheme, presented = ''] = (req.get('authorization') ?? '').split(' ')
  if (scheme === 'Bearer' && isSame(presented, token)) return next()
  res.status(401).set('www-authenticate', 'Bearer').end()
}

function isSame(presented: string, expected: string): boolean {
  return isSameSecret(presented, expected)
}

/** Takes as long for a wrong secret as for the right one. */
function isSameSecret(one: unknown, other: unknown): boolean {
  if (typeof one !== 'string' || typeof other !== 'string') return false
  const digest = (content: string) => createHash('sha256').update(content).digest()
  return timingSafeEqual(digest(one), digest(other))
}
