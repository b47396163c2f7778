/** Who is told of what belongs to somebody: subscriptions and tasks, with the SDK and by hand. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const RULE = 'unauthorized-subscription'

/** MCP answered by hand: a table of methods, each given the parameters and the caller. */
const byHand = (kept: string, methods: string): string => `
  import { Hono } from 'hono'
  import { bearerAuth } from 'hono/bearer-auth'
  import { jwtVerify } from 'jose'
  import { randomUUID } from 'node:crypto'
  const key = new TextEncoder().encode(process.env.KEY)
  ${kept}
  const methods = { 'tools/list': async () => ({ tools: [] }), ${methods} }
  const app = new Hono()
  app.use('/mcp', bearerAuth({ verifyToken: async (token, c) => {
    const { payload } = await jwtVerify(token, key, { audience: 'notes' })
    c.set('caller', payload.sub)
    return true
  } }))
  app.post('/mcp', async (c) => {
    const { id, method, params } = await c.req.json()
    const run = Object.hasOwn(methods, method) ? methods[method] : undefined
    if (!run) return c.json({ jsonrpc: '2.0', id, error: { code: -32601, message: 'unknown' } })
    return c.json({ jsonrpc: '2.0', id, result: await run(params, c.get('caller')) })
  })
  export default app`

const TASKS = `const tasks = new Map()
  const find = (id) => { const task = tasks.get(id); if (!task) throw new Error('unknown'); return task }`
const BEGIN = `'tools/call': async (params, caller) => {
  const task = { id: randomUUID(), by: caller, status: 'working' }
  tasks.set(task.id, task)
  return { task: { taskId: task.id } }
}`
const asked = "if (task.by !== caller) throw new Error('unknown');"

describe('tasks that are answered for by hand', () => {
  it.each([
    ['get', `'tasks/get': async ({ taskId }) => ({ status: find(taskId).status })`],
    ['result', `'tasks/result': async ({ taskId }) => ({ content: [{ type: 'text', text: find(taskId).output }] })`],
    ['cancel', `'tasks/cancel': async ({ taskId }) => { tasks.delete(taskId); return {} }`],
  ])('are anybody’s where tasks/%s asks for nobody', (_name, method) => {
    expect(outcomeOf(RULE, byHand(TASKS, `${BEGIN}, ${method}`))).toBe('fail')
  })

  it('are of whoever began them where each method compares', () => {
    const methods = `${BEGIN},
      'tasks/get': async ({ taskId }, caller) => { const task = find(taskId); ${asked} return { status: task.status } },
      'tasks/cancel': async ({ taskId }, caller) => { const task = find(taskId); ${asked} tasks.delete(taskId); return {} }`
    expect(outcomeOf(RULE, byHand(TASKS, methods))).toBe('pass')
  })
})

const HUB = `const orders = new Map(); const topics = new Map()
  export function changed(uri) {
    const news = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } }
    for (const out of topics.get(uri) ?? []) out.write(\`data: \${JSON.stringify(news)}\\n\\n\`)
  }
  setInterval(() => changed('order://1'), 1000)`
const READ = `'resources/read': async ({ uri }, caller) => {
  const order = orders.get(uri)
  if (order?.customer !== caller) throw new Error('unknown')
  return { contents: [{ uri, text: order.text }] }
}`

describe('subscriptions that are kept by hand', () => {
  const add = `if (!topics.has(uri)) topics.set(uri, new Set()); topics.get(uri).add(streamOf(caller)); return {}`

  it('are given to whoever asks, though reading is not', () => {
    const methods = `${READ}, 'resources/subscribe': async ({ uri }, caller) => { ${add} }`
    expect(outcomeOf(RULE, byHand(HUB, methods))).toBe('fail')
  })

  it('are given to those who may read', () => {
    const asks = "if (orders.get(uri)?.customer !== caller) throw new Error('unknown');"
    const methods = `${READ}, 'resources/subscribe': async ({ uri }, caller) => { ${asks} ${add} }`
    expect(outcomeOf(RULE, byHand(HUB, methods))).toBe('pass')
  })
})

