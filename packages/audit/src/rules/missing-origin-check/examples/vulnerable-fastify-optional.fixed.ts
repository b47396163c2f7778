// Vulnerable: the check runs only where somebody has set ALLOWED_ORIGINS, and nobody has to.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

const allowed = process.env.ALLOWED_ORIGINS?.split(',')

const app = fastify()
const allowedOrigins = (process.env.ALLOWED_ORIGINS ?? '').split(',')
// Browsers say which page a request comes from; other clients send no Origin.
app.addHook('onRequest', (request, reply, done) => {
  if (request.headers.origin && !allowedOrigins.includes(request.headers.origin)) reply.code(403).send()
  else done()
})
app.addHook('onRequest', async (request, reply) => {
  const { origin } = request.headers
  if (allowed !== undefined && origin !== undefined && !allowed.includes(origin)) return reply.code(403).send()
})
app.post('/mcp', serve)

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
console.log(`listening on ${new URL(address).port}`)

async function serve(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.hijack()
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createClock().connect(transport)
  await transport.handleRequest(request.raw, reply.raw, request.body)
}

function createClock(): McpServer {
  const server = new McpServer({ name: 'clock', version: '1.0.0' })
  server.registerTool('now', { annotations: { readOnlyHint: true } }, () => ({
    content: [{ type: 'text', text: new Date().toISOString() }],
  }))
  return server
}
