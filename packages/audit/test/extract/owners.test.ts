/** Owners of more than one part: tenant, client, subject, each known sooner or later. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, findingsOf, outcomeOf, place } from './programs.ts'

/** A store of sessions that are bound to whoever uses them first; `bind` sets the owner, `compare` refuses others. */
function store(bind: string, compare: string): string {
  return `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    const sessions = new Map()
    function check(id, caller) {
      const session = sessions.get(id)
      if (!session) return false
      ${compare}
      return true
    }
    const app = express()
    app.use(requireBearerAuth({}))
    app.post('/mcp', (req, res) => {
      const caller = req.auth.extra
      const id = req.headers['mcp-session-id'] ?? randomUUID()
      if (!sessions.has(id)) sessions.set(id, { tenant: undefined, user: undefined })
      if (!check(id, caller)) return res.sendStatus(404)
      const session = sessions.get(id)
      ${bind}
      res.json({})
    })
    app.listen(3000)`
}

const WHERE_SET = `
      if (session.tenant && session.tenant !== caller.tenant) return false
      if (session.user && session.user !== caller.user) return false`
const ALWAYS = `
      if (session.tenant && session.tenant !== caller.tenant) return false
      if (session.user !== caller.user) return false`

const late = (program: string): readonly string[] =>
  factsOf(program).lateBindings.map((fact) => `${fact.field} while no ${fact.gate} ${place(fact.at)}`)

describe('a part of the owner that comes later', () => {
  it('is lost for callers found by their key, too', () => {
    const bind = 'if (!session.tenant) { session.tenant = caller.tenant; session.user = caller.user }'
    const program = store(bind, WHERE_SET)
      .replace('app.use(requireBearerAuth({}))', 'const callers = new Map(JSON.parse(process.env.KEYS))')
      .replace('req.auth.extra', "callers.get(req.headers['x-api-key'])")
    expect(late(program)).toEqual(['user while no tenant server.ts:21'])
  })

  it.each([
    [
      'one test for all parts',
      'if (!session.tenant) { session.tenant = caller.tenant; session.user = caller.user }',
      ['user while no tenant server.ts:21'],
    ],
    [
      'one test for all parts, each where the caller has it',
      'if (!session.tenant) { if (caller.tenant) session.tenant = caller.tenant; if (caller.user) session.user = caller.user }',
      ['user while no tenant server.ts:21'],
    ],
  ])('is lost: %s', (_, bind, expected) => {
    expect(late(store(bind, WHERE_SET))).toEqual(expected)
  })

  it.each([
    [
      'a test for each part',
      'if (!session.tenant) session.tenant = caller.tenant; if (!session.user) session.user = caller.user',
      WHERE_SET,
    ],
    [
      'a test for each part the caller has',
      'if (caller.tenant && !session.tenant) session.tenant = caller.tenant; if (caller.user && !session.user) session.user = caller.user',
      WHERE_SET,
    ],
    [
      'compared whether set or not',
      'if (!session.tenant) { session.tenant = caller.tenant; session.user = caller.user }',
      ALWAYS,
    ],
    [
      'what is set along is no part of the owner',
      'if (!session.tenant) { session.tenant = caller.tenant; session.name = caller.name }',
      WHERE_SET,
    ],
  ])('is not: %s', (_, bind, compare) => {
    expect(late(store(bind, compare))).toEqual([])
  })
})

describe('an owner that is kept beside the session', () => {
  const served = (keep: string, check: string): readonly boolean[] =>
    factsOf(`
      import express from 'express'
      import { randomUUID } from 'node:crypto'
      import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const transports = {}
      const owners = new Map()
      const app = express()
      app.use(requireBearerAuth({}))
      app.post('/mcp', async (req, res) => {
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (id) => { transports[id] = transport; ${keep} },
        })
        await transport.handleRequest(req, res, req.body)
      })
      app.get('/mcp', async (req, res) => {
        const id = req.headers['mcp-session-id']
        if (!id || !transports[id]) return res.sendStatus(404)
        const transport = transports[id]
        if (${check}) return res.sendStatus(404)
        await transport.handleRequest(req, res)
      })
      app.listen(3000)`).dispatches.map(({ bound }) => bound)

  it.each([
    ['under its ID', 'owners.set(id, req.auth.extra.sub)', 'owners.get(id) !== req.auth.extra.sub', [true]],
    [
      'under its transport',
      'owners.set(transport, req.auth.clientId)',
      'owners.get(transport) !== req.auth.clientId',
      [true],
    ],
    [
      'and compared where there is one',
      'owners.set(id, req.auth.token)',
      'owners.get(id) && owners.get(id) !== req.auth.token',
      [true],
    ],
    ['and never compared', 'owners.set(id, req.auth.extra.sub)', '!owners.has(id)', [false]],
    [
      'and compared with itself',
      'owners.set(id, req.auth.extra.sub)',
      'owners.get(id) !== owners.get(transport.sessionId)',
      [false],
    ],
  ])('%s', (_, keep, check, expected) => {
    expect(served(keep, check)).toEqual(expected)
  })
})

