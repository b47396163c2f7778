/** Credentials that came in a URL, told by what is done with them. */
import { describe, expect, it } from 'vitest'
import { findingsOf, listenersOf, outcomeOf } from './programs.ts'

const app = (guard: string, more = ''): string => `
  import express from 'express'
  import { Pool } from 'pg'
  import { jwtVerify } from 'jose'
  import { verifyFileKey, findRow, prisma } from 'elsewhere'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  const pool = new Pool()
  const app = express()
  const keyOf = async (key) => (await pool.query('SELECT owner FROM api_keys WHERE key = $1', [key])).rows[0]
  const mailOf = async (token) => (await pool.query('SELECT mail FROM mails WHERE token = $1', [token])).rows[0]
  app.post('/mcp', async (req, res) => {
    ${guard}
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await new McpServer({ name: 'n', version: '1' }).connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  ${more}
  app.listen(3000, '127.0.0.1')`

const refused = 'return res.status(401).end()'

describe('a token that is made at start-up', () => {
  const program = (says: string) => `
    import express from 'express'
    import { randomBytes, timingSafeEqual } from 'node:crypto'
    const made = randomBytes(32).toString('base64url')
    const token = process.env.TOKEN ?? made
    const app = express()
    app.get('/notes', (req, res) => {
      if (!timingSafeEqual(Buffer.from(req.get('authorization')), Buffer.from(token))) return res.status(401).end()
      res.json({})
    })
    app.listen(3000, '127.0.0.1', () => { ${says} })`

  it.each([
    [
      'is told within an address',
      'console.log(`Open http://localhost:3000/ui?token=${encodeURIComponent(token)}`)',
      'fail',
    ],
    ['is told by itself', 'console.log(`The token is ${token}`)', 'pass'],
    [
      'is told behind the hash, which stays in the browser',
      'console.log(`http://localhost:3000/#token=${token}`)',
      'pass',
    ],
    ['is told in part', 'console.log(`http://localhost:3000/?token=${token.slice(0, 4)}…`)', 'pass'],
  ])('%s', (_what, says, outcome) => {
    expect(outcomeOf('session-token-in-url', program(says))).toBe(outcome)
  })
})

