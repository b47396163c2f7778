/** SDK v1 behind our router: the official client in a whole conversation, and what others get to see of it. */
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../src/index.ts'
import { alice } from '../layer.ts'
import { verifies } from '../verifies.ts'
import { initializeCall, messagesOf, startServer, toolCall, type ByHand, type Running } from './mcp-server.ts'

const verbs: readonly ByHand[] = [{ body: toolCall(1, 'peek') }, { method: 'GET' }, { method: 'DELETE' }]

let running: Running | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

const start = async (options?: Parameters<typeof startServer>[0]) => (running = await startServer(options))
const textOf = (result: unknown) => JSON.parse((result as { content: { text: string }[] }).content[0]!.text) as unknown

describe('the official client of SDK v1', () => {
  test('has a whole conversation', async () => {
    const { client: connect, router, sessions } = await start()
    const { client, transport } = await connect('alice')
    expect(transport.sessionId).toMatch(/^[\w-]{43}$/)
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('count')
    expect(textOf(await client.callTool({ name: 'count' }))).toBe(1)
    expect(textOf(await client.callTool({ name: 'count' }))).toBe(2)
    expect(textOf(await client.callTool({ name: 'peek' }))).toBe(2)
    expect((await client.readResource({ uri: 'test://motd' })).contents).toMatchObject([{ text: 'hello' }])
    expect((await client.getPrompt({ name: 'greet', arguments: { name: 'Ann' } })).messages).toHaveLength(1)
    expect(await client.ping()).toEqual({})

    const progress: number[] = []
    await client.callTool({ name: 'progress' }, undefined, { onprogress: ({ progress: step }) => progress.push(step) })
    expect(progress).toEqual([1, 2, 3])

    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { count: 7 } }))
    expect(textOf(await client.callTool({ name: 'elicit' }))).toEqual({ action: 'accept', content: { count: 7 } })
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      model: 'm',
      role: 'assistant',
      content: { type: 'text', text: 'hi' },
    }))
    expect(textOf(await client.callTool({ name: 'sample' }))).toEqual({ type: 'text', text: 'hi' })

    expect(router.size).toBe(1)
    await transport.terminateSession()
    expect(router.size).toBe(0)
    expect(await sessions.count()).toBe(0)
  })

  test('hears on the stream of its session what no call asked for', async () => {
    const { client: connect } = await start()
    const { client } = await connect('alice')
    const heard = new Promise((resolve) =>
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => resolve(params.data)),
    )
    await client.callTool({ name: 'announce' })
    expect(await heard).toBe('on the stream of the session')
  })

  test('takes up a stream that broke off, and gets its answer', async () => {
    const { client: connect } = await start({ router: { retryMs: 10 } })
    const { client } = await connect('alice')
    expect(textOf(await client.callTool({ name: 'drop' }))).toBe('after the stream broke off')
  })

  test('can give up a call', async () => {
    const { client: connect, stage } = await start()
    const { client } = await connect('alice')
    const given = new AbortController()
    const call = client.callTool({ name: 'slow', arguments: { name: 'a' } }, undefined, { signal: given.signal })
    await stage.running('a')
    given.abort()
    await expect(call).rejects.toThrow('abort')
    // Its turn is free for the next.
    expect(textOf(await client.callTool({ name: 'count' }))).toBe(1)
    expect(stage.ended).toEqual(['a'])
  })
})

