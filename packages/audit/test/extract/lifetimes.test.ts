/** How sessions end: by timers, sweeps, checks on access, and by request. Only what removes the right key counts. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf, place } from './programs.ts'

/** A server with a store on line 5; `body` runs in every request with a known `session` and `id`, `beside` at start-up. */
function server(beside: string, body = '', opening = ''): string {
  return `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const IDLE_MS = 60_000, ABSOLUTE_MS = 3_600_000
    const sessions = new Map()
    const app = express()
    app.all('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      const session = sessions.get(id)
      if (session) {
        ${body}
        return session.transport.handleRequest(req, res)
      }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sid) => {
          sessions.set(sid, { transport, openedAt: Date.now(), usedAt: Date.now() })
          ${opening}
        },
      })
      await transport.handleRequest(req, res)
    })
    ${beside}
    app.listen(3000)`
}

/** `idle`, `absolute`, with `?` where a setting has to turn it on. */
function limitsOf(program: string): readonly string[] {
  const [store] = factsOf(program).stores
  return store!.limits.map((limit) => (limit.optional ? `${limit.kind}?` : limit.kind)).toSorted()
}

const sweep = (condition: string): string => `
    setInterval(() => {
      const now = Date.now()
      for (const [id, session] of sessions) if (${condition}) { session.transport.close(); sessions.delete(id) }
    }, 60_000)`