describe('what OAuth sends back', () => {
  const program = (part: string) => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    const sessions = new Map()
    const app = express()
    app.post('/open', (req, res) => { const id = randomUUID(); sessions.set(id, { user: req.body.user }); res.json({ id }) })
    app.get('/me', (req, res) => res.json(sessions.get(req.headers['x-session-id'])))
    app.get('/callback', (req, res) => { sessions.get(req.query.${part}).code = req.query.code; res.end() })
    app.listen(3000, '127.0.0.1')`

  it('finds what a login was begun with, and is no session ID for that', () => {
    expect(outcomeOf('session-token-in-url', program('state'))).toBe('pass')
    expect(outcomeOf('session-token-in-url', program('session'))).toBe('fail')
  })
})

describe('a credential in a URL', () => {
  it.each([
    ['in place of a header, in a table', `if (!(await keyOf(req.get('x-api-key') ?? req.query.token))) ${refused}`],
    ['alone, in a table, before MCP is served', `if (!(await keyOf(req.query.token))) ${refused}`],
    [
      'alone, in a database that is not seen, before MCP is served',
      `if (!(await prisma.keys.findUnique({ where: { token: req.query.token } }))) ${refused}`,
    ],
    ['that is a signed token, whatever it is called', 'await jwtVerify(String(req.query.fk), process.env.KEY)'],
    ['that a setting must equal, whatever it is called', `if (req.query.q !== process.env.API_KEY) ${refused}`],
    ['that unseen code verifies as a key', `if (!(await verifyFileKey(req.query.fk))) ${refused}`],
    ['in place of a header, for whoever is called with it', "await use(req.query.k || req.headers['x-api-key'])"],
    ['where there is no header', 'await use(req.get("authorization") ?? req.query.k)'],
    ['unless there is a header', 'await use(req.headers.authorization ? req.headers.authorization : req.query.k)'],
  ])('is one %s', (_what, guard) => {
    expect(outcomeOf('session-token-in-url', app(guard))).toBe('fail')
  })

  const compared = (text: string): string => `
    import express from 'express'
    const check = (token) => { if (token !== process.env.TOKEN) throw new Error('no') }
    const app = express()
    app.get('/login', async (req, res) => {
      ${text}
      res.json({})
    })
    app.listen(3000, '127.0.0.1')`

  it.each([
    ['the address', "const [, text = ''] = req.url.split('?')"],
    ['what is behind the question mark', "const text = req.originalUrl.slice(req.originalUrl.indexOf('?') + 1)"],
    ['the parsed address', 'const text = req._parsedUrl.query'],
    ['the search of a URL', "const text = new URL(req.url, 'http://localhost').search"],
    ['the query as text', 'const text = req.querystring'],
  ])('is one in a query that is taken from %s', (_what, text) => {
    const program = compared(`${text}\n check(new URLSearchParams(text).get('key'))`)
    expect(outcomeOf('session-token-in-url', program)).toBe('fail')
  })

  it.each([
    ['for a code', 'const answer = await fetch(URL, { body: new URLSearchParams({ code: req.query.code }) })'],
    ['to a question of our own', 'const answer = await fetch(URL)'],
  ])('is none in a form that another server answers %s', (_what, asked) => {
    const program = (read: string): string =>
      compared(`${asked}\n const form = new URLSearchParams(await answer.text())\n ${read}`)
    expect(findingsOf('session-token-in-url', program("check(form.get('access_token'))"))).toEqual([])
    const read = 'const { access_token, token } = Object.fromEntries(form.entries())\n check(access_token || token)'
    expect(findingsOf('session-token-in-url', program(read))).toEqual([])
  })

  it('is read where the program reads it', () => {
    expect(
      findingsOf(
        'session-token-in-url',
        app(`const fk = req.query.fk
    await jwtVerify(fk, process.env.KEY)`),
      ),
    ).toEqual([expect.stringMatching(/^server\.ts:12: .* query parameter fk/)])
  })

  const guarded = `if (!(await keyOf(req.get('x-api-key')))) ${refused}`

  it.each([
    ['a mail is confirmed by', "app.get('/confirm', async (req, res) => res.json(await mailOf(req.query.token)))"],
    [
      'a mail is confirmed by, in a database that is not seen',
      "app.get('/confirm', async (req, res) => { const mail = await prisma.mail.findUnique({ where: { token: req.query.token } }); if (!mail) return res.status(400).end(); res.json({}) })",
    ],
    ['OAuth sends along', "app.get('/callback', async (req, res) => res.json(await jwtVerify(req.query.state, KEY)))"],
    [
      'a row found by an ID holds',
      "app.get('/n', async (req, res) => { const row = await findRow(req.query.id); await jwtVerify(row.jwt, KEY) })",
    ],
    [
      'is there for what a token says of its owner',
      "app.get('/o', (req, res) => res.json(req.query.of || jwtVerify(req.get('authorization'), KEY).sub))",
    ],
    [
      'is there for a header that lets nobody in',
      "app.get('/l', (req, res) => res.json(req.query.lang || req.headers['accept-language']))",
    ],
  ])('is none that %s', (_what, more) => {
    expect(findingsOf('session-token-in-url', app(guarded, more))).toEqual([])
  })
})

describe('routes that are described', () => {
  const described = (guard: string): string => `
    import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
    import { serve } from '@hono/node-server'
    const app = new OpenAPIHono()
    const guard = async (c, next) => { if (${guard} !== process.env.API_KEY) return c.json({}, 401); await next() }
    app.openapi(
      createRoute({ method: 'get', path: '/files/{id}', middleware: [guard] as const }),
      (c) => c.json(c.req.valid('query')),
    )
    serve({ fetch: app.fetch, port: 3000, hostname: '127.0.0.1' })`

  it('are run behind their middleware', () => {
    expect(findingsOf('session-token-in-url', described("c.req.query('k')"))).toHaveLength(1)
    expect(findingsOf('session-token-in-url', described("c.req.header('x-api-key')"))).toEqual([])
  })

  it('are read by what a schema let pass', () => {
    expect(findingsOf('session-token-in-url', described("c.req.valid('query').k"))).toHaveLength(1)
    expect(findingsOf('session-token-in-url', described("c.req.valid('header').k"))).toEqual([])
  })
})

describe('a request that an adapter hands on', () => {
  const adapted = (id: string): string => `
    import { createServer } from 'node:http'
    import { adapter } from 'elsewhere'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    const transports = new Map()
    createServer(async (raw, res) => {
      const req = adapter.getRequest(raw)
      const transport = transports.get(${id})
      if (transport) return transport.handlePostMessage(raw, res)
      const fresh = new SSEServerTransport('/messages', res)
      transports.set(fresh.sessionId, fresh)
    }).listen(3000)`

  it('is that request', () => {
    expect(findingsOf('session-token-in-url', adapted('req.query.sessionId'))).toHaveLength(1)
    expect(findingsOf('session-token-in-url', adapted("req.headers['mcp-session-id']"))).toEqual([])
  })
})

describe('an exported server', () => {
  const exported = (more: string): string => `
    import { Hono } from 'hono'
    const app = new Hono()
    app.post('/mcp', (c) => c.json({}))
    export default { fetch: app.fetch${more} }`

  it.each([
    ['listens on every interface with a port', ', port: 3000', ['server.ts:4 network']],
    ['listens where it is told to', ", port: 3000, hostname: '127.0.0.1'", ['server.ts:4 127.0.0.1']],
    ['leaves that to its host without one', '', []],
  ])('%s', (_what, more, listeners) => {
    expect(listenersOf(exported(more))).toEqual(listeners)
  })
})

describe('what is kept beside the sessions, under their IDs', () => {
  const beside = (id: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    const transports = new Map()
    const notes = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const known = req.headers['mcp-session-id']
      const old = transports.get(known)
      notes.set(known, { at: Date.now() })
      if (old) return old.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (fresh) => { transports.set(fresh, transport) },
      })
      await new McpServer({ name: 'n', version: '1' }).connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.post('/notes/:sessionId/:user', (req, res) => res.json(notes.get(${id})))
    app.listen(3000)`

  it('is asked for with an ID from the path where the route says so', () => {
    expect(findingsOf('session-token-in-url', beside('req.params.sessionId'))).toEqual([
      expect.stringMatching(/^server\.ts:19: .* path parameter sessionId/),
    ])
    expect(findingsOf('session-token-in-url', beside('req.params.user'))).toEqual([])
  })
})