describe('a session', () => {
  verifies(
    ['mcp-2025-11-25/bind-session-to-user', 'mcp-2025-11-25/verify-every-request'],
    'through the router of SDK v1 is nobody else’s, on every verb',
    async () => {
      const { initialize, send, router } = await start()
      const session = await initialize('alice')
      const unknown = 'x'.repeat(43)
      const say = async (response: Response) => ({
        status: response.status,
        body: await response.text(),
        headers: [...response.headers.keys()].toSorted(),
      })
      for (const init of verbs) {
        const foreign = await say(await send({ token: 'bob', session, ...init }))
        expect(foreign.status).toBe(404)
        expect(foreign).toEqual(await say(await send({ token: 'bob', session: unknown, ...init })))
        expect((await send({ session, ...init })).status).toBe(401)
        expect((await send({ token: 'mallory', session, ...init })).status).toBe(401)
      }
      expect((await send({ token: 'alice', body: toolCall(1, 'peek') })).status).toBe(400)
      expect(router.size).toBe(1)
      const [answer] = await messagesOf(await send({ token: 'alice', session, body: toolCall(1, 'peek') }))
      expect(answer).toMatchObject({ id: 1, result: { content: [{ text: '0' }] } })
    },
  )

  verifies('mcp-2025-11-25/server-assigns-session-id', 'never gets the ID that a client chose for it', async () => {
    const { send, sessions } = await start()
    const chosen = 'A'.repeat(43)
    const opened = await send({ token: 'alice', session: chosen, body: initializeCall })
    expect(opened.status).toBe(200)
    expect(opened.headers.get('mcp-session-id')).not.toBe(chosen)
    expect(opened.headers.get('cache-control')).toContain('no-store')
    await opened.body?.cancel()
    expect((await send({ token: 'alice', session: chosen, body: toolCall(1, 'peek') })).status).toBe(404)
    expect(await sessions.count()).toBe(1)
  })

  verifies('mcp-2025-11-25/delete-terminates-session', 'ends with DELETE, for good', async () => {
    const { initialize, send, sessions, router } = await start()
    const session = await initialize('alice')
    expect((await send({ token: 'alice', session, method: 'DELETE' })).status).toBe(200)
    for (const init of verbs) expect((await send({ token: 'alice', session, ...init })).status).toBe(404)
    expect([await sessions.count(), router.size]).toEqual([0, 0])
  })

  test('is known to tools by its reference, and their caller without the token', async () => {
    const { initialize, send } = await start()
    const session = await initialize('alice')
    const [answer] = await messagesOf(await send({ token: 'alice', session, body: toolCall(1, 'whoami') }))
    const said = textOf(answer!['result']) as { sessionId: string; authInfo: object; principal: object }
    expect(said.principal).toMatchObject({ subject: 'alice' })
    expect(said.authInfo).toMatchObject({ token: '', clientId: 'app', extra: { subject: 'alice' } })
    expect(JSON.stringify(answer)).not.toContain(session)
    expect(said.sessionId.length).toBeGreaterThan(8)
  })

  test('that could not begin is none', async () => {
    const { send, sessions, router } = await start({
      router: {
        createServer: () => {
          throw new Error('no server today')
        },
      },
    })
    const failed = await send({ token: 'alice', body: initializeCall })
    expect(failed.status).toBe(500)
    expect(await failed.text()).not.toContain('today')
    expect([await sessions.count(), router.size]).toEqual([0, 0])
  })

  test('that the SDK refuses is none, and hands out no handle', async () => {
    const { send, sessions, router } = await start()
    const refused = await send({ token: 'alice', body: initializeCall, headers: { accept: 'application/json' } })
    expect(refused.status).toBe(406)
    expect(refused.headers.has('mcp-session-id')).toBe(false)
    expect([await sessions.count(), router.size]).toEqual([0, 0])
  })

  test('beyond the cap of its principal is refused', async () => {
    const { send, initialize } = await start({ sessions: { caps: { perPrincipal: 1 } } })
    const session = await initialize('alice')
    expect((await send({ token: 'alice', body: initializeCall })).status).toBe(429)
    await send({ token: 'alice', session, method: 'DELETE' })
    expect((await send({ token: 'alice', body: initializeCall })).status).toBe(200)
  })

  test('does not live on pings, answers and open streams', async () => {
    const { initialize, send, router, events } = await start({ sessions: { idleTimeoutMs: 600 } })
    const session = await initialize('alice')
    const stream = await send({ token: 'alice', session })
    expect(stream.status).toBe(200)
    const closed = stream.text()
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
    for (;;) {
      const { status, body } = await send({ token: 'alice', session, body: ping })
      await body?.cancel()
      if (status === 404) break
      expect(status).toBe(200)
      const note = { jsonrpc: '2.0', method: 'notifications/initialized' }
      await send({ token: 'alice', session, body: note })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await closed
    expect(events).toContainEqual(expect.objectContaining({ kind: 'ended', reason: 'idle-timeout' }))
    await expect.poll(() => router.size).toBe(0)
  })

  test('is asked for by a body that is read for callers only, and within bounds', async () => {
    const { send } = await start({ router: { maxBodyBytes: 1000 } })
    expect((await send({ body: '{' })).status).toBe(401)
    expect((await send({ token: 'alice', body: '{' })).status).toBe(400)
    const large = JSON.stringify({ ...initializeCall, padding: 'x'.repeat(2000) })
    expect((await send({ token: 'alice', body: large })).status).toBe(413)
    const typed = { 'content-type': 'text/plain' }
    expect((await send({ token: 'alice', body: initializeCall, headers: typed })).status).toBe(415)
    expect((await send({ token: 'alice', method: 'PUT', body: initializeCall })).status).toBe(405)
    expect(
      (await send({ token: 'alice', body: initializeCall, headers: { origin: 'https://evil.example' } })).status,
    ).toBe(403)
  })
})

describe('a stream', () => {
  test('there is one of for each session, and nobody takes it over', async () => {
    const { initialize, send } = await start()
    const session = await initialize('alice')
    const stream = await send({ token: 'alice', session })
    expect(stream.status).toBe(200)
    expect((await send({ token: 'alice', session })).status).toBe(409)
    expect((await send({ token: 'bob', session })).status).toBe(404)
    const reader = stream.body!.getReader()
    await (await send({ token: 'alice', session, body: toolCall(1, 'announce') })).text()
    expect(Buffer.from((await reader.read()).value!).toString()).toContain('on the stream of the session')
    await reader.cancel()
    await expect.poll(async () => (await send({ token: 'alice', session })).status).toBe(200)
  })

  test('that opens a moment late still gets what was meant for it', async () => {
    const { initialize, send } = await start()
    const session = await initialize('alice')
    const call = send({ token: 'alice', session, body: toolCall(1, 'announce') }).then(messagesOf)
    const stream = await send({ token: 'alice', session })
    const reader = stream.body!.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toContain('on the stream of the session')
    await reader.cancel()
    expect(await call).toMatchObject([{ id: 1, result: {} }])
  })

  verifies(
    [
      'mcp-2025-11-25/no-cross-stream-replay',
      'mcp-2025-11-25/unique-event-ids',
      'mcp-2025-11-25/event-id-names-stream',
      'mcp-2025-11-25/one-stream-per-message',
    ],
    'is taken up by its own session, and holds what was its own',
    async () => {
      const { initialize, send } = await start()
      const [session, others] = [await initialize('alice'), await initialize('bob')]
      const idsOf = async (response: Response) =>
        [...(await response.text()).matchAll(/^id: (.+)$/gm)].map(([, id]) => id!)
      const first = await idsOf(await send({ token: 'alice', session, body: toolCall(1, 'announce') }))
      const second = await idsOf(await send({ token: 'alice', session, body: toolCall(2, 'count') }))
      const foreign = await idsOf(await send({ token: 'bob', session: others, body: toolCall(1, 'count') }))
      const all = [...first, ...second, ...foreign]
      expect(all).toHaveLength(6)
      expect(new Set(all).size).toBe(6)

      const resume = (token: string, id: string, event: string) =>
        send({ token, session: id, headers: { 'last-event-id': event } })
      const again = await resume('alice', session, first[0]!)
      const reader = again.body!.getReader()
      const text = Buffer.from((await reader.read()).value!).toString()
      expect(text).toContain('"id":1')
      // Neither the message of the stream of the session nor that of the other call.
      expect(text).not.toContain('on the stream')
      expect(text).not.toContain('"id":2')
      await reader.cancel()

      expect((await resume('bob', others, first[0]!)).status).toBe(400)
      expect((await resume('bob', session, first[0]!)).status).toBe(404)
      expect((await resume('alice', session, 'made.up.1')).status).toBe(400)
      expect((await resume('alice', session, `${first[0]!.split('.')[0]}.1.999`)).status).toBe(400)
    },
  )

  verifies(
    ['asvs-5.0/7.4.1', 'mcp-2025-11-25/not-found-after-termination'],
    'is cut, and its calls are answered, when its session ends or is revoked',
    async () => {
      const { initialize, send, sessions, router, stage } = await start()
      for (const end of ['revoke', 'delete', 'close'] as const) {
        const session = await initialize('alice')
        const stream = (await send({ token: 'alice', session })).text()
        const call = send({ token: 'alice', session, body: toolCall(7, 'slow', { name: end }) }).then(messagesOf)
        await stage.running(end)
        if (end === 'revoke') await sessions.revoke({ principal: alice }, 'account disabled')
        if (end === 'delete') await send({ token: 'alice', session, method: 'DELETE' })
        if (end === 'close') await router.close()
        expect(await call).toEqual([{ jsonrpc: '2.0', id: 7, error: { code: -32001, message: 'Session not found' } }])
        await stream
        expect(stage.ended).toContain(end)
        expect(router.size).toBe(0)
        expect((await send({ token: 'alice', session, body: toolCall(8, 'peek') })).status).toBe(
          end === 'close' ? 503 : 404,
        )
      }
    },
  )

  verifies('asvs-5.0/7.3.2', 'ends with the credential that it was opened with', async () => {
    const { initialize, send, router } = await start({ credentialMs: 500 })
    const session = await initialize('alice')
    const stream = await send({ token: 'alice', session, method: 'GET' })
    await stream.text()
    await expect.poll(() => router.size).toBe(0)
  })
})

describe('calls', () => {
  test('under an id that is in use are refused, and the first gets its own answer', async () => {
    const { initialize, send, stage } = await start()
    const session = await initialize('alice')
    const first = send({ token: 'alice', session, body: toolCall(50, 'slow-read', { name: 'a' }) }).then(messagesOf)
    await stage.running('a')
    for (const body of [
      toolCall(50, 'peek'),
      [toolCall(51, 'peek'), toolCall(50, 'peek')],
      [toolCall(52, 'peek'), toolCall(52, 'peek')],
    ]) {
      const second = await send({ token: 'alice', session, body })
      expect([second.status, await messagesOf(second)]).toMatchObject([400, [{ error: { code: -32600 } }]])
    }
    stage.gate('a').resolve()
    expect(await first).toMatchObject([{ id: 50, result: { content: [{ text: '"a"' }] } }])
    const later = await messagesOf(await send({ token: 'alice', session, body: toolCall(50, 'peek') }))
    expect(later).toMatchObject([{ id: 50, result: { content: [{ text: '0' }] } }])
  })

  test('of two clients under the same ids never cross', async () => {
    const { initialize, send, stage } = await start()
    const [mine, yours] = [await initialize('alice'), await initialize('bob')]
    for (let id = 0; id < 20; id += 1) {
      const [slow, fast] = [`alice ${id}`, `bob ${id}`]
      const first = send({ token: 'alice', session: mine, body: toolCall(id, 'slow', { name: slow }) }).then(messagesOf)
      const second = send({ token: 'bob', session: yours, body: toolCall(id, 'slow', { name: fast }) }).then(messagesOf)
      await Promise.all([stage.running(slow), stage.running(fast)])
      stage.gate(fast).resolve()
      expect(await second).toMatchObject([{ id, result: { content: [{ text: JSON.stringify(fast) }] } }])
      stage.gate(slow).resolve()
      expect(await first).toMatchObject([{ id, result: { content: [{ text: JSON.stringify(slow) }] } }])
    }
  })

  verifies(
    ['asvs-5.0/15.4.2', 'asvs-5.0/2.3.3'],
    'of tools that write take turns: fifty increments are fifty',
    async () => {
      const { initialize, send } = await start()
      const session = await initialize('alice')
      const counts = await Promise.all(
        Array.from({ length: 50 }, async (_, id) => {
          const [answer] = await messagesOf(await send({ token: 'alice', session, body: toolCall(id, 'count') }))
          return textOf(answer!['result'])
        }),
      )
      expect(new Set(counts).size).toBe(50)
      expect(Math.max(...(counts as number[]))).toBe(50)
    },
  )

  test('of tools that read run beside each other, and never beside one that writes', async () => {
    const { initialize, send, stage } = await start()
    const session = await initialize('alice')
    const call = (id: number, tool: string, name: string) =>
      send({ token: 'alice', session, body: toolCall(id, tool, { name }) }).then(messagesOf)
    const reads = [call(1, 'slow-read', 'r1'), call(2, 'slow-read', 'r2')]
    await Promise.all([stage.running('r1'), stage.running('r2')])
    const write = call(3, 'slow', 'w')
    stage.gate('r1').resolve()
    await reads[0]
    expect(stage.started).not.toContain('w')
    stage.gate('r2').resolve()
    await stage.running('w')
    const peek = call(4, 'slow-read', 'r3')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(stage.started).not.toContain('r3')
    stage.gate('w').resolve()
    await Promise.all([write, stage.running('r3')])
    stage.gate('r3').resolve()
    await peek
  })

  test('that wait too long for their turn are told so, and those that keep it too long are stopped', async () => {
    const { initialize, send, stage } = await start({ router: { turns: { waitMs: 30, holdMs: 600 } } })
    const session = await initialize('alice')
    const call = (id: number, name: string) =>
      send({ token: 'alice', session, body: toolCall(id, 'slow', { name }) }).then(messagesOf)
    const first = call(1, 'a')
    await stage.running('a')
    expect(await call(2, 'b')).toMatchObject([
      { id: 2, error: { code: -32000, message: expect.stringContaining('busy') } },
    ])
    expect(await first).toMatchObject([{ id: 1, error: { code: -32000, message: expect.stringContaining('stopped') } }])
    expect(stage.ended).toEqual(['a'])
  })

  verifies(
    ['asvs-5.0/7.4.1', 'asvs-5.0/15.4.2'],
    'that were in flight when their session ended revive nothing',
    async () => {
      const { initialize, send, sessions, stage } = await start({ router: { turns: false } })
      const session = await initialize('alice')
      const call = send({ token: 'alice', session, body: toolCall(1, 'late-write', { name: 'w' }) }).then(messagesOf)
      await stage.running('w')
      expect((await send({ token: 'alice', session, method: 'DELETE' })).status).toBe(200)
      expect(await call).toMatchObject([{ id: 1, error: { code: -32001 } }])
      stage.gate('w').resolve()
      await expect.poll(() => [...stage.ended]).toEqual(['w session-ended'])
      expect(await sessions.count()).toBe(0)
      expect((await send({ token: 'alice', session, body: toolCall(2, 'peek') })).status).toBe(404)
    },
  )

  test('that were in flight when their session got another handle write nothing, and the session goes on', async () => {
    const { initialize, send, sessions, stage, router } = await start({
      router: { turns: false },
      sessions: { graceMs: 0 },
    })
    const session = await initialize('alice')
    const call = send({ token: 'alice', session, body: toolCall(1, 'late-write', { name: 'w' }) }).then(messagesOf)
    await stage.running('w')
    const [open] = await sessions.list(alice)
    const regenerated = await sessions.regenerate(open!)
    expect(await call).toMatchObject([{ id: 1, error: { code: -32001 } }])
    stage.gate('w').resolve()
    await expect.poll(() => [...stage.ended]).toEqual(['w fenced'])
    expect(router.size).toBe(0)
    expect((await sessions.read(regenerated.session)).data).toEqual({})
  })

  test('beyond the bound are refused, not queued for ever', async () => {
    const { initialize, send, stage } = await start({ router: { maxCalls: 2, turns: false } })
    const session = await initialize('alice')
    const open = ['a', 'b'].map((name, id) =>
      send({ token: 'alice', session, body: toolCall(id, 'slow', { name }) }).then(messagesOf),
    )
    await Promise.all([stage.running('a'), stage.running('b')])
    const third = await send({ token: 'alice', session, body: toolCall(9, 'peek') })
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '1'])
    for (const name of ['a', 'b']) stage.gate(name).resolve()
    await Promise.all(open)
    expect((await send({ token: 'alice', session, body: toolCall(9, 'peek') })).status).toBe(200)
  })
})

