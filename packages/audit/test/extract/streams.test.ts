/** Streams that a credential has opened, and what closes them when it is over. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

/** A worker that lets in by SDK v2's gate, and tells of a resource. */
const worker = (serve: string): string => `
  import { createMcpHandler, McpServer, requireBearerAuth } from '@modelcontextprotocol/server'
  import { createRemoteJWKSet, jwtVerify } from 'jose'
  const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL))
  const gate = requireBearerAuth({ verifier: { async verifyAccessToken(token) {
    const { payload } = await jwtVerify(token, keys, { audience: 'board' })
    return { token, clientId: payload.azp, scopes: [], expiresAt: payload.exp }
  } } })
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: 'board', version: '1' }, { capabilities: { resources: { subscribe: true } } })
    server.registerTool('announce', {}, async () => {
      handler.notify.resourceUpdated('board://announcement')
      return { content: [] }
    })
    return server
  }, { legacy: 'reject' })
  export default { async fetch(request) {
    const auth = await gate(request)
    if (auth instanceof Response) return auth
    ${serve}
  } }`

describe('subscriptions behind a gate that answers or lets in', () => {
  it('go on for as long as the client likes', () => {
    const serve = 'return handler.fetch(request, { authInfo: auth })'
    expect(outcomeOf('stream-outlives-token', worker(serve))).toBe('fail')
  })

  it('are cut off when a timer aborts what they are piped by', () => {
    const serve = `const response = await handler.fetch(request, { authInfo: auth })
      const controller = new AbortController()
      setTimeout(() => controller.abort(), auth.expiresAt * 1000 - Date.now())
      const { readable, writable } = new TransformStream()
      response.body.pipeTo(writable, { signal: controller.signal }).catch(() => undefined)
      return new Response(readable, response)`
    expect(outcomeOf('stream-outlives-token', worker(serve))).toBe('pass')
  })
})

/** Where each framework takes a stream as the body of an answer; `END` stands for what ends it by time. */
const BODIES: Readonly<Record<string, string>> = {
  hapi: `import Hapi from '@hapi/hapi'
    const server = Hapi.server({ host: '127.0.0.1' })
    server.route({ method: 'GET', path: '/mcp', handler: async (request, h) => {
      let user
      try { user = await userOf(request.headers.authorization) } catch { return h.response().code(401) }
      const out = open(user)
      END
      request.raw.req.on('close', () => out.end())
      return h.response(out).type('text/event-stream').header('cache-control', 'no-cache')
    } })
    server.start()`,
  fastify: `import Fastify from 'fastify'
    const app = Fastify()
    app.get('/mcp', async (request, reply) => {
      let user
      try { user = await userOf(request.headers.authorization) } catch { return reply.code(401).send() }
      const out = open(user)
      END
      return reply.type('text/event-stream').send(out)
    })
    app.listen({ port: 3000 })`,
  koa: `import Koa from 'koa'
    const app = new Koa()
    app.use(async (ctx) => {
      let user
      try { user = await userOf(ctx.get('authorization')) } catch { ctx.status = 401; return }
      const out = open(user)
      END
      ctx.body = out
      ctx.set({ 'content-type': 'text/event-stream' })
    })
    app.listen(3000)`,
  express: `import express from 'express'
    const app = express()
    app.get('/mcp', async (req, res) => {
      let user
      try { user = await userOf(req.headers.authorization) } catch { return res.sendStatus(401) }
      const out = open(user)
      END
      res.contentType('text/event-stream')
      out.pipe(res)
    })
    app.listen(3000)`,
}

const bodied = (framework: string, end: string): string => `
  import { jwtVerify } from 'jose'
  import { EventEmitter } from 'node:events'
  import { PassThrough } from 'node:stream'
  const hub = new EventEmitter()
  const userOf = async (header) => (await jwtVerify(header.slice(7), keys, { audience: 'board' })).payload
  const open = (user) => {
    const out = new PassThrough()
    hub.on(user.sub, (message) => out.write(message))
    return out
  }
  ${BODIES[framework]!.replace('END', end)}`

