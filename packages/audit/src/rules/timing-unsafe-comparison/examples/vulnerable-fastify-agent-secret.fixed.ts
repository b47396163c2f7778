// Vulnerable: an agent's stored secret is compared by Buffer.equals, which stops where they differ.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import fastify from 'fastify'

interface Agent {
  readonly secret: Buffer
  readonly notes: string[]
}

const agents = new Map<string, Agent>()

const app = fastify()
app.post('/agents/:name', async (request, reply) => {
  const { name } = request.params as { name: string }
  if (agents.has(name)) return reply.code(409).send()
  const agent = { secret: randomBytes(32), notes: [] }
  agents.set(name, agent)
  return { secret: agent.secret.toString('hex') }
})
app.get('/agents/:name', async (request, reply) => {
  const { name } = request.params as { name: string }
  const agent = agents.get(name)
  const presented = Buffer.from(String(request.headers['x-agent-secret'] ?? ''), 'hex')
  if (agent === undefined || !isSame(presented, agent.secret)) return reply.code(404).send()
  return agent.notes
})

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)

function isSame(presented: Buffer, secret: Buffer): boolean {
  return areSameBytes(presented, secret)
}

/** Takes as long for a wrong value as for the right one. */
function areSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  const digest = (content: Uint8Array) => createHash('sha256').update(content).digest()
  return timingSafeEqual(digest(one), digest(other))
}
