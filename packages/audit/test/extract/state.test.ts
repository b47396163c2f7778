/** State that clients name or carry: who is asked before something comes of it, whatever shape the program has. */
import { audit } from '@sallyport/audit'
import { describe, expect, it } from 'vitest'
import { memoryHost } from '../source/memory-host.ts'
import { outcomeOf as outcomeIn } from './programs.ts'

const PROGRAM = `
  import { createHash, createHmac, randomUUID, randomBytes, timingSafeEqual } from 'node:crypto'
  import express from 'express'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  import { z } from 'zod'
  const users = new Map()
  const key = randomBytes(32)
  const digest = (text) => createHash('sha256').update(text).digest('hex')
  const say = (text) => ({ content: [{ type: 'text', text }] })
  const me = (extra) => extra.authInfo.extra.sub
  SHARED
  function build() {
    const server = new McpServer({ name: 'x', version: '1' })
    TOOLS
    return server
  }
  const app = express()
  app.post('/mcp', express.json(), (req, res, next) => {
    const sub = users.get(digest(req.headers.authorization ?? ''))
    if (!sub) return res.status(401).end()
    req.auth = { token: 't', clientId: 'c', scopes: [], extra: { sub } }
    next()
  }, async (req, res) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await build().connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  app.listen(3000)`

async function outcomeOf(rule: string, shared: string, tools: string): Promise<string | undefined> {
  const source = PROGRAM.replace('SHARED', () => shared).replace('TOOLS', () => tools)
  const report = await audit('/app', { host: memoryHost({ '/app/server.ts': source }) })
  return report.assessments.find((assessment) => assessment.rule === rule)?.outcome
}

const NEW = `server.tool('new', {}, async (extra) => {
  const id = randomUUID()
  all.set(id, { owner: me(extra), text: '', list: [] })
  return say(id)
})`
const MAP = 'const all = new Map()'

const HANDLES: readonly [what: string, outcome: 'fail' | 'pass', shared: string, tools: string][] = [
  [
    'an entry told',
    'fail',
    MAP,
    `${NEW}; server.tool('get', { id: z.string() }, async ({ id }) => say(all.get(id)?.text))`,
  ],
  [
    'a list in an entry pushed to',
    'fail',
    MAP,
    `${NEW}; server.tool('add', { id: z.string() }, async ({ id }) => { all.get(id).list.push('x'); return say('ok') })`,
  ],
  [
    'a check that only logs',
    'fail',
    `${MAP}; const check = (entry, extra) => { if (entry.owner !== me(extra)) console.warn('foreign') }`,
    `${NEW}; server.tool('get', { id: z.string() }, async ({ id }, extra) => { const entry = all.get(id); check(entry, extra); return say(entry.text) })`,
  ],
  [
    'an owner named by the arguments',
    'fail',
    MAP,
    `${NEW}; server.tool('get', { id: z.string(), user: z.string() }, async ({ id, user }) => { const entry = all.get(id); if (entry.owner !== user) return say('no'); return say(entry.text) })`,
  ],
  [
    'an array searched',
    'fail',
    'const all = []',
    `server.tool('new', {}, async (extra) => { const job = { id: randomUUID(), owner: me(extra), text: '' }; all.push(job); return say(job.id) })
     server.tool('get', { id: z.string() }, async ({ id }) => say(all.find((job) => job.id === id).text))`,
  ],
  [
    'handlers behind one wrapper',
    'fail',
    `${MAP}; const safely = (handler) => async (...given) => { try { return await handler(...given) } catch { return say('failed') } }`,
    `const define = (name, schema, handler) => server.registerTool(name, { inputSchema: schema }, safely(handler))
     define('new', {}, async (_, extra) => { const id = randomUUID(); all.set(id, { owner: me(extra), text: '' }); return say(id) })
     define('get', { id: z.string() }, async ({ id }) => say(all.get(id).text))
     define('other', {}, async () => say('other'))`,
  ],
  [
    'a table',
    'fail',
    `import Database from 'better-sqlite3'; const db = new Database('x')`,
    `server.tool('put', { t: z.string() }, async ({ t }, extra) => { const id = randomUUID(); db.prepare('INSERT INTO notes (id, owner, text) VALUES (?, ?, ?)').run(id, me(extra), t); return say(id) })
     server.tool('get', { id: z.string() }, async ({ id }) => say(db.prepare('SELECT * FROM notes WHERE id = ?').get(id).text))`,
  ],
  [
    'the owner compared in the expression that tells',
    'pass',
    MAP,
    `${NEW}; server.tool('get', { id: z.string() }, async ({ id }, extra) => { const entry = all.get(id); return say(entry && entry.owner === me(extra) ? JSON.stringify(entry) : 'none') })`,
  ],
  [
    'a helper that throws',
    'pass',
    `${MAP}; const check = (entry, extra) => { if (!entry) throw new Error(); if (entry.owner !== me(extra)) throw new Error() }`,
    `${NEW}; server.tool('get', { id: z.string() }, async ({ id }, extra) => { const entry = all.get(id); check(entry, extra); const { text } = entry; return say(text) })`,
  ],
  [
    'a wrapper that asks first',
    'pass',
    `${MAP}; const owned = (handler) => async ({ id }, extra) => { const entry = all.get(id); return entry?.owner === me(extra) ? handler(entry) : say('none') }`,
    `${NEW}; server.tool('get', { id: z.string() }, owned(async (entry) => say(entry.text)))`,
  ],
]

