/** Sessions kept where no container of the program is: in tables, and in stores whose making is not seen. */
import { describe, expect, it } from 'vitest'
import { parseSql } from '../../src/extract/sql.ts'
import { factsOf, findingsOf, outcomeOf } from './programs.ts'

/** A server that verifies a token, opens sessions without an ID, and serves those that the header names. */
const server = (code: { open: string; find: string; end?: string; start?: string }): string => `
  import express from 'express'
  import { jwtVerify } from 'jose'
  const app = express()
  ${code.start ?? ''}
  app.post('/mcp', async (req, res) => {
    let user
    try { user = (await jwtVerify(req.headers.authorization, key)).payload.sub } catch { return res.status(401).end() }
    const id = req.headers['mcp-session-id']
    if (!id) {
      const fresh = crypto.randomUUID()
      ${code.open}
      return res.setHeader('mcp-session-id', fresh).json({})
    }
    ${code.find}
    if (!session) return res.status(404).end()
    res.json({ notes: session.notes })
  })
  app.delete('/mcp', (req, res) => { const id = req.headers['mcp-session-id']; ${code.end ?? ''}; res.end() })
  app.listen(3000, '127.0.0.1')`

describe('what a statement does', () => {
  it.each([
    ['select * from sessions where id = ?', 'select sessions id'],
    ['SELECT s.* FROM "app"."sessions" s WHERE s.id = $1 AND s.owner = $2', 'select sessions id owner'],
    [
      'INSERT OR REPLACE INTO sessions (id, owner, seen_at) VALUES (?, ?, CURRENT_TIMESTAMP)',
      'insert sessions id owner seen_at',
    ],
    ['insert into sessions values (?, ?)', 'insert sessions 0 1'],
    ['update sessions set seen_at = ? where id = ?', 'update sessions seen_at id'],
    ['delete from `sessions` where created_at < ?', 'delete sessions created_at'],
  ])('%s', (text, said) => {
    const { verb, table, writes, where } = parseSql(text)!
    expect([verb, table, ...writes.map((item) => item.column), ...where.map((item) => item.column)].join(' ')).toBe(
      said,
    )
  })

  it.each([
    'select 1',
    'selected sessions',
    'insert coins',
    'update',
    '',
    'delete from',
    'with x as (select 1) select 2',
  ])('finds no table in %j', (text) => expect(parseSql(text)).toBeUndefined())

  it('numbers placeholders, but not those within text', () => {
    const { where } = parseSql("select * from sessions where name = '?' and id = ? and owner = ?")!
    expect(
      where.map(({ column, operand }) => [column, operand.kind === 'parameter' ? operand.index : undefined]),
    ).toEqual([
      ['name', undefined],
      ['id', 0],
      ['owner', 1],
    ])
  })
})

