/** Parts of a server: folders whose entry file, manifest or app is not in the tree. */
import { describe, expect, it } from 'vitest'
import { detectAll } from '../../src/detect.ts'
import { rules } from '../../src/rules/index.ts'
import type { Program } from './programs.ts'
import { factsOf, findingsOf, outcomeOf } from './programs.ts'

/** The rules that find something. */
function failing(program: Program): readonly string[] {
  return detectAll(rules, factsOf(program)).flatMap(({ rule, verdict }) =>
    verdict.kind === 'judged' && verdict.findings.length > 0 ? [rule.id] : [],
  )
}

const LOGIN = (renew: string): string => `
  import { Router, type Request, type Response } from 'express'
  import { check } from './users.js'
  export const router = Router()
  router.post('/login', async (req: Request, res: Response) => {
    const user = await check(req.body.username, req.body.password)
    if (!user) return res.status(401).end()
    ${renew}
    req.session.userId = user.id
    res.json({ ok: true })
  })`

describe('a router that nobody here mounts', () => {
  it('keeps its sessions in middleware that is elsewhere', () => {
    expect(failing(LOGIN(''))).toContain('session-fixation')
  })

  it('may renew them', () => {
    const renew = 'await new Promise((done) => req.session.regenerate(done))'
    expect(failing(LOGIN(renew))).not.toContain('session-fixation')
  })

  it('has none where the app is here and sets none up', () => {
    const app = `
      import express from 'express'
      import { router } from './login.js'
      const app = express()
      app.use(router)
      app.listen(3000, '127.0.0.1')`
    expect(failing({ 'login.ts': LOGIN(''), 'app.ts': app })).not.toContain('session-fixation')
  })
})

describe('a plugin that nobody here registers', () => {
  const plugin = (token: string): string => `
    import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
    import fp from 'fastify-plugin'
    import { validate } from './sessions.js'
    async function authentication(app: FastifyInstance) {
      app.addHook('preHandler', async (req: FastifyRequest, reply: FastifyReply) => {
        const token = ${token}
        if (!token) return reply.status(401).send()
        const user = await validate(token)
        if (!user) return reply.status(401).send()
      })
    }
    export default fp(authentication)`

  it('is a hook before routes that are elsewhere', () => {
    expect(failing(plugin('req.headers.authorization?.slice(7) ?? req.query.token'))).toEqual(['session-token-in-url'])
  })

  it('takes what comes in headers', () => {
    expect(failing(plugin('req.headers.authorization?.slice(7)'))).toEqual([])
  })
})

describe('middleware that nobody here uses', () => {
  const middleware = `
    import type { NextFunction, Request, Response } from 'express'
    export const authenticate = (req: Request, res: Response, next: NextFunction) => {
      const token = req.headers.authorization?.slice(7) || req.query.token
      if (!token || !isKnown(token)) return res.status(401).end()
      next()
    }`

  it('lets in by URL, whoever mounts it', () => {
    expect(failing(middleware)).toEqual(['session-token-in-url'])
  })

  it('compares, whatever its header is called', () => {
    const made = (compare: string): string => `
      import { timingSafeEqual } from 'node:crypto'
      export function createAuthentication() {
        const expected = process.env.NOTES_TOKEN
        return (req, res, next) => {
          const given = req.headers['x-notes-auth']
          if (!given || ${compare}) return res.status(403).end()
          next()
        }
      }`
    expect(failing(made('given !== expected'))).toEqual(['timing-unsafe-comparison'])
    expect(failing(made('!timingSafeEqual(Buffer.from(given), Buffer.from(expected))'))).toEqual([])
  })

  it('is dead code where the server is here and does without', () => {
    const server = `
      import express from 'express'
      const app = express()
      app.get('/', (req, res) => res.end())
      app.listen(3000, '127.0.0.1')`
    expect(failing({ 'auth.ts': middleware, 'server.ts': server })).toEqual([])
  })
})

