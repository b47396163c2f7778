/** What holds on every path to a place, and what only on some: whose session it is, who asks, over what. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, dispatchesOf, factsOf, findingsOf, outcomeOf } from './programs.ts'

/** A server whose sessions remember their owner; `check` is what stands between the look-up on line 8 and its use on line 10. */
function guarded(check: string, helpers = ''): string {
  return `
    import express from 'express'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    const app = express()
    app.use(requireBearerAuth({ verifier }))
    app.post('/mcp', async (req, res) => {
      const session = sessions.get(req.headers['mcp-session-id'])
      ${check}
      await session.transport.handleRequest(req, res, req.body)
    })
    app.put('/mcp', (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      sessions.set(transport.sessionId, { transport, owner: req.auth.clientId })
    })
    ${helpers}
    app.listen(3000, '127.0.0.1')`
}

describe('the caller is compared with the owner of the session', () => {
  it.each([
    ['by an early return', 'if (session.owner !== req.auth.clientId) return res.status(404).end()'],
    ['the other way round', 'if (req.auth.clientId !== session.owner) return res.status(404).end()'],
    ['loosely', 'if (session.owner != req.auth.clientId) return res.status(404).end()'],
    [
      'together with its existence',
      'if (!session || session.owner !== req.auth.clientId) return res.status(404).end()',
    ],
    ['through optional chaining', 'if (session?.owner !== req.auth?.clientId) return res.status(404).end()'],
    ['by a negated condition', 'if (!(session && session.owner === req.auth.clientId)) return res.status(404).end()'],
    ['by throwing', "if (session.owner !== req.auth.clientId) throw new Error('not yours')"],
    ['in a constant', 'const own = session.owner === req.auth.clientId\nif (!own) return res.status(404).end()'],
    ['in a conditional', 'if (session.owner === req.auth.clientId ? false : true) return res.status(404).end()'],
    [
      'in nested ifs',
      'if (session) { if (session.owner !== req.auth.clientId) { res.status(404).end(); return } } else return',
    ],
    ['after destructuring', 'const { owner } = session\nif (owner !== req.auth.clientId) return res.status(404).end()'],
    [
      'in constant time',
      'if (!timingSafeEqual(Buffer.from(session.owner), Buffer.from(req.auth.clientId))) return\nfunction timingSafeEqual(a, b) { return a.equals(b) }',
    ],
    ['in a switch', 'switch (session.owner) { case req.auth.clientId: break; default: return res.status(404).end() }'],
  ])('%s', (_, check) => {
    expect(dispatchesOf(guarded(check))).toEqual([expect.stringMatching(/^POST server\.ts:\d+ bound$/)])
  })

  it.each([
    [
      'a helper that returns a boolean',
      'if (!owns(session, req)) return res.status(404).end()',
      'function owns(session, req) { return session.owner === req.auth.clientId }',
    ],
    [
      'a helper of several returns',
      'if (!owns(session, req)) return res.status(404).end()',
      'function owns(session, req) { if (!session) return false; if (session.owner !== req.auth.clientId) return false; return true }',
    ],
    [
      'a helper that throws',
      'assertOwner(session, req.auth)',
      "function assertOwner(session, auth) { if (session.owner !== auth.clientId) throw new Error('not yours') }",
    ],
    [
      'an async helper that throws',
      'await assertOwner(session, req.auth)',
      "async function assertOwner(session, auth) { if (session.owner !== auth.clientId) throw new Error('not yours') }",
    ],
    [
      'a helper of a helper',
      'if (!allowed(session, req)) return',
      'const same = (a, b) => a === b\nconst allowed = (session, req) => same(session.owner, req.auth.clientId)',
    ],
    [
      'a method',
      'if (!guard.allows(session, req.auth)) return',
      'class Guard { allows(session, auth) { return session.owner === auth.clientId } }\nconst guard = new Guard()',
    ],
  ])('in %s', (_, check, helpers) => {
    expect(dispatchesOf(guarded(check, helpers))).toEqual(['POST server.ts:10 bound'])
  })

  it('in a helper that looks up and gives nothing to anybody else', () => {
    const helpers = `
    function sessionOf(req) {
      const found = sessions.get(req.headers['mcp-session-id'])
      return found?.owner === req.auth.clientId ? found : undefined
    }
    app.get('/mcp', (req, res) => {
      const session = sessionOf(req)
      if (!session) return res.status(404).end()
      session.transport.handleRequest(req, res)
    })`
    expect(dispatchesOf(guarded('', helpers))).toEqual(['POST server.ts:10 unbound', 'GET server.ts:24 bound'])
  })
})