/** Stores that are not in the program: [what, shared, new, get, get as its owner]. */
const ELSEWHERE: readonly (readonly string[])[] = [
  [
    'a key-value binding',
    `import { env } from 'cloudflare:workers'`,
    'const id = randomUUID(); await env.NOTES.put(`note:${id}`, JSON.stringify({ owner: me(extra), t })); return say(id)',
    "return say((await env.NOTES.get(`note:${id}`, 'json'))?.t)",
    "const note = await env.NOTES.get(`note:${id}`, 'json'); return say(note?.owner === me(extra) ? note.t : 'none')",
  ],
  [
    'Redis, where the handle brings its prefix',
    `import { Redis } from 'ioredis'; const redis = new Redis()`,
    "const id = `note_${randomBytes(18).toString('hex')}`; await redis.set(id, JSON.stringify({ owner: me(extra), t })); return say(id)",
    'return say(JSON.parse(await redis.get(id)).t)',
    "const note = JSON.parse(await redis.get(id)); return say(note.owner === me(extra) ? note.t : 'none')",
  ],
  [
    'a collection',
    `import { MongoClient } from 'mongodb'; const notes = new MongoClient(process.env.MONGO_URL).db().collection('notes')`,
    'const id = randomUUID(); await notes.insertOne({ _id: id, owner: me(extra), t }); return say(id)',
    'return say((await notes.findOne({ _id: id }))?.t)',
    'return say((await notes.findOne({ _id: id, owner: me(extra) }))?.t)',
  ],
  [
    'a store of another file',
    `import { notes } from './notes.js'`,
    'const id = randomUUID(); await notes.save(id, { owner: me(extra), t }); return say(id)',
    'return say((await notes.load(id))?.t)',
    "const note = await notes.load(id); return say(note?.owner === me(extra) ? note.t : 'none')",
  ],
  [
    'rows whose key the database makes',
    `import pg from 'pg'; const pool = new pg.Pool()`,
    "const { rows } = await pool.query('INSERT INTO notes (owner, t) VALUES ($1, $2) RETURNING id', [me(extra), t]); return say(rows[0].id)",
    "return say((await pool.query('SELECT * FROM notes WHERE id = $1', [id])).rows[0]?.t)",
    "return say((await pool.query('SELECT * FROM notes WHERE id = $1 AND owner = $2', [id, me(extra)])).rows[0]?.t)",
  ],
  [
    'rows of Drizzle whose key the database makes',
    `import { drizzle } from 'drizzle-orm/postgres-js'; import { eq, and } from 'drizzle-orm'
     import { pgTable, text, uuid } from 'drizzle-orm/pg-core'
     const notes = pgTable('notes', { id: uuid('id').primaryKey().defaultRandom(), owner: text('owner'), t: text('t') })
     const db = drizzle(process.env.DATABASE_URL)`,
    'const [row] = await db.insert(notes).values({ owner: me(extra), t }).returning({ id: notes.id }); return say(row.id)',
    'const [row] = await db.select().from(notes).where(eq(notes.id, id)); return say(row?.t)',
    'const [row] = await db.select().from(notes).where(and(eq(notes.id, id), eq(notes.owner, me(extra)))); return say(row?.t)',
  ],
  [
    'records of Prisma whose key the database makes',
    `import { PrismaClient } from '@prisma/client'; const prisma = new PrismaClient()`,
    'const note = await prisma.note.create({ data: { owner: me(extra), t } }); return say(note.id)',
    'return say((await prisma.note.findUnique({ where: { id } }))?.t)',
    'return say((await prisma.note.findFirst({ where: { id, owner: me(extra) } }))?.t)',
  ],
]

