/** Weaknesses as commits cure them: a server before and after, and what is said of either. */
import { describe, expect, it } from 'vitest'
import { findingsOf, type Program } from './programs.ts'

/** Where the weakness is found. */
function placesOf(rule: string, program: Program): readonly string[] {
  return findingsOf(rule, program).map((finding) => finding.slice(0, finding.indexOf(': ')))
}

describe('a key that is looked for in a list', () => {
  const guarded = (check: string): string => `
    import express from 'express'
    import { createHash, timingSafeEqual } from 'node:crypto'
    const KEYS = (process.env.API_KEYS ?? '').split(',')
    const digest = (text) => createHash('sha256').update(text).digest()
    const app = express()
    app.use((req, res, next) => {
      const key = (req.headers.authorization ?? '').slice(7)
      ${check}
      next()
    })
    app.listen(3000)`
  const cured = guarded(`let found = false
      for (const known of KEYS) if (timingSafeEqual(digest(known), digest(key))) found = true
      if (!found) return res.status(401).end()`)

  it.each([
    ['includes', 'if (!KEYS.includes(key)) return res.status(401).end()'],
    ['indexOf', 'if (KEYS.indexOf(key) < 0) return res.status(401).end()'],
    ['some', 'if (!KEYS.some((known) => known === key)) return res.status(401).end()'],
    [
      'Buffer.compare',
      'if (Buffer.compare(Buffer.from(process.env.API_KEY), Buffer.from(key)) !== 0) return res.status(401).end()',
    ],
    [
      'buffer.compare',
      'if (Buffer.from(process.env.API_KEY).compare(Buffer.from(key)) !== 0) return res.status(401).end()',
    ],
  ])('by %s', (_how, check) => {
    expect(placesOf('timing-unsafe-comparison', guarded(check))).toEqual(['server.ts:8'])
    expect(placesOf('timing-unsafe-comparison', cured)).toEqual([])
  })

  it('of a file that is read at start-up', () => {
    const server = (check: string): Program => ({
      'config.ts': `
        import { readFileSync } from 'node:fs'
        export const load = () => JSON.parse(readFileSync('config.json', 'utf8'))`,
      'server.ts': `
        import { createServer } from 'node:http'
        import { timingSafeEqual } from 'node:crypto'
        import { load } from './config.ts'
        const { auth } = load()
        createServer((req, res) => {
          const key = req.headers['x-api-key']
          ${check}
          res.end()
        }).listen(3000)`,
    })
    const guardedWell = server(
      'if (!auth.keys.some((known) => timingSafeEqual(Buffer.from(known), Buffer.from(key)))) return res.end()',
    )
    expect(
      placesOf('timing-unsafe-comparison', server('if (!auth.keys.includes(key)) return res.writeHead(401).end()')),
    ).toEqual(['server.ts:7'])
    expect(placesOf('timing-unsafe-comparison', guardedWell)).toEqual([])
  })

  it.each([
    ['a scheme', "if (!['Bearer', 'Basic'].includes(key)) return res.status(401).end()"],
    ['a word in the key', "if (key.includes('production-key')) return res.status(401).end()"],
    ['a set, which hashes what it is asked for', 'if (!new Set(KEYS).has(key)) return res.status(401).end()'],
  ])('is told from %s', (_what, check) => {
    expect(findingsOf('timing-unsafe-comparison', guarded(check))).toEqual([])
  })
})

describe('what is said of a secret without telling it', () => {
  it.each([
    ['that there is one', "console.log('authorized', Boolean(req.headers.authorization))"],
    ['that there is none', "console.log('anonymous', !req.headers.authorization)"],
  ])('%s', (_what, log) => {
    const program = `
      import express from 'express'
      const app = express()
      app.use((req, res, next) => { ${log}; next() })
      app.listen(3000)`
    expect(findingsOf('session-token-exposure', program)).toEqual([])
  })

  it('how many sessions there are', () => {
    const health = (sessions: string): string => `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      const sessions = {}
      const app = express()
      app.post('/sessions', (req, res) => { const id = randomUUID(); sessions[id] = {}; res.set('x-session-id', id).end() })
      app.post('/ask', (req, res) => res.json(sessions[req.headers['x-session-id']]))
      app.get('/health', (req, res) => res.json({ sessions: ${sessions} }))
      app.listen(3000)`
    expect(placesOf('session-token-exposure', health('Object.keys(sessions)'))).toEqual(['server.ts:7'])
    expect(placesOf('session-token-exposure', health('Object.keys(sessions).length'))).toEqual([])
  })
})