describe('news that start-up listens for', () => {
  const server = (ask: string): string => `
    import express from 'express'
    import { Server } from '@modelcontextprotocol/sdk/server/index.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { ReadResourceRequestSchema, SubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js'
    import { EventEmitter } from 'node:events'
    import { mayRead, balanceOf } from './ledger.js'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { verifier } from './verifier.js'
    const ledger = new EventEmitter()
    const watchers = new Map()
    ledger.on('booked', (uri) => { for (const server of watchers.get(uri) ?? []) server.sendResourceUpdated({ uri }) })
    function build(user) {
      const server = new Server({ name: 'accounts', version: '1' }, { capabilities: { resources: { subscribe: true } } })
      server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => {
        if (!(await mayRead(user, params.uri))) throw new Error('forbidden')
        return { contents: [{ uri: params.uri, text: await balanceOf(params.uri) }] }
      })
      server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
        ${ask}
        if (!watchers.has(params.uri)) watchers.set(params.uri, new Set())
        watchers.get(params.uri).add(server)
        return {}
      })
      return server
    }
    const app = express()
    app.post('/mcp', requireBearerAuth({ verifier }), async (req, res) => {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      await build(req.auth.extra.sub).connect(transport)
      await transport.handleRequest(req, res)
    })
    app.listen(3000, '127.0.0.1')`

  it('go to whoever named the resource', () => {
    expect(outcomeOf(RULE, server(''))).toBe('fail')
  })

  it('go to those who may read it', () => {
    expect(outcomeOf(RULE, server("if (!(await mayRead(user, params.uri))) throw new Error('forbidden')"))).toBe('pass')
  })
})

const TOKEN = `
    import { createRemoteJWKSet, jwtVerify } from 'jose'
    const keys = createRemoteJWKSet(new URL(process.env.JWKS))
    const whoIs = async (header) => {
      try { return (await jwtVerify(String(header).slice(7), keys, { issuer: process.env.ISSUER, audience: process.env.RESOURCE })).payload } catch { return undefined }
    }`