describe('handles of what is kept elsewhere', () => {
  const tools = (put: string, get: string): string =>
    `server.tool('put', { t: z.string() }, async ({ t }, extra) => { ${put} })
     server.tool('get', { id: z.string() }, async ({ id }, extra) => { ${get} })`

  it.each(ELSEWHERE)('%s: whoever names it is told', async (_what, shared, put, get) => {
    expect(await outcomeOf('unbound-state-handle', shared!, tools(put!, get!))).toBe('fail')
  })

  it.each(ELSEWHERE)('%s: its owner is told', async (_what, shared, put, _get, own) => {
    expect(await outcomeOf('unbound-state-handle', shared!, tools(put!, own!))).not.toBe('fail')
  })

  it('are none where something else is looked up', async () => {
    const [, shared, put] = ELSEWHERE[0]!
    const get = 'return say(await env.PAGES.get(`page:${id}`))'
    expect(await outcomeOf('unbound-state-handle', shared!, tools(put!, get))).not.toBe('fail')
  })
})

describe('handles in arguments of tools', () => {
  it.each(HANDLES)('%s: %s', async (_what, outcome, shared, tools) => {
    expect(await outcomeOf('unbound-state-handle', shared, tools)).toBe(outcome)
  })

  it('are no matter where the caller is part of the key, or found first', async () => {
    const key = `server.tool('new', {}, async (extra) => { const id = randomUUID(); all.set(me(extra) + ':' + id, { text: '' }); return say(id) })
      server.tool('get', { id: z.string() }, async ({ id }, extra) => say(all.get(me(extra) + ':' + id).text))`
    const first = `server.tool('new', {}, async (extra) => { const id = randomUUID(); mine(extra).set(id, { text: '' }); return say(id) })
      server.tool('get', { id: z.string() }, async ({ id }, extra) => say(mine(extra).get(id).text))`
    const mine = `${MAP}; const mine = (extra) => { let own = all.get(me(extra)); if (!own) { own = new Map(); all.set(me(extra), own) } return own }`
    expect(await outcomeOf('unbound-state-handle', MAP, key)).toBe('notApplicable')
    expect(await outcomeOf('unbound-state-handle', mine, first)).toBe('notApplicable')
  })

  it('of tasks are asked of the store that the SDK is given', async () => {
    const store = (check: string): Promise<string | undefined> =>
      outcomeOf(
        'unbound-state-handle',
        `export class Tasks implements TaskStore {
          tasks = new Map()
          async createTask(options, requestId, request, sessionId) { const taskId = randomUUID(); this.tasks.set(taskId, { sessionId, result: undefined }); return { taskId } }
          async storeTaskResult(taskId, status, result, sessionId) { const task = this.tasks.get(taskId); ${check}; task.result = result }
        }`,
        '',
      )
    expect(await store('if (!task) throw new Error()')).toBe('fail')
    expect(await store('if (!task || task.sessionId !== sessionId) throw new Error()')).toBe('pass')
  })

  it.each([
    ['a class that says nothing', (methods: string) => `export class Tasks { tasks = new Map(); ${methods} }`],
    [
      'one of the module',
      (methods: string) => `class Tasks { tasks = new Map(); ${methods} }\nexport const t = new Tasks()`,
    ],
    [
      'a record',
      (methods: string) =>
        `const tasks = new Map()\nexport const store = { ${methods.replaceAll('this.', '').replaceAll('} async', '}, async')} }`,
    ],
  ])('of tasks are asked of whatever has what the SDK calls, alone as well: %s', (_what, made) => {
    const methods = (check: string): string =>
      `async createTask(options, requestId, request, sessionId) { const taskId = randomUUID(); this.tasks.set(taskId, { sessionId }); return { taskId } } async storeTaskResult(taskId, status, result, sessionId) { const task = this.tasks.get(taskId); ${check}; task.result = result } async getTaskResult(taskId, sessionId) { const task = this.tasks.get(taskId); ${check}; return task.result }`
    const program = (check: string): string => `import { randomUUID } from 'node:crypto'\n${made(methods(check))}`
    expect(outcomeIn('unbound-state-handle', program(''))).toBe('fail')
    expect(outcomeIn('unbound-state-handle', program('if (task?.sessionId !== sessionId) throw new Error()'))).toBe(
      'pass',
    )
  })
})

