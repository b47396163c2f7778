import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  createGuard,
  createLoginRoutes,
  MisuseError,
  sendOnNode,
  tlsOptions,
  viewOfFetch,
  viewOfNode,
  type Admission,
  type GuardOptions,
  type RequestView,
  type SessionOptions,
  type TransportPolicy,
} from '../src/index.ts'
import { alice, bob, createLayer, minuteMs, hourMs } from './layer.ts'
import { verifies } from './verifies.ts'

interface Asked {
  readonly method?: string
  readonly target?: string
  readonly encrypted?: boolean
  readonly from?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

function ask({
  method = 'POST',
  target = '/mcp',
  encrypted = true,
  from = '192.0.2.1',
  headers = {},
}: Asked = {}): RequestView {
  const all: Record<string, string | readonly string[]> = {
    host: 'mcp.example.com',
    authorization: 'alice',
    ...headers,
  }
  return { method, target, encrypted, remoteAddress: from, header: (name) => [all[name] ?? []].flat() }
}

const tokens: Readonly<Record<string, typeof alice>> = { alice, bob }
const policy: TransportPolicy = {
  hosts: ['mcp.example.com'],
  origins: ['https://app.example.com'],
  trustedProxies: ['10.0.0.0/8'],
}

function make(options: Partial<GuardOptions> = {}, sessionOptions: SessionOptions = {}) {
  const layer = createLayer(sessionOptions)
  const guard = createGuard({
    sessions: layer.sessions,
    transport: policy,
    authenticate: (request) => {
      const principal = tokens[request.header('authorization')[0] ?? '']
      return principal && { principal }
    },
    ...options,
  })
  return { ...layer, guard }
}

const statusOf = (admission: Admission) => (admission.admitted ? 200 : admission.answer.status)

describe('transport', () => {
  test('whoever is told of an exposed credential decides nothing, whether it fails at once or later', async () => {
    const unhandled = vi.fn<(reason: unknown) => void>()
    process.on('unhandledRejection', unhandled)
    try {
      const failing = [
        async () => Promise.reject(new Error('the issuer is away')),
        () => {
          throw new Error('the issuer is away')
        },
      ]
      for (const onExposedCredential of failing) {
        const { guard } = make({ onExposedCredential })
        expect(statusOf(await guard.admit(ask({ encrypted: false })))).toBe(426)
        expect(statusOf(await guard.admit(ask({ target: '/mcp?access_token=guess' })))).toBe(400)
      }
      // Node tells of rejections when all microtasks have run.
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', unhandled)
    }
  })

  verifies(
    [
      'asvs-5.0/4.1.2',
      'asvs-5.0/12.2.1',
      'mcp-2025-11-25/secure-communication',
      'mcp-2026-07-28/secure-communication',
      'owasp-session/tls-for-the-whole-session',
    ],
    'plain text is answered 426, whatever it claims, and burns what it carried',
    async () => {
      const exposed: string[] = []
      const { guard, sessions, events } = make({
        onExposedCredential: (value, where) => exposed.push(`${value} ${where}`),
      })
      const { handle } = await sessions.open({ principal: alice })
      const headers = { 'mcp-session-id': handle, 'x-forwarded-proto': 'https' }
      const admission = await guard.admit(ask({ encrypted: false, headers }))
      expect(admission).toMatchObject({
        admitted: false,
        because: 'plaintext',
        answer: { status: 426, headers: { upgrade: 'TLS/1.2, HTTP/1.1', connection: 'Upgrade' } },
      })
      expect(exposed).toEqual(['alice plaintext'])
      expect((await sessions.resume(handle, { principal: alice })).live).toBe(false)
      expect(events).toContainEqual(expect.objectContaining({ kind: 'exposed', where: 'plaintext' }))
    },
  )

  test.each([
    ['two cookies', { cookie: '__Host-s' }, (handle: string) => ({ cookie: `__Host-s=planted; __Host-s=${handle}` })],
    ['one of two lines', undefined, (handle: string) => ({ 'mcp-session-id': ['planted', handle] })],
    ['two lines in one', undefined, (handle: string) => ({ 'mcp-session-id': `planted, ${handle}` })],
  ] as const)('plain text burns a handle that came beside another value: %s', async (_, carrier, headersWith) => {
    const { guard, sessions, events } = make(carrier && { carrier })
    const { handle } = await sessions.open(
      { principal: alice },
      { kind: guard.carrier === 'cookie' ? 'cookie' : 'session' },
    )
    await guard.admit(ask({ encrypted: false, headers: headersWith(handle) }))
    expect(events).toContainEqual(expect.objectContaining({ kind: 'exposed', where: 'plaintext' }))
    expect(await sessions.list(alice)).toEqual([])
  })

  verifies(
    ['asvs-5.0/4.1.3', 'rfc-9700/4.13-sanitise-proxy-headers'],
    'a forwarded scheme counts from a listed proxy, and only if all hops say https',
    async () => {
      const { guard } = make()
      const from = (address: string, proto: string | string[]) =>
        guard.admit(ask({ encrypted: false, from: address, headers: { 'x-forwarded-proto': proto } }), {
          session: 'none',
        })
      expect(statusOf(await from('10.1.2.3', 'https'))).toBe(200)
      expect(statusOf(await from('::ffff:10.1.2.3', 'https'))).toBe(200)
      expect(statusOf(await from('10.1.2.3', 'https, https'))).toBe(200)
      for (const said of ['http', 'https, http', 'http, https', '', ['https', 'http']])
        expect(statusOf(await from('10.1.2.3', said))).toBe(426)
      expect(statusOf(await from('11.1.2.3', 'https'))).toBe(426)
    },
  )

  test('this machine may talk to itself in the clear where that is allowed, and no proxy on it may', async () => {
    const { guard } = make({ transport: { ...policy, allowPlaintextLoopback: true } })
    const plain = (asked: Asked) => guard.admit(ask({ encrypted: false, ...asked }), { session: 'none' })
    for (const from of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
      expect(statusOf(await plain({ from }))).toBe(200)
    expect(statusOf(await plain({ from: '192.0.2.1' }))).toBe(426)
    for (const name of ['x-forwarded-for', 'forwarded', 'via'])
      expect(statusOf(await plain({ from: '127.0.0.1', headers: { [name]: 'x' } }))).toBe(426)
    expect(statusOf(await make().guard.admit(ask({ encrypted: false, from: '127.0.0.1' })))).toBe(426)
  })

  verifies(
    [
      'mcp-2025-03-26/validate-origin',
      'mcp-2025-11-25/validate-origin',
      'mcp-2026-07-28/validate-origin',
      'asvs-5.0/3.5.1',
    ],
    'a request from a strange page or to a strange name is answered 403, for every method',
    async () => {
      const { guard } = make()
      const status = async (method: string, headers: Asked['headers']) =>
        statusOf(await guard.admit(ask({ method, ...(headers && { headers }) }), { session: 'none' }))
      for (const method of ['GET', 'POST', 'DELETE']) {
        expect(await status(method, {})).toBe(200)
        expect(await status(method, { origin: 'https://app.example.com' })).toBe(200)
        for (const origin of [
          'https://evil.example',
          'null',
          '',
          'https://app.example.com.evil.example',
          'http://app.example.com',
        ])
          expect(await status(method, { origin })).toBe(403)
        expect(await status(method, { origin: ['https://app.example.com', 'https://evil.example'] })).toBe(403)
        for (const host of ['evil.example', 'mcp.example.com:8080', '', []])
          expect(await status(method, { host })).toBe(403)
        expect(await status(method, { host: 'MCP.example.com' })).toBe(200)
      }
    },
  )

  verifies(
    [
      'asvs-5.0/14.2.1',
      'owasp-session/one-exchange-mechanism',
      'mcp-2025-11-25/no-token-in-query',
      'mcp-2026-07-28/no-token-in-query',
      'rfc-9700/4.3.2-no-token-in-query',
    ],
    'a credential in a URL is refused, and a handle in one is burnt',
    async () => {
      const exposed: string[] = []
      const { guard, sessions } = make({ onExposedCredential: (value, where) => exposed.push(`${value} ${where}`) })
      for (const target of [
        '/mcp?access_token=x',
        '/mcp?a=1&API_KEY=x',
        '/mcp?sessionId=x',
        '/mcp?mcp%2Dsession%2Did=x',
      ])
        expect(await guard.admit(ask({ target }))).toMatchObject({
          because: 'credential-in-url',
          answer: { status: 400 },
        })
      expect(exposed).toEqual(['x url'])
      for (const where of ['/mcp/', '/mcp?x=', '/mcp?sessionid=']) {
        const { handle } = await sessions.open({ principal: alice })
        expect(statusOf(await guard.admit(ask({ target: where + handle })))).toBe(400)
        expect((await sessions.resume(handle, { principal: alice })).live).toBe(false)
      }
      const harmless = { target: `/mcp?code_challenge=${'A'.repeat(43)}` }
      expect(statusOf(await guard.admit(ask(harmless), { session: 'none' }))).toBe(200)
    },
  )

  test('every answer over TLS says to stay there', async () => {
    const { guard } = make()
    const hsts = { 'strict-transport-security': 'max-age=63072000; includeSubDomains' }
    expect(await guard.admit(ask(), { session: 'none' })).toMatchObject({ headers: hsts })
    expect(await guard.admit(ask())).toMatchObject({ answer: { headers: hsts } })
  })

  verifies('asvs-5.0/12.1.1', 'TLS begins with 1.2, with suites that keep past traffic secret', () => {
    expect(tlsOptions.minVersion).toBe('TLSv1.2')
    for (const suite of tlsOptions.ciphers.split(':')) expect(suite).toMatch(/^TLS_|^ECDHE-.*(GCM|POLY1305)/)
  })

  test('what is no address is no proxy', () => {
    for (const entry of ['proxy.example', '10.0.0.0/33', '10.0.0.0/-1', '::1/129', '10.0.0/8'])
      expect(() => make({ transport: { ...policy, trustedProxies: [entry] } })).toThrow(MisuseError)
  })
})

describe('authentication', () => {
  verifies(
    [
      'mcp-2025-11-25/verify-every-request',
      'mcp-2026-07-28/verify-every-request',
      'mcp-2025-11-25/authorization-in-every-request',
      'mcp-2026-07-28/authorization-in-every-request',
      'mcp-2025-11-25/refuse-expired-token',
      'mcp-2026-07-28/refuse-expired-token',
      'mcp-2026-07-28/no-context-from-earlier-requests',
      'mcp-2025-11-25/authenticate-connections',
      'mcp-2026-07-28/authenticate-connections',
    ],
    'is asked of every request, with a good session ID too',
    async () => {
      const { guard, sessions } = make({ challenge: 'Bearer resource_metadata="https://x"' })
      const { handle } = await sessions.open({ principal: alice })
      for (const method of ['GET', 'POST', 'DELETE'])
        for (const authorization of [[], 'expired', ['alice', 'alice']]) {
          const headers = { 'mcp-session-id': handle, authorization }
          expect(await guard.admit(ask({ method, headers }))).toMatchObject({
            because: 'unauthenticated',
            answer: { status: 401, headers: { 'www-authenticate': 'Bearer resource_metadata="https://x"' } },
          })
        }
      expect(statusOf(await guard.admit(ask({ headers: { 'mcp-session-id': handle } })))).toBe(200)
    },
  )

  test('nobody’s session is looked at before it is known who asks', async () => {
    const { guard, store } = make()
    store.resume = () => {
      throw new Error('looked up')
    }
    const headers = { 'mcp-session-id': 'A'.repeat(43), authorization: 'nobody' }
    expect(statusOf(await guard.admit(ask({ headers })))).toBe(401)
  })

  verifies(
    [
      'mcp-2025-11-25/no-claimed-identity',
      'mcp-2026-07-28/no-trust-in-client-info',
      'asvs-5.0/8.3.1',
      'mcp-2025-11-25/store-tokens-securely',
      'mcp-2026-07-28/store-tokens-securely',
      'rfc-9700/4.9.3-tokens-are-secrets',
    ],
    'is by the credential alone, which goes nowhere from here',
    async () => {
      const { guard, store, events } = make({
        authenticate: (request) =>
          request.header('authorization')[0] === 'Bearer t0p-s3cret' ? { principal: alice } : undefined,
      })
      const seen: unknown[] = []
      const spied = ['open', 'resume'] as const
      for (const name of spied) {
        const original = store[name].bind(store) as (request: never) => never
        store[name] = ((request: never) => (seen.push(request), original(request))) as never
      }
      const { headers } = await guard.open({ principal: alice })
      const claims = {
        'x-user-id': 'bob',
        'x-forwarded-user': 'bob',
        'user-agent': 'admin-console/1.0',
        from: 'bob@example.com',
      }
      const authorization = 'Bearer t0p-s3cret'
      const admission = await guard.admit(
        ask({ headers: { ...claims, authorization, 'mcp-session-id': headers['mcp-session-id']! } }),
      )
      expect(admission).toMatchObject({ admitted: true, caller: { principal: alice }, session: { principal: alice } })
      expect(seen).toHaveLength(2)
      expect(JSON.stringify([seen, events, admission])).not.toContain('t0p-s3cret')
    },
  )

  test('an anonymous caller has to be said to be one', async () => {
    const { guard, sessions } = make({ authenticate: () => 'anonymous' }, { public: true })
    const { handle } = await sessions.open({ anonymous: true })
    const admission = await guard.admit(ask({ headers: { 'mcp-session-id': handle } }))
    expect(admission).toMatchObject({ admitted: true, caller: { anonymous: true } })
  })
})

describe('a session ID', () => {
  verifies(
    ['mcp-2025-11-25/refuse-missing-session-id', 'mcp-2025-11-25/not-found-after-termination', 'asvs-5.0/7.2.1'],
    'that is missing is 400; foreign, unknown, expired, ended and malformed ones get one and the same 404',
    async () => {
      const { guard, sessions, advance } = make()
      expect(statusOf(await guard.admit(ask()))).toBe(400)
      const foreign = await sessions.open({ principal: bob })
      const ended = await sessions.open({ principal: alice })
      await sessions.terminate(ended.session)
      const expired = await sessions.open({ principal: alice })
      advance(hourMs)
      const live = await sessions.open({ principal: bob })
      const presented = [
        foreign.handle,
        live.handle,
        ended.handle,
        expired.handle,
        'A'.repeat(43),
        'x',
        'x'.repeat(9999),
      ]
      const answers = []
      for (const id of [...presented, [live.handle, live.handle]]) {
        const admission = await guard.admit(ask({ headers: { 'mcp-session-id': id } }))
        answers.push(admission.admitted ? admission : admission.answer)
      }
      for (const answer of answers) expect(answer).toEqual(answers[0])
      expect(answers[0]).toMatchObject({ status: 404, body: expect.stringContaining('-32001') })
    },
  )

  test('never changes in place, and travels by its header alone', async () => {
    const { guard } = make()
    const { session, headers } = await guard.open({ principal: alice })
    expect(headers).toMatchObject({
      'mcp-session-id': expect.stringMatching(/^[\w-]{43}$/),
      'cache-control': 'no-store',
    })
    await expect(guard.authenticate(session, { principal: alice })).rejects.toThrow(MisuseError)
  })

  test('is bound to the agent instance that the header names', async () => {
    const { guard } = make()
    const { headers } = await guard.open({ principal: alice, agent: 'one' })
    const id = headers['mcp-session-id']!
    const as = (agent?: string | string[]) =>
      guard.admit(ask({ headers: { 'mcp-session-id': id, ...(agent && { 'x-agent-instance-id': agent }) } }))
    expect(statusOf(await as('one'))).toBe(200)
    expect(statusOf(await as('two'))).toBe(404)
    expect(statusOf(await as())).toBe(404)
    expect(statusOf(await as(['one', 'one']))).toBe(401)
    expect(statusOf(await as('x'.repeat(257)))).toBe(401)
  })

  test('says how long it lasts, and a request in it keeps it from idling out', async () => {
    const { guard, sessions, clock } = make()
    const { headers } = await guard.open({ principal: alice })
    expect(headers['session-expires-in']).toBe('1800')
    const left = async (activity: boolean) => {
      const admission = await guard.admit(ask({ headers: { 'mcp-session-id': headers['mcp-session-id']! } }), {
        activity,
      })
      if (!admission.admitted) throw new Error('refused')
      admission.finish()
      admission.finish()
      return admission.headers['session-expires-in']
    }
    // By the store's clock, which is years behind that of this process.
    clock.now += 10 * minuteMs + 1
    expect(await left(false)).toBe('1199')
    expect(await left(true)).toBe('1800')
    for (let spent = 10; spent < 230; spent += 20) {
      clock.now += 20 * minuteMs
      await left(true)
    }
    expect(await left(true)).toBe('599')
    await sessions.close()
  })
})

describe('a cookie', () => {
  const cookie = '__Host-session'
  const makeWeb = () => make({ carrier: { cookie }, authenticate: 'by-cookie' }, { public: true })

  verifies(
    [
      'asvs-5.0/3.3.1',
      'asvs-5.0/3.3.2',
      'asvs-5.0/3.3.3',
      'asvs-5.0/3.3.4',
      'owasp-session/secure-cookie',
      'owasp-session/http-only-cookie',
      'owasp-session/same-site-cookie',
      'owasp-session/narrow-cookie-scope',
      'owasp-session/uncached-ids',
    ],
    'has every protection there is, and is another secret than the session ID',
    async () => {
      const { guard, sessions } = makeWeb()
      const { session, headers } = await guard.open({ principal: alice })
      expect(headers['set-cookie']).toMatch(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/)
      expect(headers['cache-control']).toBe('no-store')
      const value = headers['set-cookie']!.slice(cookie.length + 1, cookie.length + 44)
      const id = await sessions.attach(session, 'session')
      expect(id).not.toBe(value)
      expect((await sessions.resume(value, { principal: alice })).live).toBe(false)
      expect((await sessions.resume(id, { principal: alice })).live).toBe(true)
    },
  )

  test('of any other name is none of ours, and a session ID is no credential', () => {
    for (const name of ['session', '__Secure-session', '__Host-', '__Host-a;b', '__host-session'])
      expect(() => make({ carrier: { cookie: name }, authenticate: 'by-cookie' })).toThrow(MisuseError)
    expect(() => make({ authenticate: 'by-cookie' })).toThrow(MisuseError)
  })

  test('that came twice is none, wherever the second one is', async () => {
    const { guard } = makeWeb()
    const { headers } = await guard.open({ principal: alice })
    const pair = headers['set-cookie']!.split(';')[0]!
    const status = async (sent: string | string[]) => statusOf(await guard.admit(ask({ headers: { cookie: sent } })))
    expect(await status(`a=b; ${pair}; c=d`)).toBe(200)
    expect(await status(` ${pair} `)).toBe(200)
    expect(await status(`${pair}; ${pair}`)).toBe(401)
    expect(await status(`${pair}; ${cookie}=${'A'.repeat(43)}`)).toBe(401)
    expect(await status([pair, `${cookie}=x`])).toBe(401)
    expect(await status(pair.replace('__Host-session', '__Host-Session'))).toBe(401)
  })

  verifies('owasp-session/logout', 'is taken back at logout, with all else that a browser kept', async () => {
    const { guard } = makeWeb()
    const { session, headers } = await guard.open({ principal: alice })
    const left = await guard.terminate(session)
    expect(left).toMatchObject({
      'set-cookie': '__Host-session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0',
      'clear-site-data': expect.stringContaining('"storage"'),
    })
    const pair = headers['set-cookie']!.split(';')[0]!
    expect(statusOf(await guard.admit(ask({ headers: { cookie: pair } })))).toBe(401)
  })

  describe('from the login routes', () => {
    const makeLogin = () => {
      const layer = makeWeb()
      const verify = (_request: RequestView, body: unknown) => {
        const key = (body as { apiKey?: unknown } | undefined)?.apiKey
        const principal = typeof key === 'string' ? tokens[key] : undefined
        return principal && { principal }
      }
      const routes = createLoginRoutes({ guard: layer.guard, verify })
      const call = (method: string, path: string, headers: Asked['headers'] = {}, body?: unknown) =>
        routes.handle(ask({ method, target: `/session/${path}`, headers }), async () => body)
      const login = async (headers: Asked['headers'] = {}, apiKey = 'alice') => {
        const reply = await call('POST', 'authenticate', headers, { apiKey })
        return { reply, cookie: reply?.headers['set-cookie']?.split(';')[0] ?? '' }
      }
      return { ...layer, call, login, routes }
    }

    verifies(
      ['asvs-5.0/7.2.2', 'asvs-5.0/7.2.4', 'asvs-5.0/7.6.2', 'owasp-session/renew-id-after-privilege-change'],
      'is new at each login; the one from before is dead, planted or not',
      async () => {
        const { login, call, guard } = makeLogin()
        const planted = (await guard.open({ anonymous: true })).headers['set-cookie']!.split(';')[0]!
        const first = await login({ cookie: planted })
        expect(first.reply?.status).toBe(200)
        expect(first.cookie).not.toBe(planted)
        expect((await call('GET', 'me', { cookie: planted }))?.status).toBe(401)
        const again = await login({ cookie: first.cookie })
        expect(again.cookie).not.toBe(first.cookie)
        expect((await call('GET', 'me', { cookie: first.cookie }))?.status).toBe(401)
        const me = await call('GET', 'me', { cookie: again.cookie })
        expect(JSON.parse(me!.body)).toMatchObject({ principal: alice })
        const madeUp = await login({ cookie: `__Host-session=${'A'.repeat(43)}` })
        expect(madeUp.cookie).not.toContain('AAAA')
      },
    )

    verifies('asvs-5.0/7.4.4', 'ends by logout, and by a reset with everything of the agent', async () => {
      const { login, call } = makeLogin()
      const mine = await login()
      expect((await call('POST', 'logout', { cookie: mine.cookie }))?.status).toBe(200)
      expect((await call('POST', 'logout', { cookie: mine.cookie }))?.status).toBe(401)
      const agent = { 'x-agent-instance-id': 'one' }
      const here = await login(agent)
      const there = await login(agent)
      const other = await login({ 'x-agent-instance-id': 'two' })
      expect((await call('POST', 'reset', { ...agent, cookie: here.cookie }))?.status).toBe(200)
      expect((await call('GET', 'me', { ...agent, cookie: there.cookie }))?.status).toBe(401)
      expect((await call('GET', 'me', { 'x-agent-instance-id': 'two', cookie: other.cookie }))?.status).toBe(200)
    })

    test('comes from a good credential, by the right method, from a trusted page', async () => {
      const { login, call, routes } = makeLogin()
      expect((await login({}, 'guess')).reply?.status).toBe(401)
      expect((await call('GET', 'authenticate'))?.status).toBe(405)
      expect((await login({ origin: 'https://evil.example' })).reply?.status).toBe(403)
      expect(await call('POST', 'elsewhere')).toBeUndefined()
      const failing = await routes.handle(ask({ target: '/session/authenticate' }), async () => {
        throw new SyntaxError('no JSON')
      })
      expect(failing).toMatchObject({ status: 400, body: expect.not.stringContaining('JSON') })
    })
  })
})

describe('where the store is away', () => {
  verifies(
    ['asvs-5.0/15.4.2', 'asvs-5.0/8.3.1'],
    'nothing goes on without its check, and the answer is there in time',
    async () => {
      const { guard, sessions, store, kinds } = make()
      const { handle } = await sessions.open({ principal: alice })
      store.resume = () => new Promise(() => undefined)
      const begun = performance.now()
      const admission = await guard.admit(ask({ headers: { 'mcp-session-id': handle } }))
      expect(performance.now() - begun).toBeLessThan(2000)
      expect(admission).toMatchObject({
        admitted: false,
        because: 'error',
        answer: { status: 503, headers: { 'retry-after': '1' } },
      })
      expect(kinds()).toContain('store-unavailable')
      store.resume = () => {
        throw new Error('ECONNREFUSED redis://user:secret@db')
      }
      const failed = await guard.admit(ask({ headers: { 'mcp-session-id': handle } }))
      expect(JSON.stringify(failed)).not.toContain('secret')
    },
  )

  test('it is left alone for a moment after five failures, and asked again', async () => {
    const { guard, sessions, store } = make()
    const { handle } = await sessions.open({ principal: alice })
    const resume = store.resume.bind(store)
    let asked = 0
    store.resume = () => {
      asked += 1
      throw new Error('down')
    }
    const status = async () => statusOf(await guard.admit(ask({ headers: { 'mcp-session-id': handle } })))
    for (let request = 0; request < 20; request += 1) expect(await status()).toBe(503)
    expect(asked).toBe(5)
    store.resume = resume
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await status()).toBe(200)
  })
})

describe('on real requests', () => {
  let server: Server | undefined
  afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())))

  test('node:http shows that a header came twice', async () => {
    const { guard } = make({ transport: { ...policy, hosts: ['x'], allowPlaintextLoopback: true } })
    const { headers } = await guard.open({ principal: alice })
    const id = headers['mcp-session-id']!
    server = createServer(async (request, response) => {
      const admission = await guard.admit(viewOfNode(request))
      if (admission.admitted) {
        response.end('in')
        admission.finish()
      } else sendOnNode(response, admission.answer)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server!.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const raw = (lines: string[]) =>
      new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () =>
          socket.write(`POST /mcp HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('\r\n')}\r\n\r\n`),
        )
        let text = ''
        socket.on('data', (part) => (text += String(part))).on('close', () => resolve(text.split(' ')[1]!))
      })
    expect(await raw(['Authorization: alice', `Mcp-Session-Id: ${id}`])).toBe('200')
    expect(await raw(['Authorization: alice', `Mcp-Session-Id: ${id}`, `mcp-session-id: ${id}`])).toBe('404')
    expect(await raw(['Authorization: alice', 'authorization: bob', `Mcp-Session-Id: ${id}`])).toBe('401')
    expect(await raw(['Authorization: alice', `Mcp-Session-Id: ${id}`, 'Host: y'])).not.toBe('200')
  })

  test('fetch requests are judged alike', async () => {
    const { guard } = make()
    const { headers } = await guard.open({ principal: alice })
    const request = (changed: Record<string, string>) =>
      new Request('https://mcp.example.com/mcp', {
        headers: { authorization: 'alice', 'mcp-session-id': headers['mcp-session-id']!, ...changed },
      })
    const status = async (changed: Record<string, string> = {}, encrypted = true) =>
      statusOf(await guard.admit(viewOfFetch(request(changed), { encrypted, remoteAddress: '192.0.2.1' })))
    expect(await status()).toBe(200)
    expect(await status({ authorization: 'bob' })).toBe(404)
    expect(await status({ 'mcp-session-id': `${headers['mcp-session-id']}, x` })).toBe(404)
    expect(await status({ origin: 'https://evil.example' })).toBe(403)
    expect(await status({}, false)).toBe(426)
  })
})