describe('functions that sign tokens and that nobody here calls', () => {
  it.each([
    [
      'taken out of the library',
      `import jwt from 'jsonwebtoken'\nconst { sign } = jwt`,
      `sign({ sub }, SECRET, { expiresIn: '1h' })`,
    ],
    ['imported by name', `import { sign } from 'jsonwebtoken'`, `sign({ sub }, SECRET, { expiresIn: '1h' })`],
    [
      'of jose',
      `import { SignJWT } from 'jose'`,
      `new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(new TextEncoder().encode(SECRET))`,
    ],
  ])('%s', (_name, imports, made) => {
    const signer = (secret: string): string => `
      ${imports}
      const SECRET = ${secret}
      export function tokenFor(sub) { return ${made} }`
    expect(failing(signer(`process.env.JWT_SECRET ?? 'notes-dev-secret'`))).toContain('weak-session-secret')
    expect(failing(signer('process.env.JWT_SECRET'))).not.toContain('weak-session-secret')
  })
})

describe('a function that puts somebody into the session of a request', () => {
  const method = (body: string): string => `
    export class SessionManager {
      constructor(private readonly key: string) {}
      async logIn(request: FastifyRequest, user: unknown) { ${body} }
    }`
  it.each([
    ['by its parameter', 'exports.remember = (req, user) => { req.session.userId = user.id }', 'fail'],
    ['by its own name', 'export function signIn(req: Request, { id }) { req.session.member = id }', 'fail'],
    ['a method', method('request.session.set(this.key, await this.serialize(user))'), 'fail'],
    [
      'into a session that is new by then',
      `export function logIn(req: Request, user: User, done: () => void): void {
        req.session.regenerate(() => { req.session.user = user.id; done() })
      }`,
      'pass',
    ],
    [
      'into one that is new where its library can do that',
      method('if (request.session.regenerate) await request.session.regenerate()\nrequest.session.set(this.key, user)'),
      'pass',
    ],
  ])('%s', (_what, program, outcome) => {
    expect(outcomeOf('session-fixation', program)).toBe(outcome)
  })

  it('is none where it puts something else there', () => {
    const theme = 'export function remember(req: Request, theme: string): void { req.session.theme = theme }'
    expect(failing(theme)).toEqual([])
  })

  it('is left to the routes of a whole server, which say what was done before', () => {
    const helper = 'export function logIn(req, user) { req.session.user = user.id }'
    const server = `
      import express from 'express'
      import session from 'express-session'
      import { logIn } from './login'
      const app = express()
      app.use(session({ secret: process.env.SECRET }))
      app.post('/login', (req, res) => {
        if (!verify(req.body)) return res.status(401).end()
        req.session.regenerate(() => { logIn(req, found(req.body)); res.end() })
      })
      app.listen(3000)`
    expect(failing({ 'login.ts': helper, 'server.ts': server })).not.toContain('session-fixation')
  })
})

describe('a module that makes a router, in a folder whose modules are loaded', () => {
  const files = (login: string, loads: string): Program => ({
    'package.json': '{ "main": "app.js" }',
    'app.js': `
      const fs = require('node:fs')
      const express = require('express')
      const session = require('express-session')
      const app = express()
      app.use(session({ secret: process.env.SECRET }))
      ${loads}
      app.listen(3000)`,
    'modules/auth.ts': `
      import { Router } from 'express'
      import bcrypt from 'bcrypt'
      const logins: Part = {
        info: { name: 'login' },
        router: () => {
          const router = Router()
          router.post('/login', async (req, res) => {
            const user = await find(req.body.name)
            if (!user || !(await bcrypt.compare(req.body.password, user.hash))) return res.redirect('/login')
            ${login}
            res.redirect('/')
          })
          return router
        },
      }
      export default logins`,
  })
  const loads = `
      const names = fs.readdirSync(__dirname + '/modules')
      Promise.all(names.map((name) => import(name).then((loaded) => ({ loaded })))).then((all) => {
        for (const { loaded } of all) if (loaded.default?.info) app.use('/', loaded.default.router())
      })`
  const renewed = 'await new Promise((resolve) => req.session.regenerate(resolve))\nreq.session.user = user.id'

  it.each([
    ['fails', 'req.session.user = user.id', loads, 'fail'],
    ['renews the session', renewed, loads, 'pass'],
  ])('has a login that %s', (_what, login, how, outcome) => {
    expect(outcomeOf('session-fixation', files(login, how))).toBe(outcome)
  })

  it('is dead code where no folder is loaded', () => {
    expect(outcomeOf('session-fixation', files('req.session.user = user.id', ''))).not.toBe('fail')
  })
})

