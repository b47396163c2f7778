/** Which code stands before which handler: middleware, routers and hooks, in the order in which each framework runs them. */
import { describe, expect, it, vi } from 'vitest'
import { Machine } from '../../src/extract/machine.ts'
import { authenticationOf, factsOf, listenersOf, outcomeOf } from './programs.ts'

/** What every program here has: a store of transports, a handler that serves on them, and a middleware that checks a token. */
const common = `
import { jwtVerify } from 'jose'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
const transports = new Map()
const open = () => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
  transports.set(transport.sessionId, transport)
}
`

/** The dispatches of a program after \`common\`, as \`VERB /path always|never|optional\`. */
function served(program: string): readonly string[] {
  return factsOf(common + program).dispatches.map(
    (fact) => `${fact.verb} ${fact.route?.path ?? '?'} ${fact.authenticated}`,
  )
}

describe('express', () => {
  const express = (routes: string): readonly string[] =>
    served(`
      import express from 'express'
      const serve = (req, res) => { open(); transports.get(req.headers['mcp-session-id']).handleRequest(req, res) }
      const check = async (req, res, next) => {
        try { await jwtVerify(req.headers.authorization, key) } catch { return res.status(401).end() }
        next()
      }
      const app = express()
      ${routes}
      app.listen(3000, '127.0.0.1')`)

  it.each([
    ['middleware before a route', "app.use(check); app.post('/mcp', serve)", ['POST /mcp always']],
    ['middleware after a route', "app.post('/mcp', serve); app.use(check)", ['POST /mcp never']],
    [
      'middleware between routes',
      "app.get('/mcp', serve); app.use(check); app.post('/mcp', serve)",
      ['GET /mcp never', 'POST /mcp always'],
    ],
    [
      'middleware on a path',
      "app.use('/mcp', check); app.post('/mcp', serve); app.post('/sse', serve)",
      ['POST /mcp always', 'POST /sse never'],
    ],
    ['middleware on a path above', "app.use('/api', check); app.post('/api/mcp', serve)", ['POST /api/mcp always']],
    [
      'middleware that goes on in a callback, however often',
      `const within = (run) => run()
       app.use((req, res, next) => { within(() => next()) }, check)
       app.post('/a', serve)
       app.post('/b', serve)
       app.post('/c', serve)
       app.post('/d', serve)`,
      ['POST /a always', 'POST /b always', 'POST /c always', 'POST /d always'],
    ],
    [
      'middleware on a path that only begins alike',
      "app.use('/mc', check); app.post('/mcp', serve)",
      ['POST /mcp never'],
    ],
    [
      'middleware of one route',
      "app.post('/mcp', check, serve); app.get('/mcp', serve)",
      ['POST /mcp always', 'GET /mcp never'],
    ],
    ['middleware in a list', "app.post('/mcp', [check], serve)", ['POST /mcp always']],
    [
      'a router',
      "const router = express.Router(); router.post('/mcp', serve); app.use('/api', check, router)",
      ['POST /api/mcp always'],
    ],
    [
      'a router mounted after middleware',
      "const router = express.Router(); router.post('/mcp', serve); app.use(check); app.use(router)",
      ['POST /mcp always'],
    ],
    [
      'a router mounted before middleware',
      "const router = express.Router(); router.post('/mcp', serve); app.use(router); app.use(check)",
      ['POST /mcp never'],
    ],
    [
      'a router with middleware of its own',
      "const router = express.Router(); router.use(check); router.post('/mcp', serve); app.use(router)",
      ['POST /mcp always'],
    ],
    [
      'a router in a router',
      "const inner = express.Router(); inner.post('/mcp', serve); const outer = express.Router(); outer.use(check); outer.use(inner); app.use(outer)",
      ['POST /mcp always'],
    ],
    ['app.route', "app.route('/mcp').get(serve).post(check, serve)", ['GET /mcp never', 'POST /mcp always']],
    ['app.all', "app.all('/mcp', check, serve)", ['* /mcp always']],
    ['middleware as handler', "app.use('/mcp', serve)", ['* /mcp never']],
    [
      'an error handler is no middleware',
      "app.use((error, req, res, next) => next()); app.post('/mcp', check, serve)",
      ['POST /mcp always'],
    ],
    [
      'middleware that only goes on without checking',
      "app.use((req, res, next) => next()); app.post('/mcp', serve)",
      ['POST /mcp never'],
    ],
    [
      'middleware that goes on either way',
      "app.use(async (req, res, next) => { try { await jwtVerify(req.headers.authorization, key) } catch {} next() }); app.post('/mcp', serve)",
      ['POST /mcp optional'],
    ],
    [
      'middleware made by a factory',
      "const need = (scope) => (req, res, next) => check(req, res, next); app.post('/mcp', need('mcp'), serve)",
      ['POST /mcp always'],
    ],
    [
      'an app from a function',
      "const build = (app) => { app.use(check); return app }; build(app).post('/mcp', serve)",
      ['POST /mcp always'],
    ],
    ['routes in a loop', "for (const path of ['/mcp']) app.post(path, check, serve)", ['POST /mcp always']],
  ])('%s', (_, routes, expected) => {
    expect(express(routes)).toEqual(expected)
  })

  it('a router in another file', () => {
    const program = {
      'router.ts': `
        import { Router } from 'express'
        import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
        const transports = {}
        export const router = Router()
        router.post('/', (req, res) => transports[req.headers['mcp-session-id']].handleRequest(req, res))
        router.put('/', (req, res) => {
          const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
          transports[transport.sessionId] = transport
        })`,
      'server.ts': `
        import express from 'express'
        import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
        import { router } from './router.js'
        const app = express()
        app.use('/mcp', requireBearerAuth({ verifier }), router)`,
    }
    expect(authenticationOf(program)).toEqual(['POST router.ts:5 always'])
  })
})