describe('limits', () => {
  const touch = 'session.usedAt = Date.now()'

  it.each([
    ['none', server(''), []],
    ['a sweep over what was used', server(sweep('now - session.usedAt > IDLE_MS'), touch), ['idle']],
    ['a sweep over a time that nothing renews', server(sweep('now - session.usedAt > IDLE_MS')), ['absolute']],
    ['a sweep over when it was opened', server(sweep('now - session.openedAt > ABSOLUTE_MS'), touch), ['absolute']],
    [
      'a sweep over both',
      server(sweep('now - session.usedAt > IDLE_MS || now - session.openedAt > ABSOLUTE_MS'), touch),
      ['absolute', 'idle'],
    ],
    [
      'a page that tells how old they are',
      server(
        "app.get('/list', (req, res) => res.json([...sessions.values()].map((one) => Date.now() - one.openedAt > 9)))",
      ),
      [],
    ],
    [
      'a timer that ends all of them',
      server(
        '',
        'clearTimeout(leaving); leaving = setTimeout(() => { for (const one of sessions.values()) one.transport.close(); sessions.clear() }, 9)',
      ),
      [],
    ],
    [
      'a sweep with forEach',
      server(
        'setInterval(() => sessions.forEach((session, id) => { if (Date.now() - session.openedAt > ABSOLUTE_MS) sessions.delete(id) }), 60_000)',
      ),
      ['absolute'],
    ],
    [
      'a sweep by a named function',
      server(
        'setInterval(sweep, 60_000)\nfunction sweep() { for (const [id, session] of sessions.entries()) { if (session.openedAt + ABSOLUTE_MS < Date.now()) sessions.delete(id) } }',
      ),
      ['absolute'],
    ],
    [
      'a check on access',
      server(
        '',
        'if (Date.now() - session.openedAt > ABSOLUTE_MS) { sessions.delete(id); return res.status(404).end() }',
      ),
      ['absolute'],
    ],
    [
      'a timer per session',
      server('', '', 'setTimeout(() => { transport.close(); sessions.delete(sid) }, ABSOLUTE_MS)'),
      ['absolute'],
    ],
    [
      'a timer of another function',
      server('function expire(sid) { sessions.delete(sid) }', '', 'setTimeout(expire, ABSOLUTE_MS, sid)'),
      ['absolute'],
    ],
    [
      'a timer that requests renew',
      server(
        'function arm(session, id) { clearTimeout(session.timer); session.timer = setTimeout(() => sessions.delete(id), IDLE_MS) }',
        'arm(session, id)',
      ),
      ['idle'],
    ],
    ['a sweep that looks at nothing', server('setInterval(() => sessions.clear(), 60_000)'), []],
    [
      'a sweep that a setting turns on',
      server(`if (process.env.SWEEP) {${sweep('now - session.openedAt > ABSOLUTE_MS')}}`),
      ['absolute?'],
    ],
  ])('%s', (_, program, expected) => {
    expect(limitsOf(program)).toEqual(expected)
  })

  it.each([
    ['that only logs', server('', '', 'setTimeout(() => console.log(sid), ABSOLUTE_MS)'), []],
    [
      'that empties another store',
      server('const others = new Map()', '', 'setTimeout(() => others.delete(sid), ABSOLUTE_MS)'),
      [],
    ],
  ])('a timer %s is no limit', (_, program, expected) => {
    expect(limitsOf(program)).toEqual(expected)
  })

  it('a timer that deletes under a key that no session has is no limit', () => {
    expect(limitsOf(server('', '', 'setTimeout(() => sessions.delete(req.auth.clientId), ABSOLUTE_MS)'))).toEqual([])
  })

  describe('by times that are kept beside', () => {
    const limitsBeside = (key: string, looked: string, renewed: string): readonly string[] =>
      limitsOf(
        server(
          `const times = new Map(), opened = new WeakMap()
    setInterval(() => {
      const now = Date.now()
      for (const [id, session] of sessions) {
        const { transport } = session
        if (now - times.get(${looked}) < IDLE_MS && now - opened.get(transport) < ABSOLUTE_MS) continue
        sessions.delete(id)
        transport.close()
      }
    }, 60_000)`,
          renewed,
          `times.set(${key}, Date.now()); opened.set(transport, Date.now())`,
        ),
      )

    it.each([
      ['under the ID', 'sid', 'id', 'times.set(id, Date.now())', ['absolute', 'idle']],
      [
        'under the transport',
        'transport',
        'transport',
        'times.set(session.transport, Date.now())',
        ['absolute', 'idle'],
      ],
      ['and never renewed', 'transport', 'transport', '', ['absolute']],
    ])('%s', (_, key, looked, renewed, expected) => {
      expect(limitsBeside(key, looked, renewed)).toEqual(expected)
    })

    it('under something else, they limit nothing', () => {
      expect(limitsBeside('res', 'app', 'times.set(app, Date.now())')).toEqual(['absolute'])
    })
  })

  it('a sweep that only counts is no limit', () => {
    const program = server(
      'let stale = 0\nsetInterval(() => { for (const s of sessions.values()) if (Date.now() - s.openedAt > ABSOLUTE_MS) stale++ }, 60_000)',
    )
    expect(limitsOf(program)).toEqual([])
  })

  it('a missing one is a partial finding that stands at the store', () => {
    const one = server(sweep('now - session.usedAt > IDLE_MS'), touch)
    expect(findingsOf('missing-session-expiry', one)).toEqual([
      expect.stringMatching(/^server\.ts:\d+: Sessions in sessions have an idle timeout but no absolute one/),
    ])
    expect(findingsOf('missing-session-expiry', server(''))).toEqual([
      expect.stringMatching(/^server\.ts:5: Sessions in sessions never expire/),
    ])
  })

  it('an LRU cache brings its own', () => {
    const cached = (options: string): string =>
      server('').replace(
        'const sessions = new Map()',
        `const sessions = new (require('lru-cache').LRUCache)(${options})`,
      )
    expect(limitsOf(cached('{ max: 10 }'))).toEqual([])
    expect(limitsOf(cached('{ max: 10, ttl: ABSOLUTE_MS }'))).toEqual(['absolute'])
    expect(limitsOf(cached('{ max: 10, ttl: IDLE_MS, updateAgeOnGet: true }'))).toEqual(['idle'])
  })
})

