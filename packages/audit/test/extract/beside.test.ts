/** Code that frameworks call beside a handler: where it has failed, when the answer is on its way. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const SERVERS = {
  express: `import express from 'express'
    const app = express()
    app.all('/mcp', (req, res) => serve(req, res, req.headers['mcp-session-id']))
    app.listen(3000, '127.0.0.1')`,
  fastify: `import Fastify from 'fastify'
    const app = Fastify()
    app.all('/mcp', (request, reply) => serve(request, reply, request.headers['mcp-session-id']))
    app.listen({ port: 3000, host: '127.0.0.1' })`,
  hono: `import { Hono } from 'hono'
    const app = new Hono()
    app.all('/mcp', (c) => serve(c, c.req.header('mcp-session-id')))
    export default app`,
  koa: `import Koa from 'koa'
    const app = new Koa()
    app.use((ctx) => serve(ctx, ctx.get('mcp-session-id')))
    app.listen(3000, '127.0.0.1')`,
  hapi: `import Hapi from '@hapi/hapi'
    const app = Hapi.server({ host: '127.0.0.1' })
    app.route({ method: '*', path: '/mcp', handler: (request, h) => serve(request, h, request.headers['mcp-session-id']) })
    app.start()`,
  elysia: `import { Elysia } from 'elysia'
    const app = new Elysia().all('/mcp', ({ request, headers }) => serve(request, headers['mcp-session-id']))
    app.listen({ port: 3000, hostname: '127.0.0.1' })`,
} as const

/** `HEADERS` and `PATH` stand for what each framework calls them. */
const BESIDE: readonly (readonly [keyof typeof SERVERS, string, string, string])[] = [
  [
    'express',
    'app.use((error, req, res, next) => { console.error(error, OF); next(error) })',
    'req.headers',
    'req.path',
  ],
  ['fastify', "app.addHook('onResponse', async (request) => { console.log(OF) })", 'request.headers', 'request.url'],
  [
    'fastify',
    "app.addHook('onError', async (request, reply, error) => { console.log(error, OF) })",
    'request.headers',
    'request.url',
  ],
  ['fastify', 'app.setErrorHandler((error, request, reply) => { console.log(OF) })', 'request.headers', 'request.url'],
  ['fastify', 'app.setNotFoundHandler((request, reply) => { console.log(OF) })', 'request.headers', 'request.url'],
  ['hono', 'app.onError((error, c) => { console.error(OF); return c.text("", 500) })', 'c.req.header()', 'c.req.path'],
  [
    'hono',
    'app.notFound((c) => { console.warn(OF); return c.text("", 404) })',
    "c.req.header('authorization')",
    'c.req.path',
  ],
  ['koa', "app.on('error', (error, ctx) => { console.error(error, OF) })", 'ctx.headers', 'ctx.path'],
  ['hapi', "app.events.on('response', (request) => { console.log(OF) })", 'request.headers', 'request.path'],
  [
    'hapi',
    "app.events.on({ name: 'request', channels: 'error' }, (request) => { console.log(OF) })",
    'request.headers',
    'request.path',
  ],
  [
    'hapi',
    "app.ext('onPreResponse', (request, h) => { console.log(OF); return h.continue })",
    'request.headers',
    'request.path',
  ],
  [
    'hapi',
    "app.ext([{ type: 'onPostResponse', method: (request) => { console.log(OF) } }])",
    'request.headers',
    'request.path',
  ],
  ['elysia', 'app.onError(({ error, request, headers, path }) => { console.log(error, OF) })', 'headers', 'path'],
]

describe('what is written down', () => {
  it.each(BESIDE)('%s: %s', (framework, beside, headers, path) => {
    const logging = (what: string): string => `${SERVERS[framework]}\n${beside.replace('OF', what)}`
    expect(outcomeOf('session-token-exposure', logging(headers))).toBe('fail')
    expect(outcomeOf('session-token-exposure', logging(path))).not.toBe('fail')
  })

  it('by a handler of errors whose app is elsewhere', () => {
    const handler = `import { log } from './log.js'
      export function onError(error, req, res, next) { log.error({ error, headers: req.headers }); res.status(500).json({}) }`
    expect(findingsOf('session-token-exposure', handler)).toEqual([
      'server.ts:2: Credentials are written to the log as they are.',
    ])
  })

  it('of the event that a gateway makes of a request', () => {
    const logging = (what: string): string => `
      import { serve } from './serve.js'
      export const handler = async (event) => { console.log('in', JSON.stringify(${what})); return serve(event) }`
    expect(outcomeOf('session-token-exposure', logging('event'))).toBe('fail')
    expect(outcomeOf('session-token-exposure', logging('event.rawPath'))).not.toBe('fail')
  })
})

describe('a handler of errors', () => {
  it('serves no session', () => {
    const program = `import express from 'express'
      const app = express()
      const sessions = new Map()
      app.use((error, req, res, next) => {
        const session = sessions.get(req.headers['mcp-session-id'])
        if (session) session.transport.close()
        res.status(500).json({})
      })
      app.post('/mcp', (req, res) => { sessions.set(make(), { transport: open() }); res.end() })
      app.listen(3000, '127.0.0.1')`
    expect(findingsOf('session-as-authentication', program)).toEqual([])
  })
})