describe('sessions in a table', () => {
  const insert = 'insert into sessions (id, owner, created_at, seen_at) values (?, ?, ?, ?)'
  const open = `db.prepare('${insert}').run(fresh, user, Date.now(), Date.now())`
  const byId = "const session = db.prepare('select * from sessions where id = ?').get(id)"

  it.each([
    ['better-sqlite3', open, byId],
    [
      'pg',
      `await db.query('${insert}', [fresh, user, 0, 0])`,
      "const { rows } = await db.query('select * from sessions where id = $1', [id]); const session = rows[0]",
    ],
    [
      'mysql2',
      `await db.execute('${insert}', [fresh, user, 0, 0])`,
      "const [rows] = await db.execute('select * from sessions where id = ?', [id]); const session = rows[0]",
    ],
    [
      'postgres',
      'await sql`insert into sessions (id, owner) values (${fresh}, ${user})`',
      'const [session] = await sql`select * from sessions where id = ${id}`',
    ],
    [
      'libsql',
      `await db.execute({ sql: '${insert}', args: [fresh, user, 0, 0] })`,
      "const session = (await db.execute({ sql: 'select * from sessions where id = ?', args: [id] })).rows[0]",
    ],
    [
      'sql.js',
      `const made = db.prepare('${insert}'); made.bind([fresh, user, 0, 0]); made.step(); made.free()`,
      "const asked = db.prepare('select * from sessions where id = $id'); asked.bind({ $id: id }); const session = asked.step() ? asked.getAsObject() : undefined",
    ],
    [
      'D1',
      `await env.DB.prepare('${insert}').bind(fresh, user, 0, 0).run()`,
      "const session = await env.DB.prepare('select * from sessions where id = ?').bind(id).first()",
    ],
  ])('are unbound where %s finds them by ID alone', (_, opening, find) => {
    const program = server({ open: opening, find })
    expect(factsOf(program).stores).toMatchObject([{ name: 'table sessions', holds: 'own' }])
    expect(outcomeOf('unbound-session', program)).toBe('fail')
  })

  it.each([
    [
      'the owner is part of what they are found by',
      "const session = db.prepare('select * from sessions where id = ? and owner = ?').get(id, user)",
    ],
    [
      'the owner is compared afterwards',
      `${byId}; if (session && session.owner !== user) return res.status(404).end()`,
    ],
  ])('are bound where %s', (_, find) => {
    expect(outcomeOf('unbound-session', server({ open, find }))).toBe('pass')
  })

  it('last as long as the times that they are found by', () => {
    const find = (condition: string, ...values: string[]): string =>
      `const session = db.prepare('select * from sessions where id = ?${condition}').get(id${values.map((item) => `, ${item}`).join('')})`
    const touch = "; db.prepare('update sessions set seen_at = ? where id = ?').run(Date.now(), id)"
    const said = (text: string): string =>
      findingsOf('missing-session-expiry', server({ open, find: text }))[0] ?? 'nothing'
    expect(said(find(''))).toContain('neither an idle nor an absolute')
    expect(said(find(' and created_at > ?', 'Date.now() - 14400000') + touch)).toContain('no idle one')
    expect(said(find(' and seen_at > ?', 'Date.now() - 1800000') + touch)).toContain('no absolute one')
    const both = find(' and created_at > ? and seen_at > ?', 'Date.now() - 14400000', 'Date.now() - 1800000')
    expect(said(both + touch)).toBe('nothing')
  })

  it('end where their row is deleted', () => {
    const end = "db.prepare('delete from sessions where id = ?').run(id)"
    expect(outcomeOf('missing-session-invalidation', server({ open, find: byId, end }))).toBe('pass')
    expect(outcomeOf('missing-session-invalidation', server({ open, find: byId }))).toBe('fail')
  })

  describe('of Drizzle', () => {
    const start = `const { pgTable, text } = require('drizzle-orm/pg-core'); const { and, eq, gt } = require('drizzle-orm')
      const sessions = pgTable('sessions', { id: text('id'), owner: text('owner'), createdAt: text('created_at') })`
    const written = 'await db.insert(sessions).values({ id: fresh, owner: user, createdAt: Date.now() })'
    const found = (condition: string): string =>
      `const [session] = await db.select().from(sessions).where(${condition}).limit(1)`

    it.each([
      ['by ID alone', found('eq(sessions.id, id)'), 'fail'],
      ['by ID and owner', found('and(eq(sessions.id, id), eq(sessions.owner, user))'), 'pass'],
      [
        'by a question to the model',
        'const session = await db.query.sessions.findFirst({ where: eq(sessions.id, id) })',
        'fail',
      ],
    ])('are found %s', (_, find, outcome) => {
      expect(outcomeOf('unbound-session', server({ start, open: written, find }))).toBe(outcome)
    })

    it('last as long as the times that they are found by, and end where their row is deleted', () => {
      const find = found('and(eq(sessions.id, id), gt(sessions.createdAt, Date.now() - 14400000))')
      const end = 'db.delete(sessions).where(eq(sessions.id, id)).run()'
      const program = server({ start, open: written, find, end })
      expect(findingsOf('missing-session-expiry', program)[0]).toContain('no idle one')
      expect(outcomeOf('missing-session-invalidation', program)).toBe('pass')
      expect(outcomeOf('missing-session-invalidation', server({ start, open: written, find }))).toBe('fail')
    })
  })

  it('are no sessions where keys are looked up by a credential', () => {
    const find = "const session = db.prepare('select * from api_keys where key = ?').get(req.headers['x-api-key'])"
    expect(factsOf(server({ open: '', find })).stores).toEqual([])
  })
})

