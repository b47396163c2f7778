import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { answerErrors, protect, visitOf } from '@sallyport/session/fastify'
import fastify, { type FastifyError } from 'fastify'
import { guard } from './guard.ts'
import { createNotesServer, parseError, sessionFor, type Notes } from './notes.ts'

const app = fastify()
// A POST may open a session; whatever else comes has to have one.
app.addHook('onRequest', protect(guard, { session: ({ method }) => (method === 'POST' ? 'optional' : 'required') }))
app.setErrorHandler<FastifyError>((error, request, reply) => {
  if (error.code === 'FST_ERR_CTP_INVALID_JSON_BODY') return reply.code(400).send(parseError)
  return answerErrors(guard)(error, request, reply)
})

app.post('/mcp', async (request, reply) => {
  const session = await sessionFor(visitOf<Notes>(request), request.body)
  if (!session) return reply.code(400).send({ error: 'a session begins with initialize' })
  // The session is the guard's; to the SDK each request is the first and the last.
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  await createNotesServer(session).connect(transport)
  reply.hijack()
  await transport.handleRequest(request.raw, reply.raw, request.body)
  return reply
})

app.delete('/mcp', async (request, reply) => {
  await visitOf(request).terminate()
  return reply.code(204).send()
})

await app.listen({ port: Number(process.env.PORT ?? 3000), host: '::' })
export const { server } = app