describe('ends', () => {
  const removals = (program: string): readonly string[] =>
    factsOf(program).stores.flatMap((store) =>
      store.removals.map(
        (removal) => `${removal.trigger} ${removal.rightKey ? 'right' : 'wrong'} key ${place(removal.at)}`,
      ),
    )

  it.each([
    [
      'when the transport closes',
      server('', '', 'transport.onclose = () => sessions.delete(transport.sessionId)'),
      ['close right key server.ts:18'],
    ],
    [
      'when the transport closes, under the ID it was given',
      server('', '', 'transport.onclose = () => sessions.delete(sid)'),
      ['close right key server.ts:18'],
    ],
    [
      'at DELETE',
      server('app.delete("/mcp", (req, res) => { sessions.delete(req.headers["mcp-session-id"]); res.end() })'),
      ['delete right key server.ts:23'],
    ],
    [
      'when the connection drops',
      server('', "res.on('close', () => sessions.delete(id))"),
      ['disconnect right key server.ts:11'],
    ],
    [
      'by a method of a class',
      server(
        'class Book { constructor(all) { this.all = all } end(id) { this.all.delete(id) } }\nconst book = new Book(sessions)\napp.delete("/mcp", (req, res) => { book.end(req.headers["mcp-session-id"]); res.end() })',
      ),
      ['delete right key server.ts:23'],
    ],
    ['never', server(''), []],
    [
      'under the wrong key',
      server('', '', 'transport.onclose = () => sessions.delete(req.auth.clientId)'),
      ['close wrong key server.ts:18'],
    ],
  ])('%s', (_, program, expected) => {
    expect(removals(program)).toEqual(expected)
  })

  it('at logout', () => {
    const logout = "app.post('/logout', (req, res) => { sessions.delete(req.headers['mcp-session-id']); res.end() })"
    expect(removals(server(logout))).toEqual(['request right key server.ts:23'])
  })

  it('under an object where the keys are IDs', () => {
    const program = server('', '', 'transport.onclose = () => sessions.delete(transport)')
    expect(removals(program)).toEqual(['close wrong key server.ts:18'])
  })

  it('a record without delete is set to undefined, or deleted by key', () => {
    const record = (end: string): string => `
      import express from 'express'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const transports = {}
      const app = express()
      app.post('/mcp', (req, res) => {
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
        transports[transport.sessionId] = transport
        transport.onclose = () => { ${end} }
        transports[req.headers['mcp-session-id']]?.handleRequest(req, res)
      })`
    expect(removals(record('delete transports[transport.sessionId]'))).toEqual(['close right key server.ts:8'])
    expect(removals(record('transports[transport.sessionId] = undefined'))).toEqual(['close right key server.ts:8'])
    expect(removals(record('transports.sessionId = undefined'))).toEqual([])
  })

  it('not with the process: that ends no session of its own', () => {
    expect(removals(server("process.on('SIGTERM', () => sessions.clear())"))).toEqual([])
  })

  it('not with a connection of the other kind that is kept beside it', () => {
    const beside = `
    app.get('/sse', async (req, res) => {
      const transport = new SSEServerTransport('/messages', res)
      sessions.set(transport.sessionId, { transport })
      res.on('close', () => sessions.delete(transport.sessionId))
    })`
    const program = server(beside).replace(
      'import express',
      "import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'\n    import express",
    )
    expect(removals(program)).toEqual([])
    expect(findingsOf('missing-session-invalidation', program)).toHaveLength(1)
  })

  it.each([
    ['an answer', 'new Session(res)', "res.on('close', () => { sessions.delete(session.id) })", []],
    ['an answer that nobody listens to', 'new Session(res)', '', [expect.stringContaining('never expire')]],
    [
      'no connection at all',
      'new Session(req.ip)',
      "res.on('close', () => { sessions.delete(session.id) })",
      [expect.stringContaining('never expire')],
    ],
  ])('with the connection that an object of it holds: %s', (_what, made, end, expected) => {
    const program = `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      class Session {
        id = randomUUID()
        constructor(private stream) {}
        send(message) { this.stream.write(JSON.stringify(message)) }
      }
      const sessions = new Map()
      const app = express()
      app.get('/sse', (req, res) => {
        const session = ${made}
        sessions.set(session.id, session)
        ${end}
      })
      app.post('/messages', (req, res) => {
        sessions.get(req.query.sessionId)?.send({ jsonrpc: '2.0', id: req.body.id, result: {} })
        res.sendStatus(202)
      })
      app.listen(3000)`
    expect(findingsOf('missing-session-expiry', program)).toEqual(expected)
  })

  it('a list of the servers beside the store is no store of its own', () => {
    const program = server(
      'const servers = []',
      '',
      `transport.onclose = () => sessions.delete(sid)
          const mcp = new McpServer({}); servers.push(mcp); mcp.connect(transport)`,
    ).replace(
      'import express',
      "import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'\n    import express",
    )
    expect(factsOf(program).stores.map((store) => store.name)).toEqual(['sessions'])
  })

  it.each([
    ['spread into pairs', '[...sessions.entries()]'],
    ['spread as it is', '[...sessions]'],
    ['made a list', 'Array.from(sessions.entries())'],
  ])('the key of a pair that was looked for: %s', (_what, pairs) => {
    const found = `transport.onclose = () => {
      const sid = ${pairs}.find(([, kept]) => kept.transport === transport)?.[0]
      if (sid) sessions.delete(sid)
    }`
    expect(removals(server('', '', found))).toEqual(['close right key server.ts:20'])
  })

  it('a wrong key is told', () => {
    const program = server('', '', 'transport.onclose = () => sessions.delete(req.auth.clientId)')
    expect(findingsOf('missing-session-invalidation', program)).toEqual([
      expect.stringMatching(/^server\.ts:17: Nothing takes a session out of sessions/),
    ])
  })
})

