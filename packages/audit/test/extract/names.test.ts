/** What is decided by what a header says is called, and done by what the body says. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const RULE = 'header-body-mismatch'

describe('a function that a gateway calls', () => {
  const lambda = (checks: string): string => `
    const tools = { list: async () => 'x', wipe: async () => 'y' }
    const json = (statusCode, body) => ({ statusCode, body: JSON.stringify(body) })
    function refusal(headers, claims) {
      if (headers['mcp-name'] !== 'wipe') return null
      return claims.groups.includes('billing') ? null : 'needs a paid plan'
    }
    exports.handler = async (event) => {
      const message = JSON.parse(event.body)
      const claims = event.requestContext.authorizer.jwt.claims
      ${checks}
      return json(200, { result: await tools[message.params.name](message.params.arguments) })
    }`

  it.each([
    ["if (event.headers['mcp-name'] === 'wipe' && !claims.admin) return { statusCode: 403 }"],
    ['const why = refusal(event.headers, claims); if (why) return json(403, why)'],
  ])('refuses by what it gives back: %s', (checks) => {
    expect(outcomeOf(RULE, lambda(checks))).toBe('fail')
  })

  it.each([
    ["if (message.params.name === 'wipe' && !claims.admin) return { statusCode: 403 }"],
    [
      "if (event.headers['mcp-name'] !== message.params.name) return json(400, 'no'); const why = refusal(event.headers, claims); if (why) return json(403, why)",
    ],
  ])('goes by the body, or compares the two: %s', (checks) => {
    expect(outcomeOf(RULE, lambda(checks))).not.toBe('fail')
  })
})

describe('a request that is sent on as it came', () => {
  const gateway = (sends: string, first = ''): string => `
    import { createServer, request } from 'node:http'
    import { Readable } from 'node:stream'
    import { roleOf } from './roles.js'
    const open = { viewer: new Set(['search']), editor: new Set(['search', 'write']) }
    createServer(async (req, res) => {
      const role = roleOf(req.headers.authorization)
      ${first}
      if (!open[role]?.has(req.headers['mcp-name'])) { res.writeHead(403).end(); return }
      ${sends}
    }).listen(8080, '127.0.0.1')`

  it.each([
    ["await fetch(URL, { method: 'POST', body: Readable.toWeb(req), duplex: 'half' })"],
    ["await fetch(URL, { method: 'POST', body: req, duplex: 'half' })"],
    ['req.pipe(request(URL, (answer) => answer.pipe(res)))'],
    ["await fetch(URL, { method: 'POST', body: new Uint8Array(req.body) })"],
  ])('is done by what its body says: %s', (sends) => {
    expect(outcomeOf(RULE, gateway(sends))).toBe('fail')
  })

  it('is not, where the two are compared', () => {
    const compared = `const raw = await read(req.body); const message = JSON.parse(req.body)
      if (message.params.name !== req.headers['mcp-name']) { res.writeHead(400).end(); return }`
    expect(outcomeOf(RULE, gateway("await fetch(URL, { method: 'POST', body: req })", compared))).toBe('pass')
  })
})

describe('a name among other conditions', () => {
  const gateway = (test: string): string => `
    import Fastify from 'fastify'
    const READ = new Set(['tools/list', 'resources/read'])
    const app = Fastify()
    app.addHook('onRequest', async (req, reply) => {
      const { mode } = await keyOf(req.headers['x-api-key'])
      const method = req.headers['mcp-method']
      if (${test}) return reply.code(403).send({ error: 'read only' })
    })
    app.post('/mcp', async (req, reply) => reply.send(await (await fetch(URL, { method: 'POST', body: req.body })).text()))
    app.listen({ port: 3000 })`

  it.each([
    ["mode === 'read' && !(typeof method === 'string' && READ.has(method))"],
    ["!(mode === 'write' || READ.has(method))"],
    ["!READ.has(method) && mode === 'read'"],
  ])('decides: %s', (test) => {
    expect(outcomeOf(RULE, gateway(test))).toBe('fail')
  })

  it('decides nothing where it is not among them', () => {
    expect(outcomeOf(RULE, gateway("mode === 'read' && req.method !== 'GET'"))).not.toBe('fail')
  })
})

describe('middleware that verifies nobody for some methods', () => {
  const server = (middleware: string): string => `
    import express from 'express'
    import { timingSafeEqual } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const OPEN = new Set(['initialize', 'tools/list'])
    const ok = (req) => timingSafeEqual(Buffer.from(req.get('x-api-key') ?? ''), Buffer.from(process.env.API_KEY))
    const app = express()
    app.use(express.json())
    app.post('/mcp', (req, res, next) => { ${middleware} }, async (req, res) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`
  const verifies = 'if (ok(req)) return next(); res.status(401).end()'

  it('goes by the header', () => {
    const skips = `const isOpen = OPEN.has(req.get('mcp-method')); if (isOpen) return next(); ${verifies}`
    expect(outcomeOf(RULE, server(skips))).toBe('fail')
  })

  it.each([
    ['by the body', `if (OPEN.has(req.body.method)) return next(); ${verifies}`],
    ['only to write it down', `if (OPEN.has(req.get('mcp-method'))) console.log('open'); ${verifies}`],
    [
      'by a header that is compared',
      `if (req.get('mcp-method') !== req.body.method) return res.status(400).end(); if (OPEN.has(req.get('mcp-method'))) return next(); ${verifies}`,
    ],
  ])('goes %s', (_, middleware) => {
    expect(outcomeOf(RULE, server(middleware))).not.toBe('fail')
  })
})
