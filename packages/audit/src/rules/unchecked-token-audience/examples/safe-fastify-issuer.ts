// Safe: the issuer is right, and so is the audience.
import { randomBytes } from 'node:crypto'
import fastify from 'fastify'
import { jwtVerify, type JWTVerifyOptions } from 'jose'

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')
const expectations: JWTVerifyOptions = {
  issuer: 'https://login.example',
  audience: 'https://notes.example',
  maxTokenAge: '1h',
}

const app = fastify()
app.addHook('onRequest', async (request, reply) => {
  const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
  const isValid = await jwtVerify(token, key, expectations).then(
    () => true,
    () => false,
  )
  if (!isValid) return reply.code(401).send()
})
app.get('/notes', async () => [])

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)
