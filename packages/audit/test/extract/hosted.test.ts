/** Handlers that a host finds by what a module exports, and servers that a library runs by itself. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, listenersOf, outcomeOf } from './programs.ts'

/** A route module that opens a session without an ID and serves the one that the header names. */
const handler = `
  const id = request.headers.get('mcp-session-id')
  if (!id) {
    const fresh = crypto.randomUUID()
    sessions.set(fresh, { notes: [] })
    return Response.json({}, { headers: { 'mcp-session-id': fresh } })
  }
  const session = sessions.get(id)
  return session ? Response.json(session.notes) : new Response(null, { status: 404 })`

describe('a controller that a framework learns of by its decorators', () => {
  const controller = (guard: string) => `
    import { NestFactory } from '@nestjs/core'
    import { Controller, Module, Post, Req, Res, UseGuards } from '@nestjs/common'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { randomUUID } from 'node:crypto'
    const byId = new Map()
    @Controller('mcp') ${guard}
    class McpController {
      @Post() async post(@Req() req, @Res() res) {
        let transport = byId.get(req.headers['mcp-session-id'])
        if (!transport) {
          transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => byId.set(id, transport) })
          await new McpServer({ name: 'n', version: '1' }).connect(transport)
        }
        await transport.handleRequest(req, res, req.body)
      }
    }
    @Module({ controllers: [McpController] }) class AppModule {}
    NestFactory.create(AppModule).then((app) => app.listen(3000))`

  it('is followed though nothing exports it', () => {
    expect(outcomeOf('missing-session-expiry', controller(''))).toBe('fail')
    expect(outcomeOf('plaintext-transport', controller(''))).toBe('fail')
  })

  it('stands behind nothing where its decorators only route and document', () => {
    expect(factsOf(controller("@ApiTags('mcp')")).dispatches.map(({ behindUnknown }) => behindUnknown)).toEqual([false])
  })

  it('may stand behind a guard that is not seen', () => {
    expect(factsOf(controller('@UseGuards(TokenGuard)')).dispatches.map(({ behindUnknown }) => behindUnknown)).toEqual([
      true,
    ])
  })
})

describe('modules whose exports a host serves', () => {
  it.each([
    [
      'a route module',
      'app/api/mcp/route.ts',
      `const sessions = new Map(); export async function POST(request: Request) {${handler}}`,
    ],
    [
      'a route module that holds its handler in a constant',
      'src/routes/mcp/+server.ts',
      `const sessions = new Map(); export const POST = async ({ request }) => {${handler}}`,
    ],
    ['a worker', 'src/index.ts', `const sessions = new Map(); export default { async fetch(request) {${handler}} }`],
    [
      'a durable object',
      'src/room.ts',
      `export class Room { sessions = new Map(); async fetch(request: Request) { const { sessions } = this;${handler}} }`,
    ],
    [
      'handlers in an object that a factory gives',
      'server/controllers/mcp.ts',
      `import { createServer } from 'node:http'
       const sessions = new Map()
       export default ({ app }) => ({
         async handle(ctx) {
           const session = sessions.get(ctx.get('mcp-session-id'))
           if (session) ctx.body = session.notes
           else { const fresh = crypto.randomUUID(); sessions.set(fresh, { notes: [] }); ctx.set('mcp-session-id', fresh); createServer }
         },
       })`,
    ],
  ])('serves sessions in %s', (_, path, text) => {
    const { stores, dispatches } = factsOf({ [path]: text })
    expect(stores).toMatchObject([{ name: 'sessions', holds: 'own' }])
    expect(dispatches).toMatchObject([{ bound: false, authenticated: 'never' }])
  })

  it('takes no function for a route that only bears the name of a verb', () => {
    expect(
      factsOf({ 'src/client.ts': 'export const POST = (path, body) => fetch(path, { body })' }).hasServerCode,
    ).toBe(false)
  })
})

