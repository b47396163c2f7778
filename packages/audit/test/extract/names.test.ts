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

describe('middleware that lets go on what is fine, and refuses the rest', () => {
  const server = (middleware: string): string => `
    import { createMcpExpressApp, requireBearerAuth } from '@modelcontextprotocol/express'
    import { toNodeHandler } from '@modelcontextprotocol/node'
    import { createMcpHandler } from '@modelcontextprotocol/server'
    const app = createMcpExpressApp()
    const handle = toNodeHandler(createMcpHandler(() => new McpServer()))
    const enforce = (rules) => (req, res, next) => { ${middleware} }
    app.all('/mcp', requireBearerAuth({ verifier }), enforce({ drop: ['admin'] }), (req, res) => void handle(req, res, req.body))
    app.listen(5454, '127.0.0.1')`
  const missing = 'const missing = needed.filter((s) => !req.auth?.scopes.includes(s))'

  it.each([
    [
      `const needed = rules[req.get('mcp-name')] ?? []; ${missing}; if (missing.length === 0) return next(); res.status(403).end()`,
    ],
    [
      `const needed = rules[req.get('mcp-name')] ?? []; if (needed.every((s) => req.auth?.scopes.includes(s))) return next(); res.status(403).end()`,
    ],
    [`if (['list'].includes(req.get('mcp-name'))) next(); else res.status(403).end()`],
  ])('goes by the header: %s', (middleware) => {
    expect(outcomeOf(RULE, server(middleware))).toBe('fail')
  })

  it.each([
    [
      `const needed = rules[req.body.params.name] ?? []; ${missing}; if (missing.length === 0) return next(); res.status(403).end()`,
    ],
    [
      `const kind = ['drop'].includes(req.get('mcp-name')) ? 'heavy' : 'light'; metrics.inc(kind); if (req.auth.scopes.includes('x')) return next(); return res.status(403).end()`,
    ],
    [
      `if (!req.auth) return res.status(401).end(); if (['drop'].includes(req.get('mcp-name'))) { log('drop'); return next() } return next()`,
    ],
  ])('goes by something else: %s', (middleware) => {
    expect(outcomeOf(RULE, server(middleware))).not.toBe('fail')
  })
})

describe('a lane that a header chooses', () => {
  const gateway = (lane: string): string => `
    import { Hono } from 'hono'
    const READS = new Set(['tools/list', 'resources/read'])
    function laneOf(headers) {
      const method = headers.get('mcp-method') ?? ''
      if (READS.has(method)) return 'open'
      if (method === 'tools/call' && /^get_/.test(headers.get('mcp-name') ?? '')) return 'open'
      return 'approved'
    }
    const app = new Hono()
    app.post('/mcp', async (c) => {
      ${lane}
      return c.env.BACKEND.fetch('https://backend/mcp', { method: 'POST', headers: c.req.raw.headers, body: c.req.raw.body })
    })
    export default app`

  it.each([
    ["if (laneOf(c.req.raw.headers) === 'approved' && !(await ok(c.env))) return c.json({}, 403)"],
    [
      "const lane = READS.has(c.req.header('mcp-method')) ? 'open' : 'approved'; if (lane === 'approved') return c.json({}, 403)",
    ],
  ])('decides who is refused: %s', (lane) => {
    expect(outcomeOf(RULE, gateway(lane))).toBe('fail')
  })

  it('is only written down', () => {
    const lane = 'console.log({ lane: laneOf(c.req.raw.headers) }); if (!(await ok(c.env))) return c.json({}, 403)'
    expect(outcomeOf(RULE, gateway(lane))).not.toBe('fail')
  })
})

describe('a rule that is found in a list by what a header says', () => {
  const gateway = (method: string, name: string, first = '', sends = 'await pipeline(req, out)'): string => `
    import { createServer, request } from 'node:http'
    import { pipeline } from 'node:stream/promises'
    import { jwtVerify, createRemoteJWKSet } from 'jose'
    const keys = createRemoteJWKSet(new URL(process.env.JWKS))
    const rules = [
      { method: 'tools/call', name: /^get_/, scope: 'read' },
      { method: 'tools/call', name: /./, scope: 'write' },
    ]
    const scopeFor = (method, name = '') =>
      rules.find((rule) => rule.method === method && (!rule.name || rule.name.test(name)))?.scope ?? 'write'
    createServer(async (req, res) => {
      const { payload } = await jwtVerify(req.headers.authorization.slice(7), keys, { audience: 'x' })
      const scopes = new Set(payload.scope.split(' '))
      ${first}
      if (!scopes.has(scopeFor(${method}, ${name}))) return res.writeHead(403).end()
      const out = request(process.env.UPSTREAM, { method: req.method }, (answer) => answer.pipe(res))
      ${sends}
    }).listen(3000, '127.0.0.1')`
  const HEADERS = ["req.headers['mcp-method']", "req.headers['mcp-name']"] as const
  const body = `let text = ''; for await (const part of req) text += part; const message = JSON.parse(text)`

  it('lets the body do something else', () => {
    expect(outcomeOf(RULE, gateway(...HEADERS))).toBe('fail')
  })

  it('is that of the call where it is found by the body', () => {
    const sends = 'out.end(text)'
    expect(outcomeOf(RULE, gateway('message.method', 'message.params?.name', body, sends))).not.toBe('fail')
  })
})
