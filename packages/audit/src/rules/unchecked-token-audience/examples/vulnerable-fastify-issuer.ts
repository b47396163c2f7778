// Vulnerable: the issuer is right, and it issues tokens for many services.
import { randomBytes } from 'node:crypto'
import fastify from 'fastify'
import { jwtVerify, type JWTVerifyOptions } from 'jose'

const key = Buffer.from(process.env.ISSUER_KEY ?? randomBytes(32).toString('hex'), 'hex')
const expectations: JWTVerifyOptions = {
//                                     ^ 2 options that name no audience
  issuer: 'https://login.example',
  maxTokenAge: '1h',
}

const app = fastify()
app.addHook('onRequest', async (request, reply) => {
  const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
  const isValid = await jwtVerify(token, key, expectations).then(
//                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 signature and expiry are checked, the audience is not
    () => true,
    () => false,
  )
  if (!isValid) return reply.code(401).send()
})
app.get('/notes', async () => [])

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)