describe('hono', () => {
  const hono = (routes: string): readonly string[] =>
    served(`
      import { Hono } from 'hono'
      const serve = (c) => { open(); return transports.get(c.req.header('mcp-session-id')).handleRequest(c.req.raw) }
      const check = async (c, next) => {
        try { await jwtVerify(c.req.header('authorization'), key) } catch { return c.json({}, 401) }
        await next()
      }
      const app = new Hono()
      ${routes}
      export default app`)

  it.each([
    ['middleware before a route', "app.use(check); app.post('/mcp', serve)", ['POST /mcp always']],
    ['middleware after a route', "app.post('/mcp', serve); app.use(check)", ['POST /mcp never']],
    [
      'middleware on a pattern',
      "app.use('/mcp/*', check); app.post('/mcp', serve); app.post('/sse', serve)",
      ['POST /mcp always', 'POST /sse never'],
    ],
    [
      'middleware of one route',
      "app.get('/mcp', serve).post('/mcp', check, serve)",
      ['GET /mcp never', 'POST /mcp always'],
    ],
    ['on with several verbs', "app.on(['GET', 'POST'], '/mcp', check, serve)", ['GET /mcp always', 'POST /mcp always']],
    [
      'a mounted app',
      "const inner = new Hono(); inner.post('/mcp', serve); app.use(check); app.route('/api', inner)",
      ['POST /api/mcp always'],
    ],
    [
      'a mounted app with its own middleware',
      "const inner = new Hono(); inner.use('*', check); inner.post('/mcp', serve); app.route('/api', inner)",
      ['POST /api/mcp always'],
    ],
    ['middleware that answers nothing and does not go on', "app.use(check); app.all('/mcp', serve)", ['* /mcp always']],
  ])('%s', (_, routes, expected) => {
    expect(hono(routes)).toEqual(expected)
  })
})