describe('tokens that are signed and verified by functions that nobody here calls', () => {
  const tokens = (options: string, verified = 'jwt.verify(token, key)'): string => `
    const jwt = require('jsonwebtoken')
    const key = require('./keys').tokens
    exports.issue = ({ id, email }) => jwt.sign({ id, email }, key${options})
    exports.read = (token) => { try { return ${verified} } catch { return null } }`

  it.each([
    ['without an end', tokens(''), 'fail'],
    ['with one', tokens(", { expiresIn: '1h' }"), 'pass'],
    ['whose age is limited where they are read', tokens('', "jwt.verify(token, key, { maxAge: '1h' })"), 'pass'],
    ['that others read', tokens('', 'null'), 'fail'],
    ['with an end, that others read', tokens(", { expiresIn: '1h' }", 'null'), 'notApplicable'],
  ])('%s', (_what, program, outcome) => {
    expect(outcomeOf('missing-session-expiry', program)).toBe(outcome)
  })

  it('say nothing of who else is asked about them', () => {
    expect(outcomeOf('missing-session-invalidation', tokens(", { expiresIn: '1h' }"))).not.toBe('fail')
  })

  it('are sessions of a server whose handlers are found by their folder', () => {
    const server = `
      const express = require('express')
      const { guard } = require('some-swagger')
      const { read } = require('./tokens')
      const app = express()
      app.use(guard({ bearer: (req, scheme, token, done) => { req.user = read(token); done() } }))
      app.listen(3000)`
    const handlers = `
      const { issue } = require('../tokens')
      exports.login = async (req, res) => res.json({ token: issue(await find(req.body)) })`
    const files = { 'server.js': server, 'tokens.js': tokens(''), 'controllers/login.js': handlers }
    expect(findingsOf('missing-session-expiry', files)).toEqual([
      'tokens.js:3: A token is signed without an expiry: a stolen one is good for as long as the key is.',
    ])
  })
})

describe('a class that makes servers and that nobody here makes', () => {
  const inner = `
    import { EventEmitter } from 'node:events'
    import http from 'node:http'
    import { WebSocketServer } from 'ws'
    export class SocketServer extends EventEmitter {
      constructor(token) { super(); this.token = token }
      async open(port) {
        this.http = http.createServer()
        this.sockets = new WebSocketServer({ noServer: true })
        this.http.on('upgrade', (req, socket, head) => {
          this.sockets.handleUpgrade(req, socket, head, (ws) => this.sockets.emit('connection', ws, req))
        })
        this.sockets.on('connection', (ws, req) => {
          ws.wantedId = req.headers['x-session-id']
          this.emit('connection', ws)
        })
        this.http.listen(port, '127.0.0.1')
      }
    }`
  const outer = (id: string): string => `
    import { randomUUID } from 'node:crypto'
    import { SocketServer } from './inner.js'
    export class Bridge {
      sessions = new Map()
      constructor(config) {
        this.config = config
        this.server = new SocketServer(config.token)
        this.server.on('connection', (ws) => {
          const existing = ws.wantedId && this.sessions.get(ws.wantedId)
          if (existing) { existing.ws = ws; return }
          const id = ${id}
          this.sessions.set(id, { ws, id })
        })
      }
      async start() { await this.server.open(this.config.port) }
    }`

  it('gives them the handlers that they call', () => {
    const tree = { 'inner.js': inner, 'bridge.js': outer('ws.wantedId ?? randomUUID()') }
    expect(failing(tree)).toContain('client-supplied-session-id')
  })

  it('may mint every ID itself', () => {
    const tree = { 'inner.js': inner, 'bridge.js': outer('randomUUID()') }
    expect(failing(tree)).not.toContain('client-supplied-session-id')
  })
})

