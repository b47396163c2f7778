/** IDs of sessions that are the client's where it names one: kept as text, or beside what was found. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const adoption = 'client-supplied-session-id'

describe('an ID that the client names, or that is made here', () => {
  const worker = (serve: string): string => `
    export default {
      async fetch(request, env) {
        const rpc = await request.json()
        const asked = request.headers.get('mcp-session-id')
        ${serve}
        return Response.json({ jsonrpc: '2.0', id: rpc.id, result: state }, { headers: { 'mcp-session-id': id } })
      },
    }`
  const put = 'await env.KV.put(`s:${id}`, JSON.stringify(state), { expirationTtl: 60 })'

  it.each([
    [
      'in the message',
      `if (rpc.method === 'initialize') {
         const id = rpc.params?._meta?.sessionId ?? crypto.randomUUID()
         const state = { items: [] }
         ${put}
         return Response.json({}, { headers: { 'mcp-session-id': id } })
       }
       const id = asked
       const state = await env.KV.get(\`s:\${id}\`, 'json')`,
    ],
    [
      'in a header, whether it is known or not',
      `const id = asked ?? crypto.randomUUID()
       const state = (await env.KV.get(\`s:\${id}\`, 'json')) ?? { items: [] }
       ${put}`,
    ],
  ])('is the ID of a record that is kept as text: %s', (_, serve) => {
    expect(outcomeOf(adoption, worker(serve))).toBe('fail')
  })

  it('is that of a record there is where any other is refused', () => {
    const serve = `
      const state = asked ? await env.KV.get(\`s:\${asked}\`, 'json') : { items: [] }
      if (!state) return new Response(null, { status: 404 })
      const id = asked ?? crypto.randomUUID()
      ${put}`
    expect(outcomeOf(adoption, worker(serve))).toBe('pass')
  })

  const node = (before: string, id: string): string => `
    import express from 'express'
    import { Redis } from 'ioredis'
    const redis = new Redis()
    const sessions = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const asked = req.get('mcp-session-id')
      ${before}
      const id = ${id}
      const session = sessions.get(id) ?? { items: [] }
      session.items.push(req.body)
      sessions.set(id, session)
      res.set('mcp-session-id', id).json(session)
    })
    app.listen(3000)`

  it.each([
    ['whatever it is', '', 'asked ?? crypto.randomUUID()', 'fail'],
    [
      'unless it is unknown',
      'if (asked && !sessions.has(asked)) return res.sendStatus(404)',
      'asked ?? crypto.randomUUID()',
      'pass',
    ],
    ['if it is known', '', 'asked && sessions.has(asked) ? asked : crypto.randomUUID()', 'pass'],
  ])('is that of a session that is made where none is found, %s', (_, before, id, outcome) => {
    expect(outcomeOf(adoption, node(before, id))).toBe(outcome)
  })

  it('is known by what its key is made of', () => {
    const text = (test: string): string => `
      import express from 'express'
      import { Redis } from 'ioredis'
      const redis = new Redis()
      const keyOf = (id) => 'mcp:' + id
      const app = express()
      app.post('/mcp', async (req, res) => {
        const asked = req.get('mcp-session-id')
        const id = ${test} ? asked : crypto.randomUUID()
        const session = JSON.parse((await redis.get('mcp:' + id)) ?? '{}')
        await redis.set('mcp:' + id, JSON.stringify(session))
        res.set('mcp-session-id', id).json(session)
      })
      app.listen(3000)`
    expect(outcomeOf(adoption, text('asked'))).toBe('fail')
    expect(outcomeOf(adoption, text("asked && (await redis.exists('mcp:' + asked))"))).toBe('pass')
    expect(outcomeOf(adoption, text('asked && (await redis.exists(`mcp:${asked}`))'))).toBe('pass')
    expect(outcomeOf(adoption, text('asked && (await redis.exists(keyOf(asked)))'))).toBe('pass')
  })
})

describe('an ID that another part of the request names than the one sessions are found by', () => {
  const program = (make: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const live = new Map()
    const app = express()
    app.all('/mcp', async (req, res) => {
      const me = req.user.id
      const sid = req.get('mcp-session-id')
      const known = sid ? live.get(sid) : undefined
      if (sid && known?.owner !== me) return res.sendStatus(404)
      const { thread } = req.query
      const transport = known?.transport ?? new StreamableHTTPServerTransport({
        sessionIdGenerator: ${make},
        onsessioninitialized: (id) => live.set(id, { transport, owner: me }),
      })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000)`

  it.each([
    ['one of two generators', 'thread === undefined ? randomUUID : () => thread'],
    ['one generator', '() => thread ?? randomUUID()'],
  ])('is the client’s: %s', (_, make) => {
    expect(outcomeOf(adoption, program(make))).toBe('fail')
  })

  it.each([
    ['whatever is named', 'randomUUID'],
    ['the one that was found', '() => known ? sid : randomUUID()'],
  ])('is made here: %s', (_, make) => {
    expect(outcomeOf(adoption, program(make))).toBe('pass')
  })
})