describe('the caller is not compared with the owner of the session', () => {
  it.each([
    ['at all', ''],
    ['where only the existence is checked', 'if (!session) return res.status(404).end()'],
    ['where a text of the session is empty', 'if (session.subject.length > 0) return res.status(409).end()'],
    ['where the result is thrown away', 'session.owner === req.auth.clientId'],
    ['where it is only logged', "if (session.owner !== req.auth.clientId) console.warn('not yours')"],
    [
      'on the branch without it',
      'if (req.body.strict) { if (session.owner !== req.auth.clientId) return res.status(404).end() }',
    ],
    [
      'where either is enough',
      'if (session.owner !== req.auth.clientId && !session.shared) return res.status(404).end()',
    ],
    ['where the comparison is the wrong way', 'if (session.owner === req.auth.clientId) return res.status(404).end()'],
    [
      'where it is compared with a name the client sent',
      'if (session.owner !== req.body.user) return res.status(404).end()',
    ],
    ['where the owner is overwritten', 'session.owner = req.auth.clientId'],
    ['where the catch goes on', "try { if (session.owner !== req.auth.clientId) throw new Error('no') } catch {}"],
  ])('%s', (_, check) => {
    expect(dispatchesOf(guarded(check))).toEqual(['POST server.ts:10 unbound'])
  })

  it('where the owner is compared with what is remembered elsewhere under the same ID', () => {
    const other =
      "const others = new Map()\napp.put('/x', (req) => others.set(req.headers['mcp-session-id'], req.auth.clientId))"
    const check = "if (session.owner !== others.get(req.headers['mcp-session-id'])) return res.status(404).end()"
    expect(dispatchesOf(guarded(check, other))).toEqual(['POST server.ts:10 unbound'])
  })

  it('where the owner is compared with itself', () => {
    const check = 'if (session.owner !== session.owner) return res.status(404).end()'
    expect(dispatchesOf(guarded(check))).toEqual(['POST server.ts:10 unbound'])
  })

  it('where the credential is merely looked up in a table of keys', () => {
    const helpers = `
    const keys = new Map([['alice', process.env.ALICE_KEY], ['bob', process.env.BOB_KEY]])
    function userWith(key) {
      for (const [user, expected] of keys) if (expected === key) return user
    }`
    const check = 'const user = userWith(req.headers.authorization); if (!user) return res.status(401).end()'
    expect(dispatchesOf(guarded(check, helpers))).toEqual(['POST server.ts:10 unbound'])
  })

  it('by a helper whose answer nobody asks for', () => {
    const helpers = 'function owns(session, req) { return session.owner === req.auth.clientId }'
    expect(dispatchesOf(guarded('owns(session, req)', helpers))).toEqual(['POST server.ts:10 unbound'])
  })

  it('and the finding stands at the look-up', () => {
    expect(findingsOf('unbound-session', guarded(''))).toEqual([
      expect.stringMatching(/^server\.ts:8: A session is served on POST to whoever presents its ID/),
    ])
  })
})

describe('every verb has its own path', () => {
  const server = (body: string): string => `
    import { createServer } from 'node:http'
    import { jwtVerify } from 'jose'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    createServer(async (req, res) => {
      const { payload } = await jwtVerify(req.headers.authorization, key)
      const session = sessions.get(req.headers['mcp-session-id'])
      ${body}
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      sessions.set(transport.sessionId, { transport, owner: payload.sub })
    }).listen(3000, '127.0.0.1')`

  it('in an if', () => {
    const body = `
      if (req.method === 'POST') {
        if (session.owner !== payload.sub) return res.writeHead(404).end()
        return session.transport.handleRequest(req, res)
      }
      if (req.method === 'GET') return session.transport.handleRequest(req, res)`
    expect(dispatchesOf(server(body))).toEqual(['POST server.ts:11 bound', 'GET server.ts:13 unbound'])
  })

  it('in a switch', () => {
    const body = `
      switch (req.method) {
        case 'POST':
          if (session.owner !== payload.sub) return res.writeHead(404).end()
          return session.transport.handleRequest(req, res)
        case 'GET':
        case 'DELETE':
          return session.transport.handleRequest(req, res)
        case 'HEAD':
          return res.writeHead(405).end()
      }`
    expect(dispatchesOf(server(body))).toEqual([
      'POST server.ts:12 bound',
      expect.stringMatching(/ server\.ts:15 unbound$/),
    ])
  })

  it('or one check before all of them', () => {
    const body = `
      if (session && session.owner !== payload.sub) return res.writeHead(404).end()
      if (req.method === 'POST') return session.transport.handleRequest(req, res)
      if (req.method === 'GET') return session.transport.handleRequest(req, res)`
    expect(dispatchesOf(server(body))).toEqual(['POST server.ts:10 bound', 'GET server.ts:11 bound'])
  })
})

