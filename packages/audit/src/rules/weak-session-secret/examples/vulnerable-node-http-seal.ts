// Vulnerable: sealed state is opened with a key that everybody can read here.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const key = Buffer.from(sealingKey(), 'hex')

const server = createServer(handle)
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

function sealingKey(): string {
  return '8f1d0c6a5be24f3397aa1d25c0de7b1e8f1d0c6a5be24f3397aa1d25c0de7b1e'
}

function handle(req: IncomingMessage, res: ServerResponse): void {
  const sealed = req.headers['x-state']
  const visits = typeof sealed === 'string' ? open(sealed) : 0
  if (visits === undefined) return void res.writeHead(400).end()
  res.setHeader('x-state', seal(visits + 1))
  res.end(createHash('sha256').update(String(visits)).digest('hex'))
}

function seal(visits: number): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
//                                             ^^^ used as the key of a cipher
  const text = Buffer.concat([cipher.update(String(visits)), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')
}

function open(sealed: string): number | undefined {
  try {
    const bytes = Buffer.from(sealed, 'base64url')
    const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
//                                                 ^^^ used as the key of a cipher
    cipher.setAuthTag(bytes.subarray(12, 28))
    return Number(Buffer.concat([cipher.update(bytes.subarray(28)), cipher.final()]).toString())
  } catch {
    return undefined
  }
}