describe('a sweep of a store in a file of its own', () => {
  const program = (ending: string) => ({
    'server.ts': `
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      import { createStore } from './store.ts'
      const store = createStore((transport) => void transport.close())
      setInterval(() => store.sweep(), 60_000)
      const app = express()
      app.all('/mcp', async (req, res) => {
        const session = store.get(req.headers['mcp-session-id'])
        if (session) return session.transport.handleRequest(req, res, req.body)
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => store.add(id, transport),
        })
        await transport.handleRequest(req, res, req.body)
      })
      app.listen(3000)`,
    'store.ts': `
      export function createStore(close) {
        const sessions = new Map()
        return {
          get: (id) => sessions.get(id),
          add(id, transport) { sessions.set(id, { transport, last: Date.now() }) },
          sweep() {
            for (const [id, session] of sessions)
              if (Date.now() - session.last > 60_000) { ${ending} }
          },
        }
      }`,
  })
  const closes = (ending: string) =>
    factsOf(program(ending)).stores.flatMap(({ removals }) => removals.map((removal) => removal.closes))

  it('closes what it takes out by what it was given', () => {
    expect(closes('sessions.delete(id); close(session.transport)')).toEqual([true])
    expect(closes('sessions.delete(id)')).toEqual([false])
  })
})

