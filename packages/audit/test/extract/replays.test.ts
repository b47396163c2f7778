/** Streams that are taken up again by hand: whose the events are that are sent once more. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const RULE = 'event-replay-across-sessions'

/** What is kept, how an event is put there, and what is sent again after `last`. */
const server = (kept: string, put: string, again: string): string => `
  import express from 'express'
  import { randomUUID } from 'node:crypto'
  import jwt from 'jsonwebtoken'
  ${kept}
  let n = 0
  const app = express()
  app.use((req, res, next) => {
    try { req.user = jwt.verify((req.headers.authorization ?? '').slice(7), process.env.KEY, { audience: 'x' }) }
    catch { return res.status(401).end() }
    next()
  })
  const sessions = new Map()
  app.post('/mcp', express.json(), (req, res) => {
    if (req.body.method === 'initialize') {
      const id = randomUUID()
      sessions.set(id, { id, user: req.user.sub, log: [] })
      return res.set('Mcp-Session-Id', id).json({ jsonrpc: '2.0', id: req.body.id, result: {} })
    }
    const s = sessions.get(req.get('mcp-session-id'))
    if (!s || s.user !== req.user.sub) return res.status(404).end()
    const frame = \`data: \${JSON.stringify({ jsonrpc: '2.0', id: req.body.id, result: answer(req.body) })}\\n\\n\`
    ${put}
    res.status(202).end()
  })
  app.get('/mcp', async (req, res) => {
    const s = sessions.get(req.get('mcp-session-id'))
    if (!s || s.user !== req.user.sub) return res.status(404).end()
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const last = req.headers['last-event-id']
    ${again}
  })
  app.listen(3000, '127.0.0.1')`

const LIST = 'const log = []'
const POOL = `import pg from 'pg'; const pool = new pg.Pool()`
const INSERT = "pool.query('INSERT INTO events (session_id, frame) VALUES ($1, $2)', [s.id, frame])"
const SEND = 'for (const row of rows) res.write(row.frame)'
const MONGO = `import { MongoClient, ObjectId } from 'mongodb'
  const events = new MongoClient(process.env.MONGO).db('mcp').collection('events')`
const PUT = 'await events.insertOne({ sid: s.id, frame })'
const FRAMES = 'for await (const f of missed(last, s.id)) res.write(f)'
/** A generator of the frames that a query finds. */
const missed = (found: string): string =>
  `async function* missed(last, sid) { for await (const doc of events.find(${found}).sort({ _id: 1 })) yield doc.frame }`

