/** SDK v2 behind our router, both eras on one endpoint: the official client, and what others get to see. */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client'
import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  callerOf,
  createMcpRouter,
  createRequestStateSeal,
  sessionOf,
  type McpRouterOptions,
} from '../../src/adapters/mcp-v2.ts'
import {
  createGuard,
  createKeyRing,
  createRequestStates,
  createSessions,
  createStateHandles,
  memoryStore,
  type SessionOptions,
} from '../../src/index.ts'
import type { Sessions } from '../../src/sessions.ts'
import { alice, bob } from '../layer.ts'
import { verifies } from '../verifies.ts'
import { createStage, initializeCall, messagesOf, toolCall, type Stage } from './mcp-server.ts'

const revision = '2026-07-28'
const principals: Readonly<Record<string, typeof alice>> = { alice, bob }
let stop: (() => Promise<void>) | undefined
afterEach(async () => {
  await stop?.()
  stop = undefined
})

const textOf = (result: unknown) => JSON.parse((result as { content: { text: string }[] }).content[0]!.text) as unknown
const text = (value: unknown) => ({ content: [{ type: 'text' as const, text: JSON.stringify(value) }] })

/** A till: what is paid is confirmed by the person, and paid once. */
function makeServer(sessions: Sessions, stage: Stage, paid: string[]): McpServer {
  const keys = createKeyRing([{ id: 'k1', secret: Buffer.alloc(32, 7) }])
  const seal = createRequestStateSeal(createRequestStates({ sessions, keys, audience: 'https://till.example' }))
  const carts = createStateHandles({ sessions, prefix: 'cart' })
  const server = new McpServer(
    { name: 'till', version: '1' },
    {
      requestState: { verify: (state, context) => seal.verify(state, context) },
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } },
    },
  )
  const money = { inputSchema: z.object({ to: z.string(), amount: z.number() }) }
  const pay = (tool: string) =>
    server.registerTool(tool, money, async ({ to, amount }, context) => {
      const approval = acceptedContent<{ approve: boolean }>(context.mcpReq.inputResponses, 'approval')
      const asked = context.mcpReq.requestState<{ to: string; amount: number }>()
      if (asked && approval?.approve) {
        paid.push(`${asked.amount} to ${asked.to}`)
        return text('paid')
      }
      return inputRequired({
        requestState: await seal.mint({ to, amount }, context),
        inputRequests: {
          approval: inputRequired.elicit({
            message: `Pay ${amount} to ${to}?`,
            requestedSchema: { type: 'object', properties: { approve: { type: 'boolean' } }, required: ['approve'] },
          }),
        },
      })
    })
  pay('pay')
  pay('schedule')
  server.registerTool('cart_new', {}, async (context) =>
    text((await carts.create(callerOf(context), { items: 0 })).handle),
  )
  const cart = { inputSchema: z.object({ cart: z.string() }) }
  server.registerTool('cart_add', cart, async (given, context) => {
    const found = await carts.find<{ items: number }>(given.cart, callerOf(context))
    if (!found.live) return { ...text(found.message), isError: true }
    return text((await sessions.update(found.session, ({ items }) => ({ items: items + 1 }))).items)
  })
  server.registerTool('whoami', { annotations: { readOnlyHint: true } }, (context) =>
    text({ caller: callerOf(context), authInfo: context.http?.authInfo, sessionId: context.sessionId }),
  )
  server.registerTool('count', {}, async (context) => {
    const session = sessionOf<{ count?: number }>(context)
    const { data } = await sessions.read(session)
    await new Promise((resolve) => setImmediate(resolve))
    return text((await sessions.update(session, () => ({ count: (data.count ?? 0) + 1 }))).count)
  })
  server.registerTool('slow', { inputSchema: z.object({ name: z.string() }) }, async ({ name }, context) => {
    const { signal, _meta: meta } = context.mcpReq
    if (meta?.progressToken !== undefined) {
      const params = { progressToken: meta.progressToken, progress: 1 }
      await context.mcpReq.notify({ method: 'notifications/progress', params })
    }
    stage.started.push(name)
    const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    await Promise.race([stage.gate(name).promise, stopped])
    stage.ended.push(signal.aborted ? `${name} stopped` : name)
    return text(name)
  })
  server.registerTool('progress', {}, async (context) => {
    for (let progress = 1; progress <= 3; progress += 1)
      await context.mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken: context.mcpReq._meta?.progressToken ?? 0, progress, total: 3 },
      })
    return text('done')
  })
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.registerTool('mail', { inputSchema: z.object({ to: z.string() }) }, async ({ to }) => {
    await server.server.sendResourceUpdated({ uri: `inbox://${to}` })
    return text('sent')
  })
  server.registerResource('inbox', 'inbox://alice', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'mail' }] }))
  return server
}