describe('a credential is verified', () => {
  const server = (check: string): string => `
    import { createServer } from 'node:http'
    import { jwtVerify } from 'jose'
    import { timingSafeEqual } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    createServer(async (req, res) => {
      ${check}
      await sessions.get(req.headers['mcp-session-id']).transport.handleRequest(req, res)
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      sessions.set(transport.sessionId, { transport })
    }).listen(3000, '127.0.0.1')`

  it.each([
    ['by a verifier that throws', 'await jwtVerify(req.headers.authorization, key)'],
    [
      'by a verifier in a try that answers 401',
      'try { await jwtVerify(req.headers.authorization, key) } catch { return res.writeHead(401).end() }',
    ],
    [
      'by a verifier whose failure is awaited',
      'const user = await jwtVerify(req.headers.authorization, key).catch(() => undefined)\nif (!user) return res.writeHead(401).end()',
    ],
    [
      'by comparing it with a secret',
      'if (req.headers.authorization !== `Bearer ${process.env.TOKEN}`) return res.writeHead(401).end()',
    ],
    [
      'by comparing it in constant time',
      'if (!timingSafeEqual(Buffer.from(req.headers.authorization), Buffer.from(SECRET))) return res.writeHead(401).end()',
    ],
    [
      'by a function we cannot see',
      'if (!(await verifyToken(req.headers.authorization))) return res.writeHead(401).end()',
    ],
  ])('%s', (_, check) => {
    expect(authenticationOf(server(check))).toEqual([expect.stringMatching(/ always$/)])
  })

  it.each([
    ['nowhere', ''],
    ['if it is merely decoded', "const { sub } = JSON.parse(atob(req.headers.authorization.split('.')[1]))"],
    ['if it is merely present', 'if (!req.headers.authorization) return res.writeHead(401).end()'],
    ['if it is a session ID', "if (!req.headers['mcp-session-id']) return res.writeHead(400).end()"],
  ])('never, %s', (_, check) => {
    expect(authenticationOf(server(check))).toEqual([expect.stringMatching(/ never$/)])
  })

  it.each([
    ['if the caller brings one', 'if (req.headers.authorization) await jwtVerify(req.headers.authorization, key)'],
    ['if the setting is on', 'if (process.env.REQUIRE_AUTH) await jwtVerify(req.headers.authorization, key)'],
    ['if failure is swallowed', 'try { await jwtVerify(req.headers.authorization, key) } catch {}'],
  ])('only sometimes, %s', (_, check) => {
    expect(authenticationOf(server(check))).toEqual([expect.stringMatching(/ optional$/)])
  })
})

describe('a check that some requests skip', () => {
  const server = (skipped: string, path: string): string => `
    import express from 'express'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    const sessions = {}
    const app = express()
    app.use((req, res, next) => {
      if (${skipped}) return next()
      if (req.headers.authorization !== \`Bearer \${process.env.TOKEN}\`) return res.status(401).end()
      next()
    })
    app.get('/sse', async (req, res) => {
      const transport = new SSEServerTransport('/message', res)
      sessions[transport.sessionId] = transport
    })
    app.post('${path}', (req, res) => sessions[req.query.sessionId].handlePostMessage(req, res))
    app.listen(3000)`

  it.each([
    ['for another path or another verb', "req.path === '/health' || req.method === 'OPTIONS'", '/message'],
    ['for another verb or another path', "req.method === 'OPTIONS' || req.url === '/health'", '/message'],
    ['for one of several paths', "req.path === '/' || req.path === '/a' || req.method === 'HEAD'", '/message'],
    ['for a path of fewer parts', "req.url === '/health'", '/:command/message'],
    ['for a path with another part', "req.path === '/a/health'", '/:command/message'],
  ])('is made here, %s', (_, skipped, path) => {
    expect(authenticationOf(server(skipped, path))).toEqual([expect.stringMatching(/ always$/)])
  })

  it.each([
    ['for this path or another verb', "req.path === '/message' || req.method === 'OPTIONS'", '/message'],
    ['for another path or this verb', "req.path === '/health' || req.method === 'POST'", '/message'],
    ['for what a parameter may be', "req.path === '/health'", '/:command'],
    ['for a path that parts may be left out of', "req.path === '/message'", '/:command?/message'],
    ['for a path with any parts in between', "req.path === '/a/b/message'", '/*any/message'],
    ['for another path or what is asked for', "req.path === '/health' || req.query.open", '/message'],
  ])('is not always made here, %s', (_, skipped, path) => {
    expect(authenticationOf(server(skipped, path))).toEqual([expect.stringMatching(/ (?:optional|never)$/)])
  })
})