/** A tool that asks before it acts, in a server that reads its requests itself. */
const round = (open: string, act: string): string => `
  const pack = (state) => { const body = Buffer.from(JSON.stringify(state)).toString('base64url'); return body + '.' + createHmac('sha256', key).update(body).digest('base64url') }
  const ledger = []; const used = new Set()
  app.post('/own', express.json(), (req, res) => {
    const user = users.get(digest(req.headers.authorization ?? ''))
    if (!user) return res.status(401).end()
    const { requestState, arguments: given, name } = req.body.params
    if (!requestState) return res.json({ result: { resultType: 'input_required', requestState: pack({ user, tool: 'pay', to: given.to, jti: randomUUID(), exp: Date.now() + 60_000 }) } })
    ${open}
    ${act}
    res.json({ result: say('done') })
  })`

const OPEN = `const [body, mac] = requestState.split('.')
  const wanted = createHmac('sha256', key).update(body).digest()
  if (!timingSafeEqual(wanted, Buffer.from(mac, 'base64url'))) return res.status(400).end()
  const state = JSON.parse(Buffer.from(body, 'base64url').toString())`
const BOUND = `if (state.user !== user || state.tool !== name || state.exp < Date.now()) return res.status(400).end()`
const ONCE = `if (used.has(state.jti)) return res.status(409).end()
  used.add(state.jti)`
const ACT = 'ledger.push({ to: state.to, from: user })'

async function outcomesOf(open: string, act: string): Promise<Record<string, string>> {
  const app = PROGRAM.replace('SHARED', '')
    .replace('TOOLS', '')
    .replace('app.listen(3000)', () => `${round(open, act)}\n  app.listen(3000)`)
  const { assessments } = await audit('/app', { host: memoryHost({ '/app/server.ts': app }) })
  const own = assessments.filter(({ rule }) => rule.endsWith('request-state'))
  return Object.fromEntries(own.map(({ rule, outcome }) => [rule.replace('-request-state', ''), outcome]))
}

describe('requestState', () => {
  it('that is proven, bound and good once is in order', async () => {
    const good = { unsigned: 'pass', unbound: 'pass', replayable: 'pass' }
    expect(await outcomesOf(OPEN, `${BOUND}\n${ONCE}\n${ACT}`)).toEqual(good)
  })

  it.each([
    ['is not proven at all', 'const state = JSON.parse(atob(requestState))'],
    ['is proven by a digest that anybody can make', OPEN.replace("createHmac('sha256', key)", "createHash('sha256')")],
    [
      'has a MAC that is computed and not compared',
      OPEN.replace("if (!timingSafeEqual(wanted, Buffer.from(mac, 'base64url')))", 'if (wanted.length === 0)'),
    ],
    [
      'is let through by a catch',
      `let state; try { ${OPEN.replace('const state', 'state').replace('return res.status(400).end()', 'throw new Error()')} } catch { state = JSON.parse(atob(requestState.split('.')[0])) }`,
    ],
  ])('that %s is unsigned', async (_what, open) => {
    expect((await outcomesOf(open, ACT))['unsigned']).toBe('fail')
  })

  it.each([
    ['the caller', 'state.user !== user || '],
    ['the tool', 'state.tool !== name || '],
    ['the time', ' || state.exp < Date.now()'],
  ])('that is not compared with %s is unbound', async (what, part) => {
    const act = what === 'the tool' ? 'ledger.push({ to: given.to, from: user })' : ACT
    const { unbound, unsigned } = await outcomesOf(OPEN, `${BOUND.replace(part, '')}\n${ONCE}\n${act}`)
    expect([unsigned, unbound]).toEqual(['pass', 'fail'])
  })

  it.each([
    ['asks for nothing', ''],
    ['leaves a mark and asks for none', 'used.add(state.jti)'],
    ['asks for a mark and leaves none', 'if (used.has(state.jti)) return res.status(409).end()'],
  ])('whose round %s is replayable', async (_what, once) => {
    expect((await outcomesOf(OPEN, `${BOUND}\n${once}\n${ACT}`))['replayable']).toBe('fail')
  })

  it('that begins anew where it is refused has done nothing twice', async () => {
    const anew = `if (!used.has(state.jti)) { const id = randomUUID(); used.add(id); return res.json({ requestState: id }) }
      used.delete(state.jti)`
    const { replayable } = await outcomesOf(OPEN, `${BOUND}\n${anew}\n${ACT}`)
    expect(replayable).toBe('pass')
  })
})

