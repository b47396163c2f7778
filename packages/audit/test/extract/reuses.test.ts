/** What is good for one use: codes and tokens that are exchanged for others, by two requests at once. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, place } from './programs.ts'

const reuses = (program: string): readonly string[] =>
  factsOf(program)
    .staleWrites.filter(({ once }) => once === true)
    .map(({ name, read, written }) => `${name} ${place(read!)} ${place(written)}`)

/** A worker whose codes lie in a KV namespace; `use` is what is done with one. */
const worker = (use: string): string => `
  import { Hono } from 'hono'
  const random = () => crypto.randomUUID() + crypto.randomUUID()
  const app = new Hono()
  app.post('/authorize', async (c) => {
    const code = random()
    await c.env.CODES.put('code:' + code, JSON.stringify({ user: 'u' }), { expirationTtl: 600 })
    return c.redirect('https://client/?code=' + code)
  })
  app.post('/token', async (c) => {
    const { code } = await c.req.parseBody()
    const found = JSON.parse((await c.env.CODES.get('code:' + code)) ?? 'null')
    if (!found) return c.json({ error: 'invalid_grant' }, 400)
    ${use}
    const token = random()
    await c.env.CODES.put('token:' + token, JSON.stringify(found), { expirationTtl: 3600 })
    return c.json({ access_token: token })
  })
  export default app`

/** Codes in a map of the process. */
const inProcess = (use: string): string => `
  import express from 'express'
  import { randomBytes } from 'node:crypto'
  const codes = new Map()
  const tokens = new Map()
  const app = express()
  app.post('/authorize', (req, res) => {
    const code = randomBytes(32).toString('hex')
    codes.set(code, { user: 'u', used: false })
    res.redirect('https://client/?code=' + code)
  })
  app.post('/token', async (req, res) => {
    const code = codes.get(req.body.code)
    if (!code || code.used) return res.status(400).end()
    ${use}
    const token = randomBytes(32).toString('hex')
    tokens.set(token, { user: code.user })
    res.json({ access_token: token })
  })
  app.listen(3000)`

/** Codes in a table, asked for by functions of their own. */
const inTable = (mark: string): string => `
  import express from 'express'
  import { randomBytes } from 'node:crypto'
  import { and, eq, isNull } from 'drizzle-orm'
  import { drizzle } from 'drizzle-orm/node-postgres'
  import { pgTable, text, timestamp } from 'drizzle-orm/pg-core'
  const codes = pgTable('codes', { code: text('code').primaryKey(), userId: text('user_id'), usedAt: timestamp('used_at') })
  const db = drizzle(process.env.DATABASE_URL)
  const find = async (code) => (await db.select().from(codes).where(eq(codes.code, code)).limit(1))[0]
  const markUsed = async (code) => { ${mark} }
  const app = express()
  app.post('/authorize', async (req, res) => {
    const code = randomBytes(32).toString('hex')
    await db.insert(codes).values({ code, userId: 'u' })
    res.redirect('https://client/?code=' + code)
  })
  app.post('/token', async (req, res) => {
    const row = await find(req.body.code)
    if (!row || row.usedAt) return res.status(400).end()
    await markUsed(req.body.code)
    const accessToken = randomBytes(32).toString('hex')
    res.json({ access_token: accessToken })
  })
  app.listen(3000)`

describe('what is good for one use', () => {
  it.each([
    ['deleted after it was found', "await c.env.CODES.delete('code:' + code)", ['CODES server.ts:11 server.ts:13']],
    [
      'deleted where it is over, too: the finding is where it is used up',
      "if (found.until < Date.now() || found.bad) {\n      await c.env.CODES.delete('code:' + code)\n      return c.json({}, 400)\n    }\n    await c.env.CODES.delete('code:' + code)",
      ['CODES server.ts:11 server.ts:17'],
    ],
    [
      'deleted only where it is over',
      "if (found.until < Date.now()) {\n await c.env.CODES.delete('code:' + code)\n return c.json({}, 400)\n }",
      [],
    ],
    [
      'deleted, and whoever came too late is told so',
      "const taken = await c.env.CODES.delete('code:' + code)\n    if (!taken) return c.json({}, 400)",
      [],
    ],
  ])('%s', (_what, use, expected) => {
    expect(reuses(worker(use))).toEqual(expected)
  })

  it.each([
    ['taken out of a map at once', 'codes.delete(req.body.code)', []],
    [
      'taken out of a map after an await',
      'await check(code, req.body.verifier)\n    codes.delete(req.body.code)',
      ['codes server.ts:12 server.ts:15'],
    ],
    ['marked after an await', 'await check(code)\n    code.used = true', ['codes server.ts:12 server.ts:15']],
    ['marked at once', 'code.used = true\n    await check(code)', []],
    ['counted, which is no use of it', 'await check(code)\n    code.seen = true', []],
  ])('%s', (_what, use, expected) => {
    expect(reuses(inProcess(use))).toEqual(expected)
  })

  it.each([
    ['isRedeemed', 1],
    ['alreadyUsed', 1],
    ['focused', 0],
    ['paused', 0],
    ['lastUsedAt', 0],
    ['usedBy', 0],
  ])('marked as %s', (field, count) => {
    const program = inProcess('await check(code)\n    code.used = true').replaceAll(/\bused\b/g, field)
    expect(reuses(program)).toHaveLength(count)
  })

  it.each([
    [
      'marked in a table',
      'await db.update(codes).set({ usedAt: new Date() }).where(eq(codes.code, code))',
      ['table codes server.ts:17 server.ts:19'],
    ],
    [
      'marked where nobody has done so',
      'await db.update(codes).set({ usedAt: new Date() }).where(and(eq(codes.code, code), eq(codes.usedAt, null)))',
      [],
    ],
  ])('%s', (_what, mark, expected) => {
    expect(reuses(inTable(mark))).toEqual(expected)
  })

  it('is no matter where nothing is given out for it', () => {
    const program = worker("await c.env.CODES.delete('code:' + code)\n    return c.json({ ended: true })")
    expect(reuses(program)).toEqual([])
  })

  it('is told as what it is', () => {
    const [told] = findingsOf('shared-session-state', worker("await c.env.CODES.delete('code:' + code)"))
    expect(told).toContain('server.ts:13: What is kept in CODES for one use is looked up before an await')
  })
})

