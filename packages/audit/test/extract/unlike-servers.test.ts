/** What programs write otherwise than most: tables of routes, guards in a list, codes that were sent, times that a token brings. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf } from './programs.ts'

describe('guards in a list', () => {
  const program = (guards: string, use = 'const refused = guard(request); if (refused) return refused'): string => `
    import { createMcpHandler, McpServer, hostHeaderValidationResponse, originValidationResponse } from '@modelcontextprotocol/server'
    const handler = createMcpHandler(() => new McpServer({ name: 'git', version: '1' }))
    const guards = [${guards}]
    Bun.serve({ port: 3939, hostname: '127.0.0.1', fetch(request) {
      for (const guard of guards) { ${use} }
      return handler.fetch(request)
    } })`
  const host = "(request) => hostHeaderValidationResponse(request, ['localhost'])"
  const origin = "(request) => originValidationResponse(request, ['localhost'])"

  it('are all asked', () => {
    expect(findingsOf('missing-origin-check', program(`${host}, ${origin}`))).toEqual([])
    expect(findingsOf('missing-origin-check', program(`(request) => console.log(request.url), ${origin}`))).toEqual([])
  })

  it('help nothing where nobody heeds them, or none asks for the origin', () => {
    expect(findingsOf('missing-origin-check', program(`${host}, ${origin}`, 'guard(request)'))).toHaveLength(1)
    expect(findingsOf('missing-origin-check', program('(request) => console.log(request.url)'))).toHaveLength(1)
    const stopped = 'if (request.url === "/") break; const refused = guard(request); if (refused) return refused'
    expect(findingsOf('missing-origin-check', program(`${host}, ${origin}`, stopped))).toHaveLength(1)
  })
})

describe('Koa', () => {
  it('asserts what it refuses', () => {
    const program = (check: string): string => `
    import Koa from 'koa'
    import { answer } from './mcp.js'
    const app = new Koa()
    const known = new Set(['https://chat.example'])
    app.use(async (ctx, next) => {
      const origin = ctx.get('Origin')
      if (origin) { ${check} }
      await next()
    })
    app.use(async (ctx) => {
      const message = ctx.request.body
      if (message.method === 'tools/call') ctx.body = await answer(message)
      if (message.method === 'initialize') ctx.body = { jsonrpc: '2.0', result: {} }
    })
    app.listen(3000, '127.0.0.1')`
    expect(findingsOf('missing-origin-check', program("ctx.assert(known.has(origin), 403, 'origin')"))).toEqual([])
    expect(findingsOf('missing-origin-check', program('ctx.vary(origin)'))).toHaveLength(1)
  })
})

describe('options that are put together', () => {
  const program = (options: string): string => `
    import Fastify from 'fastify'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { readFileSync } from 'node:fs'
    const certificate = process.env.TLS_CERT
    const tls = () => certificate ? { https: { cert: readFileSync(certificate) } } : {}
    const app = Fastify(${options})
    app.post('/mcp', async (req, reply) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await new McpServer({ name: 'notes', version: '1' }).connect(transport)
      await transport.handleRequest(req.raw, reply.raw, req.body)
    })
    app.listen({ port: 3000, host: '0.0.0.0' })`

  it.each([
    ['in another function', '{ logger: true, ...tls() }'],
    ['at once', '{ ...(certificate && { https: { cert: readFileSync(certificate) } }) }'],
    ['by a value that may be nothing', '{ https: certificate ? { cert: readFileSync(certificate) } : undefined }'],
  ])('are without TLS where nobody sets it: %s', (_, options) => {
    expect(outcomeOf('plaintext-transport', program(options))).toBe('fail')
  })

  it.each([
    [
      'on every way',
      "{ ...(certificate ? { https: { cert: readFileSync(certificate) } } : { https: { cert: readFileSync('own.pem') } }) }",
    ],
    ['after what may be without', "{ ...tls(), https: { cert: readFileSync('own.pem') } }"],
  ])('have it %s', (_, options) => {
    expect(outcomeOf('plaintext-transport', program(options))).toBe('pass')
  })
})

describe('a table of routes of Bun', () => {
  const program = (load: string): string => `
    import { Redis } from '@upstash/redis'
    const redis = Redis.fromEnv()
    const key = (id) => \`agent:\${id}\`
    const open = async (id) => { await redis.set(key(id), { id, notes: [] }, { ex: 3600 }); return { id, notes: [] } }
    Bun.serve({ hostname: '127.0.0.1', port: 4321, routes: { '/mcp': {
      POST: async (req) => {
        const given = req.headers.get('x-session-id')
        ${load}
        return Response.json(session, { headers: { 'x-session-id': session.id } })
      },
    } } })`

  it('serves, and may take the ID of a session from the client', () => {
    const adopted = 'const session = (await redis.get(key(given))) ?? (await open(given ?? crypto.randomUUID()))'
    const made = 'const session = (given && (await redis.get(key(given)))) || (await open(crypto.randomUUID()))'
    expect(outcomeOf('client-supplied-session-id', program(adopted))).toBe('fail')
    expect(outcomeOf('client-supplied-session-id', program(made))).toBe('pass')
  })
})

describe('Redis', () => {
  const login = (asked: string, renewed: string): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    import { randomBytes } from 'node:crypto'
    import { Redis } from 'ioredis'
    const redis = new Redis(process.env.REDIS_URL)
    const app = express()
    app.use(express.json(), cookieParser())
    app.use(async (req, res, next) => {
      req.sid = req.cookies.sid
      req.record = req.sid ? JSON.parse(await redis.get(\`s:\${req.sid}\`)) : null
      if (!req.record) {
        req.sid = randomBytes(24).toString('base64url')
        req.record = { locale: 'en' }
        await redis.set(\`s:\${req.sid}\`, JSON.stringify(req.record), 'EX', 3600)
        res.cookie('sid', req.sid)
      }
      next()
    })
    app.post('/verify', async (req, res) => {
      const { email, code } = req.body
      const userId = ${asked}
      if (!userId) return res.status(401).end()
      ${renewed}
      res.end()
    })
    app.listen(3000, '127.0.0.1')`
  const kept =
    "await redis.set(`s:${req.cookies.sid}`, JSON.stringify({ ...req.record, userId, at: Date.now() }), 'EX', 3600)"

  it('knows by a code that was sent who logs in, under the ID from before', () => {
    const code = 'await redis.getdel(`otp:${email}:${code}`)'
    expect(outcomeOf('session-fixation', login(code, kept))).toBe('fail')
    const anew = `await redis.del(\`s:\${req.cookies.sid}\`)
      const id = randomBytes(24).toString('base64url')
      await redis.set(\`s:\${id}\`, JSON.stringify({ ...req.record, userId }), 'EX', 3600)
      res.cookie('sid', id)`
    expect(outcomeOf('session-fixation', login(code, anew))).toBe('pass')
  })

  it('is asked for other things by what a body says', () => {
    expect(outcomeOf('session-fixation', login('await redis.get(`avatar:${email}:${code}`)', kept))).toBe('pass')
  })
})

describe('the token of a login', () => {
  const rule = 'missing-session-expiry'

  const signed = (renew: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { SignJWT, jwtVerify } from 'jose'
    import { Redis } from 'ioredis'
    import { check } from './accounts.js'
    const secret = new TextEncoder().encode(process.env.SECRET)
    const redis = new Redis(process.env.REDIS_URL)
    const app = express()
    app.post('/login', async (req, res) => {
      const user = await check(req.body.name, req.body.password)
      if (!user) return res.status(401).end()
      const jti = randomUUID()
      await redis.set(\`sess:\${jti}\`, user.id, 'EX', 900)
      res.json({ token: await new SignJWT().setProtectedHeader({ alg: 'HS256' }).setJti(jti).setExpirationTime('8h').sign(secret) })
    })
    app.post('/mcp', async (req, res) => {
      const { payload } = await jwtVerify(req.headers.authorization.slice(7), secret, { requiredClaims: ['exp', 'jti'] })
      const user = await redis.${renew}
      if (!user) return res.status(401).end()
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { user } })
    })
    app.listen(3000, '127.0.0.1')`

  it('is an end of what is kept under its ID', () => {
    const kinds = (source: string) => factsOf(source).stores.flatMap(({ limits }) => limits.map(({ kind }) => kind))
    expect(kinds(signed("getex(`sess:${payload.jti}`, 'EX', 900)")).toSorted()).toEqual(['absolute', 'idle'])
    expect(kinds(signed('get(`sess:${payload.jti}`)'))).not.toContain('idle')
  })

  it('is a session for ever where its row says only when it began', () => {
    const rows = (found: string): string => `
    import express from 'express'
    import { createHash, randomBytes, randomUUID } from 'node:crypto'
    import { eq, and, gt } from 'drizzle-orm'
    import { sqliteTable, text, integer } from 'drizzle-orm/sqlite-core'
    import { drizzle } from 'drizzle-orm/better-sqlite3'
    const sessions = sqliteTable('sessions', { id: text('id'), tokenHash: text('token_hash'), userId: text('user_id'), createdAt: integer('created_at') })
    const keys = sqliteTable('api_keys', { keyHash: text('key_hash'), userId: text('user_id') })
    const db = drizzle(new Database('crm.db'))
    const digest = (value) => createHash('sha256').update(value).digest('hex')
    const app = express()
    app.post('/sessions', async (req, res) => {
      const [owner] = await db.select().from(keys).where(eq(keys.keyHash, digest(req.get('x-api-key'))))
      if (!owner) return res.status(401).end()
      const token = randomBytes(32).toString('base64url')
      await db.insert(sessions).values({ id: randomUUID(), tokenHash: digest(token), userId: owner.userId, createdAt: new Date() })
      res.json({ token })
    })
    app.post('/mcp', async (req, res) => {
      const token = req.headers.authorization.slice(7)
      const [row] = await db.select().from(sessions).where(${found})
      if (!row) return res.status(401).end()
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { user: row.userId } })
    })
    app.listen(3000, '127.0.0.1')`
    expect(outcomeOf(rule, rows('eq(sessions.tokenHash, digest(token))'))).toBe('fail')
    const timed = 'and(eq(sessions.tokenHash, digest(token)), gt(sessions.createdAt, new Date(Date.now() - 3600e3)))'
    expect(findingsOf(rule, rows(timed)).join()).not.toContain('never expire')
  })
})
