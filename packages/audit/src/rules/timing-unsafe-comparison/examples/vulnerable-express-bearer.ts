// Vulnerable: the bearer token is compared with the configured one by ===.
import { randomBytes } from 'node:crypto'
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
//                           ^^^^^^^^^^^^^^^^^^^^^^^^ 1 what the request offers is checked
  res.status(401).set('www-authenticate', 'Bearer').end()
}

function isSame(presented: string, expected: string): boolean {
  return presented === expected
//       ^^^^^^^^^^^^^^^^^^^^^^ 2 compared by ===
}