describe('what is done elsewhere because of requestState', () => {
  const rounds = (shared: string, own: string, act: string): string => `
    import { createServer } from 'node:http'
    import { randomUUID } from 'node:crypto'
    import { createMcpHandler, createRequestStateCodec, inputRequired, McpServer } from '@modelcontextprotocol/server'
    import { toNodeHandler } from '@modelcontextprotocol/node'
    import { createClient } from 'redis'
    const redis = createClient()
    const codec = createRequestStateCodec({ key: process.env.STATE_KEY, bind: (ctx) => ctx.http.authInfo.extra.sub })
    ${shared}
    const pay = (cents) => fetch('https://treasury.example/payouts', { method: 'POST', body: JSON.stringify({ cents }) })
    const handler = createMcpHandler(() => {
      ${own}
      const server = new McpServer({ name: 'payouts', version: '1' }, { requestState: { verify: codec.verify } })
      server.registerTool('payout', {}, async ({ cents }, ctx) => {
        const state = ctx.mcpReq.requestState()
        if (!state) return inputRequired({ requestState: await codec.mint({ jti: randomUUID(), cents }, ctx) })
        ${act}
        return { content: [] }
      })
      return server
    }, { legacy: 'reject' })
    createServer((req, res) => toNodeHandler(handler)(req, res)).listen(3000, '127.0.0.1')`
  const ask = "if (used.has(state.jti)) throw new Error('done')"
  const mark = 'used.add(state.jti)'
  const set = 'const used = new Set()'

  it.each([
    ['nothing is remembered', rounds('', '', 'await pay(state.cents)')],
    ['it is remembered too late', rounds(set, '', `${ask}\nawait pay(state.cents)\n${mark}`)],
    ['it is remembered for one request only', rounds('', set, `${ask}\n${mark}\nawait pay(state.cents)`)],
  ])('is done again where %s', (_what, program) => {
    expect(outcomeIn('replayable-request-state', program)).toBe('fail')
  })

  it.each([
    ['is remembered first', rounds(set, '', `${ask}\n${mark}\nawait pay(state.cents)`)],
    [
      'is claimed in a store that all processes share',
      rounds(
        '',
        '',
        `if (!(await redis.set(state.jti, '1', { NX: true }))) throw new Error('done')\nawait pay(state.cents)`,
      ),
    ],
    [
      'is keyed by the state for whoever does it',
      rounds(
        "import Stripe from 'stripe'; const stripe = new Stripe(process.env.STRIPE_KEY)",
        '',
        'await stripe.paymentIntents.create({ amount: state.cents }, { idempotencyKey: `pay:${state.jti}` })',
      ),
    ],
    [
      'is a row under a name that is given once',
      rounds(
        "import { PrismaClient } from '@prisma/client'; const prisma = new PrismaClient()",
        '',
        'await prisma.redemption.create({ data: { nonce: state.jti } })\nawait pay(state.cents)',
      ),
    ],
    ['replaces what was there', rounds('', '', 'await pay(state.cents)').replace("'POST'", "'PUT'")],
  ])('is done once where it %s', (_what, program) => {
    expect(outcomeIn('replayable-request-state', program)).toBe('pass')
  })
})