describe('a web session is regenerated at login', () => {
  const login = (body: string): string => `
    import express from 'express'
    import session from 'express-session'
    import bcrypt from 'bcrypt'
    const app = express()
    app.use(session({ secret: process.env.SECRET }))
    app.post('/login', async (req, res) => {
      if (!(await bcrypt.compare(req.body.password, hash))) return res.status(401).end()
      ${body}
    })
    app.listen(3000, '127.0.0.1')`

  const regenerated = (body: string): readonly (boolean | undefined)[] =>
    factsOf(login(body)).logins.map((fact) => fact.regenerated)

  it.each([
    [
      'before the user is written, in its callback',
      'req.session.regenerate(() => { req.session.user = req.body.user })',
    ],
    [
      'before the user is written, awaited',
      'await new Promise((done) => req.session.regenerate(done))\nreq.session.user = req.body.user',
    ],
    [
      'by a helper',
      'await renew(req)\nreq.session.user = req.body.user\nfunction renew(req) { return new Promise((done, fail) => req.session.regenerate((error) => (error ? fail(error) : done()))) }',
    ],
    [
      'on both branches',
      'if (req.body.keep) req.session.regenerate(() => {})\nelse req.session.regenerate(() => {})\nreq.session.user = req.body.user',
    ],
  ])('%s', (_, body) => {
    expect(regenerated(body)).toEqual([true])
  })

  it('promisified', () => {
    const body = `
      const regenerate = require('node:util').promisify(req.session.regenerate.bind(req.session))
      await regenerate()
      req.session.user = req.body.user`
    expect(regenerated(body)).toEqual([true])
  })

  it.each([
    ['never', 'req.session.user = req.body.user'],
    [
      'on one branch only',
      'if (!req.session.draft) req.session.regenerate(() => {})\nreq.session.user = req.body.user',
    ],
    ['only after the user is written', 'req.session.user = req.body.user\nreq.session.regenerate(() => {})'],
    [
      'only when a setting asks for it',
      'if (process.env.HARDENED) req.session.regenerate(() => {})\nreq.session.user = req.body.user',
    ],
  ])('%s', (_, body) => {
    expect(regenerated(body)).toEqual([false])
  })

  it('and the finding stands at the write', () => {
    expect(findingsOf('session-fixation', login('req.session.user = req.body.user'))).toEqual([
      expect.stringMatching(/^server\.ts:8: The login writes user/),
    ])
  })
})

describe('a route that closes the session it names', () => {
  const served = (route: string): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    const app = express()
    const auth = (req, res, next) => { req.user = jwt.verify(req.headers.authorization.slice(7), process.env.KEY); next() }
    app.all('/mcp', auth, async (req, res) => {
      const found = sessions.get(req.headers['mcp-session-id'])
      if (found) return found.owner === req.user.sub ? found.transport.handleRequest(req, res) : res.sendStatus(404)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, { transport, owner: req.user.sub, at: Date.now() }),
      })
      await new McpServer({ name: 'a', version: '1' }).connect(transport)
      await transport.handleRequest(req, res)
    })
    ${route}
    app.listen(3000)`
  const close = 'const found = sessions.get(req.params.id); await found?.transport.close(); res.end()'
  const old =
    'const found = sessions.get(req.params.id); if (found && Date.now() - found.at > 36e5) await found.transport.close(); res.end()'

  it.each([
    ['asks nobody who they are', `app.post('/sessions/:id/close', async (req, res) => { ${close} })`, 'fail'],
    ['asks', `app.post('/sessions/:id/close', auth, async (req, res) => { ${close} })`, 'pass'],
    ['does so where its time is over', `app.post('/sessions/:id/check', async (req, res) => { ${old} })`, 'pass'],
  ])('%s', (_, route, outcome) => {
    expect(outcomeOf('session-as-authentication', served(route))).toBe(outcome)
  })
})

describe('routes that serve on the session alone', () => {
  const server = (serving: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const transports = new Map()
    const app = express()
    app.get('/admin', (req, res) => {
      if (req.get('x-admin-key') !== process.env.ADMIN_KEY) return res.status(401).end()
      res.json([...transports.keys()].length)
    })
    async function serve(req, res) {
      const known = transports.get(req.get('mcp-session-id'))
      if (known) return known.handleRequest(req, res)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => transports.set(id, transport),
      })
      await transport.handleRequest(req, res)
    }
    ${serving}
    app.listen(3000)`

  it.each([
    ["app.post('/mcp', serve)", 'POST /mcp'],
    ["app.all('/mcp', serve)", '/mcp'],
    ["app.all('*', serve)", 'Any request'],
  ])('%s are called after what they take', (serving, title) => {
    expect(findingsOf('session-as-authentication', server(serving))).toEqual([
      expect.stringContaining(`${title}: the session ID alone is accepted`),
    ])
  })
})