describe('fastify', () => {
  const fastify = (routes: string): readonly string[] =>
    served(`
      import fastify from 'fastify'
      const serve = (request, reply) => { open(); return transports.get(request.headers['mcp-session-id']).handleRequest(request.raw, reply.raw) }
      const check = async (request, reply) => { await jwtVerify(request.headers.authorization, key) }
      const answering = async (request, reply) => {
        try { await jwtVerify(request.headers.authorization, key) } catch { return reply.code(401).send() }
      }
      const app = fastify()
      ${routes}
      app.listen({ port: 3000 })`)

  it.each([
    ['a hook before a route', "app.addHook('onRequest', check); app.post('/mcp', serve)", ['POST /mcp always']],
    [
      'a hook of one route',
      "app.post('/mcp', { preHandler: check }, serve); app.get('/mcp', serve)",
      ['POST /mcp always', 'GET /mcp never'],
    ],
    ['hooks in a list', "app.post('/mcp', { preHandler: [check] }, serve)", ['POST /mcp always']],
    [
      'a full route',
      "app.route({ method: ['GET', 'POST'], url: '/mcp', preHandler: check, handler: serve })",
      ['GET /mcp always', 'POST /mcp always'],
    ],
    [
      'a plugin',
      "app.register(async (inner) => { inner.addHook('preHandler', check); inner.post('/mcp', serve) })",
      ['POST /mcp always'],
    ],
    [
      'a hook that runs after the answer',
      "app.addHook('onResponse', check); app.post('/mcp', serve)",
      ['POST /mcp never'],
    ],
  ])('%s', (_, routes, expected) => {
    expect(fastify(routes)).toEqual(expected)
  })

  it('a hook that answers ends the request', () => {
    expect(fastify("app.addHook('onRequest', answering); app.post('/mcp', serve)")).toEqual(['POST /mcp always'])
  })

  it('a hook applies to routes registered before it', () => {
    expect(fastify("app.post('/mcp', serve); app.addHook('onRequest', check)")).toEqual(['POST /mcp always'])
  })

  it('a hook of a plugin stays within it', () => {
    const routes = "app.register(async (inner) => { inner.addHook('preHandler', check) }); app.post('/mcp', serve)"
    expect(fastify(routes)).toEqual(['POST /mcp never'])
  })
})

describe('koa', () => {
  const koa = (routes: string): readonly string[] =>
    served(`
      import Koa from 'koa'
      import Router from '@koa/router'
      const serve = async (ctx) => { open(); await transports.get(ctx.get('mcp-session-id')).handleRequest(ctx.req, ctx.res) }
      const check = async (ctx, next) => {
        try { await jwtVerify(ctx.get('authorization'), key) } catch { ctx.status = 401; return }
        await next()
      }
      const app = new Koa()
      const router = new Router()
      ${routes}
      app.listen(3000, '127.0.0.1')`)

  it.each([
    [
      'middleware before a router',
      "router.post('/mcp', serve); app.use(check); app.use(router.routes())",
      ['POST /mcp always'],
    ],
    [
      'middleware after a router',
      "router.post('/mcp', serve); app.use(router.routes()); app.use(check)",
      ['POST /mcp never'],
    ],
    [
      'middleware of a router',
      "router.use(check); router.post('/mcp', serve); app.use(router.routes())",
      ['POST /mcp always'],
    ],
    [
      'middleware of one route',
      "router.get('/mcp', serve); router.post('/mcp', check, serve); app.use(router.routes())",
      ['GET /mcp never', 'POST /mcp always'],
    ],
    [
      'middleware that refuses by throwing',
      "app.use(async (ctx, next) => { try { await jwtVerify(ctx.get('authorization'), key) } catch { ctx.throw(401) } await next() }); router.post('/mcp', serve); app.use(router.routes())",
      ['POST /mcp always'],
    ],
    ['without a router', 'app.use(check); app.use(serve)', ['* * always']],
  ])('%s', (_, routes, expected) => {
    expect(koa(routes)).toEqual(expected)
  })
})

