/** Plugins of Fastify that serve MCP, and what stands before them. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const app = (register: string, before = ''): string => `
  import fastify from 'fastify'
  import { Sessions, fastifyMCPSSE, streamableHttp } from 'fastify-mcp'
  import ownPlugin from '@someone/fastify-mcp-server'
  import cors from '@fastify/cors'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  const createServer = () => new McpServer({ name: 'n', version: '1' }).server
  const app = fastify()
  ${before}
  await app.register(${register})
  await app.listen({ port: 3000, host: '127.0.0.1' })`

const STATELESS = "streamableHttp, { stateful: false, mcpEndpoint: '/mcp', createServer }"
const STATEFUL = "streamableHttp, { stateful: true, mcpEndpoint: '/mcp', sessions: new Sessions(), createServer }"
const SSE = 'fastifyMCPSSE, { server: createServer() }'
const GUARD = `app.addHook('onRequest', async (request, reply) => {
    if (request.headers.origin && request.headers.origin !== 'https://a.example') return reply.code(403).send()
  })`

describe('a plugin that serves MCP', () => {
  it.each([
    ['from whatever page', 'missing-origin-check', app(STATELESS), 'fail'],
    ['whatever it is called', 'missing-origin-check', app('ownPlugin, {}'), 'fail'],
    ['behind a check of the origin', 'missing-origin-check', app(STATELESS, GUARD), 'pass'],
    ['beside plugins that serve no MCP', 'missing-origin-check', app('cors, {}'), 'notApplicable'],
    ['with sessions', 'missing-session-expiry', app(STATEFUL), 'fail'],
    ['that a client can end', 'missing-session-invalidation', app(STATEFUL), 'pass'],
    ['without sessions', 'missing-session-expiry', app(STATELESS), 'notApplicable'],
    ['over SSE', 'session-token-in-url', app(SSE), 'fail'],
  ])('%s', (_what, rule, program, outcome) => {
    expect(outcomeOf(rule, program)).toBe(outcome)
  })
})
