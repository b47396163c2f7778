/** Servers that take plain HTTP, and those that send every request away that did not come over TLS. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const plaintext = 'plaintext-transport'

describe('a check that stands before every route', () => {
  const fastify = (check: string): string => `
    import Fastify from 'fastify'
    const app = Fastify()
    const last = (value = '') => String(value).split(',').at(-1).trim()
    app.addHook('onRequest', async (request, reply) => { ${check} })
    app.post('/mcp', async (request, reply) => {
      if (request.headers.authorization !== process.env.KEY) return reply.code(401).send()
      return { jsonrpc: '2.0', id: request.body.id, result: request.body.method === 'tools/list' ? { tools: [] } : {} }
    })
    await app.listen({ port: 8080, host: '0.0.0.0' })`

  it.each([
    [
      'a hook',
      `switch (last(request.headers['x-forwarded-proto'])) { case 'https': return; default: return reply.code(426).send() }`,
    ],
    ['a hook that throws', `if (request.protocol !== 'https') throw new Error('https only')`],
    ['a pattern', 'if (!/^https$/.test(request.protocol)) return reply.code(426).send()'],
    ['a beginning', `if (!request.protocol.startsWith('https')) return reply.code(426).send()`],
    ['a set', `if (!new Set(['https', 'wss']).has(request.protocol)) return reply.code(426).send()`],
    [
      'one of several',
      `if (!request.headers['x-forwarded-proto'].split(',').includes('https')) return reply.code(426).send()`,
    ],
  ])('sends plain HTTP away: %s', (_, check) => {
    expect(outcomeOf(plaintext, fastify(check))).toBe('pass')
  })

  it.each([
    ['nothing is asked', `request.log.info(request.protocol)`],
    ['either will do', 'if (!/^https?$/.test(request.protocol)) return reply.code(426).send()'],
    ['a set with both', `if (!new Set(['https', 'http']).has(request.protocol)) return reply.code(426).send()`],
    ['pages alone', `if (request.method === 'GET' && request.protocol !== 'https') return reply.code(426).send()`],
  ])('lets it pass: %s', (_, check) => {
    expect(outcomeOf(plaintext, fastify(check))).toBe('fail')
  })

  it.each([
    ['pass', "consumer.apply(HttpsOnly).forRoutes('*path')"],
    ['fail', ''],
  ])('is applied by a module, before a handler of the SDK: %s', (outcome, applied) => {
    const program = `
      import { All, Controller, Module, Req, Res } from '@nestjs/common'
      import { NestFactory } from '@nestjs/core'
      import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
      import { toNodeHandler } from '@modelcontextprotocol/node'
      class HttpsOnly { use(req, res, next) { if (req.secure) return next(); res.status(426).end() } }
      const handle = toNodeHandler(createMcpHandler(() => new McpServer({ name: 'a', version: '1' })))
      @Controller('mcp') class Endpoint { @All() serve(@Req() req, @Res() res) { return handle(req, res, req.body) } }
      @Module({ controllers: [Endpoint] }) class App { configure(consumer) { ${applied} } }
      const app = await NestFactory.create(App)
      await app.listen(3000)`
    expect(outcomeOf(plaintext, program)).toBe(outcome)
  })
})

describe('a server that is made with TLS only where there is a certificate', () => {
  const program = (settings: string): string => `
    import http from 'node:http'
    import https from 'node:https'
    const handler = (req, res) => {
      if (req.headers.authorization !== process.env.KEY) return res.writeHead(401).end()
      res.end('{}')
    }
    ${settings}
    const server = all.tls ? https.createServer({ key: all.tls.key }, handler) : http.createServer(handler)
    server.listen(8443, all.bind)`
  const added = `const own = {}; if (process.env.TLS_KEY) own.tls = { key: process.env.TLS_KEY }`

  it.each([
    ['a part that a branch adds', `${added}; const all = { bind: '::', ...own }`],
    ['over a default', `${added}; const all = Object.freeze({ bind: '::', tls: null, ...own })`],
    [
      'one object or another, spread over a default',
      `const all = { bind: '::', tls: null, ...(process.env.TLS_KEY ? { tls: { key: process.env.TLS_KEY } } : {}) }`,
    ],
  ])('goes without: %s', (_, settings) => {
    expect(outcomeOf(plaintext, program(settings))).toBe('fail')
  })

  it.each([
    ['at home', `${added}; const all = { bind: '127.0.0.1', tls: null, ...own }`],
    ['always', `const own = { tls: { key: process.env.TLS_KEY } }; const all = { bind: '::', tls: null, ...own }`],
  ])('is fine: %s', (_, settings) => {
    expect(outcomeOf(plaintext, program(settings))).toBe('pass')
  })
})