async function start(
  options: {
    readonly sessions?: SessionOptions
    readonly router?: Partial<McpRouterOptions>
    readonly credentialMs?: number
    /** By which credentials end, in place of the wall clock. */
    readonly clock?: { readonly now: number }
  } = {},
) {
  const stage = createStage()
  const paid: string[] = []
  const { clock } = options
  const sessions = createSessions({
    sweepIntervalMs: 20,
    watchIntervalMs: 20,
    ...(clock && { store: memoryStore({ clock: () => clock.now }) }),
    ...options.sessions,
  })
  const http = createHttpServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => http.once('listening', resolve))
  const { port } = http.address() as AddressInfo
  const guard = createGuard({
    sessions,
    transport: { hosts: [`127.0.0.1:${port}`], allowPlaintextLoopback: true },
    authenticate: (request) => {
      const principal = principals[/^Bearer (\w+)$/.exec(request.header('authorization')[0] ?? '')?.[1] ?? '']
      if (!principal) return undefined
      const now = options.clock?.now ?? Date.now()
      return { principal, ...(options.credentialMs !== undefined && { expiresAt: now + options.credentialMs }) }
    },
  })
  const router = createMcpRouter({
    guard,
    createServer: () => makeServer(sessions, stage, paid),
    mayRead: (caller, uri) => 'principal' in caller && uri === `inbox://${caller.principal.subject}`,
    ...options.router,
  })
  http.on('request', (request, response) => void router.handle(request, response))
  const url = new URL(`http://127.0.0.1:${port}/mcp`)
  const clients: Client[] = []
  stop = async () => {
    for (const client of clients) await client.close().catch(() => undefined)
    await router.close()
    await sessions.close()
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
  }
  return {
    url,
    router,
    sessions,
    stage,
    paid,
    async client(token: string, how: ClientOptions = { versionNegotiation: { mode: { pin: revision } } }) {
      const client = new Client(
        { name: 'official', version: '2' },
        { capabilities: { elicitation: { form: {} } }, ...how },
      )
      const transport = new StreamableHTTPClientTransport(url, {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      })
      clients.push(client)
      await client.connect(transport)
      return { client, transport }
    },
    /** A request as anybody may send it. */
    modern(
      token: string | undefined,
      id: string | number,
      method: string,
      params: Record<string, unknown> = {},
      headers: Record<string, string> = {},
    ) {
      const capabilities = { elicitation: { form: {} } }
      const meta = {
        'io.modelcontextprotocol/protocolVersion': revision,
        'io.modelcontextprotocol/clientCapabilities': capabilities,
        'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
      }
      return fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          'mcp-protocol-version': revision,
          'mcp-method': method,
          ...(typeof params['name'] === 'string' && { 'mcp-name': params['name'] }),
          ...(token && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id,
          method,
          params: { ...params, _meta: { ...meta, ...(params['_meta'] as object) } },
        }),
      })
    },
    legacy(token: string, body: unknown, headers: Record<string, string> = {}) {
      return fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
          ...headers,
        },
        body: JSON.stringify(body),
      })
    },
  }
}

