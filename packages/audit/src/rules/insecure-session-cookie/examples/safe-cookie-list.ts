// Safe: two cookies in one header; the one with the ticket stays with its own site, the other holds no secret.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const invite = digest(process.env.INVITE ?? randomBytes(32).toString('base64url'))
const issued = new Set<string>()

const server = createServer(login)
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

function login(req: IncomingMessage, res: ServerResponse): void {
  if (!timingSafeEqual(digest(String(req.headers['x-invite-token'])), invite)) return void res.writeHead(401).end()
  const ticket = randomBytes(32).toString('base64url')
  issued.add(digest(ticket).toString('hex'))
  res.setHeader('set-cookie', [
    'theme=dark; Path=/',
    `__Host-desk_session=${ticket}; Path=/; Secure; HttpOnly; SameSite=Lax`,
  ])
  res.writeHead(204).end()
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
