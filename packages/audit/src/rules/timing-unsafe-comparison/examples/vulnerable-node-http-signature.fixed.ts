// Vulnerable: the signature of a message is compared with the right one by !==.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

const key = process.env.HOOK_KEY ?? randomBytes(32).toString('base64url')

const server = createServer((req, res) => void handle(req, res))
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = await text(req)
  const signature = String(req.headers['x-signature'] ?? '')
  const expected = createHmac('sha256', key).update(body).digest('hex')
  if (!isSameSecret(signature, expected)) return void res.writeHead(403).end()
  res.writeHead(204).end()
}

/** Takes as long for a wrong secret as for the right one. */
function isSameSecret(one: unknown, other: unknown): boolean {
  if (typeof one !== 'string' || typeof other !== 'string') return false
  const digest = (content: string) => createHash('sha256').update(content).digest()
  return timingSafeEqual(digest(one), digest(other))
}