describe('whom a server speaks for', () => {
  /** Sessions that each bring a key; the tool asks another service in its name. */
  const sessions = (before: string, open: string, ask: string): Program => ({
    'server.ts': `
      import express from 'express'
      import axios from 'axios'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { randomUUID } from 'node:crypto'
      import { Client } from './client'
      ${before}
      const transports = new Map()
      const app = express()
      app.post('/mcp', async (req, res) => {
        const known = transports.get(req.headers['mcp-session-id'])
        if (known) return known.handleRequest(req, res, req.body)
        const key = req.headers['x-api-key']
        ${open}
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => transports.set(id, transport) })
        const server = new McpServer({ name: 'orders', version: '1' })
        server.registerTool('list', {}, async () => ({ content: [{ type: 'text', text: await ${ask} }] }))
        await server.connect(transport)
        await transport.handleRequest(req, res, req.body)
      })
      app.listen(3000, '127.0.0.1')`,
  })
  const rule = 'shared-session-state'
  const url = "'https://orders.example'"

  it.each([
    ['a package', '', "axios.defaults.headers.common['Authorization'] = key", `axios.get(${url})`, 14],
    ['the process', '', 'process.env.ORDERS_KEY = key', `axios.get(${url}, { key: process.env.ORDERS_KEY })`, 14],
    ['a global variable', '', 'globalThis.key = key', `axios.get(${url}, { key: globalThis.key })`, 14],
    ['a client from elsewhere', 'const client = new Client()', 'client.setApiKey(key)', 'client.list()', 14],
    [
      'the client of whoever came first',
      'let client\n      const get = (key) => (client ??= new Client({ key }))',
      '',
      'get(key).list()',
      8,
    ],
    [
      'a client of our own class, of whoever came first',
      'class Orders { constructor(key) { this.key = key } list() { return axios.get(this.key) } }\n      let client\n      const get = (key) => { if (!client) client = new Orders(key); return client }',
      '',
      'get(key).list()',
      9,
    ],
    [
      'a client of a registry',
      'class Orders { configure({ key }) { this.key = key } list() { return axios.get(this.key) } }\n      const all = [new Orders()]',
      'for (const one of all) one.configure({ key })',
      'all[0].list()',
      7,
    ],
    [
      'a setting whatever its header is called',
      'class Orders { configure(config) { this._apiKey = config.key } list() { return axios.get(this._apiKey) } }\n      const orders = new Orders()',
      'orders.configure({ key: req.headers[process.env.HEADER] })',
      'orders.list()',
      7,
    ],
  ])('is written into %s', (_what, before, open, ask, line) => {
    expect(placesOf(rule, sessions(before, open, ask))).toEqual([`server.ts:${line}`])
  })

  it.each([
    ['a client of its own', '', 'const client = new Client({ key })', 'client.list()'],
    ['a client made anew where it is used', '', '', 'new Client({ key }).list()'],
    ['a header of each call', '', '', `axios.get(${url}, { headers: { authorization: key } })`],
    [
      'a store that is told whose it is',
      'const keys = new Client()',
      'keys.setToken(randomUUID(), key)',
      'keys.list()',
    ],
    [
      'a client of the same class as the one of start-up',
      'class Orders { configure({ key }) { this.key = key } list() { return axios.get(this.key) } }\n      const all = [new Orders()]',
      'const orders = new all[0].constructor(); orders.configure({ key })',
      'orders.list()',
    ],
    [
      'a copy, unless what is copied is a plain object',
      'class Orders { configure({ key }) { this.key = key } list() { return axios.get(this.key) } }\n      const all = [new Orders()]\n      const copy = (of) => { const made = of.constructor; if (made && made !== Object && typeof made === "function") return new made(); return of }',
      'const orders = copy(all[0]); orders.configure({ key })',
      'orders.list()',
    ],
  ])('is kept in %s', (_what, before, open, ask) => {
    expect(placesOf(rule, sessions(before, open, ask))).toEqual([])
  })
})