describe('what is read depends on the caller in code that is not seen', () => {
  const server = (read: string, subscribe: string, before = ''): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { PrismaClient } from '@prisma/client'
    import postgres from 'postgres'
    import { Server } from '@modelcontextprotocol/sdk/server/index.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { ReadResourceRequestSchema, SubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js'
    ${TOKEN}
    const prisma = new PrismaClient(), sql = postgres(process.env.DB)
    const watchers = new Map()
    const watch = (uri, server) => watchers.set(uri, (watchers.get(uri) ?? new Set()).add(server))
    export const changed = (uri) => Promise.all([...(watchers.get(uri) ?? [])].map((server) => server.sendResourceUpdated({ uri })))
    ${before}
    function inbox(user) {
      const server = new Server({ name: 'inbox', version: '1' }, { capabilities: { resources: { subscribe: true } } })
      server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }) => { ${read} })
      server.setRequestHandler(SubscribeRequestSchema, async ({ params: { uri } }) => { ${subscribe}; return {} })
      return server
    }
    const sessions = new Map()
    const app = express().use(express.json())
    app.all('/mcp', async (req, res) => {
      const who = await whoIs(req.headers.authorization)
      if (!who) return res.sendStatus(401)
      const found = sessions.get(req.get('mcp-session-id'))
      if (found && found.sub !== who.sub) return res.sendStatus(404)
      const transport = found?.transport ?? new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, { transport, sub: who.sub }),
      })
      if (!found) await inbox(who.sub).connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.post('/internal', async (req, res) => { await changed(req.body.uri); res.end() })
    app.listen(3000, '127.0.0.1')`
  const query = 'await prisma.inbox.findFirst({ where: { id: uri, members: { some: { user } } } })'
  const find = `const box = ${query}; if (!box) throw new Error('unknown')`
  const told = 'return { contents: [{ uri, text: JSON.stringify(box) }] }'

  it.each([
    ['a query', `${find}; ${told}`],
    ['a request', 'const box = await (await fetch(`${process.env.BANK}/of/${user}?uri=${uri}`)).json(); ' + told],
    ['a statement', 'const [box] = await sql`select * from inbox where id = ${uri} and owner = ${user}`; ' + told],
  ])('%s: whoever names one is told of it', (_how, read) => {
    expect(outcomeOf(RULE, server(read, 'watch(uri, server)'))).toBe('fail')
  })

  it.each([
    ['a query', `${find}; watch(uri, server)`],
    [
      'a query, by what it finds',
      `const box = ${query}; if (box === null) throw new Error('unknown'); watch(box.id, server)`,
    ],
    [
      'a count',
      "if ((await prisma.member.count({ where: { uri, user } })) === 0) throw new Error('unknown'); watch(uri, server)",
    ],
    [
      'a request',
      "const res = await fetch(`${process.env.BANK}/of/${user}?uri=${uri}`, { method: 'HEAD' }); if (!res.ok) throw new Error('unknown'); watch(uri, server)",
    ],
    ['a helper', 'await mine(user, uri); watch(uri, server)'],
  ])('%s is asked before', (_how, subscribe) => {
    const helper = `async function mine(user, uri) { const row = await prisma.member.findUnique({ where: { user_uri: { user, uri } } }); if (!row) throw new Error('unknown') }`
    expect(outcomeOf(RULE, server(`${find}; ${told}`, subscribe, helper))).toBe('pass')
  })

  it('what all may read, all may be told of', () => {
    const read = `const box = await prisma.page.findFirst({ where: { id: uri } }); ${told}`
    expect(outcomeOf(RULE, server(read, 'watch(uri, server)'))).toBe('notApplicable')
  })
})

describe('streams of subscriptions/listen that are kept by hand', () => {
  const server = (
    listen: string,
    uris = 'params?.notifications?.resourceSubscriptions ?? []',
    told = 'emit',
  ): string => `
    import { EventEmitter, on } from 'node:events'
    ${TOKEN}
    const bus = new EventEmitter(), topics = new Map()
    const join = (uri, listener) => topics.set(uri, (topics.get(uri) ?? new Set()).add(listener))
    const mine = (uri, sub) => uri.startsWith('mailbox://' + sub + '/')
    const may = async (uri, sub) => (await fetch(process.env.MAIL + '/' + uri + '/members/' + sub)).ok
    const frame = (uri) => new TextEncoder().encode('data: ' + JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } }) + '\\n\\n')
    const emit = (uri) => bus.emit(uri, uri)
    const tell = (uri) => topics.get(uri)?.forEach((listener) => listener(uri))
    function listen(uris, sub) {
      const body = new ReadableStream({ start(controller) { const send = (uri) => controller.enqueue(frame(uri)); ${listen} } })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    }
    export default {
      async fetch(request) {
        const caller = await whoIs(request.headers.get('authorization'))
        if (!caller) return new Response(null, { status: 401 })
        const { id, method, params } = await request.json()
        switch (method) {
          case 'subscriptions/listen': return listen(${uris}, caller.sub)
          case 'resources/read':
            if (!mine(params.uri, caller.sub)) return new Response(null, { status: 404 })
            return Response.json({ jsonrpc: '2.0', id, result: { contents: [{ uri: params.uri, text: '' }] } })
          case 'tools/call': ${told}(\`mailbox://\${caller.sub}/inbox\`); return Response.json({ jsonrpc: '2.0', id, result: {} })
        }
      },
    }`
  const named = 'params?.notifications?.resourceSubscriptions ?? []'

  it.each([
    ['a container', 'for (const uri of uris) join(uri, send)', 'tell'],
    ['a container, by records', 'uris.forEach((uri) => topics.set(uri, { send, since: Date.now() }))', 'tell'],
    ['an emitter', 'for (const uri of uris) bus.on(uri, send)', 'emit'],
    ['an emitter, each', 'uris.forEach((uri) => bus.on(uri, send))', 'emit'],
  ])('%s: whoever names one is told of it', (_how, listen, told) => {
    expect(outcomeOf(RULE, server(listen, named, told))).toBe('fail')
  })

  it.each([
    ['a container', 'for (const uri of uris) if (mine(uri, sub)) join(uri, send)', named, 'tell'],
    [
      'a container, narrowed',
      'for (const uri of uris) join(uri, send)',
      `(${named}).filter((uri) => mine(uri, caller.sub))`,
      'tell',
    ],
    ['an emitter', 'for (const uri of uris) { if (!mine(uri, sub)) continue; bus.on(uri, send) }', named, 'emit'],
    [
      'an emitter, asked elsewhere',
      'Promise.all(uris.map((uri) => may(uri, sub))).then((ok) => uris.filter((_, i) => ok[i]).forEach((uri) => bus.on(uri, send)))',
      named,
      'emit',
    ],
    ['the caller’s own', "bus.on('mailbox://' + sub, send)", named, 'emit'],
  ])('%s: those who may know are', (_how, listen, uris, told) => {
    expect(outcomeOf(RULE, server(listen, uris, told))).not.toBe('fail')
  })
})

describe('a store of tasks of the server’s own', () => {
  const server = (getTask: string, options: { made?: string; session?: string } = {}): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { AsyncLocalStorage } from 'node:async_hooks'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${TOKEN}
    const rows = new Map(), callers = new AsyncLocalStorage()
    class Tasks {
      constructor(owner) { this.owner = owner }
      async createTask(options, requestId, request, sessionId) { const task = { taskId: randomUUID(), sessionId, owner: this.owner, status: 'working' }; rows.set(task.taskId, task); return task }
      ${getTask}
      async listTasks() { return { tasks: [...rows.values()] } }
    }
    const shared = new Tasks()
    const app = express().use(express.json())
    app.post('/mcp', async (req, res) => {
      const who = await whoIs(req.headers.authorization)
      if (!who) return res.sendStatus(401)
      const server = new McpServer({ name: 'farm', version: '1' }, { capabilities: { tasks: {} }, taskStore: ${options.made ?? 'shared'} })
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: ${options.session ?? 'undefined'} })
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`
  const byId = 'async getTask(taskId) { return rows.get(taskId) ?? null }'
  const bySession =
    'async getTask(taskId, sessionId) { const task = rows.get(taskId); return task?.sessionId === sessionId ? task : null }'

  it.each([
    ['by its ID alone', server(byId), 'fail'],
    ['by its ID, whatever the session', server('async getTask(taskId, _session) { return rows.get(taskId) }'), 'fail'],
    ['by its ID, with sessions', server(byId, { session: 'randomUUID' }), 'fail'],
    ['by sessions that there are none of', server(bySession), 'fail'],
    ['by its session', server(bySession, { session: 'randomUUID' }), 'pass'],
    ['in a store for each caller', server(byId, { made: 'new Tasks(who.sub)' }), 'pass'],
  ])('finds a task %s', (_how, program, expected) => {
    expect(outcomeOf(RULE, program)).toBe(expected)
  })

  it('finds out who asks by itself', () => {
    const own =
      'async getTask(taskId) { const task = rows.get(taskId); return task?.owner === callers.getStore()?.sub ? task : null }'
    expect(outcomeOf(RULE, server(own))).toBe('notApplicable')
  })
})

describe('tasks whose methods are answered together', () => {
  const answered = (ways: string, asks = ''): string => `
    import { Hono } from 'hono'
    import { jwtVerify } from 'jose'
    import { randomUUID } from 'node:crypto'
    const key = new TextEncoder().encode(process.env.KEY)
    const tasks = new Map()
    const answer = (method, params, user) => {
      const task = tasks.get(params.taskId)
      if (!task${asks}) throw new Error('unknown')
      if (method === 'tasks/cancel') task.abort.abort()
      return { status: task.status }
    }
    async function rpc(user, method, params) {
      if (method === 'tools/call') {
        const task = { id: randomUUID(), by: user, status: 'working', abort: new AbortController() }
        tasks.set(task.id, task)
        return { task: { taskId: task.id } }
      }
      ${ways}
    }
    const app = new Hono()
    app.post('/mcp', async (c) => {
      let user
      try {
        user = (await jwtVerify(c.req.header('authorization').slice(7), key, { audience: 'notes' })).payload.sub
      } catch {
        return c.json({}, 401)
      }
      const { id, method, params } = await c.req.json()
      return c.json({ jsonrpc: '2.0', id, result: await rpc(user, method, params) })
    })
    export default app`
  const called = 'return answer(method, params, user)'

  it.each([
    `switch (method) { case 'tasks/get': case 'tasks/result': case 'tasks/cancel': ${called} }`,
    `if (method === 'tasks/get' || method === 'tasks/cancel') ${called}`,
    `if (method.startsWith('tasks/')) ${called}`,
  ])('are anybody’s where nobody asks whose: %s', (ways) => {
    expect(outcomeOf(RULE, answered(ways))).toBe('fail')
    expect(outcomeOf(RULE, answered(ways, ' || task.by !== user'))).toBe('pass')
  })
})

describe('news that the server of a session hears of', () => {
  const program = ({ asks = '', when = 'watched.has(uri)', name = "'arrival'" }): string => `
    import express from 'express'
    import { EventEmitter } from 'node:events'
    import { randomUUID } from 'node:crypto'
    import { Server } from '@modelcontextprotocol/sdk/server/index.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { ReadResourceRequestSchema, SubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js'
    import { verifier } from './verifier.js'
    const bus = new EventEmitter()
    export const arrived = (user) => bus.emit('arrival', 'inbox://' + user)
    function createInbox(user) {
      const server = new Server({ name: 'inbox', version: '1' }, { capabilities: { resources: { subscribe: true } } })
      const watched = new Set()
      const check = (uri) => { if (uri !== \`inbox://\${user}\`) throw new Error('unknown') }
      server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => {
        check(params.uri)
        return { contents: [] }
      })
      server.setRequestHandler(SubscribeRequestSchema, async ({ params }) => {
        ${asks}
        watched.add(params.uri)
        return {}
      })
      bus.on(${name}, (uri) => { if (${when}) void server.sendResourceUpdated({ uri }) })
      return server
    }
    const sessions = new Map()
    const app = express()
    app.post('/mcp', requireBearerAuth({ verifier }), async (req, res) => {
      const user = req.auth.extra.sub
      const found = sessions.get(req.get('mcp-session-id'))
      if (found) return found.user === user ? found.transport.handleRequest(req, res, req.body) : res.sendStatus(404)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(), onsessioninitialized: (id) => sessions.set(id, { user, transport }),
      })
      await createInbox(user).connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`

  it('is told of whatever its client named, though reading is not', () => {
    expect(outcomeOf(RULE, program({}))).toBe('fail')
  })

  it('is of what its client may read, where that was asked', () => {
    expect(outcomeOf(RULE, program({ asks: 'check(params.uri)' }))).toBe('pass')
  })

  it.each([{ when: 'uri === `inbox://${user}` && watched.has(uri)' }, { name: '`arrival:${user}`' }])(
    'are the caller’s own: %o',
    (own) => {
      expect(outcomeOf(RULE, program(own))).not.toBe('fail')
    },
  )
})
