/** The token of the caller, put on the request by a hook of the server’s own, and what tools do with it. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

const server = (auth: string, sent: string, on = 'request.raw'): string => `
  import Fastify from 'fastify'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  import { createRemoteJWKSet, jwtVerify } from 'jose'
  const jwks = createRemoteJWKSet(new URL('https://id.example/jwks'))
  const app = Fastify()
  app.addHook('preHandler', async (request, reply) => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    try {
      const { payload } = await jwtVerify(token, jwks, { issuer: 'https://id.example', audience: 'notes' })
      ${on}.auth = ${auth}
    } catch {
      return reply.code(401).send()
    }
  })
  app.post('/mcp', async (request, reply) => {
    const server = new McpServer({ name: 'n', version: '1' })
    server.registerTool('notes', { description: 'Notes', inputSchema: {} }, async (_args, extra) => {
      const answer = await fetch('https://notes.example', { headers: { authorization: ${sent} } })
      return { content: [{ type: 'text', text: await answer.text() }] }
    })
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await server.connect(transport)
    await transport.handleRequest(request.raw, reply.raw, request.body)
  })
  app.listen({ port: 3000, host: '127.0.0.1' })`

const OF_CALLER = '{ token, clientId: payload.azp, scopes: [] }'
const OF_SERVER = '{ token: process.env.NOTES_TOKEN, clientId: payload.azp, scopes: [] }'

describe('what a tool sends to another service', () => {
  it.each([
    ['the token of the caller', server(OF_CALLER, '`Bearer ${extra.authInfo.token}`'), 1],
    ['a token of its own', server(OF_CALLER, '`Bearer ${process.env.NOTES_TOKEN}`'), 0],
    ['a token that is put in the place of the caller’s', server(OF_SERVER, '`Bearer ${extra.authInfo.token}`'), 0],
    ['another part of what is known of the caller', server(OF_CALLER, '`Client ${extra.authInfo.clientId}`'), 0],
  ])('%s', (_what, program, count) => {
    expect(findingsOf('unchecked-token-audience', program)).toHaveLength(count)
  })
})
