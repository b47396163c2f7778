/** Logouts that take a cookie back, and what they leave behind. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf, type Program } from './programs.ts'

const rule = 'missing-session-invalidation'

function express(logout: string): string {
  return `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { revocations } from './revocations'
    const revoked = new Map()
    const app = express()
    app.post('/login', (req, res) => {
      res.cookie('access_token', jwt.sign({ sub: req.body.user }, process.env.KEY, { expiresIn: '1h' }))
      res.end()
    })
    app.post('/auth/logout', async (req, res) => {
      ${logout}
      res.end()
    })
    app.listen(3000)`
}

const routes = (clear: string): Program => ({
  'app/api/login/route.ts': `
    import { NextResponse } from 'next/server'
    import { SignJWT } from 'jose'
    export async function POST(request: Request) {
      const response = NextResponse.json({})
      response.cookies.set('session', await new SignJWT({}).sign(key))
      return response
    }`,
  'app/api/logout/route.ts': `
    import { NextResponse } from 'next/server'
    import { cookies } from 'next/headers'
    export async function POST() {
      const response = NextResponse.json({})
      ${clear}
      return response
    }`,
})

describe('a logout', () => {
  it.each([
    ['clears the cookie', "res.clearCookie('access_token')"],
    ['sets it to nothing', "res.cookie('access_token', '', { maxAge: 0 })"],
    ['writes the header', "res.setHeader('Set-Cookie', 'access_token=; Max-Age=0')"],
  ])('%s and ends nothing', (_how, logout) => {
    expect(findingsOf(rule, express(logout))).toEqual([
      'server.ts:11: Logging out only takes the cookie access_token back from the browser: what it holds goes on working.',
    ])
  })

  it.each([
    ['notes that the token is revoked', 'revoked.set(req.cookies.access_token, Date.now())'],
    ['asks code that cannot be seen', 'await revocations.add(req.cookies.access_token)'],
    ['asks the issuer', "await fetch('https://issuer.example/revoke', { method: 'POST' })"],
  ])('%s as well', (_how, end) => {
    expect(outcomeOf(rule, express(`${end}\n      res.clearCookie('access_token')`))).not.toBe('fail')
    expect(outcomeOf(rule, express(`res.clearCookie('access_token')\n      ${end}`))).not.toBe('fail')
  })

  it.each(['logout(req.cookies.access_token)', 'logOutEverywhere(req)', 'log_off(req)'])(
    'is left to somebody who cannot be seen: %s',
    (call) => {
      const name = call.slice(0, call.indexOf('('))
      const program = express(`await ${call}; res.clearCookie('access_token')`)
      expect(outcomeOf(rule, program.replace('{ revocations }', `{ revocations, ${name} }`))).not.toBe('fail')
    },
  )

  it('is left to a function that others have called before', () => {
    const program = express("await done(); res.clearCookie('access_token')").replace(
      'const app = express()',
      `const done = () => revocations.flush()
    const app = express()
    for (const path of ['/a', '/b', '/c', '/d']) app.get(path, (req, res) => { done(); done(); res.end() })`,
    )
    expect(outcomeOf(rule, program)).not.toBe('fail')
  })

  it('clears another cookie than that of the login', () => {
    expect(outcomeOf(rule, express("res.clearCookie('theme')"))).not.toBe('fail')
  })

  it.each(["response.cookies.delete('session')", "const jar = await cookies()\n      jar.delete('session')"])(
    'is a module of its own: %s',
    (clear) => {
      expect(outcomeOf(rule, routes(clear))).toBe('fail')
    },
  )

  it('is named by the path that its server tells apart', () => {
    expect(
      findingsOf(
        rule,
        `
        import { createServer } from 'node:http'
        createServer((req, res) => {
          const { pathname } = new URL(req.url, 'http://x')
          if (pathname === '/login') res.setHeader('Set-Cookie', \`session=\${await issue()}\`)
          if (pathname === '/logout') res.setHeader('Set-Cookie', 'session=; Max-Age=0')
          if (pathname === '/other') res.setHeader('Set-Cookie', 'session=; Max-Age=0')
          res.end()
        }).listen(3000)`,
      ),
    ).toEqual([expect.stringContaining('server.ts:5:')])
  })
})

function bearer(served: string): string {
  return `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { audit } from './audit'
    const revoked = new Set()
    let key = process.env.KEY
    const app = express()
    app.use((req, res, next) => { audit.note(req); next() })
    app.post('/login', (req, res) => {
      if (req.body.password !== process.env.PASSWORD) return res.status(401).end()
      res.json({ token: jwt.sign({ sub: req.body.user }, key, { expiresIn: '1h' }) })
    })
    function known(req, res, next) {
      try { req.user = jwt.verify(req.headers.authorization.slice(7), key) } catch { return res.status(401).end() }
      next()
    }
    ${served}
    app.listen(3000)`
}

const provider = (revokeToken: string): string => `
  import express from 'express'
  import { mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
  import { database } from './database'
  class Provider {
    private readonly tokens = new Map()
    ${revokeToken}
  }
  const app = express()
  app.use(mcpAuthRouter({ provider: new Provider(), issuerUrl: new URL('https://auth.example') }))
  app.listen(3000)`

const inWordOnly = expect.stringContaining('answers that it is done and ends nothing')

describe('who is told that a token is ended', () => {
  it.each([
    ['logs out', "app.post('/auth/logout', known, (req, res) => res.json({ ok: true }))"],
    [
      'revokes',
      "app.post('/oauth/revoke', (req, res) => { if (!req.body.token) return res.status(400).end(); res.sendStatus(200) })",
    ],
    ['disconnects', "app.post('/disconnect', (_req, res) => { res.json({ status: 'ok' }) })"],
  ])('%s and goes on', (_how, route) => {
    expect(findingsOf(rule, bearer(route))).toEqual([inWordOnly])
  })

  it.each([
    ['is noted', 'revoked.add(req.headers.authorization)'],
    ['has a new key', "key = 'k'.repeat(64)"],
    ['is asked for by code that cannot be seen', 'audit.forget(req.headers.authorization)'],
  ])('%s', (_how, end) => {
    const route = `app.post('/auth/logout', known, (req, res) => { ${end}; res.json({ ok: true }) })`
    expect(outcomeOf(rule, bearer(route))).toBe('pass')
  })

  it.each([
    ['refused', "app.post('/revoke', (_req, res) => res.status(501).json({}))"],
    ['shown a page', "app.get('/logout/success', (_req, res) => res.send('Goodbye'))"],
  ])('is not, but %s', (_how, route) => {
    expect(outcomeOf(rule, bearer(route))).not.toBe('fail')
  })

  it('holds no token at all', () => {
    const plain =
      "import express from 'express'\nconst app = express()\napp.post('/logout', (_req, res) => res.json({}))\napp.listen(1)"
    expect(outcomeOf(rule, plain)).toBe('notApplicable')
  })

  it('is served by a handler that does much else', () => {
    const worker = (logout: string): string => `
      import { jwtVerify, SignJWT } from 'jose'
      export default {
        async fetch(request, env) {
          const { pathname } = new URL(request.url)
          if (pathname === '/login') return new Response(await new SignJWT({}).setExpirationTime('1h').sign(env.KEY))
          await jwtVerify(request.headers.get('authorization'), env.KEY)
          if (pathname === '/notes') await env.NOTES.drop(request.url)
          if (pathname === '/logout') { ${logout}; return new Response('done') }
          return new Response('')
        },
      }`
    expect(findingsOf(rule, worker(''))).toEqual([inWordOnly])
    expect(outcomeOf(rule, worker('await env.GONE.note(request)'))).toBe('pass')
  })
})

describe('a provider of OAuth', () => {
  it.each(['async revokeToken() {}', "async revokeToken(client, request) { console.log('revoked', client) }"])(
    'ends no token: %s',
    (method) => {
      expect(findingsOf(rule, provider(method))).toEqual([inWordOnly])
    },
  )

  it.each([
    ['takes the record out', 'async revokeToken(client, { token }) { this.tokens.delete(token) }'],
    [
      'asks a database',
      "async revokeToken(client, { token }) { await database.query('UPDATE tokens SET revoked = 1 WHERE token = ?', [token]) }",
    ],
  ])('%s', (_how, method) => {
    expect(outcomeOf(rule, provider(method))).toBe('pass')
  })

  it.each(['', "async revokeToken() { throw new Error('not supported') }"])('promises no end: %s', (method) => {
    expect(outcomeOf(rule, provider(method))).toBe('notApplicable')
  })
})

describe('a logout of a session whose record stays', () => {
  const site = (logout: string): string => `
    import express from 'express'
    import session from 'express-session'
    import passport from 'passport'
    const app = express()
    app.use(session({ secret: process.env.SECRET, store: new Store() }))
    app.use(passport.initialize())
    app.use(passport.session())
    app.post('/login', (req, res, next) => req.login(found(req.body), (error) => error ? next(error) : res.json({})))
    app.post('/logout', (req, res) => {
      ${logout}
      res.redirect('/')
    })
    app.listen(3000)`

  it('is where it is seen that nothing ends', () => {
    expect(findingsOf(rule, site('delete req.session.user'))).toEqual([
      'server.ts:11: Nothing takes a session out of express-session sessions when it is ended: its ID goes on working.',
    ])
  })

  it('may be a DELETE that is answered beside what takes old sessions out', () => {
    const server = `
      import { createServer } from 'node:http'
      import { randomUUID } from 'node:crypto'
      const sessions = new Map()
      createServer((req, res) => {
        const id = req.headers['mcp-session-id']
        switch (req.method) {
          case 'DELETE':
            return res.writeHead(204).end()
          case 'POST': {
            const session = sessions.get(id)
            if (session?.until < Date.now()) sessions.delete(id)
            if (session) return res.end(session.text)
            const made = randomUUID()
            sessions.set(made, { text: '', until: Date.now() + 60_000 })
            return res.writeHead(200, { 'mcp-session-id': made }).end()
          }
        }
      }).listen(3000)`
    expect(findingsOf(rule, server)).toEqual([
      'server.ts:8: Nothing takes a session out of sessions when it is ended: its ID goes on working.',
    ])
  })

  it('ends it where the record goes', () => {
    expect(outcomeOf(rule, site('req.session.destroy()'))).toBe('pass')
  })
})

describe('a new password that a repository writes', () => {
  const users =
    'export const setPassword = (id, hash) => prisma.user.update({ where: { id }, data: { passwordHash: hash } })'
  const handlers = (after: string): Program => ({
    'users.ts': users,
    'server.ts': `
      import express from 'express'
      import session from 'express-session'
      import { setPassword } from './users'
      import { endSessions } from './sessions'
      const app = express()
      app.use(session({ secret: process.env.SECRET }))
      app.post('/password', async (req, res) => {
        await change(req.session.userId, await hash(req.body.password))
        res.end()
      })
      app.post('/logout', (req, res) => req.session.destroy(() => res.end()))
      app.post('/reset', async (req, res) => {
        await setPassword(req.body.id, await hash(req.body.password))
        await endSessions(req.body.id)
        res.end()
      })
      async function change(id, password) {
        await setPassword(id, password)
        ${after}
      }
      app.listen(3000)`,
  })

  it('is found with the function that asks for it, though another one ends the sessions', () => {
    expect(findingsOf(rule, handlers(''))).toEqual([
      'users.ts:1: A new password ends no session: whoever got in with the old one stays in.',
    ])
    expect(findingsOf(rule, handlers('await endSessions(id)'))).toEqual([])
  })

  it('is found though middleware opens sessions, and gives passwords to users of its own', () => {
    const server = (after: string): string => `
      import express from 'express'
      import bcrypt from 'bcrypt'
      import { randomUUID } from 'node:crypto'
      import Database from 'better-sqlite3'
      const db = new Database('app.db')
      const opened = db.prepare('INSERT INTO browser_sessions (id, user_id) VALUES (?, ?)')
      const found = db.prepare('SELECT * FROM browser_sessions WHERE id = ?')
      const changed = db.prepare('UPDATE users SET password_hash = ? WHERE id = ?')
      const ended = db.prepare('DELETE FROM browser_sessions WHERE user_id = ?')
      const app = express()
      app.use(async (req, res, next) => {
        let session = found.get(req.cookies.sid)
        if (!session && process.env.LOCAL) {
          changed.run(await bcrypt.hash(randomUUID(), 10), 'local')
          const id = randomUUID()
          opened.run(id, 'local')
          session = { id, user_id: 'local' }
          res.cookie('sid', id)
        }
        if (!session) return res.sendStatus(401)
        req.user = session.user_id
        next()
      })
      app.post('/password', async (req, res) => {
        changed.run(await bcrypt.hash(req.body.password, 10), req.user)
        ${after}
        res.end()
      })
      app.listen(3000)`
    const what = 'A new password ends no session: whoever got in with the old one stays in.'
    expect(findingsOf(rule, server(''))).toContain(`server.ts:25: ${what}`)
    expect(findingsOf(rule, server('ended.run(req.user)')).join()).not.toContain(what)
  })
})

describe('a list of tokens that were taken back', () => {
  const server = (guard: string, logout: string, more = ''): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    const denied = new Set()
    const app = express()
    const tokenOf = (req) => req.headers.authorization?.split(' ')[1]
    app.post('/login', (req, res) => {
      if (req.body.password !== process.env.PASSWORD) return res.sendStatus(401)
      const refresh = jwt.sign({ sub: 'alice' }, process.env.LONG, { expiresIn: '7d' })
      res.json({ refresh, token: jwt.sign({ sub: 'alice' }, process.env.KEY, { expiresIn: '1h' }) })
    })
    app.post('/logout', (req, res) => {
      ${logout}
      res.end()
    })
    app.get('/me', (req, res) => {
      ${guard}
      res.json(jwt.verify(tokenOf(req), process.env.KEY))
    })
    ${more}
    app.listen(3000)`

  const asked = 'if (denied.has(tokenOf(req))) return res.sendStatus(401)'

  it('ends nothing where nobody looks', () => {
    expect(findingsOf(rule, server('', 'denied.add(tokenOf(req))'))).toEqual([
      'server.ts:17: A token that was taken back is still accepted: whoever logs out has it noted in denied, and nobody looks there when it is verified.',
    ])
  })

  it('ends nothing where one of two places does not look', () => {
    const more = "app.get('/files', (req, res) => res.json(jwt.verify(tokenOf(req), process.env.KEY)))"
    expect(findingsOf(rule, server(asked, 'denied.add(tokenOf(req))', more)).join()).toMatch(/^server\.ts:19: /)
  })

  it('is asked', () => {
    expect(findingsOf(rule, server(asked, 'denied.add(tokenOf(req))'))).toEqual([])
  })

  it('ends nothing where it is only swept', () => {
    const logout = 'denied.add(tokenOf(req)); for (const old of denied) if (isOver(old)) denied.delete(old)'
    expect(findingsOf(rule, server('', logout))).toHaveLength(1)
  })

  it('is none where a session is found, put back as used, and ended', () => {
    const program = (end: string): string => `
      import { randomBytes } from 'node:crypto'
      import express from 'express'
      import jwt from 'jsonwebtoken'
      const sessions = new Map()
      const app = express()
      const verify = (req) => jwt.verify(req.headers.authorization?.slice(7), process.env.KEY)
      const used = (id) => {
        const session = sessions.get(id)
        if (session) sessions.set(id, Object.assign(session, { lastUsed: Date.now() }))
        return session
      }
      app.post('/login', (req, res) => {
        const id = randomBytes(16).toString('hex')
        sessions.set(id, { user: req.body.user, lastUsed: Date.now() })
        res.json({ token: jwt.sign({ id }, process.env.KEY, { expiresIn: '1h' }) })
      })
      app.post('/logout', (req, res) => {
        const { id } = verify(req)
        if (!used(id)) return res.sendStatus(401)
        ${end}
        res.end()
      })
      app.get('/me', (req, res) => res.json(verify(req)))
      app.listen(3000)`
    expect(findingsOf(rule, program('sessions.delete(id)')).filter((found) => found.includes('taken back'))).toEqual([])
  })

  it('is of other tokens', () => {
    expect(findingsOf(rule, server('', 'denied.add(req.body.refresh)'))).toEqual([])
  })
})

describe('DELETE of the path where MCP is served', () => {
  const stateless = (end: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const app = express()
    app.post('/mcp', async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await new McpServer({ name: 'notes', version: '1.0.0' }).connect(transport)
      await transport.handleRequest(req, res)
    })
    app.delete('/mcp', (req, res) => { ${end} })
    app.delete('/mcp/notes', (req, res) => { res.end() })
    app.listen(3000, '127.0.0.1')`

  it.each(['res.sendStatus(204)', 'res.json({ closed: true })', 'res.writeHead(200).end()'])(
    'is answered by %s, and nothing has ended',
    (end) => {
      expect(findingsOf(rule, stateless(end))).toEqual([
        'server.ts:10: DELETE is answered as if the session had ended, and nothing is ended.',
      ])
    },
  )

  it.each(["res.status(405).set('allow', 'POST').end()", 'res.writeHead(405).end()', 'res.sendStatus(404)'])(
    'is refused by %s',
    (end) => {
      expect(findingsOf(rule, stateless(end))).toEqual([])
    },
  )

  const onHono = (end: string): string => `
    import { Hono } from 'hono'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
    const app = new Hono()
    app.post('/mcp', async (c) => {
      const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await new McpServer({ name: 'notes', version: '1.0.0' }).connect(transport)
      return transport.handleRequest(c.req.raw)
    })
    app.delete('/mcp', (c) => ${end})
    export default app`

  it.each(['c.body(null, 204)', 'c.body(null, { status: 204 })', 'c.json({ closed: true })'])(
    'is answered by %s on Hono, and nothing has ended',
    (end) => {
      expect(findingsOf(rule, onHono(end))).toEqual([
        'server.ts:10: DELETE is answered as if the session had ended, and nothing is ended.',
      ])
    },
  )

  it.each([
    "c.json({ error: 'Method not allowed' }, 405)",
    "c.json({ error: 'Method not allowed' }, { status: 405 })",
    "c.text('no', { status: 404, headers: { allow: 'POST' } })",
  ])('is refused by %s on Hono', (end) => {
    expect(findingsOf(rule, onHono(end))).toEqual([])
  })

  it('ends a session, and says the same of one that nobody has', () => {
    const stateful = `
      import { randomUUID } from 'node:crypto'
      import express from 'express'
      import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const transports = new Map()
      const app = express()
      app.post('/mcp', async (req, res) => {
        const known = transports.get(req.get('mcp-session-id'))
        if (known) return known.handleRequest(req, res)
        const transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => transports.set(id, transport),
        })
        await new McpServer({ name: 'notes', version: '1.0.0' }).connect(transport)
        await transport.handleRequest(req, res)
      })
      app.delete('/mcp', async (req, res) => {
        const id = req.get('mcp-session-id')
        const transport = transports.get(id)
        if (transport === undefined) return res.sendStatus(204)
        transports.delete(id)
        await transport.close()
        res.sendStatus(204)
      })
      app.listen(3000, '127.0.0.1')`
    expect(findingsOf(rule, stateful)).toEqual([])
  })
})