describe('the router', () => {
  const conversation = async (how: Parameters<typeof startServer>[0]) => {
    const { client: connect, router } = await start(how)
    const { client, transport } = await connect('alice')
    expect(textOf(await client.callTool({ name: 'count' }))).toBe(1)
    expect(textOf(await client.callTool({ name: 'peek' }))).toBe(1)
    await transport.terminateSession()
    expect(router.size).toBe(0)
  }

  test('stands in Express, behind its parser of bodies or not', async () => {
    for (const app of [express(), express().use(express.json())])
      await conversation({ mount: (router, http) => void http.on('request', app.all('/mcp', router.handle)) })
  })

  test('stands in Fastify, which has read the body', async () => {
    await conversation({
      mount: async (router, http) => {
        const app = fastify({ serverFactory: (handler) => http.on('request', handler) })
        app.all('/mcp', (request, reply) => {
          reply.hijack()
          return router.handle(request.raw, reply.raw, request.body)
        })
        await app.ready()
      },
    })
  })

  test('stands in Hono on Node', async () => {
    await conversation({
      mount: (router, http) => {
        const app = new Hono<{ Bindings: HttpBindings }>()
        app.all('/mcp', ({ req, env }) => {
          const { remoteAddress } = env.incoming.socket
          return router.fetch(req.raw, { encrypted: false, remoteAddress })
        })
        http.on('request', getRequestListener(app.fetch))
      },
    })
  })

  test('keeps each process to the sessions whose server it has', async () => {
    const store = memoryStore()
    const first = await startServer({ sessions: { store } })
    const { send, router } = await start({ sessions: { store } })
    const session = await first.initialize('alice')
    expect((await send({ token: 'alice', session, body: toolCall(1, 'peek') })).status).toBe(404)
    const [answer] = await messagesOf(await first.send({ token: 'alice', session, body: toolCall(1, 'peek') }))
    expect(answer).toMatchObject({ result: {} })
    expect([first.router.size, router.size]).toEqual([1, 0])
    await first.stop()
  })
})
