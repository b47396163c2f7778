// Safe: the signature is compared with the right one by timingSafeEqual, once it is as long.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
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
  const signature = Buffer.from(String(req.headers['x-signature'] ?? ''), 'hex')
  const expected = createHmac('sha256', key).update(body).digest()
  const isRight = signature.length === expected.length && timingSafeEqual(signature, expected)
  if (!isRight) return void res.writeHead(403).end()
  res.writeHead(204).end()
}