describe('what a login that leads elsewhere goes by', () => {
  const login = (beside: string, put: string, get: string): string => `
    import express from 'express'
    import { randomBytes } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${beside}
    const app = express()
    app.get('/login', (req, res) => {
      const drawn = randomBytes(32).toString('base64url')
      ${put}
      res.redirect('https://idp/?state=' + drawn)
    })
    app.get('/callback', async (req, res) => {
      const found = ${get}
      const answer = await fetch('https://idp/token', { method: 'POST', body: found + req.query.code })
      res.json(await answer.json())
    })
    app.post('/mcp', async (req, res) => {
      const server = new McpServer({})
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`

  it.each([
    ['in a variable', 'let codeVerifier', 'codeVerifier = drawn', 'codeVerifier', true],
    ['in a field', 'const kept = { state: "" }', 'kept.state = drawn', 'kept.state', true],
    ['under a written key', 'const kept = new Map()', 'kept.set("pkce", drawn)', 'kept.get("pkce")', true],
    [
      'under its state',
      'const kept = new Map()',
      'kept.set(drawn, { verifier: drawn })',
      'kept.get(req.query.state)',
      false,
    ],
    ['made where there is none yet, for all', 'let nonce', 'if (!nonce) nonce = drawn', 'nonce', false],
    ['a number of the last request', 'let lastRequest', 'lastRequest = drawn', 'lastRequest', false],
    ['written and never asked for', 'let codeVerifier', 'codeVerifier = drawn', '""', false],
  ])('%s', (_what, beside, put, get, isShared) => {
    const held = factsOf(login(beside, put, get)).sharedVariables.map(({ holds }) => holds)
    expect(held.includes('flow')).toBe(isShared)
  })
})

/** What is found by a name from the body, waited on, and taken out; `kept` is what was put there. */
const found = (kept: string, take: string, out: string): string => `
  import express from 'express'
  import { randomBytes } from 'node:crypto'
  import { codesOf } from 'elsewhere'
  const pending = new Map()
  const tokens = new Map()
  class Pending {
    async find(code) { return pending.get(code) }
    async complete(code) { ${take} }
  }
  const store = new Pending()
  const app = express()
  app.post('/begin', (req, res) => {
    const code = randomBytes(32).toString('hex')
    pending.set(code, ${kept})
    res.json({ code })
  })
  app.post('/end', async (req, res) => {
    const known = await store.find(req.body.code)
    if (!known) return res.status(404).end()
    await fetch('https://idp/audit')
    ${out}
    const token = randomBytes(32).toString('hex')
    tokens.set(token, { user: known.user })
    res.json({ token })
  })
  app.listen(3000)`

describe('what is taken out by a function of its own', () => {
  const TELLS = 'const it = pending.get(code)\nif (!it) return null\npending.delete(code)\nreturn it'
  it.each([
    [
      'without saying whether it was there',
      found("{ user: 'u' }", 'pending.delete(code)', 'await store.complete(req.body.code)'),
      1,
    ],
    [
      'which is asked',
      found(
        "{ user: 'u' }",
        TELLS,
        'const done = await store.complete(req.body.code)\nif (!done) return res.status(404).end()',
      ),
      0,
    ],
    [
      'as a connection that has ended',
      found("{ user: 'u', res }", 'pending.delete(code)', 'await store.complete(req.body.code)'),
      0,
    ],
  ])('%s', (_what, program, count) => {
    expect(reuses(program)).toHaveLength(count)
  })
})