describe('the state of an OAuth flow that a tool begins', () => {
  const flow = (state: string, found: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    const sessions = new Map()
    const flows = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const known = sessions.get(req.headers['mcp-session-id'])
      if (known) return known.transport.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => { sessions.set(id, { transport }) },
      })
      const server = new McpServer({ name: 'n', version: '1' })
      server.tool('login', ({ sessionId }) => {
        const state = ${state}
        flows.set(state, { sessionId })
        return { content: [{ type: 'text', text: 'https://as.example/authorize?' + new URLSearchParams({ state }) }] }
      })
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.get('/callback', async (req, res) => {
      const { code, state } = req.query
      const session = ${found}
      if (!session) return res.status(400).end()
      session.tokens = await exchange(code)
      res.end()
    })
    app.listen(3000, '127.0.0.1')`

  it.each([
    ['is it', 'sessionId', 'sessions.get(state)'],
    ['holds it', 'JSON.stringify({ sessionId })', 'sessions.get(JSON.parse(state).sessionId)'],
    [
      'holds it, encoded',
      "Buffer.from(`${sessionId}:x`).toString('base64url')",
      "sessions.get(Buffer.from(state, 'base64url').toString().split(':')[0])",
    ],
  ])('carries the ID of the session where it %s', (_how, state, found) => {
    expect(outcomeOf('session-token-in-url', flow(state, found))).toBe('fail')
  })

  it('carries none where it names the flow', () => {
    const found = 'sessions.get(flows.get(state)?.sessionId)'
    expect(findingsOf('session-token-in-url', flow('crypto.randomUUID()', found))).toEqual([])
  })
})

describe('a parameter that says which key is meant', () => {
  const keys = (name: string): string => `
    import express from 'express'
    const apiKeys = [{ ${name}: process.env.FIRST_API_KEY }]
    const app = express()
    app.delete('/keys/:${name}', (req, res) => {
      const found = apiKeys.findIndex((key) => key.${name} === req.params.${name})
      res.sendStatus(found < 0 ? 401 : 204)
    })
    app.listen(3000, '127.0.0.1')`

  it('is no credential, and a key itself is one', () => {
    expect(outcomeOf('session-token-in-url', keys('kid'))).not.toBe('fail')
    expect(outcomeOf('session-token-in-url', keys('apiKey'))).toBe('fail')
  })
})

describe('what stands in a URL beside a credential', () => {
  const beside = (name: string): string =>
    outcomeOf('session-token-in-url', app(`if (!(req.headers['x-approval-token'] || req.query.${name})) ${refused}`))

  it('is one where it stands in for that', () => {
    expect(beside('token')).toBe('fail')
  })

  it.each(['sig', 'signature', 'hmac'])('is none where it signs this very request: %s', (name) => {
    expect(beside(name)).not.toBe('fail')
  })

  it('is none where it names a file', () => {
    const file = (what: string): string =>
      outcomeOf('session-token-in-url', app('', `app.get('/file', (req, res) => { ${what} })`))
    const before = "import path from 'node:path'\nimport fs from 'node:fs'"
    expect(
      outcomeOf(
        'session-token-in-url',
        `${before}\n${app('', "app.get('/file', (req, res) => { fs.readFile(path.basename(req.query.key), (e, text) => res.send(text)) })")}`,
      ),
    ).not.toBe('fail')
    expect(file(`if (!verifyFileKey(req.query.key)) ${refused}`)).toBe('fail')
  })
})

describe('a number in a URL', () => {
  const page = (use: string): string =>
    outcomeOf('session-token-in-url', app('', `app.get('/d', (req, res) => { ${use}; res.send(String(n)) })`))

  it.each(['Number.isInteger(n)', 'Number.isSafeInteger(n)', 'isNaN(n)', 'Number.isFinite(n)'])(
    'is no session, whatever it is called: %s',
    (test) => {
      expect(page(`const n = Number(req.query.session ?? 1); if (!${test}) return res.sendStatus(400)`)).not.toBe(
        'fail',
      )
    },
  )
})

describe('a ticket in a URL', () => {
  const server = (use: string): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { randomBytes } from 'node:crypto'
    const app = express()
    const tickets = new Map()
    app.post('/ticket', (req, res) => {
      const { sub } = jwt.verify(req.headers.authorization.slice(7), process.env.KEY)
      const token = randomBytes(32).toString('hex')
      tickets.set(token, { sub, exp: Date.now() + 30_000 })
      res.json({ token })
    })
    function find(token) { ${use} }
    app.get('/file', (req, res) => {
      const ticket = find(req.query.token)
      if (!ticket) return res.sendStatus(401)
      res.json({ id: ticket.sub })
    })
    app.listen(3000)`

  it('that is taken out by whoever uses it is worth nothing where it was written down', () => {
    const use = `const ticket = tickets.get(token)
      tickets.delete(token)
      return ticket && ticket.exp > Date.now() ? ticket : null`
    expect(outcomeOf('session-token-in-url', server(use))).toBe('pass')
  })

  it.each([
    ['stays', 'const ticket = tickets.get(token); return ticket && ticket.exp > Date.now() ? ticket : null'],
    [
      'is taken out when it is too old',
      `const ticket = tickets.get(token)
      if (ticket && ticket.exp < Date.now()) { tickets.delete(token); return null }
      return ticket`,
    ],
  ])('that %s is a credential', (_what, use) => {
    expect(outcomeOf('session-token-in-url', server(use))).toBe('fail')
  })
})