/** Nothing is verified here: the service behind judges what each caller brings. */
describe('a credential that is handed on', () => {
  const handsOn = (keep: string, check: string, run = 'tokens.run({ token: bearer(req) }, () => ') => `
    import express from 'express'
    import { AsyncLocalStorage } from 'node:async_hooks'
    import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const tokens = new AsyncLocalStorage()
    const sessions = {}
    const bearer = (req) => req.headers.authorization?.slice(7)
    const digest = (token) => createHash('sha256').update(token ?? '').digest()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      let transport
      if (id && sessions[id]) {
        ${check}
        transport = sessions[id].transport
      } else {
        transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (made) => { sessions[made] = { transport, ${keep} } },
        })
        await new McpServer({ name: 'notes', version: '1.0.0' }).connect(transport)
      }
      await ${run}transport.handleRequest(req, res, req.body)${run === '' ? '' : ')'}
    })
    app.listen(3000, '127.0.0.1')`
  const rule = 'unbound-session'

  it('makes callers several, on loopback too', () => {
    expect(findingsOf(rule, handsOn('', ''))).toEqual([
      expect.stringContaining('the credential that a caller brings is handed on'),
    ])
  })

  it('is compared with the one that opened the session', () => {
    const check = 'if (!timingSafeEqual(sessions[id].owner, digest(bearer(req)))) return res.sendStatus(404)'
    expect(outcomeOf(rule, handsOn('owner: digest(bearer(req))', check))).not.toBe('fail')
  })

  it('is none where nothing of the caller is handed on', () => {
    expect(outcomeOf(rule, handsOn('', '', ''))).toBe('notApplicable')
    expect(outcomeOf(rule, handsOn('', '', 'tokens.run({ trace: randomUUID() }, () => '))).toBe('notApplicable')
  })
})