describe('functions that a host finds by their place', () => {
  const check = 'if (req.query.token !== process.env.ADMIN_TOKEN) return res.status(401).end()'

  it.each([
    ['api/admin.js', `export default async function handler(req, res) { ${check}\n res.json({}) }`],
    ['api/admin.js', `module.exports = (req, res) => { ${check}\n res.json({}) }`],
    ['api/admin.ts', `export default function (req: VercelRequest, res: VercelResponse) { ${check}\n res.json({}) }`],
    ['pages/api/admin.js', `const admin = (req, res) => { ${check}\n res.json({}) }\nexport default admin`],
    [
      'web/api/admin.js',
      `const guarded = (next) => async (req, res) => { ${check}\n return next(req, res) }\nexport default guarded((req, res) => res.json({}))`,
    ],
    [
      'api/edge.js',
      `export default async function handler(request) {
        const token = new URL(request.url).searchParams.get('token')
        return new Response(null, { status: token === process.env.ADMIN_TOKEN ? 200 : 401 })
      }`,
    ],
  ])('are served: %s', (path, text) => {
    expect(outcomeOf('timing-unsafe-comparison', { [path]: text })).toBe('fail')
    expect(outcomeOf('session-token-in-url', { [path]: text })).toBe('fail')
  })

  it('are those that no other module has', () => {
    const program = {
      'api/admin.js': 'export default function handler(req, res) { res.json(accounts.get(req.query.token)) }',
      'server.js': `
        import express from 'express'
        import admin from './api/admin.js'
        const app = express()
        app.get('/admin', (req, res, next) => (req.headers.authorization === process.env.KEY ? next() : res.end()), admin)
        app.listen(3000)`,
    }
    expect(factsOf(program).servers.map(({ path }) => path)).not.toContain('api/admin.js')
  })

  it.each([
    ['api/_shared.js', 'export default function handler(req, res) { res.json(req.query) }'],
    ['api/client.js', "export default function load(path) { return fetch('https://api.example' + path) }"],
    ['lib/admin.js', 'export default function handler(req, res) { res.json(req.query) }'],
  ])('are none: %s', (path, text) => {
    expect(factsOf({ [path]: text }).hasServerCode).toBe(false)
  })

  it('are there though they check nothing', () => {
    const text = 'export default function handler(req, res) { res.json(req.query) }'
    expect(factsOf({ 'api/admin.js': text }).hasServerCode).toBe(true)
  })
})

describe('variables of the whole process', () => {
  it('finds what one module puts on globalThis in another', () => {
    const program = (put: string): Record<string, string> => ({
      'store.ts': `const held = globalThis as any; export const sessions = held.mcpSessions ?? new Map(); ${put}`,
      'app/mcp/route.ts': `import { sessions } from '../../store'; export async function POST(request: Request) {${handler}}`,
    })
    expect(factsOf(program('held.mcpSessions = sessions')).stores).toHaveLength(1)
    expect(factsOf(program('')).stores).toHaveLength(1)
  })
})

describe('what a session is handed', () => {
  const server = (use: string): string => `
    import express from 'express'
    import { jwtVerify } from 'jose'
    class Session {
      constructor(readonly owner) {}
      isOwnedBy(user) { return this.owner === user }
      receive(message) { this.last = message }
    }
    const sessions = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      let user
      try { user = (await jwtVerify(req.headers.authorization, key)).payload.sub } catch { return res.status(401).end() }
      const session = sessions.get(req.headers['mcp-session-id'])
      if (!session) { sessions.set(crypto.randomUUID(), new Session(user)); return res.end() }
      ${use}
      res.status(202).end()
    })
    app.listen(3000, '127.0.0.1')`

  it('is a use of it, whatever class takes it', () => {
    expect(outcomeOf('unbound-session', server('session.receive(req.body)'))).toBe('fail')
  })

  it('is none where it is only asked who owns it', () => {
    const asked = 'if (!session.isOwnedBy(user)) return res.status(404).end()'
    expect(outcomeOf('unbound-session', server(`${asked}; session.receive(req.body)`))).toBe('pass')
  })
})

describe('logins through an authorization server', () => {
  const callback = (code: string): string => `
    import express from 'express'
    import session from 'express-session'
    import axios from 'axios'
    const app = express()
    app.use(session({ secret: process.env.SECRET, cookie: { maxAge: 60000 } }))
    app.get('/callback', async (req, res) => {
      let answer
      try { answer = await axios({ method: 'post', url: 'https://login.example/token', data: { code: req.query.code } }) }
      catch { return res.redirect('/') }
      ${code}
      res.redirect('/')
    })
    app.listen(3000, '127.0.0.1')`
  const write = 'req.session.user = answer.data.sub'

  it('are logins', () => {
    expect(outcomeOf('session-fixation', callback(write))).toBe('fail')
    expect(outcomeOf('session-fixation', callback(`req.session.regenerate(() => { ${write} })`))).toBe('pass')
  })
})