describe('sources of the SDK without their manifest', () => {
  const sources = Object.fromEntries(
    ['server/mcp', 'server/index', 'server/sse', 'server/streamableHttp'].map((name) => [
      `src/${name}.ts`,
      'export class McpServer { async connect(transport) {} }\nexport class StreamableHTTPServerTransport {}',
    ]),
  )
  const example = (make: string): string => `
    import { randomUUID } from 'node:crypto'
    import express from 'express'
    import { McpServer } from '../../server/mcp.js'
    import { StreamableHTTPServerTransport } from '../../server/streamableHttp.js'
    const shared = new McpServer({ name: 'notes', version: '1.0.0' })
    const app = express()
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() })
      await ${make}.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`

  it('are the SDK', () => {
    const tree = { ...sources, 'src/examples/server/notes.ts': example('shared') }
    expect(failing(tree)).toContain('shared-session-state')
  })

  it('are the SDK where each session has a server of its own', () => {
    const own = example(`new McpServer({ name: 'notes', version: '1.0.0' })`)
    expect(failing({ ...sources, 'src/examples/server/notes.ts': own })).not.toContain('shared-session-state')
  })
})

describe('tools for a server that is made elsewhere', () => {
  const tools = (check: string): string => `
    import { z } from 'zod'
    import { randomUUID } from 'node:crypto'
    import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    const jobs = new Map()
    export function register(server: McpServer) {
      server.registerTool('start', { inputSchema: { input: z.string() } }, async ({ input }, extra) => {
        const id = randomUUID()
        jobs.set(id, { owner: extra.authInfo.clientId, result: input })
        return { content: [{ type: 'text', text: id }] }
      })
      server.registerTool('finish', { inputSchema: { id: z.string() } }, async ({ id }, extra) => {
        const job = jobs.get(id)
        if (!job${check}) throw new Error('unknown')
        return { content: [{ type: 'text', text: job.result }] }
      })
    }`

  it('are called, too', () => {
    expect(failing({ 'tools.ts': tools('') })).toContain('unbound-state-handle')
    expect(failing({ 'tools.ts': tools(' || job.owner !== extra.authInfo.clientId') })).not.toContain(
      'unbound-state-handle',
    )
  })
})

describe('handlers that nobody here registers', () => {
  const files = (end: string): Record<string, string> => ({
    'store.ts': 'export const transports = {}',
    'post.ts': `
      import type { Request, Response } from 'express'
      import { randomUUID } from 'node:crypto'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      import { transports } from './store'
      import { createServer } from './server'
      export async function handlePost(req: Request, res: Response) {
        const known = transports[req.headers['mcp-session-id']]
        if (known) return known.handleRequest(req, res, req.body)
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => { transports[id] = transport },
        })
        await createServer().connect(transport)
        await transport.handleRequest(req, res, req.body)
      }`,
    'delete.ts': `
      import type { Request, Response } from 'express'
      import { transports } from './store'
      export async function handleDelete(req: Request, res: Response) {
        const known = transports[req.headers['mcp-session-id']]
        if (!known) return res.status(404).end()
        ${end}
        res.status(204).end()
      }`,
  })

  it('serve the verb that they are called after', () => {
    const ends = "await known.close(); delete transports[req.headers['mcp-session-id']]"
    expect(failing(files(''))).toContain('missing-session-invalidation')
    expect(failing(files(ends))).not.toContain('missing-session-invalidation')
  })

  it('tell messages of MCP apart, whatever else there is', () => {
    const handler = (check: string): Program => ({
      'handler.ts': `
        import type { IncomingMessage, ServerResponse } from 'node:http'
        export async function onRequest(req: IncomingMessage, res: ServerResponse) {
          ${check}
          let text = ''
          for await (const chunk of req) text += chunk
          const body = JSON.parse(text)
          if (body.method === 'initialize') res.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result: {} }))
          else res.writeHead(404).end()
        }`,
    })
    expect(failing(handler(''))).toContain('missing-origin-check')
    expect(
      failing(handler("if (req.headers.host !== 'localhost') { res.writeHead(403).end(); return }")),
    ).not.toContain('missing-origin-check')
  })

  it('may look for a credential in the URL of a connection', () => {
    const handler = (from: string): Program => ({
      'socket.ts': `
        import type { IncomingMessage } from 'node:http'
        import { checkToken } from './auth'
        export function onConnection(socket, req: IncomingMessage) {
          const token = ${from}
          if (!token || !checkToken(token)) { socket.close(4401); return }
          socket.on('message', (message) => socket.send(message))
        }`,
    })
    expect(failing(handler("new URL(req.url, 'http://x').searchParams.get('token')"))).toContain('session-token-in-url')
    expect(failing(handler('req.headers.authorization'))).not.toContain('session-token-in-url')
  })
})

