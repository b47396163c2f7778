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
