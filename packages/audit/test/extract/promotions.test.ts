/** Sessions that a login makes those of somebody under the ID they had before, however that is written. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const fixation = 'session-fixation'

describe('a login to sessions that are kept by hand', () => {
  /** Bodies are taken apart here: what they call a password is one all the same. */
  const served = (login: string, before = ''): string => `
    import { createServer } from 'node:http'
    import { createHash, randomUUID } from 'node:crypto'
    import { checkPassword } from './accounts.js'
    const keys = new Map(JSON.parse(process.env.KEYS ?? '[]'))
    const sessions = new Map()
    ${before}
    const open = (record) => { const id = randomUUID(); sessions.set(id, record); return id }
    createServer(async (req, res) => {
      let text = ''
      for await (const chunk of req) text += chunk
      const body = JSON.parse(text)
      const id = req.headers['x-session-id']
      if (req.url === '/begin') return res.end(open({ notes: [] }))
      const session = sessions.get(id)
      if (!session) return res.writeHead(404).end()
      if (req.url === '/who') {
        const owner = keys.get(createHash('sha256').update(body.apiKey).digest('hex'))
        if (!owner) return res.writeHead(401).end()
        ${login}
        return res.end()
      }
      res.end(session.owner ?? 'nobody')
    }).listen(3000)`

  it.each([
    ['marks the record', 'session.owner = owner'],
    ['lays something over it', 'Object.assign(session, { owner })'],
    ['puts another record in its place', 'sessions.set(id, { ...session, owner })'],
  ])('%s', (_, login) => {
    expect(outcomeOf(fixation, served(login))).toBe('fail')
  })

  it('lists the ID among those who are logged in', () => {
    const program = served('known.add(id)', 'const known = new Set()')
    expect(outcomeOf(fixation, program)).toBe('fail')
  })

  it.each([
    ['a new ID', 'sessions.delete(id); res.write(open({ ...session, owner }))'],
    [
      'a session of its own',
      'sessions.delete(id); const next = open({}); sessions.set(next, { owner }); res.write(next)',
    ],
  ])('ends in %s', (_, login) => {
    expect(outcomeOf(fixation, served(login))).toBe('pass')
  })

  it('is none where the record is that of the credential', () => {
    expect(outcomeOf(fixation, served('owner.lastSeenBy = req.url'))).toBe('pass')
  })

  it('is one where the method of a message is called so', () => {
    const method = (name: string): string =>
      served(
        '',
        `const act = async (session, message) => {
        if (message.method === '${name}') session.user = await checkPassword(message.params.name, message.params.word)
      }`,
      ).replace('res.end(session.owner', 'await act(session, body); res.end(session.owner')
    expect(outcomeOf(fixation, method('session/authenticate'))).toBe('fail')
    expect(outcomeOf(fixation, method('session/invite'))).toBe('pass')
  })
})