describe('events that are kept for all sessions in one place', () => {
  it.each([
    [
      'a list of what another container has a part in',
      'let log = []\nconst rooms = new Map()\nfunction answer({ params }) { return rooms.get(params.arguments.name) }',
      'log.push([++n, frame])\nlog = log.slice(-100)',
      'for (const [seq, frame] of log) if (seq > Number(last)) res.write(frame)',
    ],
    [
      'a list',
      LIST,
      'log.push({ id: ++n, frame })',
      'for (const e of log) if (e.id > Number(last)) res.write(e.frame)',
    ],
    [
      'a list cut at the event',
      LIST,
      'log.push({ id: String(++n), frame })',
      'const at = log.findIndex((e) => e.id === last); log.slice(at + 1).forEach((e) => res.write(e.frame))',
    ],
    [
      'a map',
      'const log = new Map()',
      'log.set(String(++n), frame)',
      'for (const [id, f] of log) if (id > last) res.write(f)',
    ],
    [
      'a class',
      `class Store { all = []; add(frame) { this.all.push({ id: ++n, frame }) } after(id) { return this.all.filter((e) => e.id > id) } }
       const store = new Store()`,
      'store.add(frame)',
      'for (const e of store.after(Number(last))) res.write(e.frame)',
    ],
    [
      'a table',
      POOL,
      INSERT,
      `const { rows } = await pool.query('SELECT frame FROM events WHERE id > $1', [last]); ${SEND}`,
    ],
    ['a collection, by a generator', `${MONGO}; ${missed('{ _id: { $gt: new ObjectId(last) } }')}`, PUT, FRAMES],
    [
      'a collection, from the stream of that event on',
      MONGO,
      PUT,
      `const from = await events.findOne({ _id: new ObjectId(last) })
       for (const d of await events.find({ sid: from.sid, _id: { $gt: from._id } }).toArray()) res.write(d.frame)`,
    ],
    [
      'a mapped table',
      `import { PrismaClient } from '@prisma/client'; const db = new PrismaClient()`,
      'await db.event.create({ data: { sid: s.id, frame } })',
      `const rows = await db.event.findMany({ where: { id: { gt: Number(last) } } }); ${SEND}`,
    ],
    [
      'a table whose columns are not seen',
      `import { drizzle } from 'drizzle-orm/node-postgres'; import { gt } from 'drizzle-orm'; import { events } from './schema'
       const db = drizzle(process.env.DB)`,
      'await db.insert(events).values({ sid: s.id, frame })',
      `const rows = await db.select().from(events).where(gt(events.id, Number(last))); ${SEND}`,
    ],
    [
      'a stream of Redis',
      `import { Redis } from 'ioredis'; const redis = new Redis()`,
      "await redis.xadd('events', '*', 'frame', frame)",
      "for (const [id, f] of await redis.xrange('events', '(' + last, '+')) res.write(f[1])",
    ],
    [
      'a list, by a generator that a stream is made of',
      `import { Readable } from 'node:stream'; const log = []
       function* missed(last) { for (const e of log) if (e.id > last) yield e.frame }`,
      'log.push({ id: ++n, frame })',
      'Readable.from(missed(Number(last))).pipe(res)',
    ],
    [
      'a list, after the event was met',
      LIST,
      'log.push({ id: String(++n), frame })',
      'let seen = false; for (const e of log) { if (seen) res.write(e.frame); if (e.id === last) seen = true }',
    ],
    [
      'a list, as records',
      LIST,
      'log.push({ id: ++n, frame })',
      'for (const e of log) if (e.id > Number(last)) sse.send({ id: e.id, data: e.frame })',
    ],
    [
      'a list, from the stream of that event on',
      LIST,
      'log.push({ id: String(++n), sid: s.id, frame })',
      `const from = log.find((e) => e.id === last)
       for (const e of log) if (e.sid === from.sid && e.id > from.id) res.write(e.frame)`,
    ],
  ])('are sent to whoever names one: %s', (_what, kept, put, again) => {
    expect(outcomeOf(RULE, server(kept, put, again))).toBe('fail')
  })

  it.each([
    [
      'in its session',
      '',
      's.log.push({ id: ++n, frame })',
      'for (const e of s.log) if (e.id > Number(last)) res.write(e.frame)',
    ],
    [
      'and says which session it is of',
      LIST,
      'log.push({ id: ++n, session: s.id, frame })',
      'for (const e of log) if (e.session === s.id && e.id > Number(last)) res.write(e.frame)',
    ],
    [
      'and says whose it is',
      LIST,
      'log.push({ id: ++n, user: req.user.sub, frame })',
      'for (const e of log.filter((e) => e.user === req.user.sub)) if (e.id > Number(last)) res.write(e.frame)',
    ],
    [
      'under its session',
      'const logs = new Map()',
      'const own = logs.get(s.id) ?? []; own.push({ id: ++n, frame }); logs.set(s.id, own)',
      'for (const e of logs.get(s.id) ?? []) if (e.id > Number(last)) res.write(e.frame)',
    ],
    [
      'in a row of its session',
      POOL,
      INSERT,
      `const { rows } = await pool.query('SELECT frame FROM events WHERE session_id = $1 AND id > $2', [s.id, last]); ${SEND}`,
    ],
    [
      'in a row that is held against the session when it was read',
      POOL,
      INSERT,
      `const { rows } = await pool.query('SELECT session_id, frame FROM events WHERE id > $1', [last])
       for (const row of rows) if (row.session_id === s.id) res.write(row.frame)`,
    ],
    [
      'with its session, and a generator asks for both',
      `${MONGO}; ${missed('{ sid, _id: { $gt: last } }')}`,
      PUT,
      FRAMES,
    ],
    [
      'with its session, and that of the event is asked first',
      MONGO,
      PUT,
      `const from = await events.findOne({ _id: new ObjectId(last) })
       if (from?.sid !== s.id) return res.end()
       for (const d of await events.find({ sid: from.sid, _id: { $gt: from._id } }).toArray()) res.write(d.frame)`,
    ],
  ])('are only sent to their session where each is kept %s', (_what, kept, put, again) => {
    expect(outcomeOf(RULE, server(kept, put, again))).not.toBe('fail')
  })
})