describe('node:http and fetch', () => {
  it('a switch on the path', () => {
    const program = `
      import { createServer } from 'node:http'
      createServer(async (req, res) => {
        const url = new URL(req.url, 'http://localhost')
        if (url.pathname === '/mcp') {
          await jwtVerify(req.headers.authorization, key)
          open()
          return transports.get(req.headers['mcp-session-id']).handleRequest(req, res)
        }
        if (url.pathname === '/sse') return transports.get(req.headers['mcp-session-id']).handleRequest(req, res)
      }).listen(3000)`
    expect(served(program)).toEqual(['* * always', '* * never'])
  })

  it("server.on('request')", () => {
    const program = `
      import http from 'node:http'
      const server = http.createServer()
      server.on('request', (req, res) => { open(); transports.get(req.headers['mcp-session-id']).handleRequest(req, res) })
      server.listen(3000)`
    expect(served(program)).toEqual(['* * never'])
  })

  it.each([
    ['Bun', 'Bun.serve({ port: 3000, fetch: handle })'],
    ['Deno', 'Deno.serve({ port: 3000 }, handle)'],
    ['@hono/node-server', "import { serve } from '@hono/node-server'\nserve({ fetch: handle, port: 3000 })"],
  ])('a fetch handler: %s', (_, serving) => {
    const program = `
      const handle = async (request) => { open(); return transports.get(request.headers.get('mcp-session-id')).handleRequest(request) }
      ${serving}`
    expect(served(program)).toEqual(['* * never'])
  })
})

it('a fetch handler: a worker', () => {
  const program = `
    export default {
      async fetch(request) { open(); return transports.get(request.headers.get('mcp-session-id')).handleRequest(request) }
    }`
  expect(served(program)).toEqual(['* * never'])
})

