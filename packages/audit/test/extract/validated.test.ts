/** What stands between a request and the code that judges it: schemas, proxies, middleware that refuses, sockets. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, factsOf, findingsOf, gapsOf, listenersOf, outcomeOf, place } from './programs.ts'

describe('what passes a schema', () => {
  const server = (before: string, check: string): string => `
    import express from 'express'
    ${before}
    const app = express()
    app.post('/x', (req, res) => {
      ${check}
      res.end('in')
    })
    app.listen(3000, '127.0.0.1')`
  const zod = "import { z } from 'zod'\nconst shape = z.object({ name: z.string(), accessToken: z.string() })"
  const header = "import { z } from 'zod'\nconst shape = z.string()"
  const valibot = "import * as v from 'valibot'\nconst shape = v.object({ accessToken: v.string() })"

  it.each([
    [
      'a body of zod',
      zod,
      'const parsed = shape.safeParse(req.body)\nif (!parsed.success || parsed.data.accessToken !== process.env.KEY) return res.status(401).end()',
      'fail',
    ],
    [
      'a body of zod that throws',
      zod,
      'const { accessToken } = shape.parse(req.body)\nif (accessToken !== process.env.KEY) return res.status(401).end()',
      'fail',
    ],
    [
      'a header of zod',
      header,
      'const token = shape.safeParse(req.headers.authorization).data.replace("Bearer ", "")\nif (token !== process.env.KEY) return res.status(401).end()',
      'fail',
    ],
    [
      'a body of valibot',
      valibot,
      'const parsed = v.safeParse(shape, req.body)\nif (!parsed.success || parsed.output.accessToken !== process.env.KEY) return res.status(401).end()',
      'fail',
    ],
    [
      'what is no secret',
      zod,
      'const parsed = shape.safeParse(req.body)\nif (parsed.data.name !== process.env.NAME) return res.status(401).end()',
      'pass',
    ],
    [
      'settings, which no client sends',
      zod,
      'const settings = shape.parse(process.env)\nif (settings.accessToken !== "a known development key") return res.status(500).end()',
      'pass',
    ],
  ])('is what the client sent: %s', (_what, before, check, outcome) => {
    expect(outcomeOf('timing-unsafe-comparison', server(before, check))).toBe(outcome)
  })

  it('is not thereby verified', () => {
    const sessions = `
      ${header}
      const sessions = new Map()`
    const program = server(
      sessions,
      `const parsed = shape.safeParse(req.headers.authorization)
      if (!parsed.success) return res.status(401).end()
      const session = sessions.get(req.headers['mcp-session-id'])
      if (session === undefined) { sessions.set(crypto.randomUUID(), { notes: [] }); return res.end() }
      res.json(session.notes)`,
    )
    expect(authenticationOf(program).map((text) => text.split(' ').at(-1))).toContain('never')
  })
})

describe('a Proxy', () => {
  const server = (handler: string): string => `
    import express from 'express'
    class Settings {
      token = ''
      static async load() {
        const settings = new Settings()
        settings.token = process.env.API_TOKEN
        return settings
      }
    }
    let loaded
    const target = { token: process.env.API_TOKEN }
    const settings = new Proxy(${handler})
    loaded = await Settings.load()
    const app = express()
    app.post('/x', (req, res) => {
      if (req.get('x-api-key') !== settings.token) return res.status(401).end()
      res.end('in')
    })
    app.listen(3000, '127.0.0.1')`

  it.each([
    ['gives what its trap reads', '{}, { get(_, name) { return loaded[name] } }'],
    ['gives what its trap reads through Reflect', 'target, { get: (from, name) => Reflect.get(from, name) }'],
    ['without a trap for it is its target', 'target, { set: () => false }'],
  ])('%s', (_what, handler) => {
    expect(outcomeOf('timing-unsafe-comparison', server(handler))).toBe('fail')
  })

  it('calls what its trap gives', () => {
    const program = server('{}, { get: (_, name) => () => process.env.API_TOKEN }').replace(
      'settings.token)',
      'settings.token())',
    )
    expect(outcomeOf('timing-unsafe-comparison', program)).toBe('fail')
  })
})

describe('middleware that is given `next`', () => {
  const server = (refusal: string): string => `
    import express from 'express'
    import createError from 'http-errors'
    class Refused extends Error {}
    const sessions = new Map()
    const app = express()
    app.use((req, res, next) => {
      if (req.headers.authorization !== process.env.API_TOKEN) return ${refusal}
      next()
    })
    app.post('/mcp', (req, res) => {
      const session = sessions.get(req.headers['mcp-session-id'])
      if (session === undefined) { sessions.set(crypto.randomUUID(), { notes: [] }); return res.end() }
      res.json(session.notes)
    })
    app.listen(3000, '127.0.0.1')`

  it.each(["next(new Error('no'))", 'next(new Refused())', 'next(createError(401))'])('refuses with %s', (refusal) => {
    expect(authenticationOf(server(refusal))).toEqual(['POST server.ts:13 always'])
  })

  it.each(['next()', "next('router')"])('lets pass with %s', (refusal) => {
    expect(authenticationOf(server(refusal))).not.toEqual(['POST server.ts:13 always'])
  })
})

describe('a connection of Socket.IO', () => {
  const server = (middleware: string): string => `
    import { Server } from 'socket.io'
    import { timingSafeEqual } from 'node:crypto'
    const io = new Server(3000)
    const private_ = io.of('/private')
    private_.use((socket, next) => { ${middleware} })
    private_.on('connection', (socket) => {
      socket.on('say', (text) => private_.emit('said', text))
    })`

  it.each([
    ["if (socket.handshake.auth.token !== process.env.TOKEN) return next(new Error('no'))\nnext()", 'fail'],
    ["if (socket.handshake.headers['x-api-key'] !== process.env.TOKEN) return next(new Error('no'))\nnext()", 'fail'],
    [
      "if (!timingSafeEqual(Buffer.from(socket.handshake.auth.token), Buffer.from(process.env.TOKEN))) return next(new Error('no'))\nnext()",
      'pass',
    ],
    ["if (socket.handshake.auth.room !== process.env.ROOM) return next(new Error('no'))\nnext()", 'pass'],
  ])('is judged by its middleware: %s', (middleware, outcome) => {
    expect(outcomeOf('timing-unsafe-comparison', server(middleware))).toBe(outcome)
  })

  it('brings a credential in its URL', () => {
    const middleware = "if (!verify(socket.handshake.query.token)) return next(new Error('no'))\nnext()"
    expect(findingsOf('session-token-in-url', server(middleware))).toHaveLength(1)
  })

  it('is listened for', () => {
    expect(listenersOf(server('next()'))).toEqual(['server.ts:3 network'])
  })
})

describe('a store of sessions that keeps what logins wait for as well', () => {
  const program = (end: string): Readonly<Record<string, string>> => ({
    'store.ts': `
      export class Store {
        private records = new Map()
        add(id, record) { this.records.set(id, record) }
        find(id) { return this.records.get(id) }
        drop(id) { this.records.delete(id) }
      }`,
    'server.ts': `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      import { Store } from './store'
      const store = new Store()
      const app = express()
      app.post('/mcp', (req, res) => {
        const session = store.find(req.headers['mcp-session-id'])
        if (session) return res.json(session.notes)
        const id = randomUUID()
        store.add(id, { notes: [] })
        res.setHeader('mcp-session-id', id).end()
      })
      app.get('/login', (req, res) => {
        const state = randomUUID()
        store.add(state, { back: '/' })
        res.redirect(authorizationServer(state))
      })
      app.get('/callback', (req, res) => {
        const waiting = store.find(req.query.state)
        store.drop(req.query.state)
        res.redirect(waiting.back)
      })
      ${end}
      app.listen(3000, '127.0.0.1')`,
  })

  it('ends no session where it forgets a login', () => {
    expect(findingsOf('missing-session-invalidation', program(''))).toEqual([
      expect.stringMatching(/^store.ts:3: Nothing takes a session out of records/),
    ])
    expect(factsOf(program('')).stores[0]!.openings.map(place)).toContain('server.ts:10')
  })

  it('ends one where it is asked to', () => {
    const end = "app.delete('/mcp', (req, res) => { store.drop(req.headers['mcp-session-id']); res.end() })"
    expect(findingsOf('missing-session-invalidation', program(end))).toEqual([])
  })
})

describe('a library that is a whole MCP server', () => {
  const server = (start: string, made = 'new McpApp({ name: "notes" })'): string => `
    import { McpApp, MCPClient, createMCPServer } from '@notes/mcp-kit'
    const argument = process.argv.find((item) => item.startsWith('--host='))
    const hostname = argument ? argument.split('=')[1] : '0.0.0.0'
    const app = ${made}
    app.registerTools([])
    ${start}`

  it.each([
    ['await app.startHttp({ port: 3000, hostname })', ['server.ts:6 0.0.0.0']],
    ["await app.startHttp({ port: 3000, hostname: '127.0.0.1' })", ['server.ts:6 127.0.0.1']],
    ["app.start({ transportType: 'sse', sse: { port: 3000, host: hostname } })", ['server.ts:6 0.0.0.0']],
    ["app.listen(3000, '127.0.0.1')", ['server.ts:6 127.0.0.1']],
    ['app.listen(3000)', ['server.ts:6 unknown']],
    ['await app.start()', []],
    ["app.start({ transportType: 'stdio' })", []],
  ])('listens where it is told: %s', (start, listeners) => {
    expect(listenersOf(server(start))).toEqual(listeners)
  })

  it('is told of its transport when it is made', () => {
    const made = "createMCPServer({ transport: { type: 'http-stream', options: { port: 3000, host: hostname } } })"
    expect(listenersOf(server('await app.start()', made))).toEqual(['server.ts:6 0.0.0.0'])
  })

  it('hides what it does with sessions, so nothing passes', () => {
    expect(gapsOf(server('await app.startHttp({ port: 3000 })'))).toMatchObject([{ total: true }])
    expect(gapsOf(server('await app.start()'))).toEqual([])
  })

  it('carries sessions', () => {
    const start = 'await app.startHttp({ port: 3000, hostname })'
    expect(outcomeOf('plaintext-transport', server(start))).toBe('fail')
    expect(outcomeOf('plaintext-transport', server(start.replace('hostname', "hostname: 'localhost'")))).toBe('pass')
  })

  it('is no client', () => {
    expect(listenersOf(server('await app.start({ port: 3000, host: hostname })', 'new MCPClient()'))).toEqual([])
  })
})
