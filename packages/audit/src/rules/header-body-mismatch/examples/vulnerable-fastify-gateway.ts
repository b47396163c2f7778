// Vulnerable: the gateway has a list of tools that it lets through by their header; the server behind it reads the body.
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
  if (policy[tool] !== 'open') return reply.code(403).send()
//    ^^^^^^^^^^^^^^^^^^^^^^^ 1 decided by what a header says is called
  const answer = await fetch(upstream, {
//                     ^^^^^^^^^^^^^^^^^ 2 what the body calls is done
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