describe('events that are asked for by code that is not seen', () => {
  const asking = (ask: string): string =>
    server(
      `import { validate, guard } from './checks.js'; ${POOL}`,
      INSERT,
      `if (!(${ask})) return res.status(403).end()
       const { rows } = await pool.query('SELECT frame FROM events WHERE id > $1', [last]); ${SEND}`,
    )

  it.each([['validate(last)'], ['guard.check(last)'], ["validate(last, 'uuid')"]])('%s is told of nobody', (ask) => {
    expect(outcomeOf(RULE, asking(ask))).toBe('fail')
  })

  it.each([
    ['guard.owns(s.id, last)'],
    ['guard.canResume(req, last)'],
    ['guard.canResume(s, last)'],
    ['guard.canResume({ caller: req.user, last })'],
    ['guard.canResume(last, req.user.sub)'],
    ["guard.belongsTo(last, req.get('mcp-session-id'))"],
  ])('%s asks whose they are', (ask) => {
    expect(outcomeOf(RULE, asking(ask))).not.toBe('fail')
  })
})

describe('a transport that is handed an event store', () => {
  const transport = (ask: string): string => `
    export class StreamTransport {
      opened = new Set()
      constructor(options) { this.eventStore = options.eventStore }
      async handleRequest(req, res) {
        if (req.method !== 'GET') return res.writeHead(405).end()
        const last = req.headers['last-event-id']
        if (!last) return res.writeHead(400).end()
        ${ask}
        res.writeHead(200, { 'content-type': 'text/event-stream' })
        await this.eventStore.replayEventsAfter(last, { send: async (id, message) => res.write(JSON.stringify(message)) })
      }
    }`

  it('asks for whatever is named', () => {
    expect(outcomeOf(RULE, transport(''))).toBe('fail')
  })

  it('knows which streams it has opened', () => {
    const ask =
      'if (!this.opened.has(await this.eventStore.getStreamIdForEventId(last))) return res.writeHead(403).end()'
    expect(outcomeOf(RULE, transport(ask))).not.toBe('fail')
  })
})

describe('events that a NestJS controller gives again', () => {
  const nest = (kept: string): string => `
    import { Controller, Headers, Injectable, Sse } from '@nestjs/common'
    import { concat, filter, from, map, Subject } from 'rxjs'
    @Injectable() class Events {
      private readonly backlog = []
      private readonly live = new Subject()
      private seq = 0
      publish(session, data) {
        const event = { seq: ++this.seq, session, data }
        this.backlog.push(event)
        this.live.next(event)
      }
      stream(session, after) {
        const missed = after === undefined ? [] : this.backlog.filter((event) => ${kept})
        return concat(from(missed), this.live.pipe(filter((event) => event.session === session))).pipe(map(({ data }) => ({ data })))
      }
    }
    @Controller('mcp') class Endpoint {
      constructor(private readonly events: Events) {}
      @Sse() listen(@Headers('mcp-session-id') session: string, @Headers('last-event-id') last?: string) {
        return this.events.stream(session, last ? Number(last) : undefined)
      }
    }`

  it('are those of all sessions, or of this one', () => {
    expect(outcomeOf('event-replay-across-sessions', nest('event.seq > after'))).toBe('fail')
    expect(outcomeOf('event-replay-across-sessions', nest('event.session === session && event.seq > after'))).not.toBe(
      'fail',
    )
  })
})