describe('a record of Redis', () => {
  const served = (login: string): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    import { Redis } from 'ioredis'
    import { compare } from 'bcrypt'
    import { findUser } from './db.js'
    const redis = new Redis()
    const app = express()
    app.use(express.json(), cookieParser())
    app.get('/', async (req, res) => {
      const sid = crypto.randomUUID()
      await redis.set('sess:' + sid, '{}', 'EX', 3600)
      res.cookie('sid', sid).end()
    })
    app.post('/login', async (req, res) => {
      const { sid } = req.cookies
      const session = JSON.parse(await redis.get('sess:' + sid))
      const user = await findUser(req.body.email)
      if (!(await compare(req.body.password, user.hash))) return res.sendStatus(401)
      ${login}
      res.end()
    })
    app.listen(3000)`

  it.each([
    [
      'is written again under its ID',
      "await redis.set('sess:' + sid, JSON.stringify({ ...session, user: user.id }))",
      'fail',
    ],
    ['gets a field', "await redis.hset('sess:' + sid, 'user', user.id)", 'fail'],
    [
      'is left for a new one',
      "await redis.del('sess:' + sid); const next = crypto.randomUUID(); await redis.set('sess:' + next, JSON.stringify({ user: user.id })); res.cookie('sid', next)",
      'pass',
    ],
  ])('%s', (_, login, outcome) => {
    expect(outcomeOf(fixation, served(login))).toBe(outcome)
  })
})

describe('a tool of a session that anybody opens', () => {
  const served = (tool: string, state = 'let user', guard = ''): string => `
    import express from 'express'
    import { compare } from 'bcrypt'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { bank, verifier } from './bank.js'
    const transports = new Map()
    const known = new Map()
    function build() {
      ${state}
      const server = new McpServer({ name: 'bank', version: '1' })
      ${tool}
      return server
    }
    const app = express()
    app.use(express.json())
    app.post('/mcp', ${guard} async (req, res) => {
      const found = transports.get(req.headers['mcp-session-id'])
      if (found) return found.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => transports.set(id, transport),
      })
      await build().connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`
  const accepted = 'if (!(await compare(args.password, await bank.hashOf(args.name)))) return { content: [] }'
  const told =
    "server.tool('sign_in', schema, async (args) => { user = await bank.verify(args.card, args.code); return { content: [] } })"

  it.each([
    ['called a login tells a variable', told, 'let user'],
    [
      'that takes a password tells a variable',
      `server.tool('enter', schema, async (args) => { ${accepted}; user = args.name; return { content: [] } })`,
      'let user',
    ],
    [
      'that takes a password marks a record',
      `server.tool('enter', schema, async (args) => { ${accepted}; desk.open = true; return { content: [] } })`,
      'const desk = { open: false }',
    ],
    [
      'called a login keeps who it is under the ID of the session',
      "server.tool('login', schema, async (args, extra) => { known.set(extra.sessionId, await bank.verify(args.card, args.code)); return { content: [] } })",
      '',
    ],
  ])('%s', (_, tool, state) => {
    expect(outcomeOf(fixation, served(tool, state))).toBe('fail')
    expect(outcomeOf(fixation, served(tool, state, 'requireBearerAuth({ verifier }),'))).toBe('pass')
  })

  it.each([
    [
      'chooses something',
      "server.tool('choose', schema, async (args) => { user = args.name; return { content: [] } })",
    ],
    [
      'uses a password elsewhere',
      `server.tool('search', schema, async (args) => { ${accepted}; last = args.query; return { content: [] } })`,
    ],
    [
      'begins a login',
      "server.tool('login', schema, async () => { flow = await bank.begin(); return { content: [] } })",
    ],
    ['counts logins', "server.tool('login', schema, async () => { failures += 1; return { content: [] } })"],
  ])('%s', (_, tool) => {
    expect(outcomeOf(fixation, served(tool, 'let user, last, flow, failures = 0'))).toBe('pass')
  })
})

describe('a login to the session that every visitor has', () => {
  const visits = (login: string): string => `
    import express from 'express'
    import cookies from 'cookie-parser'
    import { randomUUID } from 'node:crypto'
    import { check } from './accounts.js'
    const app = express().use(express.json(), cookies())
    const all = new Map()
    const begin = () => { const visit = { id: randomUUID(), account: null }; all.set(visit.id, visit); return visit }
    app.use((req, res, next) => {
      req.visit = all.get(req.cookies.visit)
      if (!req.visit) { req.visit = begin(); res.cookie('visit', req.visit.id) }
      next()
    })
    app.post('/login', async (req, res) => {
      const account = await check(req.body.email, req.body.password)
      if (!account) return res.sendStatus(401)
      ${login}
      res.sendStatus(204)
    })
    app.post('/mcp', (req, res) => res.json(req.visit.account))
    app.listen(3000)`

  it('puts another record under the ID that the one which was found has', () => {
    expect(outcomeOf(fixation, visits('all.set(req.visit.id, { ...req.visit, account })'))).toBe('fail')
  })

  it('makes a new one', () => {
    const login = "all.delete(req.visit.id); const own = begin(); own.account = account; res.cookie('visit', own.id)"
    expect(outcomeOf(fixation, visits(login))).toBe('pass')
  })
})

describe('a session that only people with a credential of their own open', () => {
  const served = (guard: string): string => `
    import express from 'express'
    import { createClient } from '@supabase/supabase-js'
    import { createHash, randomUUID } from 'node:crypto'
    const supabase = createClient(process.env.URL, process.env.KEY)
    const sessions = new Map()
    const whoIs = async (token) => {
      const digest = createHash('sha256').update(token).digest('hex')
      return (await supabase.from('api_keys').select('id, user_id').eq('key_hash', digest).single()).data
    }
    const known = async (req, res, next) => {
      const found = await whoIs(req.headers.authorization ?? req.query.token)
      if (!found) return res.status(401).end()
      req.userId = found.user_id
      next()
    }
    const app = express()
    app.post('/open', ${guard} (req, res) => {
      const id = randomUUID()
      sessions.set(id, { userId: req.userId, streaming: false })
      res.json({ id })
    })
    app.get('/feed', known, (req, res) => {
      const session = sessions.get(req.get('x-session-id'))
      if (!session) return res.status(404).end()
      session.streaming = true
      res.write('')
    })
    app.listen(3000)`

  it('is marked by them', () => {
    expect(outcomeOf(fixation, served('known,'))).toBe('pass')
  })

  it('may be anybody’s where nobody is asked when it is opened', () => {
    expect(outcomeOf(fixation, served(''))).toBe('fail')
  })
})