describe.each(Object.keys(BODIES))('a stream that is the body of an answer: %s', (framework) => {
  it('stays open for as long as the client likes', () => {
    expect(outcomeOf('stream-outlives-token', bodied(framework, ''))).toBe('fail')
  })

  it('is ended by time', () => {
    const timed = bodied(framework, 'setTimeout(() => out.end(), user.exp * 1000 - Date.now())')
    expect(outcomeOf('stream-outlives-token', timed)).toBe('pass')
  })

  it('is over with its request', () => {
    expect(outcomeOf('stream-outlives-token', bodied(framework, "out.end('done')"))).toBe('notApplicable')
  })
})

describe('a strategy of Hapi that verifies tokens', () => {
  const server = (verify: string): string => `
    import Hapi from '@hapi/hapi'
    import Jwt from '@hapi/jwt'
    import { PassThrough } from 'node:stream'
    async function main() {
      const server = Hapi.server({ host: '127.0.0.1' })
      await server.register(Jwt)
      server.auth.strategy('access', 'jwt', { keys: process.env.KEY, verify: ${verify}, validate: () => ({ isValid: true }) })
      server.auth.default('access')
      server.route({ method: 'GET', path: '/mcp', handler: (request, h) => {
        const out = new PassThrough()
        hub.on(request.auth.credentials.sub, (message) => out.write(message))
        return h.response(out).type('text/event-stream')
      } })
      await server.start()
    }
    main()`

  it.each([
    ["{ aud: 'x', iss: 'y', sub: false, exp: true }", 'fail'],
    ["{ aud: 'x', iss: 'y', sub: false, exp: false }", 'notApplicable'],
  ])('lets in by what expires, or does not look: %s', (verify, outcome) => {
    expect(outcomeOf('stream-outlives-token', server(verify))).toBe(outcome)
  })
})

describe('events that a method of a NestJS controller gives', () => {
  const server = (events: string): string => `
    import { Controller, Injectable, Req, Sse, UseGuards } from '@nestjs/common'
    import { jwtVerify } from 'jose'
    import { fromEvent, map, Observable, Subject, takeUntil, takeWhile, timer } from 'rxjs'
    @Injectable() class Guard {
      async canActivate(context) {
        const request = context.switchToHttp().getRequest()
        request.claims = (await jwtVerify(request.headers.authorization.slice(7), keys, { audience: 'board' })).payload
        return true
      }
    }
    @Controller('mcp') @UseGuards(Guard) class Endpoint {
      @Sse() listen(@Req() { claims }) { ${events} }
    }`

  it.each([
    ['return fromEvent(hub, claims.sub).pipe(map((data) => ({ data })))'],
    ['const all = new Subject(); hub.on(claims.sub, (data) => all.next({ data })); return all.asObservable()'],
    [
      'return new Observable((o) => { hub.on(claims.sub, (data) => o.next({ data })); return () => hub.off(claims.sub) })',
    ],
    ['return merge(fromEvent(hub, claims.sub), timer(0, 15_000))'],
  ])('go on: %s', (events) => {
    expect(outcomeOf('stream-outlives-token', server(events))).toBe('fail')
  })

  it.each([
    ['return fromEvent(hub, claims.sub).pipe(takeUntil(timer(claims.exp * 1000 - Date.now())))'],
    ['return fromEvent(hub, claims.sub).pipe(takeWhile(() => claims.exp * 1000 > Date.now()))'],
    [
      'const all = new Subject(); hub.on(claims.sub, (data) => all.next({ data })); setTimeout(() => all.complete(), claims.exp * 1000 - Date.now()); return all',
    ],
    [
      'return new Observable((o) => { hub.on(claims.sub, (data) => o.next({ data })); setTimeout(() => o.complete(), claims.exp * 1000 - Date.now()) })',
    ],
  ])('end by time: %s', (events) => {
    expect(outcomeOf('stream-outlives-token', server(events))).toBe('pass')
  })
})

describe('a token that its issuer is asked about', () => {
  it('expires where the answer says when', () => {
    const server = (ending: string): string => `
      import { createServer } from 'node:http'
      async function authenticate(req) {
        const answer = await fetch(process.env.INTROSPECT_URL, { method: 'POST', body: new URLSearchParams({ token: req.headers.authorization.slice(7) }) })
        const told = await answer.json()
        return told.active && told.aud === 'us' ? { sub: told.sub, exp: told.exp } : null
      }
      createServer(async (req, res) => {
        const user = await authenticate(req)
        if (!user) return res.writeHead(401).end()
        res.writeHead(200, { 'content-type': 'text/event-stream' })
        hub.on(user.sub, (message) => res.write(message))
        ${ending}
      }).listen(3000)`
    expect(outcomeOf('stream-outlives-token', server(''))).toBe('fail')
    expect(
      outcomeOf('stream-outlives-token', server('setTimeout(() => res.end(), user.exp * 1000 - Date.now())')),
    ).toBe('pass')
  })
})