describe('stores whose making is not seen', () => {
  it.each([
    [
      'a binding of a platform',
      'await env.SESSIONS.put(fresh, { user })',
      'const session = await env.SESSIONS.get(id)',
      'SESSIONS',
    ],
    [
      'a map of a plugin',
      'plugin.sessions.set(fresh, { user })',
      'const session = plugin.sessions.get(id)',
      'sessions',
    ],
    [
      'an ORM',
      'await prisma.session.create({ data: { id: fresh, user } })',
      'const session = await prisma.session.findUnique({ where: { id } })',
      'session',
    ],
    [
      'a collection',
      'await db.sessions.insertOne({ _id: fresh, user })',
      'const session = await db.sessions.findOne({ _id: id })',
      'sessions',
    ],
  ])('are told by their use: %s', (_, open, find, name) => {
    const program = server({ open, find })
    expect(factsOf(program).stores.map((store) => store.name)).toEqual([name])
    expect(outcomeOf('unbound-session', program)).toBe('fail')
  })

  it('have a limit where they are told one', () => {
    const program = server({
      open: 'await kv.put(fresh, { user }, { expirationTtl: 3600 })',
      find: 'const session = await kv.get(id)',
    })
    expect(findingsOf('missing-session-expiry', program)[0]).toContain('no idle one')
  })

  it('are none where nothing is found by the ID of a session', () => {
    const program = server({
      open: 'await cache.set(fresh, {})',
      find: 'const session = await cache.get(req.body.name)',
    })
    expect(factsOf(program).stores).toEqual([])
  })
})

describe('an answer with what a session remembers', () => {
  const open = 'sessions.set(fresh, { owner: user, notes: [] })'
  const find = 'const session = sessions.get(id)'
  it('serves that session', () => {
    const start = 'const sessions = new Map()'
    expect(outcomeOf('unbound-session', server({ start, open, find }))).toBe('fail')
    const compared = `${find}; if (session && session.owner !== user) return res.status(404).end()`
    expect(outcomeOf('unbound-session', server({ start, open, find: compared }))).toBe('pass')
  })
})

describe('a row with a list in it', () => {
  const shop = (where: string): string => `
    import { randomUUID } from 'node:crypto'
    import { and, eq } from 'drizzle-orm'
    import { drizzle } from 'drizzle-orm/better-sqlite3'
    import { sqliteTable, text } from 'drizzle-orm/sqlite-core'
    import { createMcpHandler, McpServer, requireBearerAuth } from '@modelcontextprotocol/server'
    import { jwtVerify } from 'jose'
    const verifier = { async verifyAccessToken(token) {
      const { payload } = await jwtVerify(token, keys, { audience: 'shop' })
      return { token, clientId: payload.azp, expiresAt: payload.exp, extra: { sub: payload.sub } }
    } }
    const gate = requireBearerAuth({ verifier })
    const baskets = sqliteTable('baskets', { id: text('id'), owner: text('owner'), items: text('items', { mode: 'json' }) })
    const db = drizzle('shop.db')
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'shop', version: '1' })
      server.registerTool('open', {}, async (args, ctx) => {
        const id = randomUUID()
        await db.insert(baskets).values({ items: [], id, owner: ctx.http.authInfo.extra.sub })
        return { content: [{ type: 'text', text: id }] }
      })
      server.registerTool('show', {}, async ({ basket }, ctx) => {
        const [row] = await db.select().from(baskets).where(eq(baskets.id, basket)).limit(1)
        if (!row ${where}) throw new Error('no such basket')
        return { content: [{ type: 'text', text: row.items.join() }] }
      })
      return server
    }, { legacy: 'reject' })
    export default { async fetch(request) {
      const authInfo = await gate(request)
      return authInfo instanceof Response ? authInfo : handler.fetch(request, { authInfo })
    } }`

  it('is put there under the ID that it was given', () => {
    expect(outcomeOf('unbound-state-handle', shop(''))).toBe('fail')
    expect(outcomeOf('unbound-state-handle', shop('|| row.owner !== ctx.http.authInfo.extra.sub'))).toBe('pass')
  })
})