describe('the official client of SDK v2', () => {
  test('has a whole conversation in revision 2026-07-28', async () => {
    const { client: connect, paid, router } = await start()
    const { client } = await connect('alice')
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('pay')
    expect(textOf(await client.callTool({ name: 'whoami' }))).toMatchObject({
      caller: { principal: { subject: 'alice' } },
      authInfo: { token: '' },
    })
    const cart = textOf(await client.callTool({ name: 'cart_new' }))
    expect(textOf(await client.callTool({ name: 'cart_add', arguments: { cart } }))).toBe(1)
    expect(textOf(await client.callTool({ name: 'cart_add', arguments: { cart } }))).toBe(2)
    const steps: number[] = []
    await client.callTool({ name: 'progress' }, { onprogress: ({ progress }) => steps.push(progress) })
    expect(steps).toEqual([1, 2, 3])

    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { approve: true } }))
    expect(textOf(await client.callTool({ name: 'pay', arguments: { to: 'bob', amount: 5 } }))).toBe('paid')
    expect(paid).toEqual(['5 to bob'])

    const heard = new Promise((resolve) =>
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => resolve(params.uri)),
    )
    const subscription = await client.listen({ resourceSubscriptions: ['inbox://alice'] })
    router.notify.resourceUpdated('inbox://alice')
    expect(await heard).toBe('inbox://alice')
    await subscription.close()
    expect(router.size).toBe(0)
  })

  test('has one in the revisions before, with a session', async () => {
    const { client: connect, paid, router, sessions } = await start()
    const { client, transport } = await connect('alice', {})
    expect(transport.sessionId).toMatch(/^[\w-]{43}$/)
    const counts = await Promise.all(Array.from({ length: 20 }, () => client.callTool({ name: 'count' })))
    expect(new Set(counts.map(textOf)).size).toBe(20)
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { approve: true } }))
    expect(textOf(await client.callTool({ name: 'pay', arguments: { to: 'bob', amount: 5 } }))).toBe('paid')
    expect(paid).toEqual(['5 to bob'])
    expect(router.size).toBe(1)
    await transport.terminateSession()
    expect([router.size, await sessions.count()]).toEqual([0, 0])
  })

  test('finds out which revision there is', async () => {
    const { client: connect } = await start()
    const { client } = await connect('alice', { versionNegotiation: { mode: 'auto' } })
    expect(textOf(await client.callTool({ name: 'whoami' }))).toMatchObject({ caller: { principal: alice } })
    expect(client.getNegotiatedProtocolVersion()).toBe(revision)
  })
})

describe('a requestState through the router of SDK v2', () => {
  const payment = { name: 'pay', arguments: { to: 'acme', amount: 10 } }
  const yes = { approval: { action: 'accept', content: { approve: true } } }

  async function begin() {
    const running = await start()
    const response = await running.modern('alice', 1, 'tools/call', payment)
    const caching = response.headers.get('cache-control')
    const [asked] = await messagesOf(response)
    const { resultType, requestState } = asked!['result'] as { resultType: string; requestState: string }
    expect(resultType).toBe('input_required')
    const redeem = async (token: string, changes: Record<string, unknown> = {}) => {
      const params = { ...payment, requestState, inputResponses: yes, ...changes }
      const [answer] = await messagesOf(await running.modern(token, 2, 'tools/call', params))
      return answer as { result?: unknown; error?: { code: number } }
    }
    return { ...running, caching, requestState, redeem }
  }
  const refused = { error: { code: -32602, data: { reason: 'invalid_request_state' } } }

  verifies(
    [
      'mcp-2026-07-28/single-use-request-state',
      'mcp-2026-07-28/bind-request-state-to-principal',
      'mcp-2026-07-28/bind-request-state-to-request',
      'mcp-2026-07-28/protect-request-state',
    ],
    'is good for its caller, its request, and once',
    async () => {
      const { redeem, paid, requestState } = await begin()
      expect(Buffer.from(requestState, 'base64url').toString('latin1')).not.toContain('acme')
      expect(await redeem('bob')).toMatchObject(refused)
      expect(await redeem('alice', { name: 'schedule' })).toMatchObject(refused)
      expect(await redeem('alice', { arguments: { to: 'mallory', amount: 10 } })).toMatchObject(refused)
      const flipped = `${requestState.slice(0, -1)}${requestState.endsWith('A') ? 'B' : 'A'}`
      expect(await redeem('alice', { requestState: flipped })).toMatchObject(refused)
      expect(paid).toEqual([])
      expect(textOf((await redeem('alice')).result)).toBe('paid')
      expect(await redeem('alice')).toMatchObject(refused)
      expect(paid).toEqual(['10 to acme'])
    },
  )

  verifies('mcp-2026-07-28/no-caching-of-request-state', 'is not for caches', async () => {
    expect((await begin()).caching).toBe('no-store')
  })

  test('without the answer that it was for asks again', async () => {
    const { redeem, paid } = await begin()
    expect((await redeem('alice', { inputResponses: {} })).result).toMatchObject({ resultType: 'input_required' })
    expect(paid).toEqual([])
  })

  verifies(
    'mcp-2026-07-28/single-use-request-state',
    'that is redeemed ten times at once is redeemed once',
    async () => {
      const { redeem, paid } = await begin()
      const answers = await Promise.all(Array.from({ length: 10 }, () => redeem('alice')))
      expect(answers.filter(({ result }) => result)).toHaveLength(1)
      expect(paid).toHaveLength(1)
    },
  )

  test('of a principal that was revoked meanwhile is worth nothing', async () => {
    const { redeem, paid, sessions } = await begin()
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect(await redeem('alice')).toMatchObject(refused)
    expect(paid).toEqual([])
  })
})