describe('an Origin that is checked', () => {
  const server = (check: string): string => `
    import { createServer } from 'node:http'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    const ALLOWED = ['http://localhost:3000', 'http://127.0.0.1:3000']
    const HOSTS = ['http://localhost', 'http://127.0.0.1']
    createServer(async (req, res) => {
      const { origin, host } = req.headers
      if (origin && !(${check})) return res.writeHead(403).end()
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await new McpServer({ name: 'notes', version: '1' }).connect(transport)
      await transport.handleRequest(req, res)
    }).listen(3000, '127.0.0.1')`

  it.each([
    ['by how its host begins', "origin.startsWith('http://localhost')"],
    ['by how one of a list begins', 'HOSTS.some((one) => origin.startsWith(one))'],
    ['by a part of it', "origin.includes('localhost')"],
    ['by how it ends, before which anything may stand', "origin.endsWith('example.com')"],
    ['by a pattern that ends too soon', '/^https?:\\/\\/localhost/.test(origin)'],
    ['by the Host that comes with it', 'new URL(origin).host === host'],
  ])('%s lets foreign hosts pass', (_how, check) => {
    expect(findingsOf('missing-origin-check', server(check))).toEqual([
      expect.stringContaining('Origin is checked in a way that foreign hosts pass'),
    ])
  })

  it.each([
    ['by how it begins, port included', "origin.startsWith('http://localhost:')"],
    ['against a list', 'ALLOWED.includes(origin)'],
    ['by what stands behind a dot', "origin.endsWith('.example.com')"],
    ['by a pattern for all of it', '/^https?:\\/\\/localhost(:\\d+)?$/.test(origin)'],
    ['by its host name', "['localhost', '127.0.0.1'].includes(new URL(origin).hostname)"],
  ])('%s lets none pass', (_how, check) => {
    expect(findingsOf('missing-origin-check', server(check))).toEqual([])
  })
})

describe('a new password', () => {
  const server = (change: string): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    import bcrypt from 'bcryptjs'
    import Database from 'better-sqlite3'
    import { randomBytes } from 'node:crypto'
    import { users } from './users'
    const db = new Database('sessions.db')
    const app = express()
    app.use(cookieParser())
    app.post('/login', async (req, res) => {
      const user = db.prepare('SELECT * FROM users WHERE email = ?').get(req.body.email)
      if (!(await bcrypt.compare(req.body.password, user.password_hash))) return res.status(401).end()
      const id = randomBytes(32).toString('hex')
      db.prepare('INSERT INTO sessions (id, user_id) VALUES (?, ?)').run(id, user.id)
      res.cookie('sid', id).end()
    })
    app.post('/logout', (req, res) => { db.prepare('DELETE FROM sessions WHERE id = ?').run(req.cookies.sid); res.end() })
    app.post('/password', async (req, res) => {
      const session = db.prepare('SELECT * FROM sessions WHERE id = ?').get(req.cookies.sid)
      if (!session) return res.status(401).end()
      const hash = await bcrypt.hash(req.body.next, 12)
      ${change}
      res.end()
    })
    app.listen(3000)`
  const rule = 'missing-session-invalidation'
  const update = "db.prepare('UPDATE users SET password_hash = ? WHERE id = ?').run(hash, session.user_id)"

  it.each([
    ['by a statement', update],
    ['by a repository', 'await users.update({ where: { id: session.user_id }, data: { passwordHash: hash } })'],
  ])('that is set %s ends no session', (_how, change) => {
    expect(findingsOf(rule, server(change))).toEqual([
      'server.ts:22: A new password ends no session: whoever got in with the old one stays in.',
    ])
  })

  it.each([
    ['sessions are deleted', `${update}; db.prepare('DELETE FROM sessions WHERE user_id = ?').run(session.user_id)`],
    ['code that is not seen revokes them', `${update}; await users.revokeAll(session.user_id)`],
    [
      'what was issued before is marked as old',
      'await users.update({ where: { id: session.user_id }, data: { passwordHash: hash, sessionVersion: 2 } })',
    ],
    [
      'it is somebody new',
      "db.prepare('INSERT INTO users (email, password_hash) VALUES (?, ?)').run(req.body.email, hash)",
    ],
    [
      'it is another column',
      "db.prepare('UPDATE users SET name = ? WHERE id = ?').run(req.body.name, session.user_id)",
    ],
  ])('is told from a change where %s', (_what, change) => {
    expect(findingsOf(rule, server(change))).toEqual([])
  })
})

describe('an ID that a library asks for', () => {
  const express = (generator: string): string => `
    import express from 'express'
    import session from 'express-session'
    import { randomUUID } from 'node:crypto'
    const app = express()
    app.use(session({ genid: ${generator}, secret: process.env.SECRET, cookie: { maxAge: 1000 } }))
    app.listen(3000)`
  const remix = (id: string): string => `
    import { createSessionStorage } from '@remix-run/node'
    import { redis } from './redis'
    export const storage = createSessionStorage({
      async createData(data) { const key = ${id}; await redis.set(key, JSON.stringify(data)); return key },
    })`

  it.each([
    ['express-session', express('() => Date.now() + Math.random().toString(36)'), express('() => randomUUID()')],
    ['Remix', remix('Math.random().toString(36).slice(2)'), remix('crypto.randomUUID()')],
  ])('is followed to its generator: %s', (_library, before, after) => {
    expect(findingsOf('predictable-session-id', before)).toHaveLength(1)
    expect(findingsOf('predictable-session-id', after)).toEqual([])
  })
})

describe('tokens of passport-jwt', () => {
  const nest = (options: string): Program => ({
    'constants.ts': "export const constants = { key: 'a text that everybody can read' }",
    'strategy.ts': `
      import { ExtractJwt, Strategy } from 'passport-jwt'
      import { PassportStrategy } from '@nestjs/passport'
      import { constants } from './constants'
      export class TokenStrategy extends PassportStrategy(Strategy) {
        constructor() { super({ ${options} }) }
      }`,
    'server.ts': `
      import express from 'express'
      import passport from 'passport'
      import { TokenStrategy } from './strategy'
      passport.use(new TokenStrategy())
      const app = express()
      app.get('/me', passport.authenticate('jwt', { session: false }), (req, res) => res.json(req.user))
      app.listen(3000)`,
  })
  const header = 'jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken()'

  it('are verified by a key in the source', () => {
    const rule = 'weak-session-secret'
    expect(findingsOf(rule, nest(`${header}, secretOrKey: constants.key`))).toHaveLength(1)
    expect(findingsOf(rule, nest(`${header}, secretOrKey: process.env.KEY`))).toEqual([])
  })

  it('are taken from the URL', () => {
    const rule = 'session-token-in-url'
    const url = "jwtFromRequest: ExtractJwt.fromUrlQueryParameter('token')"
    expect(findingsOf(rule, nest(`${url}, secretOrKey: process.env.KEY`))).toHaveLength(1)
    expect(findingsOf(rule, nest(`${header}, secretOrKey: process.env.KEY`))).toEqual([])
  })
})

describe('a token that is verified', () => {
  const server = (options: string): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    const app = express()
    app.post('/login', (req, res) => res.json(jwt.sign({ sub: 'alice' }, process.env.KEY, { expiresIn: '1h' })))
    app.get('/me', (req, res) => res.json(jwt.verify(req.headers.authorization, process.env.KEY${options})))
    app.listen(3000)`

  it('though it has expired', () => {
    expect(findingsOf('missing-session-expiry', server(', { ignoreExpiration: true }'))).toEqual([
      expect.stringContaining('server.ts:5: Tokens are accepted after they have expired'),
    ])
    expect(findingsOf('missing-session-expiry', server(''))).toEqual([])
  })
})