describe('how many rows a key is found in', () => {
  const program = (test: string): string => `
    import express from 'express'
    import pg from 'pg'
    import { createServer } from './rpc.js'
    const pool = new pg.Pool()
    const known = async (req, res, next) => {
      const result = await pool.query('select user_id from api_keys where digest = $1', [req.headers['x-api-key']])
      if (${test}) return res.status(401).end()
      req.user = result.rows[0].user_id
      next()
    }
    const sessions = new Map()
    const app = express()
    app.post('/mcp', known, async (req, res) => {
      let transport = sessions.get(req.headers['mcp-session-id'])
      if (!transport) {
        transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID(), onsessioninitialized: (id) => sessions.set(id, transport) })
        await createServer().connect(transport)
      }
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'`

  it.each([
    'result.rows.length === 0',
    '!result.rows.length',
    'result.rowCount === 0',
    'result.rows.length !== 1',
    'result.rows.length < 1',
    '!(result.rows.length > 0)',
    'result.rows.length <= 0',
  ])('says who asks: %s', (test) => {
    expect(outcomeOf('unbound-session', program(test))).toBe('fail')
  })

  it('says nothing where those who are known are refused, or nobody is', () => {
    expect(outcomeOf('unbound-session', program('result.rows.length > 0'))).toBe('notApplicable')
    expect(outcomeOf('unbound-session', program('result.rows.length > 100'))).toBe('notApplicable')
  })
})

describe('a row that a tool looks up', () => {
  const made = (columns: string, values: string): string =>
    `db.prepare('INSERT INTO chunks (${columns}) VALUES (${columns.replaceAll(/\w+/g, '?')})').run(${values})`
  const asked = (where: string, args: string): string =>
    `const row = db.prepare('SELECT body FROM chunks WHERE ${where}').get(${args})`
  const tool = (insert: string, select: string): string => `
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import Database from 'better-sqlite3'
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const db = new Database('notes.db')
    const app = express()
    app.post('/mcp', requireBearerAuth({ verifier }), async (req, res) => {
      const server = new McpServer({ name: 'notes', version: '1' })
      server.registerTool('index', {}, async ({ vault, path, chunk }) => {
        const id = randomUUID()
        const now = Date.now()
        ${select}
        ${insert}
        return { content: [{ type: 'text', text: row.body }] }
      })
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`
  const outcome = (insert: string, select: string): string => outcomeOf('unbound-state-handle', tool(insert, select))

  it.each([
    ['by what was made for it', made('id, vault, body', 'id, vault, path'), asked('id = ?', 'chunk'), 'fail'],
    ['by that among others', made('id, vault', 'id, vault'), asked('vault = ? AND id = ?', 'vault, chunk'), 'fail'],
    ['by a time that is its name', made('id, vault', 'now, vault'), asked('id = ?', 'chunk'), 'fail'],
    [
      'by where it lies',
      made('id, vault, path', 'id, vault, path'),
      asked('vault = ? AND path = ?', 'vault, path'),
      'notApplicable',
    ],
    [
      'by where it lies, and says when it came',
      made('vault, path, created_at', 'vault, path, now'),
      asked('vault = ?', 'vault'),
      'notApplicable',
    ],
  ])('%s', (_, insert, select, expected) => {
    expect(outcome(insert, select)).toBe(expected)
  })
})
