// Vulnerable: receipts are signed with a key from Math.random, which a few of its outputs give away.
import { createHmac } from 'node:crypto'
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
//                            ^^^ 2 used as the key of a MAC
}

function makeKey(): string {
  return Math.random().toString(36).slice(2)
//       ^^^^^^^^^^^^^ 1 made here
}
