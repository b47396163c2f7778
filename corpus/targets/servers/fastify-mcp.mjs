// fastify-mcp as its readme registers it, behind a hook that asks for a bearer token.
import fastify from 'fastify'
import { Sessions, streamableHttp } from 'fastify-mcp'
import { callerOf, createNotes } from './notes.mjs'

const app = fastify()
app.addHook('onRequest', async (request, reply) => {
  if (callerOf(request.headers.authorization) === undefined) return reply.code(401).send()
})
app.register(streamableHttp, {
  stateful: true,
  mcpEndpoint: '/mcp',
  sessions: new Sessions(),
  createServer: () => createNotes().server,
})
await app.listen({ port: Number(process.env.TARGET_PORT) })