describe('a link by which somebody answers a question', () => {
  const program = (asked: string): string => `
    import express from 'express'
    import { Pool } from 'pg'
    import { jwtVerify } from 'jose'
    import { secret } from 'elsewhere'
    const pool = new Pool()
    const app = express()
    app.get('/questions', async (req, res) => {
      const token = req.headers.authorization.slice(7)
      const { rows } = await pool.query('SELECT * FROM questions WHERE ${asked}', [ASKED])
      return rows.length === 0 ? res.status(401).end() : res.json(rows)
    })
    app.post('/answers/:token', async (req, res) => {
      const { rows } = await pool.query('SELECT * FROM questions WHERE token = $1', [req.params.token])
      if (rows.length === 0) return res.status(404).end()
      await pool.query('UPDATE questions SET answer = $1 WHERE id = $2', [req.body.answer, rows[0].id])
      res.end()
    })
    app.listen(3000, '127.0.0.1')`

  it('is no credential where callers find the same rows by who they are', () => {
    const server = program('owner = $1').replace('ASKED', '(await jwtVerify(token, secret)).payload.sub')
    expect(outcomeOf('session-token-in-url', server)).toBe('pass')
  })

  it('is one where the same token in a header finds them', () => {
    expect(outcomeOf('session-token-in-url', program('token = $1').replace('ASKED', 'token'))).toBe('fail')
  })
})

describe('one variable for a header and a part of the URL', () => {
  const program = (taken: string): string => `
    import express from 'express'
    const app = express()
    let shared
    app.post('/mcp', (req, res) => {
      ${taken}
      if (token !== process.env.TOKEN) return res.sendStatus(401)
      res.json({})
    })
    app.get('/found', (req, res) => {
      shared = req.query.q
      res.json({ q: shared })
    })
    app.listen(3000)`
  const header = 'req.headers.authorization'

  it.each([
    [`let token = ${header}\nif (!token) token = req.query.entry`],
    [`let token\nif (${header}) token = ${header}.slice(7)\nelse if (req.query.entry) token = req.query.entry`],
    [`let token\nif (${header}) { token = ${header} } else { if (req.query.entry) { token = req.query.entry } }`],
  ])('takes the one for the other where ways meet: %s', (taken) => {
    expect(outcomeOf('session-token-in-url', program(taken))).toBe('fail')
  })

  it.each([
    [`let text = ${header}\nconst token = text\ntext = req.query.entry\nres.set('x-text', text)`],
    [`shared = ${header}\nconst token = shared`],
  ])('takes neither for the other where one is gone: %s', (taken) => {
    expect(outcomeOf('session-token-in-url', program(taken))).not.toBe('fail')
  })
})