describe('a book of sessions beside their transports', () => {
  const book = (ends: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const transports = new Map()
    class Book {
      rows = new Map()
      constructor({ onGone }) { this.gone = onGone ?? (() => undefined); setInterval(() => this.sweep(), 1000) }
      open() { const id = randomUUID(); const row = { id, seen: Date.now() }; this.rows.set(id, row); return row }
      find(id) { const row = this.rows.get(id); if (row) row.seen = Date.now(); return row }
      drop(id) { if (this.rows.delete(id)) this.gone(id) }
      sweep() { ${ends} }
    }
    const book = new Book({ onGone: (id) => { transports.get(id)?.close(); transports.delete(id) } })
    const app = express()
    app.all('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      if (!id) {
        const row = book.open()
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => row.id })
        transports.set(row.id, transport)
        return transport.handleRequest(req, res)
      }
      if (!book.find(id)) return res.status(404).end()
      await transports.get(id).handleRequest(req, res)
    })
    app.listen(3000)`

  it.each([
    [
      'whose sweep ends both',
      'for (const [id, row] of this.rows) if (Date.now() - row.seen > 9) this.drop(id)',
      ['idle'],
    ],
    [
      'whose sweep forgets the transports',
      'for (const [id, row] of this.rows) if (Date.now() - row.seen > 9) this.rows.delete(id)',
      [],
    ],
  ])('%s', (_what, ends, limits) => {
    const store = factsOf(book(ends)).stores.find(({ name }) => name === 'transports')!
    expect(store.limits.map(({ kind }) => kind)).toEqual(limits)
  })
})

describe('a time to live that is given in small letters', () => {
  const store = (options: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { Redis } from '@upstash/redis'
    const redis = new Redis({ url, token })
    const app = express()
    app.post('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      if (!id) {
        const fresh = randomUUID()
        await redis.set(\`session:\${fresh}\`, { notes: [] }${options})
        return res.setHeader('mcp-session-id', fresh).json({})
      }
      const session = await redis.get(\`session:\${id}\`)
      if (!session) return res.status(404).end()
      res.json({ notes: session.notes })
    })
    app.listen(3000)`

  it.each([
    ['none', '', []],
    ['seconds', ', { ex: 1800 }', ['absolute']],
  ])('%s', (_what, options, limits) => {
    expect(factsOf(store(options)).stores.flatMap((found) => found.limits.map(({ kind }) => kind))).toEqual(limits)
  })
})

describe('a time to live that use replaces', () => {
  const worker = (made: string, kept: string, check = ''): string => `
    export default {
      async fetch(request, env) {
        const rpc = await request.json()
        const asked = request.headers.get('mcp-session-id')
        if (rpc.method === 'initialize') {
          const id = crypto.randomUUID()
          await env.KV.put('s:' + id, JSON.stringify({ items: [], since: Date.now() }), ${made})
          return Response.json({}, { headers: { 'mcp-session-id': id } })
        }
        const state = asked && (await env.KV.get('s:' + asked, 'json'))
        if (!state ${check}) return new Response(null, { status: 404 })
        await env.KV.put('s:' + asked, JSON.stringify(state), ${kept})
        return Response.json(state.items)
      },
    }`
  const kinds = (program: string): readonly string[] =>
    factsOf(program).stores.flatMap((store) => [...new Set(store.limits.map(({ kind }) => kind))].toSorted())
  const seconds = '{ expirationTtl: 1800 }'

  it('is the idle limit, and nothing else', () => {
    expect(kinds(worker(seconds, seconds))).toEqual(['idle'])
  })

  it('is the absolute one where use leaves it alone', () => {
    expect(kinds(worker(seconds, '{}'))).toEqual(['absolute'])
  })

  it('stands beside a time that the record keeps, though the record is written again as a whole', () => {
    expect(kinds(worker(seconds, seconds, '|| Date.now() - state.since > 36e5'))).toEqual(['absolute', 'idle'])
  })

  it('is both where it is counted from what the record says', () => {
    const left = '{ expirationTtl: Math.min(1800, (state.since + 36e5 - Date.now()) / 1000) }'
    expect(kinds(worker(seconds, left))).toEqual(['absolute', 'idle'])
  })

  it('is the idle limit in Redis as well', () => {
    const redis = (again: string): string => `
      import express from 'express'
      import { createClient } from 'redis'
      const redis = createClient()
      const app = express()
      app.post('/mcp', async (req, res) => {
        const id = req.headers['mcp-session-id']
        if (!id) {
          const fresh = crypto.randomUUID()
          await redis.set('s:' + fresh, '{}', { EX: 1800 })
          return res.set('mcp-session-id', fresh).end()
        }
        const text = await redis.get('s:' + id)
        if (!text) return res.sendStatus(404)
        ${again}
        res.json(JSON.parse(text))
      })
      app.listen(3000)`
    expect(kinds(redis(''))).toEqual(['absolute'])
    expect(kinds(redis("await redis.expire('s:' + id, 1800)"))).toEqual(['idle'])
  })
})