describe('events that a generator gives one after the other', () => {
  const ring = (where: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    class Ring {
      items = []
      seq = 0
      push(sid, payload) {
        const item = { seq: ++this.seq, sid, frame: JSON.stringify(payload) }
        this.items.push(item)
        return item
      }
      *after(seq, sid) { for (const item of this.items) if (${where}) yield item }
    }
    const ring = new Ring()
    const peers = new Map()
    const write = (out, item) => out.write(\`id: \${item.seq}\\ndata: \${item.frame}\\n\\n\`)
    const app = express()
    app.post('/mcp', express.json(), (req, res) => {
      if (req.body.method === 'initialize') {
        const id = randomUUID()
        peers.set(id, { used: Date.now() })
        return res.set('Mcp-Session-Id', id).json({ jsonrpc: '2.0', id: req.body.id, result: {} })
      }
      const sid = req.get('mcp-session-id')
      const peer = peers.get(sid)
      if (!peer) return res.status(404).end()
      const item = ring.push(sid, { jsonrpc: '2.0', method: 'notifications/message', params: req.body.params })
      if (peer.out) write(peer.out, item)
      res.status(202).end()
    })
    app.get('/mcp', (req, res) => {
      const sid = req.get('mcp-session-id')
      const peer = peers.get(sid)
      if (!peer) return res.status(404).end()
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      const last = Number(req.get('last-event-id'))
      if (Number.isFinite(last)) for (const item of ring.after(last, sid)) write(res, item)
      peer.out = res
    })
    app.listen(3000, '127.0.0.1')`

  it('are those of all sessions, or of this one', () => {
    expect(outcomeOf(RULE, ring('item.seq > seq'))).toBe('fail')
    expect(outcomeOf(RULE, ring('item.sid === sid && item.seq > seq'))).not.toBe('fail')
  })
})

describe('an event store that requests ask for', () => {
  const holding = (made: string, given: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    class Log {
      rows = []
      async storeEvent(stream, message) { this.rows.push({ stream, message }); return String(this.rows.length) }
      async replayEventsAfter(last, { send }) { for (const { message } of this.rows) await send(last, message) }
    }
    const transports = new Map()
    ${made}
    const app = express()
    app.all('/mcp', async (req, res) => {
      let t = transports.get(req.get('mcp-session-id'))
      if (!t) {
        const id = randomUUID()
        t = new StreamableHTTPServerTransport({ sessionIdGenerator: () => id, eventStore: ${given} })
        transports.set(id, t)
        await new McpServer({ name: 'x', version: '1' }).connect(t)
      }
      await t.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`

  it.each([
    ['the first of them makes', 'let made; const log = () => { if (!made) made = new Log(); return made }', 'log()'],
    [
      'is made with a hub',
      'class Hub { static #own; static get() { return (this.#own ??= new Hub()) } log = new Log() }',
      'Hub.get().log',
    ],
    ['a getter makes once', 'const services = { get log() { return (this.own ??= new Log()) } }', 'services.log'],
    [
      'a proxy makes once',
      'const made = {}; const make = { log: () => new Log() }; const services = new Proxy(make, { get: (_, name) => (made[name] ??= make[name]()) })',
      'services.log',
    ],
    [
      'lies in a table of services',
      'const made = new Map(); const log = () => { if (!made.has("log")) made.set("log", new Log()); return made.get("log") }',
      'log()',
    ],
    ['is of the app', 'const locals = () => { app.locals.log = new Log() }; setTimeout(locals)', 'req.app.locals.log'],
  ])('is one for all sessions where it %s', (_what, made, given) => {
    expect(outcomeOf(RULE, holding(made, given))).toBe('fail')
  })

  it.each([
    ['is made for each', '', 'new Log()'],
    ['a getter makes each time', 'const services = { get log() { return new Log() } }', 'services.log'],
    [
      'is kept by its session',
      'const logs = new Map(); const of = (id) => { let log = logs.get(id); if (!log) logs.set(id, log = new Log()); return log }',
      'of(id)',
    ],
  ])('is that of a session where it %s', (_what, made, given) => {
    expect(outcomeOf(RULE, holding(made, given))).not.toBe('fail')
  })
})
