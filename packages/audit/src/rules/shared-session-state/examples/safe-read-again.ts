// Safe: the basket is read after the price has arrived, so nothing written meanwhile is lost and an ended session stays ended.
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify, { type FastifyRequest } from 'fastify'

const HOST = '127.0.0.1'
const PORT = Number(process.env.PORT ?? 3000)
const IDLE_TIMEOUT_MS = 15 * 60_000
const ABSOLUTE_TIMEOUT_MS = 4 * 60 * 60_000

interface Session {
  readonly owner: string
  readonly total: number
  readonly openedAt: number
  readonly usedAt: number
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const sessions: Record<string, Session | undefined> = {}

function principalOf(request: FastifyRequest): string | undefined {
  return users.get(digest((request.headers.authorization ?? '').replace(/^Bearer /, '')))
}

function sessionOf(id: string, principal: string | undefined): Session | undefined {
  const session = sessions[id]
  return session !== undefined && session.owner === principal ? session : undefined
}

async function priceOf(sku: string): Promise<number> {
  await sleep(50) // the catalogue takes its time
  return sku.length
}

const app = fastify()

app.addHook('onRequest', async (request, reply) => {
  if (principalOf(request) === undefined) return reply.code(401).send()
})

app.post('/baskets', async (request, reply) => {
  const owner = principalOf(request)
  if (owner === undefined) return reply.code(401).send()
  const id = randomUUID()
  sessions[id] = { owner, total: 0, openedAt: Date.now(), usedAt: Date.now() }
  return reply.code(201).send({ id })
})

app.post<{ Body: { sku: string } }>('/basket/items', async (request, reply) => {
  const id = String(request.headers['x-basket-id'])
  if (sessionOf(id, principalOf(request)) === undefined) return reply.code(404).send()
  const price = await priceOf(request.body.sku)
  const session = sessionOf(id, principalOf(request))
  if (session === undefined) return reply.code(404).send()
  sessions[id] = { ...session, total: session.total + price, usedAt: Date.now() }
  return { total: session.total + price }
})

app.delete('/basket', async (request, reply) => {
  const id = String(request.headers['x-basket-id'])
  if (sessionOf(id, principalOf(request)) === undefined) return reply.code(404).send()
  delete sessions[id]
  return reply.code(204).send()
})

setInterval(() => {
  const now = Date.now()
  for (const [id, session] of Object.entries(sessions)) {
    if (session === undefined) continue
    if (now - session.usedAt > IDLE_TIMEOUT_MS || now - session.openedAt > ABSOLUTE_TIMEOUT_MS) delete sessions[id]
  }
}, 60_000).unref()

const address = await app.listen({ port: PORT, host: HOST })
console.log(`listening on ${new URL(address).port}`)