describe('a look-up that changes what it finds', () => {
  const served = (made: string, found: string): string => `
    import express from 'express'
    ${made}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const asked = req.headers['mcp-session-id']
      if (!asked) {
        const id = crypto.randomUUID()
        await open(id)
        return res.set('mcp-session-id', id).end()
      }
      ${found}
      if (!session) return res.sendStatus(404)
      res.json(session.items)
    })
    app.listen(3000)`
  const kinds = (program: string): readonly string[] =>
    factsOf(program).stores.flatMap((store) => store.limits.map(({ kind }) => kind).toSorted())

  it('is one, in SQL', () => {
    const pool = `
      import { Pool } from 'pg'
      const pool = new Pool()
      const open = (id) => pool.query('INSERT INTO sessions (id, seen, made) VALUES ($1, now(), now())', [id])`
    const found = (more: string): string =>
      `const { rows: [session] } = await pool.query("UPDATE sessions SET seen = now() WHERE id = $1 AND seen > now() - interval '1 hour' ${more} RETURNING *", [asked])`
    expect(kinds(served(pool, found('')))).toEqual(['idle'])
    expect(kinds(served(pool, found("AND made > now() - interval '1 day'")))).toEqual(['absolute', 'idle'])
  })

  it('is one, of MongoDB, whose indexes end what is old', () => {
    const mongo = (index: string): string => `
      import { MongoClient } from 'mongodb'
      const sessions = new MongoClient('mongodb://db').db().collection('sessions')
      ${index}
      const open = (id) => sessions.insertOne({ _id: id, seen: new Date(), made: new Date() })`
    const found = 'const session = await sessions.findOneAndUpdate({ _id: asked }, { $set: { seen: new Date() } })'
    const index = (field: string): string => `await sessions.createIndex({ ${field}: 1 }, { expireAfterSeconds: 600 })`
    expect(kinds(served(mongo(''), found))).toEqual([])
    expect(kinds(served(mongo(index('seen')), found))).toEqual(['idle'])
    expect(kinds(served(mongo(`${index('seen')}; ${index('made')}`), found))).toEqual(['absolute', 'idle'])
  })
})

describe('a connection that ends', () => {
  const sockets = (onClose: string, cleanup = 'sessions.delete(id)'): string => `
    import { randomUUID } from 'node:crypto'
    import { WebSocketServer } from 'ws'
    const sessions = new Map()
    const end = (id) => { ${cleanup} }
    const wss = new WebSocketServer({ port: 3000 })
    wss.on('connection', (ws, req) => {
      const known = sessions.get(req.headers['x-session-id'])
      if (known) {
        clearTimeout(known.grace)
        known.ws = ws
        return ws.on('message', (text) => known.handle(text))
      }
      const id = randomUUID()
      const session = { id, ws, grace: undefined, handle(text) {} }
      sessions.set(id, session)
      ws.on('close', () => { ${onClose} })
    })`

  it.each([
    ['at once', 'end(id)', 'disconnect'],
    ['after a while', 'session.grace = setTimeout(() => end(id), 30_000)', 'disconnect'],
    ['after a while, by a method of the clock', 'session.grace = setTimeout(end, 30_000, id)', 'disconnect'],
  ])('ends its session %s', (_when, onClose, trigger) => {
    expect(factsOf(sockets(onClose)).stores.flatMap(({ removals }) => removals.map((one) => one.trigger))).toEqual([
      trigger,
    ])
    expect(findingsOf('missing-session-invalidation', sockets(onClose))).toEqual([])
    expect(findingsOf('missing-session-expiry', sockets(onClose))).toEqual([])
  })

  it('ends none where nothing is removed, or only by the clock', () => {
    expect(findingsOf('missing-session-invalidation', sockets(''))).toHaveLength(1)
    const byClock = sockets('').replace(
      'sessions.set(id, session)',
      'sessions.set(id, session)\n setTimeout(() => end(id), 30_000)',
    )
    expect(findingsOf('missing-session-invalidation', byClock)).toHaveLength(1)
    const wrongKey = sockets('setTimeout(() => end(ws), 30_000)', 'sessions.delete({ id })')
    expect(findingsOf('missing-session-invalidation', wrongKey)).toHaveLength(1)
  })
})