describe('listeners', () => {
  it.each([
    ['express', "import express from 'express'\nexpress().listen(3000)", ['server.ts:2 network']],
    [
      'express on loopback',
      "import express from 'express'\nexpress().listen(3000, 'localhost')",
      ['server.ts:2 localhost'],
    ],
    ['with a callback', "import express from 'express'\nexpress().listen(3000, () => {})", ['server.ts:2 network']],
    [
      'node:http with options',
      "import { createServer } from 'node:http'\ncreateServer(f).listen({ port: 1, host: '127.0.0.1' })",
      ['server.ts:2 127.0.0.1'],
    ],
    [
      'fastify defaults to loopback',
      "import fastify from 'fastify'\nfastify().listen({ port: 3000 })",
      ['server.ts:2 loopback'],
    ],
    [
      'fastify on all addresses',
      "import fastify from 'fastify'\nfastify().listen({ port: 3000, host: '0.0.0.0' })",
      ['server.ts:2 0.0.0.0'],
    ],
    ['koa', "import Koa from 'koa'\nnew Koa().listen(3000, '::1')", ['server.ts:2 ::1']],
    [
      'a socket file is no listener',
      "import { createServer } from 'node:http'\ncreateServer(f).listen('/run/app.sock')",
      [],
    ],
  ])('%s', (_, program, expected) => {
    expect(listenersOf(program)).toEqual(expected)
  })

  it('https is TLS', () => {
    expect(factsOf("import https from 'node:https'\nhttps.createServer({}, f).listen(443)").listeners).toMatchObject([
      { tls: true },
    ])
  })

  const redirecting = (header: string, handler: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const app = express()
    app.use((req, res, next) => {
      if (req.headers['${header}'] !== 'https') return res.redirect('https://' + req.headers.host + req.url)
      next()
    })
    app.post('/mcp', (req, res) => ${handler})
    app.listen(3000)`
  const handled = 'new StreamableHTTPServerTransport({}).handleRequest(req, res)'

  it('a redirect of whatever came without TLS enforces it', () => {
    expect(factsOf(redirecting('x-forwarded-proto', handled)).listeners).toMatchObject([{ tlsEnforced: true }])
    expect(factsOf(redirecting('x-anything', handled)).listeners).toMatchObject([{ tlsEnforced: false }])
  })

  it('a redirect enforces TLS where there are no sessions, too', () => {
    expect(factsOf(redirecting('x-forwarded-proto', 'res.end()')).listeners).toMatchObject([{ tlsEnforced: true }])
  })
})

describe('what a listener carries', () => {
  const sessions = `
    import express from 'express'
    import https from 'node:https'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const transports = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const known = transports.get(req.headers['mcp-session-id'])
      if (known) return known.handleRequest(req, res)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => { transports.set(id, transport) },
      })
      await transport.handleRequest(req, res)
    })`
  const metrics = `
    const probes = express()
    probes.get('/metrics', (req, res) => res.json({ up: true }))
    probes.listen(9090)`
  const judged = (listens: string): readonly string[] =>
    ['plaintext-transport', 'unbound-session'].map((rule) => outcomeOf(rule, `${sessions}\n    ${listens}`))

  it('is what enters by its app: metrics beside a loopback server carry no session', () => {
    expect(judged(`app.listen(3000, '127.0.0.1')${metrics}`)).toEqual(['pass', 'notApplicable'])
    expect(judged(`app.listen(3000)${metrics}`)).toEqual(['fail', 'fail'])
  })

  it('is what enters by its server: one that waits for a login to come back carries no session', () => {
    const callback = `
    import http from 'node:http'
    const waiting = http.createServer((req, res) => {
      const url = new URL(req.url, 'http://localhost')
      if (url.pathname === '/callback') res.end('You may close this page.')
    })
    waiting.listen(8080, () => {})`
    expect(judged(`${callback}\n    http.createServer(app).listen(3000, '127.0.0.1')`)[0]).toBe('pass')
    expect(judged(`${callback}\n    http.createServer(app).listen(3000)`)[0]).toBe('fail')
  })

  it('is a code that is exchanged for tokens, and no session of those that are served elsewhere', () => {
    const callback = `
    import http from 'node:http'
    const waiting = http.createServer(async (req, res) => {
      const url = new URL(req.url, 'http://localhost')
      await exchange(url.searchParams.get('code'))
      res.end()
    })
    http.createServer(app).listen(3000, '127.0.0.1')`
    expect(judged(`${callback}\n    waiting.listen(8080)`)).toEqual(['fail', 'notApplicable'])
    expect(judged(`${callback}\n    waiting.listen(8080, 'localhost')`)[0]).toBe('pass')
  })

  it('is plain where TLS is for those who set it up', () => {
    const listen = (app: string): string =>
      judged(
        `const tls = process.env.TLS ? { cert: '', key: '' } : undefined\n    const listener = ${app}.listen(3000)`,
      )[0]!
    expect(listen('(tls ? https.createServer(tls, app) : app)')).toBe('fail')
    expect(listen('https.createServer(tls, app)')).toBe('pass')
  })
})

describe('one app that many make', () => {
  /** How often the handler is followed; requests are followed twice. */
  function followed(parameter: string, calls: readonly string[]): number {
    const root = vi.spyOn(Machine.prototype, 'root')
    factsOf(`
      import express from 'express'
      function make(${parameter}) {
        const app = express()
        app.get('/notes', (req, res) => res.end(${parameter}))
        app.listen(0, '127.0.0.1')
      }
      ${calls.map((given) => `make(${given});`).join('')}`)
    const roots = root.mock.calls.filter(([context]) => context.route?.path === '/notes')
    root.mockRestore()
    return roots.length
  }
  const nine = [...'123456789']

  it('is followed once where it is made of the same things', () => {
    expect(followed('', Array<string>(9).fill(''))).toBe(2)
  })

  it('is followed a few times where each is made of others', () => {
    expect(followed('greeting', nine)).toBe(2 * 3)
  })

  it('is followed for each object that it is given', () => {
    expect(followed('store', ['new Map()', 'new Map()'])).toBe(2 * 2)
  })
})
