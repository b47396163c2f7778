// Safe: the new token is in the body of the answer, and the address says nothing.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const inviteDigest = digest(process.env.INVITE ?? randomBytes(32).toString('base64url'))
const issued = new Map<string, number>()

const server = createServer(handle)
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

function handle(req: IncomingMessage, res: ServerResponse): void {
  const invite = digest(String(req.headers['x-invite-token'] ?? ''))
  if (!timingSafeEqual(invite, inviteDigest)) return void res.writeHead(401).end()
  const token = randomBytes(32).toString('base64url')
  issued.set(digest(token).toString('hex'), Date.now())
  answer(res, token)
}

function answer(res: ServerResponse, token: string): void {
  res.writeHead(201, { location: '/desk' }).end(JSON.stringify({ token }))
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