describe('a class of a part', () => {
  const sessions = (sweep: string): string => `
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    export class Sessions {
      private all = new Map<string, { transport: StreamableHTTPServerTransport; seen: number }>()
      add(id: string, transport: StreamableHTTPServerTransport) { this.all.set(id, { transport, seen: Date.now() }) }
      get(id: string) { const found = this.all.get(id); if (found) found.seen = Date.now(); return found }
      ${sweep}
    }`

  it('renews what it keeps, whoever asks for it', () => {
    const sweep = `private timer = setInterval(() => this.sweep(), 60_000)
      private sweep() { for (const [id, { seen }] of this.all) if (Date.now() - seen > 1e6) this.all.delete(id) }`
    const [limit] = factsOf(sessions(sweep)).stores.flatMap(({ limits }) => limits)
    expect(limit?.kind).toBe('idle')
    expect(factsOf(sessions('')).stores.flatMap(({ limits }) => limits)).toEqual([])
  })

  it('may let anybody open a WebSocket', () => {
    const bridge = (options: string): string => `
      import { spawn } from 'node:child_process'
      import { WebSocketServer } from 'ws'
      export function startBridge(port) {
        const sockets = new WebSocketServer({ port, host: '127.0.0.1'${options} })
        sockets.on('connection', (socket) => socket.on('message', (text) => spawn(JSON.parse(text).command)))
      }`
    expect(failing(bridge(''))).toContain('missing-origin-check')
    const checked = ", verifyClient: ({ origin }) => ['http://localhost:3000'].includes(origin)"
    expect(failing(bridge(checked))).not.toContain('missing-origin-check')
  })

  it('may take in what a server upgrades that is elsewhere', () => {
    const attach = (check: string): string => `
      import { spawn } from 'node:child_process'
      import { WebSocketServer } from 'ws'
      export function attach(server) {
        const sockets = new WebSocketServer({ noServer: true })
        server.on('upgrade', async (req, socket, head) => {
          ${check}
          sockets.handleUpgrade(req, socket, head, (one) => one.on('message', (text) => spawn(JSON.parse(text).command)))
        })
      }`
    expect(failing(attach(''))).toContain('missing-origin-check')
    const origin = "if (!['http://localhost:3000'].includes(req.headers.origin)) return socket.destroy()"
    expect(failing(attach(origin))).not.toContain('missing-origin-check')
    const token =
      "if (!(await verifyToken(new URL(req.url, 'http://x').searchParams.get('token')))) return socket.destroy()"
    expect(failing(attach(token))).toContain('session-token-in-url')
  })
})

describe('a credential that a part hands on in a context that another file makes', () => {
  const program = (check: string, kept = ''): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { createServer } from './server.js'
    import { context, host } from './context.js'
    const sessions = {}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const token = req.headers.authorization?.slice(7)
      const id = req.headers['mcp-session-id']
      let session = sessions[id]
      if (!session) {
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => crypto.randomUUID(),
          onsessioninitialized: (made) => { sessions[made] = session },
        })
        session = { transport${kept} }
        await createServer().connect(transport)
      }
      ${check}
      await context.run({ token }, () => session.transport.handleRequest(req, res, req.body))
    })
    app.listen(3000, host)`

  it('is that of a caller, whose session it has to be', () => {
    expect(failing(program(''))).toContain('unbound-session')
    const check = 'if (session.token !== token) return res.sendStatus(403)'
    expect(failing(program(check, ', token'))).not.toContain('unbound-session')
  })
})