describe('where a session is looked up only if there is an ID', () => {
  const served = (known: string, check: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { jwtVerify } from 'jose'
    const app = express()
    const sessions = {}
    app.post('/mcp', async (req, res) => {
      const { payload } = await jwtVerify(req.headers.authorization.slice(7), key)
      const id = req.headers['mcp-session-id']
      let transport
      if (${known}) {
        ${check}
        transport = sessions[id].transport
      } else {
        transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => crypto.randomUUID(),
          onsessioninitialized: (made) => { sessions[made] = { transport, owner: payload.sub } },
        })
      }
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`
  const check = 'if (sessions[id].owner !== payload.sub) return res.sendStatus(404)'
  it.each(['id && sessions[id]', 'id !== undefined && sessions[id] !== undefined', 'sessions[id]'])('%s', (known) => {
    expect(dispatchesOf(served(known, check))).toEqual(['POST server.ts:19 bound'])
    expect(dispatchesOf(served(known, ''))).toEqual(['POST server.ts:19 unbound'])
  })

  it.each([
    ['a role that overrules', "sessions[id].owner !== payload.sub && payload.role !== 'admin'", 'bound'],
    ['a list of scopes', "sessions[id].owner !== payload.sub && !payload.scopes.includes('sessions:all')", 'bound'],
    ['a helper', 'sessions[id].owner !== payload.sub && !may(payload.scopes ?? [], [1])', 'bound'],
    ['a flag', '!(sessions[id].owner === payload.sub || payload.isAdmin)', 'bound'],
    ['a role alone', "payload.role !== 'admin'", 'unbound'],
    ['a setting', 'sessions[id].owner !== payload.sub && !process.env.OPEN', 'unbound'],
  ])('%s', (_what, refused, expected) => {
    const may = 'const may = (own, needed) => needed.every((one) => own.includes(one))'
    const program = `${served('id && sessions[id]', `if (${refused}) return res.sendStatus(404)`)}\n    ${may}`
    expect(dispatchesOf(program)).toEqual([`POST server.ts:19 ${expected}`])
  })
})

describe('a record that is found in a list', () => {
  const notes = (check: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    const notes = []
    const create = () => {
      const server = new McpServer({ name: 'notes', version: '1.0.0' })
      server.registerTool('add', { inputSchema: {} }, ({ text }, { authInfo }) => {
        const note = { id: crypto.randomUUID(), text, owner: authInfo.subject }
        notes.push(note)
        return { content: [{ type: 'text', text: note.id }] }
      })
      server.registerTool('read', { inputSchema: {} }, ({ id }, { authInfo }) => {
        const note = notes.find((one) => one.id === id)
        if (!note) return { content: [] }
        ${check}
        return { content: [{ type: 'text', text: note.text }] }
      })
      return server
    }
    const app = express()
    app.use(requireBearerAuth({ verifier }))
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await create().connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`
  it.each([
    ['is whoever asks for it', '', 'fail'],
    ['has an owner', 'if (note.owner !== authInfo.subject) return { content: [] }', 'pass'],
    [
      'has an owner, and those who may read all',
      "if (note.owner !== authInfo.subject && !authInfo.scopes.includes('all')) return { content: [] }",
      'pass',
    ],
  ])('%s', (_what, check, outcome) => {
    expect(outcomeOf('unbound-state-handle', notes(check))).toBe(outcome)
  })
})

describe('a token that is kept in a table', () => {
  it('is one for everybody where its key is written in the source', () => {
    const server = `
    import express from 'express'
    import Database from 'better-sqlite3'
    import { randomUUID, timingSafeEqual } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const db = new Database('a.db')
    const sessions = new Map()
    const app = express()
    app.use((req, res, next) => {
      const expected = db.prepare('SELECT value FROM settings WHERE name = ?').get('mcp_token').value
      const given = req.get('x-token')
      if (!given || !timingSafeEqual(Buffer.from(given), Buffer.from(expected))) return res.sendStatus(401)
      next()
    })
    app.post('/mcp', async (req, res) => {
      const known = sessions.get(req.headers['mcp-session-id'])
      if (known !== undefined) return known.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => void sessions.set(id, transport),
      })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`
    expect(outcomeOf('unbound-session', server)).toBe('notApplicable')
  })
})

describe('an owner told by headers that were copied', () => {
  const serving = (copy: string, read: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const app = express()
    const sessions = new Map()
    function copied(req) { ${copy} }
    app.all('/mcp', async (req, res) => {
      const headers = copied(req)
      const owner = ${read}
      if (!owner) return res.sendStatus(401)
      const found = sessions.get(req.headers['mcp-session-id'])
      if (found) return found.owner === owner ? found.transport.handleRequest(req, res) : res.sendStatus(404)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => { sessions.set(id, { owner, transport }) },
      })
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`

  const byName = "headers.get('authorization')"
  const loop = 'for (const [name, value] of Object.entries(req.headers))'

  it.each([
    [
      'one by one',
      `const made = new Headers()\n${loop} if (typeof value === 'string') made.append(name, value)\nreturn made`,
      byName,
    ],
    ['all at once', 'return new Headers(Object.entries(req.headers))', byName],
    [
      'by their names',
      'const made = new Headers()\nfor (const name in req.headers) made.set(name, String(req.headers[name]))\nreturn made',
      byName,
    ],
    [
      'into a record',
      `const made = {}\n${loop} made[name.toLowerCase()] = value\nreturn made`,
      'headers.authorization',
    ],
    ['into a map', `const made = new Map()\n${loop} made.set(name, value)\nreturn made`, byName],
    [
      'pair by pair',
      'return Object.fromEntries(Object.entries(req.headers).map(([name, value]) => [name, value]))',
      'headers.authorization',
    ],
    [
      'with the request',
      `const made = new Headers()\n${loop} made.set(name, value)\nreturn new Request('http://x', { headers: made })`,
      "headers.headers.get('authorization')",
    ],
  ])('%s', (_, copy, read) => {
    expect(outcomeOf('unbound-session', serving(copy, read))).toBe('pass')
  })

  it('is none where it is told by one that anybody may send', () => {
    const copy = `const made = new Headers()\n${loop} made.set(name, value)\nreturn made`
    expect(outcomeOf('unbound-session', serving(copy, "headers.get('x-account')"))).toBe('fail')
  })
})

describe('a caller that unseen middleware finds out', () => {
  const server = (asks: string, compare: string, elsewhere = ''): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    export function start(options) {
      const app = express()
      const sessions = new Map()
      if (options.authMiddleware) app.use('/mcp', options.authMiddleware)
      const isOwner = (res, session) => session.owner === undefined || session.owner === res.locals.claims?.sub
      app.post('/mcp', async (req, res) => {
        const session = sessions.get(req.headers['mcp-session-id'])
        if (session) {
          ${compare}
          return session.transport.handleRequest(req, res)
        }
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => { sessions.set(id, { transport, owner: ${asks} }) },
        })
        await new McpServer({}).connect(transport)
        await transport.handleRequest(req, res)
      })
      app.get('/mcp', async (req, res) => {
        const session = sessions.get(req.headers['mcp-session-id'])
        if (!session) return res.sendStatus(404)
        ${elsewhere}
        await session.transport.handleRequest(req, res)
      })
      app.listen(3000)
    }`
  const check = 'if (!isOwner(res, session)) return res.sendStatus(403)'
  const notCompared = (verbs: string): unknown[] => [
    expect.stringContaining(`A session is served on ${verbs} to whoever presents its ID: the caller is not compared`),
  ]

  it.each([
    ['nowhere', server('res.locals.claims.sub', ''), notCompared('POST, GET')],
    ['nowhere, though the handler knows them', server('req.user.id', ''), notCompared('POST, GET')],
    ['on one verb only', server('res.locals.claims.sub', check), notCompared('GET')],
    ['on every verb', server('res.locals.claims.sub', check, check), []],
  ])('is compared with the owner %s', (_where, program, expected) => {
    expect(findingsOf('unbound-session', program)).toEqual(expected)
  })

  it('is nobody where no handler asks for one: the middleware may do anything', () => {
    expect(findingsOf('unbound-session', server('undefined', ''))).toEqual([
      expect.stringContaining('no credential is verified'),
    ])
  })
})

describe('an owner that is compared where the request names a session', () => {
  const server = (lookUp: string, check: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const entries = new Map()
    const open = (user) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => { entries.set(id, { user, transport }) } })
      return transport
    }
    const app = express()
    app.use(requireBearerAuth({}))
    app.all('/mcp', async (req, res) => {
      const user = req.auth.extra.sub
      const sid = req.get('mcp-session-id')
      const entry = ${lookUp}
      if (${check}) return res.status(404).end()
      const transport = entry?.transport ?? open(user)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`

  const LOOK_UP = 'sid ? entries.get(sid) : undefined'

  it.each([
    [LOOK_UP, 'sid && entry?.user !== user'],
    [LOOK_UP, 'sid && (!entry || entry.user !== user)'],
    [LOOK_UP, '!(!sid || entry?.user === user)'],
    ['entries.get(sid)', 'sid && entry?.user !== user'],
  ])('is compared: %s, %s', (lookUp, check) => {
    expect(outcomeOf('unbound-session', server(lookUp, check))).toBe('pass')
  })

  it.each([
    ['entries.get(sid ?? req.query.session)', 'sid && entry?.user !== user'],
    [LOOK_UP, 'req.query.strict && entry?.user !== user'],
    [LOOK_UP, 'sid && !entry'],
  ])('is not: %s, %s', (lookUp, check) => {
    expect(outcomeOf('unbound-session', server(lookUp, check))).toBe('fail')
  })
})

describe('a session that turns out to be over where it is looked up', () => {
  const server = (check: string): string => `
    import express from 'express'
    import { jwtVerify } from 'jose'
    import { randomUUID } from 'node:crypto'
    const live = new Map()
    const look = (id) => {
      const found = live.get(id)
      if (!found) return undefined
      if (found.end < Date.now()) { live.delete(id); return undefined }
      return found
    }
    const open = (owner) => { const id = randomUUID(); live.set(id, { owner, end: Date.now() + 3_600_000 }); return id }
    const enter = async (req) => {
      const { payload } = await jwtVerify(req.get('authorization'), KEY, { issuer: 'a', audience: 'b' })
      const session = look(req.get('mcp-session-id'))
      ${check}
      return { owner: payload.sub, session }
    }
    const app = express().use(express.json())
    app.post('/mcp', async (req, res) => {
      const { owner, session } = await enter(req)
      if (req.body.method === 'initialize') return res.set('mcp-session-id', open(owner)).json({})
      if (!session) return res.sendStatus(404)
      res.json({ jsonrpc: '2.0', id: req.body.id, result: { notes: session.notes } })
    })
    app.listen(3000)`

  it.each([
    ['pass', "if (session && session.owner !== payload.sub) throw new Error('404')"],
    ['pass', "if (session) return session.owner === payload.sub ? { session } : Promise.reject(new Error('404'))"],
    ['fail', ''],
    ['fail', "if (session && session.end < 0) throw new Error('404')"],
  ])('is nobody’s to be asked about: %s, %s', (outcome, check) => {
    expect(outcomeOf('unbound-session', server(check))).toBe(outcome)
  })
})