describe('streamSSE of Hono', () => {
  const server = (goesOn: string): string => `
    import { Hono } from 'hono'
    import { streamSSE } from 'hono/streaming'
    import { jwtVerify } from 'jose'
    const app = new Hono()
    app.get('/mcp', async (c) => {
      const { payload } = await jwtVerify(c.req.header('authorization').slice(7), keys, { audience: 'board' })
      return streamSSE(c, async (stream) => {
        hub.on(payload.sub, (data) => stream.writeSSE({ data }))
        let open = true
        ${goesOn}
      })
    })
    export default app`

  it.each([
    ['stream.onAbort(() => { open = false }); while (open) await stream.sleep(15_000)'],
    ['await new Promise((resolve) => stream.onAbort(resolve))'],
    ['await new Promise(() => {})'],
    ['while (!stream.aborted) await stream.sleep(15_000)'],
  ])('is open for as long as somebody listens: %s', (goesOn) => {
    expect(outcomeOf('stream-outlives-token', server(goesOn))).toBe('fail')
  })

  it.each([
    ['while (open) { const part = await next(); open = part !== null }'],
    ['await new Promise((resolve) => setTimeout(resolve, 100))'],
    ['setTimeout(() => { open = false }, payload.exp * 1000 - Date.now()); while (open) await stream.sleep(1000)'],
    [
      'stream.onAbort(() => { open = false }); while (open) { if (Date.now() > payload.exp * 1000) break; await stream.sleep(1000) }',
    ],
    ['while (Date.now() < payload.exp * 1000) await stream.sleep(1000)'],
  ])('ends by itself, or by time: %s', (goesOn) => {
    expect(outcomeOf('stream-outlives-token', server(goesOn))).not.toBe('fail')
  })
})

describe('a stream that is fed by what an emitter or a generator gives', () => {
  const server = (loop: string): string => `
    import { EventEmitter, on } from 'node:events'
    import { Hono } from 'hono'
    import { streamSSE } from 'hono/streaming'
    import { createRemoteJWKSet, jwtVerify } from 'jose'
    const jwks = createRemoteJWKSet(new URL(process.env.JWKS_URL))
    const feed = new EventEmitter()
    async function* prices(sub, signal) {
      try { for await (const [price] of on(feed, sub, { signal })) yield price } catch (e) { if (e.name !== 'AbortError') throw e }
    }
    async function* ticks() { while (true) { await sleep(1000); yield 'tick' } }
    async function* pages() { let next = 1; while (true) { const page = await load(next); yield page; if (!page.next) return; next = page.next } }
    async function* first() { for await (const [price] of on(feed, 'x')) { yield price; break } }
    const app = new Hono()
    app.get('/mcp', async (c) => {
      const result = await jwtVerify(c.req.header('authorization').slice(7), jwks).catch(() => null)
      if (!result) return c.body(null, 401)
      const { sub, exp } = result.payload
      return streamSSE(c, async (stream) => {
        const gone = new AbortController()
        stream.onAbort(() => gone.abort())
        ${loop}
      })
    })
    export default app`
  const outcome = (loop: string): string => outcomeOf('stream-outlives-token', server(loop))

  it.each([
    ['for await (const [p] of on(feed, sub)) await stream.writeSSE({ data: p })'],
    ['for await (const p of prices(sub, gone.signal)) await stream.writeSSE({ data: p })'],
    ['for await (const p of ticks()) await stream.writeSSE({ data: p })'],
  ])('goes on without the token: %s', (loop) => {
    expect(outcome(loop)).toBe('fail')
  })

  it.each([
    [
      'setTimeout(() => gone.abort(), exp * 1000 - Date.now()); for await (const p of prices(sub, gone.signal)) await stream.writeSSE({ data: p })',
    ],
    [
      'const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(exp * 1000 - Date.now())]); for await (const p of prices(sub, signal)) await stream.writeSSE({ data: p })',
    ],
    [
      'for await (const p of prices(sub, gone.signal)) { if (Date.now() > exp * 1000) break; await stream.writeSSE({ data: p }) }',
    ],
  ])('ends with it: %s', (loop) => {
    expect(outcome(loop)).toBe('pass')
  })

  it.each([['pages'], ['first']])('is over when all has been sent: %s', (generator) => {
    expect(outcome(`for await (const p of ${generator}()) await stream.writeSSE({ data: p })`)).toBe('notApplicable')
  })
})