describe('a request of revision 2026-07-28', () => {
  verifies(
    ['mcp-2026-07-28/no-session-ids', 'mcp-2026-07-28/headers-match-body'],
    'stands for itself: no session ID, no header that its body does not bear out, no credential but its own',
    async () => {
      const { modern } = await start()
      const plain = await modern('alice', 1, 'tools/call', { name: 'whoami' }, { 'mcp-session-id': 'x'.repeat(43) })
      expect([plain.status, plain.headers.has('mcp-session-id')]).toEqual([200, false])
      expect(textOf((await messagesOf(plain))[0]!['result'])).toMatchObject({ caller: { principal: alice } })
      expect((await modern(undefined, 2, 'tools/call', { name: 'whoami' })).status).toBe(401)
      expect((await modern('mallory', 2, 'tools/call', { name: 'whoami' })).status).toBe(401)
      const lies = await modern('alice', 3, 'tools/call', { name: 'pay' }, { 'mcp-name': 'whoami' })
      expect([lies.status, await messagesOf(lies)]).toMatchObject([400, [{ error: { code: -32020 } }]])
      const page = await modern('alice', 4, 'tools/list', {}, { origin: 'https://evil.example' })
      expect(page.status).toBe(403)
    },
  )

  test('that names a state handle of somebody else finds nothing', async () => {
    const { modern } = await start()
    const call = async (token: string, name: string, given = {}) =>
      (await messagesOf(await modern(token, 1, 'tools/call', { name, arguments: given })))[0]!['result']
    const cart = textOf(await call('alice', 'cart_new'))
    expect(await call('bob', 'cart_add', { cart })).toMatchObject({ isError: true })
    expect(textOf(await call('alice', 'cart_add', { cart }))).toBe(1)
  })

  test('is stopped when its client goes away', async () => {
    const { url, stage } = await start()
    const gone = new AbortController()
    const params = { name: 'slow', arguments: { name: 'a' } }
    const meta = {
      'io.modelcontextprotocol/protocolVersion': revision,
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'by hand', version: '1' },
    }
    const call = fetch(url, {
      method: 'POST',
      signal: gone.signal,
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': revision,
        'mcp-method': 'tools/call',
        'mcp-name': 'slow',
        authorization: 'Bearer alice',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, _meta: meta } }),
    })
    await stage.running('a')
    gone.abort()
    await expect(call).rejects.toThrow('abort')
    await expect.poll(() => [...stage.ended]).toEqual(['a stopped'])
  })
})