describe('a session that is kept by hand', () => {
  const kept = (started: string, over: string, ended = 'live.delete(id)', made = ''): string => `
    import express from 'express'
    import { createHash, randomUUID } from 'node:crypto'
    const app = express()
    const live = new Map()
    const seconds = () => Math.floor(Date.now() / 1000)
    const digest = (id) => createHash('sha256').update(id).digest('hex')
    ${made}
    app.post('/mcp', express.json(), (req, res) => {
      if (req.body.method === 'initialize') {
        const id = randomUUID()
        live.set(id, { ${started} })
        return res.set('mcp-session-id', id).json({})
      }
      const id = req.get('mcp-session-id')
      const session = live.get(id)
      if (!session) return res.sendStatus(404)
      if (${over}) { live.delete(id); return res.sendStatus(404) }
      res.json({ jsonrpc: '2.0', id: req.body.id, result: session })
    })
    app.delete('/mcp', (req, res) => { const id = req.get('mcp-session-id'); ${ended}; res.sendStatus(204) })
    app.listen(3000)`
  const limits = (program: string): number => factsOf(program).stores[0]!.limits.length

  it.each([
    ['an end in milliseconds, a clock in seconds', 'end: Date.now() + 3_600_000', 'session.end < seconds()'],
    ['an age of one taken from the other', 'born: Date.now()', 'Date.now() / 1000 - session.born > 3600'],
  ])('never gets old: %s', (_, started, over) => {
    expect(limits(kept(started, over))).toBe(0)
  })

  it.each([
    ['both in seconds', 'end: seconds() + 3600', 'session.end < seconds()'],
    ['both in milliseconds', 'end: Date.now() + 3_600_000', 'session.end < Date.now()'],
    ['turned into milliseconds', 'end: seconds() + 3600', 'session.end * 1000 < Date.now()'],
    ['turned into seconds', 'born: Date.now()', 'seconds() - Math.floor(session.born / 1000) > 3600'],
    ['an age in seconds', 'born: Date.now()', '(Date.now() - session.born) / 1000 > 3600'],
  ])('gets old: %s', (_, started, over) => {
    expect(limits(kept(started, over))).toBe(1)
  })

  const invalidation = (ended: string): readonly string[] =>
    findingsOf('missing-session-invalidation', kept('end: Date.now()', 'session.end < Date.now()', ended))

  it('is not ended under a key that it is not found by', () => {
    expect(invalidation('live.delete(digest(id))')).toHaveLength(1)
    expect(invalidation('live.delete(`s:${id}`)')).toHaveLength(1)
    expect(invalidation('live.delete(id)')).toEqual([])
  })
})

it('a map of the language forgets nothing, whatever it is given besides', () => {
  const asked = server('').replace('usedAt: Date.now() })', 'usedAt: Date.now() }, 3600)')
  expect(limitsOf(asked)).toEqual([])
  const forgets = asked
    .replace('new Map()', 'new Keep()')
    .replace('import express', "import Keep from 'node-cache'\n    import express")
  expect(limitsOf(forgets)).toHaveLength(1)
})