describe('what a framework calls where a page sends a form', () => {
  const login = `
      cookies.set('sid', await open(await request.formData()), { path: '/' })`
  const kit = (logout: string): Program => ({
    'src/routes/login/+page.server.ts': `
      import { redirect } from '@sveltejs/kit'
      import { open } from '$lib/sessions'
      export const actions = { default: async ({ request, cookies }) => {${login} } }`,
    'src/routes/logout/+page.server.ts': `
      import { redirect } from '@sveltejs/kit'
      import { close } from '$lib/sessions'
      export const actions = { default: async ({ cookies }) => { ${logout} } }`,
  })
  const next = (logout: string): Program => ({
    'app/actions.ts': `
      'use server'
      import { cookies } from 'next/headers'
      import { close, open } from '../lib/sessions'
      export async function login(form: FormData) { (await cookies()).set('session', await open(form)) }
      export async function logout() { const jar = await cookies(); ${logout} }`,
  })

  it.each([
    ['SvelteKit', kit("cookies.delete('sid')"), kit("await close(cookies.get('sid')); cookies.delete('sid')")],
    ['Next.js', next("jar.delete('session')"), next("await close(jar.get('session')); jar.delete('session')")],
  ])('is a logout by its name: %s', (_framework, before, after) => {
    expect(findingsOf('missing-session-invalidation', before)).toEqual([
      expect.stringContaining('Logging out only takes the cookie'),
    ])
    expect(findingsOf('missing-session-invalidation', after)).toEqual([])
  })
})
