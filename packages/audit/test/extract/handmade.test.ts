/** Servers that answer MCP by hand: where their sessions are kept, how they are served, and what of it is seen. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, findingsOf, outcomeOf } from './programs.ts'

const answer = (result: string): string => `JSON.stringify({ jsonrpc: '2.0', id: message.id, result: ${result} })`

describe('a session that is answered from', () => {
  it('lies as deep in the answer as the result of a tool', () => {
    const program = `
      import { createServer } from 'node:http'
      const sessions = new Map()
      createServer(async (req, res) => {
        const message = JSON.parse(await text(req))
        if (message.method === 'initialize') {
          const id = crypto.randomUUID()
          sessions.set(id, { notes: 'a' })
          res.setHeader('Mcp-Session-Id', id)
        }
        const session = sessions.get(req.headers['mcp-session-id'])
        if (!session) return res.end()
        res.end(${answer("{ content: [{ type: 'text', text: session.notes }] }")})
      }).listen(3000)`
    expect(dispatchesOf(program)).toEqual(['* server.ts:12 unbound'])
  })

  it('is what a handler of Fastify returns', () => {
    const program = `
      import Fastify from 'fastify'
      const sessions = {}
      const app = Fastify()
      app.post('/open', async (request, reply) => {
        const id = crypto.randomUUID()
        sessions[id] = { notes: 'a' }
        return { id }
      })
      app.post('/mcp', async (request) => ({ result: sessions[request.headers['mcp-session-id']].notes }))
      app.listen({ port: 3000, host: '0.0.0.0' })`
    expect(dispatchesOf(program)).toEqual(['POST server.ts:9 unbound'])
  })
})

describe('streams of a server of its own', () => {
  const program = (dispatch: string): string => `
    import express from 'express'
    const streams = new Map()
    const app = express()
    app.get('/sse', (req, res) => {
      const id = crypto.randomUUID()
      streams.set(id, res)
      req.on('close', () => streams.delete(id))
    })
    app.post('/messages', (req, res) => {
      const stream = streams.get(req.query.session_id)
      const message = req.body
      ${dispatch}
      stream.write(${answer('result')})
    })
    app.listen(3000)`

  it('end with their connections', () => {
    const [store] = factsOf(program('const result = {}')).stores
    expect(store).toMatchObject({ boundToConnection: true })
    expect(outcomeOf('missing-session-expiry', program('const result = {}'))).toBe('pass')
    expect(outcomeOf('missing-session-invalidation', program('const result = {}'))).toBe('pass')
  })

  it('are served to whoever names one', () => {
    expect(dispatchesOf(program('const result = {}'))).toEqual(['POST server.ts:13 unbound'])
  })

  it.each([
    [
      "a table: { 'tools/call': … }",
      "const result = { 'tools/call': (given) => given }[message.method](message.params)",
    ],
    ['a map', "const result = new Map([['tools/call', 1]]).get(message.method)"],
    ['what it is not', "if (message.method !== 'tools/call') return\n      const result = {}"],
  ])('answer MCP, told by %s', (_how, dispatch) => {
    expect(factsOf(program(dispatch)).endpoints).toHaveLength(1)
    expect(factsOf(program('const result = {}')).endpoints).toHaveLength(0)
  })
})

describe('a message that comes in pieces', () => {
  const server = (read: string): string => `
    import { createServer } from 'node:http'
    createServer(async (req, res) => {
      ${read}
      function answer(text) {
        const message = JSON.parse(text)
        if (message.method === 'tools/call') res.end(${answer('1')})
      }
    }).listen(3000)`

  it.each([
    [
      'collected by a listener',
      `const parts = []
      req.on('data', (part) => parts.push(part))
      req.on('end', () => answer(Buffer.concat(parts).toString('utf8')))`,
    ],
    [
      'promised by a function',
      `const read = () => new Promise((resolve) => {
        let text = ''
        req.on('data', (part) => { text += part })
        req.on('end', () => resolve(text))
      })
      answer(await read())`,
    ],
    [
      'awaited one by one',
      `let text = ''
      for await (const part of req) text += part
      answer(text)`,
    ],
  ])('is a message of the client: %s', (_how, read) => {
    expect(factsOf(server(read)).endpoints.length).toBeGreaterThan(0)
  })

  it('is none where it does not come from the request', () => {
    expect(factsOf(server("answer('{}')")).endpoints).toEqual([])
  })
})

describe('what is handed out and comes back in a header', () => {
  const server = (header: string): string => `
    import express from 'express'
    const kept = new Map()
    const app = express()
    app.get('/start', (req, res) => {
      const id = crypto.randomUUID()
      kept.set(id, { since: Date.now() })
      res.json({ id })
    })
    app.post('/work', (req, res) => {
      if (kept.has(req.get('${header}'))) res.json(kept.get(req.get('${header}')))
    })
    app.listen(3000)`

  it('names a session', () => {
    expect(factsOf(server('x-ticket')).stores).toHaveLength(1)
  })

  it('names none where it only shows that a form is ours', () => {
    expect(factsOf(server('x-csrf-token')).stores).toEqual([])
  })
})

describe('routes that are called as methods are', () => {
  const server = (path: string, own: string): string => `
    import express from 'express'
    const app = express()
    app.use(express.json())
    app.post('${path}', (req, res) => {
      ${own}
      res.json({ result: run(res.req.body) })
    })
    app.listen(3000)`

  it('serve MCP', () => {
    expect(factsOf(server('/mcp/tools/call', '')).endpoints).toMatchObject([{ check: 'never' }])
    expect(factsOf(server('/mcp/tools', '')).endpoints).toEqual([])
  })

  it('may look at where a page came from', () => {
    const own = "if (req.headers.origin !== 'https://app.example') return res.status(403).json({ error: 'no' })"
    expect(factsOf(server('/mcp/tools/call', own)).endpoints).toMatchObject([{ check: 'always' }])
  })
})

describe('durable objects', () => {
  const worker = (name: string, object = ''): string => `
    export class Session {
      async fetch(request) {
        ${object}
        return Response.json({ jsonrpc: '2.0', result: {} })
      }
    }
    export default {
      async fetch(request, env) {
        const sessionId = ${name}
        const stub = env.SESSIONS.get(env.SESSIONS.idFromName(sessionId))
        return stub.fetch(request)
      },
    }`
  const named = worker("request.headers.get('mcp-session-id') ?? crypto.randomUUID()")

  it('are a store that opens whatever a client names', () => {
    expect(findingsOf('client-supplied-session-id', named)).toEqual([expect.stringContaining('server.ts:10:')])
    expect(findingsOf('unbound-session', named)).toEqual([expect.stringContaining('Anyone on the network')])
    expect(outcomeOf('missing-session-expiry', named)).toBe('fail')
    expect(outcomeOf('missing-session-invalidation', named)).toBe('fail')
  })

  it('that end themselves are not judged by what cannot be seen', () => {
    const ending = worker(
      "request.headers.get('mcp-session-id') ?? crypto.randomUUID()",
      'await this.ctx.storage.setAlarm(1)\n        await this.ctx.storage.deleteAll()',
    )
    expect(outcomeOf('missing-session-expiry', ending)).toBe('pass')
    expect(outcomeOf('missing-session-invalidation', ending)).toBe('pass')
  })

  it('of which there is one are no store of sessions', () => {
    expect(factsOf(worker("'main'")).stores).toEqual([])
  })
})

describe('a credential that is kept for everybody', () => {
  const program = (use: string): string => `
    import { createServer } from 'node:http'
    let token
    createServer(async (req, res) => {
      ${use}
      const answered = await fetch('https://api.example/run', { headers: { authorization: token } })
      res.end(await answered.text())
    }).listen(3000)`

  it('serves whoever comes next without one', () => {
    const use = 'if (req.headers.authorization) token = req.headers.authorization'
    expect(findingsOf('unbound-session', program(use))).toEqual([
      'server.ts:5: A request that brings no credential is served with the one that the caller before it left in token.',
    ])
    expect(outcomeOf('shared-session-state', program(use))).toBe('fail')
  })

  it('serves nobody else where each request brings its own', () => {
    const use = 'token = req.headers.authorization\n      if (!token) return res.end()'
    expect(outcomeOf('unbound-session', program(use))).not.toBe('fail')
  })
})

describe('tokens that are made at login and kept in memory', () => {
  const program = (record: string, more = ''): string => `
    import express from 'express'
    import { randomBytes } from 'node:crypto'
    const app = express()
    const logins = new Map()
    app.post('/login', async (req, res) => {
      const user = await users.verify(req.body.name, req.body.password)
      const token = randomBytes(32).toString('hex')
      logins.set(token, ${record})
      res.json({ token })
    })
    app.get('/me', (req, res) => {
      const found = logins.get(req.headers.authorization?.slice(7))
      if (!found) return res.status(401).end()
      res.json(found.user)
    })
    ${more}
    app.listen(3000)`

  it('are sessions without an end where nothing says when they are over', () => {
    expect(outcomeOf('missing-session-expiry', program('{ user }'))).toBe('fail')
    expect(outcomeOf('missing-session-invalidation', program('{ user }'))).toBe('fail')
  })

  it('may be judged by whoever is told when they are over', () => {
    expect(outcomeOf('missing-session-expiry', program('{ user, expiresAt: Date.now() + 3600000 }'))).toBe(
      'notApplicable',
    )
  })

  it('end where they are taken out', () => {
    const logout = `app.post('/logout', (req, res) => { logins.delete(req.headers.authorization?.slice(7)); res.end() })`
    expect(outcomeOf('missing-session-invalidation', program('{ user }', logout))).toBe('pass')
  })
})

describe('login sessions of a library', () => {
  const nextAuth = (options: string): string => `
    import NextAuth from 'next-auth'
    export const { handlers, auth } = NextAuth(${options})
    export async function GET(request) {
      const session = await auth()
      return Response.json({ session })
    }`

  it('are put off by use without end', () => {
    const [finding] = findingsOf('missing-session-expiry', nextAuth('{ providers: [] }'))
    expect(finding).toBe(
      'server.ts:2: Sessions in Auth.js sessions have an idle timeout but no absolute one: a session that is used goes on for ever.',
    )
  })

  it.each([
    ['without an adapter the cookie is all there is of them', '{ providers: [] }', 'fail'],
    ['told so, too', "{ adapter: adapterOf(db), session: { strategy: 'jwt' } }", 'fail'],
    [
      'who signs out may be remembered by the program',
      "{ session: { strategy: 'jwt' }, events: { signOut: ({ token }) => users.raiseVersion(token.sub) } }",
      'pass',
    ],
    ['with an adapter they are kept', '{ adapter: adapterOf(db) }', 'pass'],
    ['what is not seen may keep them', 'optionsOf(process.env)', 'pass'],
  ])('end where there is a record of them: %s', (_, options, outcome) => {
    expect(outcomeOf('missing-session-invalidation', nextAuth(options))).toBe(outcome)
  })

  it('are found in a route that serves nothing else', () => {
    const program = {
      'app/api/auth/route.ts': `
        import NextAuth from 'next-auth'
        const handler = NextAuth({ providers: [] })
        export { handler as GET, handler as POST }`,
    }
    expect(outcomeOf('missing-session-expiry', program)).toBe('fail')
  })

  it('have one limit or the other with better-auth', () => {
    const program = (session: string): string => `
      import { betterAuth } from 'better-auth'
      import { createServer } from 'node:http'
      export const auth = betterAuth({ session: ${session} })
      createServer((req, res) => res.end()).listen(3000)`
    expect(findingsOf('missing-session-expiry', program('{}'))[0]).toContain('an idle timeout but no absolute one')
    expect(findingsOf('missing-session-expiry', program('{ disableSessionRefresh: true }'))[0]).toContain(
      'an absolute timeout but no idle one',
    )
  })
})

describe('code that tells messages apart', () => {
  const handler = `
    export function serve(req, res) {
      let body = ''
      req.on('data', (chunk) => { body += chunk })
      req.on('end', () => {
        const message = JSON.parse(body)
        if (message.method === 'tools/list') res.end(${answer('{ tools: [] }')})
      })
    }`
  const guarded = `
    import { createServer } from 'node:http'
    import { serve } from './handler.ts'
    createServer((req, res) => {
      if (!['localhost', '127.0.0.1'].includes(req.headers.host)) return res.writeHead(403).end()
      serve(req, res)
    }).listen(3000, '127.0.0.1')`

  it('is judged by the requests that reach it, not by what nobody is seen to call', () => {
    const spare = handler.replace('serve(', 'spare(')
    const program = { 'server.ts': guarded, 'handler.ts': handler, 'spare.ts': spare }
    expect(outcomeOf('missing-origin-check', program)).toBe('pass')
  })

  it('is judged by itself where no request is seen to reach any', () => {
    expect(outcomeOf('missing-origin-check', { 'handler.ts': handler })).toBe('fail')
  })
})

describe('a program that speaks MCP over stdio', () => {
  const bridge = (host: string, write: string): string => `
    import { spawn } from 'node:child_process'
    import express from 'express'
    const app = express()
    app.use(express.json())
    const child = spawn('npx', ['-y', 'notes-mcp'])
    app.post('/message', (req, res) => {
      child.stdout.once('data', (data) => res.send(String(data)))
      ${write}
    })
    app.listen(3000${host})`
  const rules = ['missing-origin-check', 'plaintext-transport']
  const outcomes = (program: string): readonly string[] => rules.map((rule) => outcomeOf(rule, program))

  it('is served to whoever has his message handed to it', () => {
    expect(outcomes(bridge('', "child.stdin.write(JSON.stringify(req.body) + '\\\\n')"))).toEqual(['fail', 'fail'])
  })

  it('may be served to this machine alone', () => {
    const written = 'child.stdin.write(`${JSON.stringify(req.body)}\\\\n`)'
    expect(outcomes(bridge(", '127.0.0.1'", written))).toEqual(['fail', 'pass'])
  })

  it('is not served where what it is told is not what the request says', () => {
    expect(outcomes(bridge('', "child.stdin.write('ping\\\\n')"))).toEqual(['notApplicable', 'notApplicable'])
  })
})

describe('sessions that are only asked whether they are there', () => {
  const server = (refused: string, check = '', record = ''): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { jwtVerify } from 'jose'
    const sessions = new Map()
    const app = express()
    const known = (req, res, next) => {
      const id = req.get('mcp-session-id')
      const opens = req.body.method === 'initialize'
      if (${refused}) return res.status(404).end()
      next()
    }
    const answer = async (req, res) => {
      ${check}
      if (req.body.method === 'initialize') {
        const id = randomUUID()
        sessions.set(id, { opened: Date.now()${record} })
        return res.set('mcp-session-id', id).json({ jsonrpc: '2.0', id: req.body.id, result: {} })
      }
      if (req.body.method === 'tools/call') res.json({ jsonrpc: '2.0', id: req.body.id, result: await callTool(req.body.params) })
    }
    app.post('/mcp', known, answer)
    app.listen(3000)`

  it.each([
    '!opens && !sessions.has(id)',
    '!opens && !sessions.get(id)',
    '!opens && id && !sessions.has(id)',
    '!opens && (!id || !sessions.has(id))',
  ])('are served by their ID alone: %s', (refused) => {
    expect(outcomeOf('unbound-session', server(refused))).toBe('fail')
  })

  const user = 'req.user = (await jwtVerify(req.headers.authorization.slice(7), keys)).payload.sub'
  it.each([
    'if (!opens) { const session = sessions.get(id); if (!session || session.owner !== req.user) return res.status(404).end() }',
    'if (!opens && sessions.get(id)?.owner !== req.user) return res.status(404).end()',
    'const session = sessions.get(id); if (!opens && (!session || session.owner !== req.user)) return res.status(404).end()',
    'if (!opens && !sessions.has(id)) return res.status(404).end(); if (!opens && sessions.get(id).owner !== req.user) return res.status(403).end()',
  ])('are their owner’s: %s', (asked) => {
    const check = `${user}; const id = req.get('mcp-session-id'), opens = req.body.method === 'initialize'; ${asked}`
    expect(outcomeOf('unbound-session', server('false', check, ', owner: req.user'))).not.toBe('fail')
  })

  it('are none where nobody asks for them', () => {
    expect(outcomeOf('unbound-session', server('false'))).not.toBe('fail')
  })
})