describe('a call of revision 2026-07-28 that is under way', () => {
  const slow = { name: 'slow', arguments: { name: 'a' } }
  const streaming = { ...slow, _meta: { progressToken: 7 } }
  const stopped = { id: 1, error: { code: -32000, message: expect.stringContaining('it was stopped') as string } }

  test.each([
    ['in one piece', slow],
    ['in a stream', streaming],
  ])('stops when its credential ends, answered %s', async (_, params) => {
    const clock = { now: Date.now() }
    const { modern, stage } = await start({ clock, credentialMs: 60_000 })
    const answered = modern('alice', 1, 'tools/call', params)
    await stage.running('a')
    clock.now += 60_000
    const response = await answered
    expect([response.status, (await messagesOf(response)).at(-1)]).toMatchObject([200, stopped])
    await expect.poll(() => [...stage.ended], { timeout: 60_000 }).toEqual(['a stopped'])
  })

  verifies('asvs-5.0/7.4.2', 'stops when its principal is revoked, and nobody else’s does', async () => {
    const { modern, stage, sessions } = await start()
    const hers = modern('alice', 1, 'tools/call', slow)
    const his = modern('bob', 2, 'tools/call', { name: 'slow', arguments: { name: 'b' } })
    await Promise.all([stage.running('a'), stage.running('b')])
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect((await messagesOf(await hers)).at(-1)).toMatchObject(stopped)
    stage.gate('b').resolve()
    expect((await messagesOf(await his)).at(-1)).toMatchObject({ id: 2, result: {} })
    expect(stage.ended.toSorted()).toEqual(['a stopped', 'b'])
  })

  test('stops when its principal is revoked in another process', async () => {
    const store = memoryStore()
    const { modern, stage } = await start({ sessions: { store } })
    const elsewhere = createSessions({ store, sweepIntervalMs: 0 })
    const answered = modern('alice', 1, 'tools/call', streaming)
    await stage.running('a')
    await elsewhere.revoke({ principal: alice }, 'account disabled')
    expect((await messagesOf(await answered)).at(-1)).toMatchObject(stopped)
  })

  test('stops where its agent begins anew', async () => {
    const { modern, stage, sessions } = await start()
    const agent = (name: string) => ({ 'x-agent-instance-id': name })
    const one = modern('alice', 1, 'tools/call', slow, agent('one'))
    const two = modern('alice', 2, 'tools/call', { name: 'slow', arguments: { name: 'b' } }, agent('two'))
    await Promise.all([stage.running('a'), stage.running('b')])
    await sessions.resetAgent(alice, 'one', 'context reset')
    expect((await messagesOf(await one)).at(-1)).toMatchObject(stopped)
    stage.gate('b').resolve()
    expect((await messagesOf(await two)).at(-1)).toMatchObject({ id: 2, result: {} })
  })
})

describe('a subscription', () => {
  const listen = (resourceSubscriptions: readonly string[]) => ({
    notifications: { toolsListChanged: true, resourceSubscriptions },
  })

  verifies(
    ['mcp-2026-07-28/requested-notifications-only'],
    'hears of what its caller may read, whatever it asked for',
    async () => {
      const { modern, router } = await start()
      const hers = await modern('alice', 'a', 'subscriptions/listen', listen(['inbox://alice', 'inbox://bob']))
      const his = await modern('bob', 'b', 'subscriptions/listen', listen(['inbox://alice', 'inbox://bob']))
      const heard = [hers, his].map(messagesOf)
      router.notify.resourceUpdated('inbox://alice')
      router.notify.toolsChanged()
      await new Promise((resolve) => setTimeout(resolve, 20))
      await router.close()
      const [alices, bobs] = await Promise.all(heard)
      const about = (messages: readonly Record<string, unknown>[]) =>
        messages.map(({ method, params, result }) => {
          const { uri, notifications } = (params ?? {}) as { uri?: string; notifications?: object }
          return result ? 'goodbye' : (uri ?? notifications ?? method)
        })
      const granted = (uri: string) => ({ toolsListChanged: true, resourceSubscriptions: [uri] })
      const changed = 'notifications/tools/list_changed'
      expect(about(alices!).toSorted()).toEqual(
        [granted('inbox://alice'), 'goodbye', 'inbox://alice', changed].toSorted(),
      )
      expect(about(bobs!).toSorted()).toEqual([granted('inbox://bob'), 'goodbye', changed].toSorted())
    },
  )

  test('ends with its credential', async () => {
    const { modern, router, sessions } = await start({ credentialMs: 500 })
    const messages = await messagesOf(await modern('alice', 'a', 'subscriptions/listen', listen(['inbox://alice'])))
    expect(messages.at(-1)).toMatchObject({ id: 'a', result: { resultType: 'complete' } })
    router.notify.resourceUpdated('inbox://alice')
    await expect.poll(() => sessions.count()).toBe(0)
  })

  verifies('asvs-5.0/7.4.2', 'ends when its principal is revoked', async () => {
    const { modern, sessions } = await start()
    const stream = await modern('alice', 'a', 'subscriptions/listen', listen(['inbox://alice']))
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect((await messagesOf(stream)).at(-1)).toMatchObject({ result: { resultType: 'complete' } })
  })

  test('is one of so many that a principal may have', async () => {
    const { modern, sessions } = await start({ router: { maxSubscriptions: 1 } })
    const first = await modern('alice', 'a', 'subscriptions/listen', listen(['inbox://alice']))
    expect((await modern('alice', 'b', 'subscriptions/listen', listen(['inbox://alice']))).status).toBe(429)
    expect((await modern('bob', 'c', 'subscriptions/listen', listen(['inbox://bob']))).status).toBe(200)
    await first.body!.cancel()
    await expect.poll(() => sessions.list(alice)).toEqual([])
    await expect
      .poll(async () => (await modern('alice', 'd', 'subscriptions/listen', listen(['inbox://alice']))).status)
      .toBe(200)
  })

  test('that the SDK refuses leaves nothing behind', async () => {
    const { modern, sessions } = await start()
    const refused = await modern('alice', 'a', 'subscriptions/listen', { notifications: { resourceSubscriptions: 7 } })
    expect((await messagesOf(refused))[0]).toMatchObject({ error: { code: -32602 } })
    await expect.poll(() => sessions.count()).toBe(0)
  })
})