describe('a login whose token finds its record in Redis', () => {
  const login = (used: string): string => `
    import { randomBytes } from 'node:crypto'
    import Redis from 'ioredis'
    import express from 'express'
    import bcrypt from 'bcryptjs'
    const redis = new Redis(process.env.REDIS_URL)
    const app = express()
    app.post('/login', async (req, res) => {
      if (!(await bcrypt.compare(req.body.password, users[req.body.name]))) return res.sendStatus(401)
      const token = randomBytes(32).toString('base64url')
      await redis.hset('ticket:' + token, { user: req.body.name, opened: Date.now() })
      await redis.expire('ticket:' + token, 900)
      res.json({ token })
    })
    app.post('/mcp', async (req, res) => {
      const token = (req.get('authorization') ?? '').replace(/^Bearer /, '')
      const { user, opened } = await redis.hgetall('ticket:' + token)
      if (!user) return res.sendStatus(401)
      ${used}
      await new McpServer({ name: 'kb', version: '1' }).connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`
  const OLD = 'if (Date.now() - Number(opened) > 36e6) return res.sendStatus(401)'
  const AGAIN = "await redis.expire('ticket:' + token, 900)"

  it.each([
    ['both', `${OLD}\n${AGAIN}`, 'pass'],
    ['no absolute one', AGAIN, 'fail'],
    ['no idle one', OLD, 'fail'],
  ])('has %s, by what is done where it is used', (_what, used, expected) => {
    expect(outcomeOf('missing-session-expiry', login(used))).toBe(expected)
  })
})

describe('a timer that renews the last use', () => {
  const touch = 'session.usedAt = Date.now()'
  const swept = sweep('now - session.usedAt > IDLE_MS')
  const kept = (beside: string, opening = ''): readonly string[] =>
    findingsOf('missing-session-expiry', server(`${swept}\n${beside}`, touch, opening)).map((text) =>
      text.replace(/^.*: a/, 'a'),
    )
  const helper = 'function touched(id) { const one = sessions.get(id); if (one) one.usedAt = Date.now() }'
  const renewed = ['a timer renews their idle timeout, whether or not anybody uses them.']
  const each = (work: string): string =>
    `setInterval(async () => { for (const [id, one] of sessions) { ${work} } }, 9_000)`

  it.each([
    ['of each session', each("one.res.write(':'); one.usedAt = Date.now()"), ''],
    [
      'of each whose stream is open',
      each("if (!one.res.writableEnded) { one.res.write(':'); one.usedAt = Date.now() }"),
      '',
    ],
    ['of each that is not over', each("if (one.status !== 'active') continue; one.usedAt = Date.now()"), ''],
    ['with forEach', 'setInterval(() => sessions.forEach((one) => { one.usedAt = Date.now() }), 9_000)', ''],
    ['with a record in its place', each('sessions.set(id, { ...one, usedAt: Date.now() })'), ''],
    ['with a helper', `${helper}\n${each('touched(id)')}`, ''],
    ['of one, by its ID', helper, 'setInterval(() => touched(sid), 9_000)'],
    [
      'of one, of which it knows the record',
      '',
      'const one = { transport, usedAt: Date.now() }; sessions.set(sid, one); setInterval(() => { one.usedAt = Date.now() }, 9_000)',
    ],
  ])('%s', (_, beside, opening) => {
    expect(kept(beside, opening)).toEqual(renewed)
  })

  it.each([
    ['where the client answers', each('await one.server.ping(); one.usedAt = Date.now()')],
    ['where it answers, later', each('one.server.ping().then(() => { one.usedAt = Date.now() })')],
    ['where it answers, with a helper', `${helper}\n${each('await one.server.ping(); touched(id)')}`],
    ['while a request is under way', each('if (one.pending > 0) one.usedAt = Date.now()')],
    ['while a request is under way, with a helper', `${helper}\n${each('if (one.pending > 0) touched(id)')}`],
    ['of something else', each('one.beatAt = Date.now()')],
  ])('leaves the timeout what it is %s', (_, beside) => {
    expect(kept(beside)).not.toEqual(renewed)
    expect(limitsOf(server(`${swept}\n${beside}`, touch))).toEqual(['idle'])
  })
})
