// Vulnerable: receipts are signed with a key from Math.random, which a few of its outputs give away.
import { createHmac, randomBytes } from 'node:crypto'
import fastify from 'fastify'

const key = process.env.RECEIPT_KEY ?? makeKey()

const app = fastify()
app.post('/receipts', async (request) => {
  const text = JSON.stringify(request.body)
  return { text, signature: sign(text) }
})

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)

function sign(text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

function makeKey(): string {
  return randomBytes(32).toString('base64url')
}