describe('FastMCP', () => {
  const server = (options: string, start: string): string => `
    import { FastMCP } from 'fastmcp'
    const server = new FastMCP({ name: 'notes', version: '1.0.0'${options} })
    server.start(${start})`
  const authenticate =
    ", authenticate: async (request) => { const user = await check(request.headers['x-api-key']); return { user } }"
  const locked = (version: string, text: string): Record<string, string> => ({
    'server.ts': text,
    'package.json': JSON.stringify({ name: 'notes', dependencies: { fastmcp: version } }),
  })

  it('keeps sessions whose owner nobody compares', () => {
    const stream = "{ transportType: 'httpStream', httpStream: { port: 8080, host: '0.0.0.0' } }"
    expect(outcomeOf('unbound-session', server(authenticate, stream))).toBe('fail')
    expect(outcomeOf('missing-session-expiry', server(authenticate, stream))).toBe('fail')
    expect(outcomeOf('missing-session-invalidation', server(authenticate, stream))).toBe('pass')
  })

  it('keeps none where it is told to be stateless, or speaks over stdio', () => {
    const stateless = "{ transportType: 'httpStream', httpStream: { port: 8080, stateless: true } }"
    expect(factsOf(server(authenticate, stateless)).stores).toEqual([])
    expect(factsOf(server(authenticate, "{ transportType: 'stdio' }")).listeners).toEqual([])
  })

  it.each([
    ['3.14.4', 'network'],
    ['3.15.0', 'loopback'],
  ])('listens by default, in %s, on the %s', (version, reach) => {
    const start = "{ transportType: 'httpStream', httpStream: { port: 8080 } }"
    expect(listenersOf(locked(version, server('', start)))).toEqual([`server.ts:3 ${reach}`])
  })

  it('closes idle sessions by itself from 4.20 on', () => {
    const text = server(authenticate, "{ transportType: 'httpStream', httpStream: { port: 8080 } }")
    expect(findingsOf('missing-session-expiry', locked('4.19.0', text))[0]).toContain('never expire')
    expect(findingsOf('missing-session-expiry', locked('4.20.0', text))[0]).toContain('no absolute one')
  })
})

describe('what h3 runs before a handler', () => {
  const server = (hooks: string): string => `
    import { createApp, createError, defineEventHandler, defineRequestMiddleware, getHeader, setHeader, toNodeListener } from 'h3'
    import { createServer } from 'node:http'
    import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
    const sha = (text) => createHash('sha256').update(text).digest()
    const want = sha(process.env.KEY)
    const guard = defineRequestMiddleware((event) => {
      if (!timingSafeEqual(sha(getHeader(event, 'x-key') ?? ''), want)) throw createError({ statusCode: 401 })
    })
    const log = defineRequestMiddleware((event) => console.log(event.method))
    const sessions = new Map()
    const mcp = defineEventHandler({
      ${hooks}
      handler(event) {
        const id = getHeader(event, 'mcp-session-id')
        if (!id) {
          const fresh = randomUUID()
          sessions.set(fresh, { notes: [] })
          setHeader(event, 'mcp-session-id', fresh)
          return {}
        }
        const session = sessions.get(id)
        if (!session) throw createError({ statusCode: 404 })
        return session.notes
      },
    })
    createServer(toNodeListener(createApp().use('/mcp', mcp))).listen(8080)`

  it.each([
    ['onRequest: guard,', 'notApplicable'],
    ['onRequest: [log, guard],', 'notApplicable'],
    ['onRequest: [log],', 'fail'],
    ['', 'fail'],
  ])('lets in who has proved something, or anybody: %s', (hooks, outcome) => {
    expect(outcomeOf('unbound-session', server(hooks))).toBe(outcome)
  })
})

describe('an account of a provider that a login stores in the session', () => {
  const server = (stores: string): string => `
    import express from 'express'
    import session from 'express-session'
    import { OAuth2Client } from 'google-auth-library'
    const google = new OAuth2Client(process.env.ID, process.env.SECRET, process.env.CALLBACK)
    const app = express()
    app.use(session({ secret: process.env.KEY, saveUninitialized: true }))
    app.get('/back', (req, res, next) => {
      google.getToken(String(req.query.code))
        .then(({ tokens }) => google.verifyIdToken({ idToken: tokens.id_token, audience: process.env.ID }))
        .then((ticket) => { const who = { sub: ticket.getPayload().sub }; ${stores} })
        .catch(next)
    })
    app.post('/mcp', (req, res) => req.session.who ? res.json({ jsonrpc: '2.0', id: 1, result: {} }) : res.sendStatus(401))
    app.listen(3000)`

  it('is put into the one from before the login, or into a new one', () => {
    const anew =
      'req.session.regenerate((error) => { if (error) return next(error); req.session.who = who; res.end() })'
    expect(outcomeOf('session-fixation', server('req.session.who = who; res.end()'))).toBe('fail')
    expect(outcomeOf('session-fixation', server(anew))).not.toBe('fail')
  })
})