describe('the revisions before, on the same endpoint,', () => {
  verifies('mcp-2025-11-25/bind-session-to-user', 'have sessions that are nobody else’s, on every verb', async () => {
    const { legacy, url } = await start()
    const opened = await legacy('alice', initializeCall)
    const session = opened.headers.get('mcp-session-id') ?? ''
    await opened.body?.cancel()
    const carried = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }
    expect((await legacy('bob', toolCall(1, 'whoami'), carried)).status).toBe(404)
    for (const method of ['GET', 'DELETE']) {
      const headers = { ...carried, accept: 'text/event-stream', authorization: 'Bearer bob' }
      expect((await fetch(url, { method, headers })).status).toBe(404)
    }
    const [answer] = await messagesOf(await legacy('alice', toolCall(1, 'whoami'), carried))
    expect(textOf(answer!['result'])).toMatchObject({ caller: { principal: alice } })
    expect(JSON.stringify(answer)).not.toContain(session)
  })

  test('let nobody hear of a resource that it may not read', async () => {
    const grants = new Set(['inbox://alice'])
    const { client: connect } = await start({
      router: { mayRead: (caller, uri) => 'principal' in caller && caller.principal === alice && grants.has(uri) },
    })
    const { client } = await connect('alice', {})
    const heard: string[] = []
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri))
    await client.subscribeResource({ uri: 'inbox://alice' })
    await expect(client.subscribeResource({ uri: 'inbox://bob' })).rejects.toThrow(/Resource not found/)
    const { client: bobs } = await connect('bob', {})
    await expect(bobs.subscribeResource({ uri: 'inbox://alice' })).rejects.toThrow(/Resource not found/)

    // Whatever the server sends by mistake, and whatever is not granted any more.
    const mail = (to: string) => client.callTool({ name: 'mail', arguments: { to } })
    await mail('alice')
    await mail('bob')
    grants.clear()
    await mail('alice')
    grants.add('inbox://carol')
    await mail('carol')
    await expect.poll(() => [...heard], { timeout: 60_000 }).toEqual(['inbox://alice', 'inbox://carol'])
  })

  test('are served only where the server wants them', async () => {
    const { legacy, url, router, modern } = await start({ router: { legacy: 'reject' } })
    expect((await legacy('alice', initializeCall)).status).toBe(400)
    const get = await fetch(url, { headers: { authorization: 'Bearer alice', accept: 'text/event-stream' } })
    expect(get.status).toBe(405)
    expect((await modern('alice', 1, 'tools/list')).status).toBe(200)
    expect(router.size).toBe(0)
  })
})

test('a runtime other than node:http says how it was reached', async () => {
  const sessions = createSessions({ sweepIntervalMs: 0 })
  const guard = createGuard({
    sessions,
    transport: { hosts: ['till.example'] },
    authenticate: (request) =>
      request.header('authorization')[0] === 'Bearer alice' ? { principal: alice } : undefined,
  })
  const router = createMcpRouter({ guard, createServer: () => makeServer(sessions, createStage(), []) })
  const send = (encrypted: boolean, headers: Record<string, string> = {}) =>
    router.fetch(
      new Request('https://till.example/mcp', {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          authorization: 'Bearer alice',
          ...headers,
        },
        body: JSON.stringify(initializeCall),
      }),
      { encrypted, remoteAddress: '203.0.113.7' },
    )
  expect((await send(false)).status).toBe(426)
  expect((await send(true, { authorization: 'Bearer mallory' })).status).toBe(401)
  const opened = await send(true)
  expect(await messagesOf(opened)).toMatchObject([{ result: { serverInfo: { name: 'till' } } }])
  expect(opened.headers.get('mcp-session-id')).toMatch(/^[\w-]{43}$/)
  await router.close()
  await sessions.close()
})