describe('a stream that goes on for as long as it is listened to', () => {
  const server = (pre: string, serve: string): string => `
    import { Hono } from 'hono'
    import { streamSSE } from 'hono/streaming'
    import { serve } from '@hono/node-server'
    import { jwtVerify, createRemoteJWKSet } from 'jose'
    import { EventEmitter, on, once } from 'node:events'
    const bus = new EventEmitter()
    const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL))
    async function* feed(sub, signal) { for await (const [data] of on(bus, sub, { signal })) yield data }
    ${pre}
    const app = new Hono()
    app.get('/mcp', async (c) => {
      let caller
      try { caller = (await jwtVerify(c.req.header('authorization').slice(7), keys, { audience: 'x' })).payload } catch { return c.body(null, 401) }
      const { sub, exp } = caller
      ${serve}
    })
    serve({ fetch: app.fetch, port: 3000 })`
  const sse = (body: string): string =>
    `return new Response(${body}, { headers: { 'content-type': 'text/event-stream' } })`
  const pumped = (source: string, asks = ''): string =>
    `new ReadableStream({ async start(to) { for await (const x of ${source}) { ${asks}; to.enqueue(x) } to.close() } })`
  const told = (loop: string): string => `return streamSSE(c, async (s) => { ${loop} })`

  it.each([
    ['is closed behind its loop', sse(pumped('feed(sub)'))],
    ['is made of a generator', sse('ReadableStream.from(feed(sub))')],
    ['is given to the context', `c.header('content-type', 'text/event-stream'); return c.body(${pumped('feed(sub)')})`],
    ['goes round without a test', told('for (;;) { const [x] = await once(bus, sub); await s.writeSSE({ data: x }) }')],
    [
      'watches a database',
      told('for await (const x of orders.watch([{ $match: { sub } }])) await s.writeSSE({ data: x })'),
    ],
    ['has a function that returns', sse(pumped('feed(sub)', 'const names = x.map((one) => { return one.name })'))],
    ['has a loop that is left', sse(pumped('feed(sub)', 'for (const y of x) { if (y) break }'))],
    ['has a case that is left', sse(pumped('feed(sub)', 'switch (x) { case 1: note(x); break } /* no return */'))],
  ])('is not over when its token is: %s', (_what, serve) => {
    expect(outcomeOf('stream-outlives-token', server('import { orders } from "./orders"', serve))).toBe('fail')
  })

  it.each([
    ['its loop asks for the time', sse(pumped('feed(sub)', 'if (Date.now() / 1000 > exp) break'))],
    ['a signal fires', sse(pumped('feed(sub, AbortSignal.timeout(exp * 1000 - Date.now()))'))],
    ['what it hears ends it', sse(pumped('feed(sub)', "if (x === 'done') break"))],
    ['what it hears ends it, in a case', sse(pumped('feed(sub)', "switch (x) { case 'done': return }"))],
    [
      'a list in it says so',
      sse(
        "new ReadableStream({ async start(to) { loop: for await (const x of feed(sub)) { for (const y of x) if (y === 'done') break loop; to.enqueue(x) } to.close() } })",
      ),
    ],
    ['a list ends', told('for await (const x of orders.list(sub)) await s.writeSSE({ data: x })')],
  ])('is over where %s', (_what, serve) => {
    expect(outcomeOf('stream-outlives-token', server('import { orders } from "./orders"', serve))).not.toBe('fail')
  })

  it('is served through what makes a handler for Node of a record', () => {
    const node = worker('return handler.fetch(request, { authInfo: auth })')
      .replace('export default {', 'createServer(toNodeHandler({')
      .replace(/\} \}$/, '} })).listen(3000)')
    const imports =
      "import { createServer } from 'node:http'; import { toNodeHandler } from '@modelcontextprotocol/node'"
    expect(outcomeOf('stream-outlives-token', `${imports}\n${node}`)).toBe('fail')
  })
})
