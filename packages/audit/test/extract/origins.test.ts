/** Which requests of web pages are refused, by whatever check. */
import { describe, expect, it } from 'vitest'
import { detect } from '../../src/rules/missing-origin-check/detect.ts'
import { factsOf, outcomeOf } from './programs.ts'

const mcp = (check: string, before = ''): string => `
  import express from 'express'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  ${before}
  const app = express()
  app.use((req, res, next) => { ${check} })
  app.post('/mcp', async (req, res) => {
    await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
  })
  app.listen(3000, '127.0.0.1')
`

describe('a check of the origin', () => {
  it.each([
    ['none', 'next()', 'fail'],
    ['a set of hosts', 'if (!hosts.has(req.headers.host)) return res.sendStatus(403)\nnext()', 'pass'],
    [
      'a list of origins',
      "const origin = req.get('origin')\nif (origin && !list.includes(origin)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'a list of origins, where there is any text',
      "const origin = req.get('origin')\nif (typeof origin === 'string' && origin.length > 0) { if (!list.includes(origin)) return res.sendStatus(403) }\nnext()",
      'pass',
    ],
    [
      'any text at all',
      "const origin = req.get('origin')\nif (typeof origin === 'string' && origin.length > 0) res.set('access-control-allow-origin', origin)\nnext()",
      'fail',
    ],
    [
      'where there is none',
      "const origin = req.get('origin')\nif (!origin || origin.length === 0) { if (!list.includes(origin)) return res.sendStatus(403) }\nnext()",
      'fail',
    ],
    [
      'a list that a function makes anew',
      "const given = req.get('origin')\nif (given && !allowed().includes(given)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'a list of the settings or another',
      "const list = process.env.ORIGINS ? process.env.ORIGINS.split(',') : ['http://localhost']\nconst origin = req.get('origin')\nif (origin && !list.includes(origin)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'the position in a list',
      "const origin = req.get('origin')\nif (origin && list.indexOf(origin) === -1) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'the position in a list, with the number first',
      "const origin = req.get('origin')\nif (origin && 0 > list.indexOf(origin)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'the position in a list, with the number first and the wrong way round',
      "const origin = req.get('origin')\nif (origin && 0 <= list.indexOf(origin)) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    [
      'the position in a list, the wrong way round',
      "const origin = req.get('origin')\nif (origin && list.indexOf(origin) >= 0) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    [
      'the first of two mistakes that are looked for',
      "const host = () => hosts.has(req.headers.host) ? undefined : { status: 403 }\nconst path = () => req.path === '/mcp' ? undefined : { status: 404 }\nconst wrong = host() ?? path()\nif (wrong) return res.sendStatus(wrong.status)\nnext()",
      'pass',
    ],
    [
      'a mistake that is only one of two that let nobody in',
      "const host = () => hosts.has(req.headers.host) ? undefined : { status: 403 }\nconst path = () => req.path === '/mcp' ? undefined : { status: 404 }\nif (host() && path()) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    ['a pattern', 'if (!/^localhost(:\\d+)?$/.test(req.headers.host)) return res.sendStatus(403)\nnext()', 'pass'],
    ['any list that fits', 'if (!list.some((one) => one === req.hostname)) return res.sendStatus(403)\nnext()', 'pass'],
    ['a helper', 'if (!isTrusted(req)) return res.sendStatus(403)\nnext()', 'pass'],
    [
      'a function with a switch',
      "const known = new Set(['http://a'])\nconst allows = (origin) => { if (!origin) return true; if (known.has(origin)) return true; if (process.env.ANY) return true; return false }\nif (!allows(req.get('origin'))) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'a function that lets some paths through',
      "const known = new Set(['http://a'])\nconst allows = (origin) => { if (!origin) return true; if (known.has(origin)) return true; if (friend(req)) return true; return false }\nif (!allows(req.get('origin'))) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    ['no browser at all', 'if (req.headers.origin !== undefined) return res.sendStatus(403)\nnext()', 'pass'],
    [
      'a wildcard on purpose',
      "const origin = req.get('origin')\nif (origin && !(list.includes('*') || list.includes(origin))) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'a header only',
      "if (list.includes(req.get('origin'))) res.set('access-control-allow-origin', req.get('origin'))\nnext()",
      'fail',
    ],
    [
      'one branch only',
      "if (req.method === 'GET') { if (!hosts.has(req.headers.host)) return res.sendStatus(403) }\nnext()",
      'fail',
    ],
    [
      'where configured',
      "if (process.env.ORIGINS) { if (!process.env.ORIGINS.split(',').includes(req.get('origin'))) return res.sendStatus(403) }\nnext()",
      'fail',
    ],
    [
      'a wildcard on purpose, in a set',
      "const any = open.has('*')\nif (!any && !open.has(req.hostname)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'a wildcard that the source has put into the set',
      "const all = new Set(['*'])\nif (!all.has('*') && !all.has(req.hostname)) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    [
      'a wildcard by default',
      "const all = (process.env.HOSTS ?? 'localhost, *').split(',')\nif (!all.includes('*') && !all.includes(req.hostname)) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    ['logged', "console.log(req.get('origin'))\nnext()", 'fail'],
    [
      'for this path',
      "if (req.path.startsWith('/mcp') && !hosts.has(req.headers.host)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'but on another path',
      "if (req.path !== '/health' && !hosts.has(req.headers.host)) return res.sendStatus(403)\nnext()",
      'pass',
    ],
    [
      'for another path',
      "if (req.path.startsWith('/admin') && !hosts.has(req.headers.host)) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    [
      'for one other path',
      "if (req.path === '/admin' && !hosts.has(req.headers.host)) return res.sendStatus(403)\nnext()",
      'fail',
    ],
    [
      'behind a path',
      "if (req.path.startsWith('/mcp/admin') && !hosts.has(req.headers.host)) return res.sendStatus(403)\nnext()",
      'fail',
    ],
  ])('%s', (_what, check, outcome) => {
    const before = `
      const hosts = new Set(['localhost'])
      const list = (process.env.ORIGINS ?? 'http://localhost').split(',')
      const allowed = () => ['https://app.example']
      const open = new Set(['localhost', ...(process.env.HOSTS ?? '').split(',')])
      const isTrusted = (req) => hosts.has(req.headers.host) && (!req.headers.origin || list.includes(req.headers.origin))
    `
    expect(outcomeOf('missing-origin-check', mcp(check, before))).toBe(outcome)
  })
})

describe('a check whose result says how it came out, however many routes ask it', () => {
  const hosts = "const hosts = ['localhost', '127.0.0.1']"
  const check = `const check = (host) => { if (!hosts.includes(host)) return { ok: false }\n return { ok: true } }`
  const routes = ['a', 'b', 'c', 'd', 'e'].map((path) => `app.get('/${path}', (req, res) => res.json({}))`).join('\n')

  it.each([
    ['refused', 'if (!check(req.headers.host).ok) return res.sendStatus(403)\nnext()', 'pass'],
    ['taken apart', 'const { ok } = check(req.headers.host)\nif (!ok) return res.sendStatus(403)\nnext()', 'pass'],
    ['only noted', "if (!check(req.headers.host).ok) console.warn('foreign host')\nnext()", 'fail'],
    ['the wrong way round', 'if (check(req.headers.host).ok) return res.sendStatus(403)\nnext()', 'fail'],
  ])('%s', (_what, use, outcome) => {
    const server = mcp(use, `${hosts}\n${check}`).replace('app.listen', `${routes}\napp.listen`)
    expect(outcomeOf('missing-origin-check', server)).toBe(outcome)
  })
})

describe('the SDK', () => {
  const serving = (app: string): string => `
    import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const app = ${app}
    app.post('/mcp', async (req, res) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
    })
    app.listen(3000)
  `
  it.each([
    ['its app as it is', 'createMcpExpressApp()', 'pass'],
    ['for every interface', "createMcpExpressApp({ host: '0.0.0.0' })", 'fail'],
    ['with a list', "createMcpExpressApp({ host: '0.0.0.0', allowedHosts: ['notes.example'] })", 'pass'],
    [
      'with a list of a setting',
      "createMcpExpressApp({ host: '0.0.0.0', allowedHosts: process.env.HOSTS.split(',') })",
      'pass',
    ],
    [
      'with a list of a setting or the names of this machine',
      "createMcpExpressApp({ host: '0.0.0.0', allowedHosts: process.env.HOSTS?.split(',') ?? ['localhost'] })",
      'pass',
    ],
    [
      'with a list where a setting brings one',
      "createMcpExpressApp({ host: '0.0.0.0', allowedHosts: process.env.HOSTS ? process.env.HOSTS.split(',') : undefined })",
      'fail',
    ],
  ])('%s', (_what, app, outcome) => {
    expect(outcomeOf('missing-origin-check', serving(app))).toBe(outcome)
  })
})

describe('CORS by a function', () => {
  const serving = (answer: string): string => `
    import cors from 'cors'
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const allowed = ['https://desk.example']
    const app = express()
    app.use(cors({ origin: (origin, done) => { ${answer} } }))
    app.post('/mcp', async (req, res) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')
  `
  const known = '!origin || allowed.includes(origin)'
  it.each([
    ['that refuses by an error', `if (${known}) done(null, true)\nelse done(new Error('who is that?'))`, 'pass'],
    ['that leaves out a header', `done(null, ${known})`, 'fail'],
    [
      'that refuses in one case',
      `if (${known}) return done(null, true)\ndone(origin.length > 99 ? new Error('too long') : null, true)`,
      'fail',
    ],
  ])('%s', (_what, answer, outcome) => {
    expect(outcomeOf('missing-origin-check', serving(answer))).toBe(outcome)
  })
})

describe("the SDK's guards, called by hand", () => {
  const serving = (check: string): string => `
    import express from 'express'
    import { originValidation } from '@modelcontextprotocol/node'
    import { hostHeaderValidation } from '@modelcontextprotocol/express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const guard = originValidation(['https://desk.example'])
    const byHost = hostHeaderValidation(['desk.example'])
    const app = express()
    app.use((req, res, next) => { ${check} })
    app.post('/mcp', async (req, res) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')
  `
  it.each([
    ['that answers', 'if (!guard(req, res)) return\nnext()', 'pass'],
    ['that goes on by itself', 'byHost(req, res, next)', 'pass'],
    ['whose answer nobody asks for', 'guard(req, res)\nnext()', 'fail'],
    ['on one way of two', 'if (req.query.quick) return next()\nbyHost(req, res, next)', 'fail'],
  ])('%s', (_what, check, outcome) => {
    expect(outcomeOf('missing-origin-check', serving(check))).toBe(outcome)
  })
})

describe("the switch of the SDK's transport", () => {
  const serving = (isOn: string, hosts = "['localhost']", before = ''): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${before}
    const listed = (text) => (text ?? '').split(',').map((each) => each.trim()).filter(Boolean)
    const app = express()
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: undefined,
        enableDnsRebindingProtection: ${isOn},
        allowedHosts: ${hosts},
      })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')
  `
  it.each([
    ['on', 'true', 'pass'],
    ['on unless a setting says otherwise', "process.env.PROTECT !== 'false'", 'pass'],
    ['on where a setting says so', "process.env.PROTECT === 'true'", 'fail'],
  ])('%s', (_what, isOn, outcome) => {
    expect(outcomeOf('missing-origin-check', serving(isOn))).toBe(outcome)
  })

  it.each([
    ['listed(process.env.HOSTS)', 'fail'],
    ["listed(process.env.HOSTS ?? '')", 'fail'],
    ["process.env.HOSTS ? process.env.HOSTS.split(',') : []", 'fail'],
    ["process.env.HOSTS?.split(',') ?? []", 'fail'],
    ["listed(process.env.HOSTS ?? 'localhost:3000')", 'pass'],
    ["['localhost:3000', ...listed(process.env.HOSTS)]", 'pass'],
    ["process.env.HOSTS?.split(',') ?? ['localhost:3000']", 'pass'],
    // One empty text, with which no host agrees.
    ["(process.env.HOSTS ?? '').split(',')", 'pass'],
  ])('compares with the list as it is where nobody sets it: %s', (hosts, outcome) => {
    expect(outcomeOf('missing-origin-check', serving('true', hosts))).toBe(outcome)
  })

  it('compares with what start-up insists on', () => {
    const insists = "if (!process.env.HOSTS) throw new Error('Set HOSTS.')"
    expect(outcomeOf('missing-origin-check', serving('true', 'listed(process.env.HOSTS)', insists))).toBe('pass')
  })
})

describe('cookies for other pages', () => {
  const cors = (options: string): string => `
    import cors from 'cors'
    import express from 'express'
    const app = express()
    app.use(cors(${options}))
    app.get('/', (req, res) => res.end())
    app.listen(3000, '127.0.0.1')
  `
  it.each([
    ['for whoever asks', '{ origin: true, credentials: true }', 'fail'],
    ['for a list', "{ origin: ['https://desk.example'], credentials: true }", 'notApplicable'],
    ['for none', '{ origin: true }', 'notApplicable'],
    ['by a function that agrees', '{ origin: (origin, done) => done(null, true), credentials: true }', 'fail'],
    [
      'by a function that looks',
      "{ origin: (origin, done) => done(null, ['https://a'].includes(origin)), credentials: true }",
      'notApplicable',
    ],
  ])('%s', (_what, options, outcome) => {
    expect(outcomeOf('missing-origin-check', cors(options))).toBe(outcome)
  })

  it('are worth little where the server asks for none', () => {
    const confidenceOf = (program: string): unknown => {
      const verdict = detect(factsOf(program))
      return verdict.kind === 'judged' && verdict.findings[0]?.confidence
    }
    const open = cors('{ origin: true, credentials: true }')
    expect(confidenceOf(open)).toBe('low')
    expect(confidenceOf(open.replace('res.end()', "res.cookie('sid', '1').end()"))).toBe('high')
  })
})

describe('@fastify/cors', () => {
  const app = (origin: string): string => `
    import Fastify from 'fastify'
    import cors from '@fastify/cors'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const app = Fastify()
    const allowed = (process.env.ORIGINS ?? '').split(',')
    app.register(cors, { origin: ${origin}, credentials: true })
    app.post('/mcp', async (request, reply) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(request.raw, reply.raw, request.body)
    })
    app.listen({ port: 3000 })`

  it.each([
    [
      'refuses by an error',
      "(origin, done) => !origin || allowed.indexOf(origin) !== -1 ? done(null, true) : done(new Error('not allowed'), false)",
      'pass',
    ],
    ['only says what may be read', '(origin, done) => done(null, allowed.includes(origin))', 'fail'],
    ['has a list', 'allowed', 'fail'],
  ])('%s', (_, origin, outcome) => {
    expect(outcomeOf('missing-origin-check', app(origin))).toBe(outcome)
  })
})

/** A server of node:http that serves MCP on `/mcp` and something else on `/status`. */
const byHand = (check: string): string => `
  import http from 'node:http'
  import { timingSafeEqual } from 'node:crypto'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  const hosts = new Set(['localhost'])
  const isKnown = (req) => timingSafeEqual(Buffer.from(req.headers.authorization), Buffer.from(process.env.TOKEN))
  http.createServer(async (req, res) => {
    const path = new URL(req.url, 'http://localhost').pathname
    ${check}
    if (path === '/status') return res.end('up')
    if (path === '/mcp') await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res)
  }).listen(3000, '127.0.0.1')`

describe('a check of the origin that not all requests pass', () => {
  it.each([
    [
      'on the paths that matter',
      "if (path === '/mcp' || path === '/admin') { if (!hosts.has(req.headers.host)) return res.writeHead(403).end() }",
      'pass',
    ],
    [
      'in the same breath as the path',
      "if (path === '/mcp' && !hosts.has(req.headers.host)) return res.writeHead(403).end()",
      'pass',
    ],
    [
      'in the same breath as another path',
      "if (path === '/status' && !hosts.has(req.headers.host)) return res.writeHead(403).end()",
      'fail',
    ],
    [
      'below a path',
      "if (path.startsWith('/mcp')) { if (!hosts.has(req.headers.host)) return res.writeHead(403).end() }",
      'pass',
    ],
    [
      'on others',
      "if (path === '/status') { if (!hosts.has(req.headers.host)) return res.writeHead(403).end() }",
      'fail',
    ],
    [
      'unless a credential is shown that no page can send',
      'if (!hosts.has(req.headers.host) && !isKnown(req)) return res.writeHead(401).end()',
      'pass',
    ],
    [
      'unless the caller is on this machine',
      'if (!isLocal(req.socket.remoteAddress) && !isKnown(req)) return res.writeHead(401).end()',
      'fail',
    ],
  ])('%s', (_, check, outcome) => {
    expect(outcomeOf('missing-origin-check', byHand(check))).toBe(outcome)
  })
})

describe('a list of origins in Koa', () => {
  const koa = (guard: string): string => `
    import Koa from 'koa'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const trusted = new Set(['https://chat.example'])
    const app = new Koa()
    app.use(async (ctx, next) => { const origin = ctx.get('Origin'); ${guard}; ctx.set('Access-Control-Allow-Origin', origin); await next() })
    app.use(async (ctx) => {
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(ctx.req, ctx.res, ctx.request.body)
    })
    app.listen(3000, '127.0.0.1')`

  it.each([
    ['if (origin) ctx.assert(trusted.has(origin), 403)'],
    ['if (origin && !trusted.has(origin)) ctx.throw(403)'],
  ])('keeps pages out: %s', (guard) => {
    expect(outcomeOf('missing-origin-check', koa(guard))).toBe('pass')
  })

  it.each([['ctx.assert(origin, 403)'], ['']])('keeps none out: %s', (guard) => {
    expect(outcomeOf('missing-origin-check', koa(guard))).toBe('fail')
  })
})

describe('the host in the address of a request', () => {
  const served = (check: string, serve = 'Bun.serve'): string => `
    import { serve } from 'srvx'
    import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
    import { makeServer } from './mcp.js'
    const HOSTS = ['localhost', '127.0.0.1']
    const NAMES = new Set(HOSTS)
    const isOwn = (request) => { const host = new URL(request.url).hostname; return HOSTS.includes(host) }
    ${serve}({
      port: 3000,
      hostname: '127.0.0.1',
      async fetch(request) {
        ${check}
        const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined })
        await makeServer().connect(transport)
        return transport.handleRequest(request)
      },
    })`
  const REFUSE = "return new Response('no', { status: 403 })"

  it.each([
    `if (!HOSTS.includes(new URL(request.url).hostname)) ${REFUSE}`,
    `if (!isOwn(request)) ${REFUSE}`,
    `const { hostname } = new URL(request.url); if (!NAMES.has(hostname)) ${REFUSE}`,
    `const { host } = new URL(request.url); if (host !== 'localhost:3000') ${REFUSE}`,
  ])('is looked at: %s', (check) => {
    expect(outcomeOf('missing-origin-check', served(check))).toBe('pass')
    expect(outcomeOf('missing-origin-check', served(check, 'serve'))).toBe('pass')
  })

  it.each([
    '',
    `if (!HOSTS.includes(new URL(request.url, 'http://localhost').hostname)) ${REFUSE}`,
    `if (new URL(request.url).pathname !== '/mcp') ${REFUSE}`,
  ])('is not: %s', (check) => {
    expect(outcomeOf('missing-origin-check', served(check))).toBe('fail')
    expect(outcomeOf('missing-origin-check', served(check, 'serve'))).toBe('fail')
  })
})

it('MCP of a library that is not seen is served where sessions are found by its header', () => {
  const program = (check: string): string => `
    import http from 'node:http'
    import { handlers } from './rpc.js'
    const sessions = new Map()
    http.createServer(async (req, res) => {
      ${check}
      const known = sessions.get(req.headers['mcp-session-id'])
      if (!known) return res.writeHead(404).end()
      await handlers.answer(known, req, res)
    }).listen(3000, '127.0.0.1')`
  expect(outcomeOf('missing-origin-check', program(''))).toBe('fail')
  const check = 'if (req.headers.origin) return res.writeHead(403).end()'
  expect(outcomeOf('missing-origin-check', program(check))).toBe('pass')
})
