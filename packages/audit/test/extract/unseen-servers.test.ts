/** Ways in which servers keep sessions, are called and call, that we met in servers that we had not looked at before. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, findingsOf, outcomeOf } from './programs.ts'

describe('a query that is put together', () => {
  const server = (open: string, find: string, start = ''): string => `
    import express from 'express'
    import { jwtVerify } from 'jose'
    ${start}
    const app = express()
    app.post('/mcp', async (req, res) => {
      let user
      try { user = (await jwtVerify(req.headers.authorization, key)).payload.sub } catch { return res.status(401).end() }
      const id = req.headers['mcp-session-id']
      if (!id) {
        const fresh = crypto.randomUUID()
        ${open}
        return res.setHeader('mcp-session-id', fresh).json({})
      }
      ${find}
      if (!session) return res.status(404).end()
      res.json({ notes: session.notes })
    })
    app.listen(3000, '127.0.0.1')`
  const supabase = "import { createClient } from '@supabase/supabase-js'\nconst client = createClient(url, anon)"
  const knex = "import knex from 'knex'\nconst db = knex({ client: 'pg' })"
  const kysely = "import { Kysely } from 'kysely'\nconst db = new Kysely({})"

  it.each([
    [
      'by the ID alone',
      supabase,
      "await client.from('sessions').insert({ id: fresh, owner: user })",
      "const { data: session } = await client.from('sessions').select('*').eq('id', id).single()",
      'unbound',
    ],
    [
      'by ID and owner',
      supabase,
      "await client.from('sessions').insert([{ id: fresh, owner: user }])",
      "const { data: session, error } = await client.from('sessions').select().match({ id, owner: user }).maybeSingle()",
      'bound',
    ],
    [
      'whose owner is compared',
      supabase,
      "await client.from('sessions').insert({ id: fresh, owner: user })",
      "const { data: session } = await client.from('sessions').select('*').eq('id', id).single()\nif (session?.owner !== user) return res.status(404).end()",
      'bound',
    ],
    [
      'of knex',
      knex,
      "await db('sessions').insert({ id: fresh, owner: user })",
      "const session = await db('sessions').where({ id }).first()",
      'unbound',
    ],
    [
      'of kysely, with its owner',
      kysely,
      "await db.insertInto('sessions').values({ id: fresh, owner: user }).execute()",
      "const session = await db.selectFrom('sessions').selectAll().where('id', '=', id).where('owner', '=', user).executeTakeFirst()",
      'bound',
    ],
  ])('%s', (_what, start, open, find, verdict) => {
    const said = dispatchesOf(server(open, find, start)).map((text) => text.split(' ').at(-1))
    expect(said).toEqual([verdict])
  })

  it('tells how long its rows live', () => {
    const sweep = "setInterval(() => client.from('sessions').delete().lt('opened_at', new Date()).then(), 1000)"
    const find = "const { data: session } = await client.from('sessions').select().eq('id', id).single()"
    const open = "await client.from('sessions').insert({ id: fresh, owner: user, opened_at: new Date() })"
    const kinds = (start: string): readonly string[] =>
      factsOf(server(open, find, start)).stores.flatMap(({ limits }) => limits.map(({ kind }) => kind))
    expect(kinds(supabase)).toEqual([])
    expect(kinds(`${supabase}\n${sweep}`)).toEqual(['absolute'])
  })
})

describe('a page of a browser', () => {
  const server = (tool: string, before = ''): string => `
    import express from 'express'
    import { chromium } from 'playwright'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${before}
    const app = express()
    app.post('/mcp', async (req, res) => {
      const server = new McpServer({})
      server.registerTool('open', {}, async ({ url }) => { ${tool} })
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const lazy = `
    let browser, page
    async function ensurePage() {
      browser ??= await chromium.launch()
      if (!page) page = await browser.newPage()
      return page
    }`

  it('that all sessions drive is shared', () => {
    expect(findingsOf('shared-session-state', server('await (await ensurePage()).goto(url)', lazy))).toEqual([
      expect.stringContaining('page holds the browser page of whoever called last'),
    ])
  })

  it('of its own is not, though the browser is one for all', () => {
    const own = 'browser ??= await chromium.launch()\nconst page = await browser.newPage()\nawait page.goto(url)'
    expect(findingsOf('shared-session-state', server(own, 'let browser'))).toEqual([])
  })
})

describe('MCP that is answered by hand', () => {
  const server = (check: string): string => `
    import { createServer } from 'node:http'
    import { json } from 'node:stream/consumers'
    createServer(async (req, res) => {
      ${check}
      const message = await json(req)
      switch (message.method) {
        case 'initialize': return res.end(hello)
        case 'tools/call': return res.end(await call(message.params))
      }
    }).listen(3000, '127.0.0.1')`

  it('is served to any page that asks', () => {
    expect(outcomeOf('missing-origin-check', server(''))).toBe('fail')
  })

  it('is refused to the pages of others', () => {
    const check = 'if (req.headers.origin !== undefined) return res.writeHead(403).end()'
    expect(outcomeOf('missing-origin-check', server(check))).toBe('pass')
  })
})

describe('a credential and foreign pages', () => {
  const server = (check: string): string => `
    import express from 'express'
    import { jwtVerify } from 'jose'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const app = express()
    app.post('/mcp', async (req, res) => {
      ${check}
      await new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`
  const of = (token: string): string =>
    server(`try { if (!(await jwtVerify(${token}, key))) throw 0 } catch { return res.status(401).end() }`)

  it.each([
    ['a header that no browser adds by itself', 'req.headers.authorization', true],
    ['a cookie that it sends along', 'req.cookies.token', false],
    ['either', 'req.headers.authorization ?? req.cookies.token', false],
  ])('%s', (_what, token, protects) => {
    const [finding = ''] = findingsOf('missing-origin-check', of(token))
    expect(finding.includes('all that keeps a foreign page out')).toBe(protects)
  })
})

it('a WebSocket route of Fastify is given the socket first, behind the hooks of its app', () => {
  const server = (hook: string): string => `
    import Fastify from 'fastify'
    const sessions = new Map()
    const app = Fastify()
    ${hook}
    app.get('/ws', { websocket: true }, (socket, request) => {
      const id = request.headers['x-session-id'] ?? crypto.randomUUID()
      const known = sessions.get(id)
      if (known) return known.resume(socket)
      sessions.set(id, { socket, notes: [] })
      socket.on('close', () => sessions.delete(id))
    })
    app.listen({ port: 3000 })`
  const open = factsOf(server(''))
  expect(open.adoptions.map(({ origin }) => origin)).toEqual(['the request header x-session-id'])
  expect(open.stores.flatMap(({ removals }) => removals.map(({ trigger }) => trigger))).toEqual(['disconnect'])
  const hook =
    "app.addHook('onRequest', async (request, reply) => { if (request.headers.authorization !== key) return reply.code(401).send() })"
  expect(factsOf(server(hook)).dispatches.map(({ authenticated }) => authenticated)).toEqual(['always'])
})

it('what is looked up under a key that names sessions is one, whatever the parameter is called', () => {
  const server = `
    import express from 'express'
    import { createClient } from 'redis'
    const redis = createClient()
    const app = express()
    app.post('/chats', async (req, res) => {
      const id = crypto.randomUUID()
      await redis.set(\`PREFIX:\${id}\`, JSON.stringify({ notes: [] }))
      res.json({ id })
    })
    app.get('/chats/:id', async (req, res) => res.json(JSON.parse(await redis.get(\`PREFIX:\${req.params.id}\`))))
    app.listen(3000)`
  const stores = (prefix: string): number => factsOf(server.replaceAll('PREFIX', prefix)).stores.length
  expect(stores('session')).toBe(1)
  expect(stores('chat')).toBe(0)
})

it('a session that a client names, or has named for it, is adopted though nobody looks it up', () => {
  const server = `
    import { Hono } from 'hono'
    class Gate extends Hono {
      sessions = new Map()
      constructor() {
        super()
        this.get('/', (c) => {
          const id = c.req.query('sessionId') || c.req.header('Mcp-Session-Id') || crypto.randomUUID()
          this.sessions.set(id, { send: (text) => text })
          return c.text(id)
        })
      }
    }
    export default new Gate()`
  expect(factsOf(server).adoptions.map(({ at }) => at.startLine)).toEqual([8])
})

it('one variable holds the session of all: its limits are those of a store', () => {
  const server = `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    class Gate {
      session = null
      async handle(req, res) {
        if (!this.session || Date.now() - this.session.seenAt > 1000) await this.reset()
        this.session.seenAt = Date.now()
        await this.session.transport.handleRequest(req, res)
      }
      async reset() {
        if (this.session) await this.session.transport.close()
        const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'only' })
        await new McpServer({}).connect(transport)
        this.session = { transport, seenAt: Date.now() }
      }
    }
    const gate = new Gate()
    const app = express()
    app.post('/mcp', (req, res) => gate.handle(req, res))
    app.listen(3000)`
  const [store] = factsOf(server).stores
  expect(store?.kind).toBe('variable')
  expect(store?.limits.map(({ kind }) => kind)).toEqual(['idle'])
})

it('query parameters are shown as they are written', () => {
  const server = `
    import express from 'express'
    const sessions = new Map()
    const app = express()
    app.post('/open', (req, res) => { const id = crypto.randomUUID(); sessions.set(id, { notes: [] }); res.json({ id }) })
    app.post('/messages', (req, res) => {
      const session = sessions.get(req.query.sessionId)
      if (!session) return res.status(404).end()
      res.json(session)
    })
    app.delete('/:sessionId', (req, res) => res.json(sessions.get(req.params.sessionId)))
    app.listen(3000)`
  expect(findingsOf('session-token-in-url', server).join()).toContain('the query parameter sessionId')
  expect(findingsOf('session-token-in-url', server).join()).not.toContain('sessionid')
})
