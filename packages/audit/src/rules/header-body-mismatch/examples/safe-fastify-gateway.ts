// Safe: the gateway reads the body as well, and refuses a request that says one thing and means another.
import { createHash, randomBytes } from 'node:crypto'
import fastify from 'fastify'

const upstream = process.env.UPSTREAM ?? 'http://127.0.0.1:8080/mcp'
const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const policy: Record<string, 'open' | 'closed'> = {
  weather_now: 'open',
  weather_history: 'open',
  weather_push: 'closed',
}

const app = fastify()
app.addHook('onRequest', async (request, reply) => {
  if (request.headers.origin !== undefined) return reply.code(403).send()
  const user = userByDigest.get(sha256(request.headers.authorization?.slice('Bearer '.length) ?? ''))
  if (user === undefined) return reply.code(401).send()
})
app.post('/mcp', async (request, reply) => {
  const tool = String(request.headers['mcp-name'])
  const { params } = request.body as { readonly params?: { readonly name?: string } }
  if (params?.name !== tool) return reply.code(400).send()
  if (policy[tool] !== 'open') return reply.code(403).send()
  const answer = await fetch(upstream, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request.body),
  })
  return reply
    .code(answer.status)
    .type('application/json')
    .send(await answer.text())
})

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
