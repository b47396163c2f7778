/** What every adapter has to keep, over real sockets on loopback: one list of tests, run against each of them. */
import { afterEach, describe, expect, test } from 'vitest'
import { createGuard, MisuseError, type GuardOptions, type SessionOptions } from '../../src/index.ts'
import * as onHono from '../../src/adapters/hono.ts'
import * as onNode from '../../src/adapters/node-http.ts'
import type { ProtectOptions } from '../../src/adapters/node-http.ts'
import { alice, bob, hourMs } from '../layer.ts'
import { verifies } from '../verifies.ts'
import { ask, begin, cookieName, createApplication, type Answered, type Asked, type Served } from './application.ts'
import { adapters } from './served.ts'

describe.each(Object.entries(adapters))('%s', (_name, serve) => {
  const open: Served[] = []
  afterEach(async () => {
    for (const served of open.splice(0)) await served.close()
  })

  async function start(
    guardOptions: Partial<GuardOptions> = {},
    sessionOptions: SessionOptions = {},
    session?: ProtectOptions['session'],
  ) {
    const made = createApplication(guardOptions, sessionOptions, session)
    const served = await serve(made.application)
    open.push(served)
    const send = (path: string, asked: Asked = {}) => ask(served.port, path, asked)
    const inSession = (id: string) => ({ headers: { 'mcp-session-id': id } })
    const openSession = async () => idOf(await send('/open'))
    return { ...made, port: served.port, send, inSession, openSession }
  }

  const startWeb = () =>
    start({ carrier: { cookie: cookieName }, authenticate: 'by-cookie' }, { public: true }, 'optional')

  test('hands out a session ID, finds the session under it, and says how long it lasts', async () => {
    const { send, inSession, openSession } = await start()
    const id = await openSession()
    expect(id).toMatch(/^[\w-]{43}$/)
    const looked = await send('/look', inSession(id))
    expect(looked.headers['session-expires-in']).toMatch(/^\d+$/)
    expect(JSON.parse(looked.body)).toMatchObject({ caller: { principal: alice }, data: { count: 0 } })
    expect(JSON.parse((await send('/look')).body).ref).toBeUndefined()
  })

  verifies(
    ['mcp-2025-11-25/not-found-after-termination', 'asvs-5.0/7.2.1'],
    'answers foreign, unknown, expired, ended, doubled and malformed session IDs alike, and runs no handler',
    async () => {
      const { send, openSession, sessions, advance, asked } = await start()
      const expired = await openSession()
      advance(5 * hourMs)
      const ended = await openSession()
      await send('/end', { headers: { 'mcp-session-id': ended } })
      const live = await openSession()
      const { handle: foreign } = await sessions.open({ principal: bob })
      const before = asked.length
      const answers: Answered[] = []
      for (const id of [foreign, ended, expired, 'A'.repeat(43), 'x', [live, live]])
        answers.push(await send('/look', { headers: { 'mcp-session-id': id } }))
      for (const { status, body, headers } of answers) {
        expect([status, body]).toEqual([404, answers[0]!.body])
        expect({ ...headers, date: '' }).toEqual({ ...answers[0]!.headers, date: '' })
      }
      expect(asked).toHaveLength(before)
    },
  )

  verifies(
    ['mcp-2025-11-25/verify-every-request', 'mcp-2025-11-25/authorization-in-every-request'],
    'asks for the credential of every request, and for a session where one is required',
    async () => {
      const { send, openSession, asked } = await start({}, {}, (request) =>
        request.target === '/open' ? 'none' : 'required',
      )
      const id = await openSession()
      const before = asked.length
      for (const authorization of ['Bearer nobody', ''])
        for (const method of ['GET', 'POST', 'DELETE']) {
          const refused = await send('/look', { method, headers: { 'mcp-session-id': id, authorization } })
          expect(refused).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
        }
      expect((await send('/look')).status).toBe(400)
      expect(asked).toHaveLength(before)
    },
  )

  verifies(
    ['asvs-5.0/4.1.2', 'asvs-5.0/12.2.1', 'asvs-5.0/4.1.3', 'mcp-2025-11-25/secure-communication'],
    'answers plain text 426 and burns what came in it; behind a proxy that is trusted, it says to stay with TLS',
    async () => {
      const { send, sessions, asked } = await start({
        transport: { hosts: ['app.test'], trustedProxies: ['127.0.0.0/8'] },
      })
      const { handle } = await sessions.open({ principal: alice })
      const id = { 'mcp-session-id': handle }
      const secure = await send('/look', { headers: { ...id, 'x-forwarded-proto': 'https' } })
      expect(secure).toMatchObject({
        status: 200,
        headers: { 'strict-transport-security': expect.stringContaining('max-age') },
      })
      const plain = await send('/look', { headers: id })
      expect(plain).toMatchObject({ status: 426, headers: { upgrade: 'TLS/1.2, HTTP/1.1' } })
      expect(asked).toHaveLength(1)
      const burnt = await send('/look', { headers: { ...id, 'x-forwarded-proto': 'https' } })
      expect(burnt).toMatchObject({ status: 404, headers: { 'strict-transport-security': expect.any(String) } })
    },
  )

  verifies(
    ['mcp-2025-11-25/validate-origin', 'mcp-2026-07-28/validate-origin', 'asvs-5.0/3.5.1'],
    'answers 403 to a strange page and a strange name',
    async () => {
      const { send, asked } = await start()
      for (const headers of [{ origin: 'https://evil.test' }, { origin: 'null' }, { host: 'evil.test' }])
        for (const method of ['GET', 'POST', 'DELETE'])
          expect((await send('/look', { method, headers })).status).toBe(403)
      expect((await send('/look', { headers: { origin: 'https://page.test' } })).status).toBe(200)
      expect(asked).toEqual(['/look'])
    },
  )

  verifies(
    ['asvs-5.0/14.2.1', 'mcp-2025-11-25/no-token-in-query'],
    'refuses a handle in a URL, wherever it stands, and burns it',
    async () => {
      const { send, openSession, inSession } = await start()
      for (const where of [(id: string) => `/look/${id}`, (id: string) => `/look?x=${id}`]) {
        const id = await openSession()
        expect((await send(where(id))).status).toBe(400)
        expect((await send('/look', inSession(id))).status).toBe(404)
      }
    },
  )

  verifies('mcp-2025-11-25/delete-terminates-session', 'ends a session on request, for good', async () => {
    const { send, inSession, openSession } = await start()
    const id = await openSession()
    expect((await send('/end', { ...inSession(id), method: 'DELETE' })).status).toBe(200)
    for (const path of ['/look', '/count', '/end']) expect((await send(path, inSession(id))).status).toBe(404)
  })

  verifies(
    ['asvs-5.0/15.4.2', 'asvs-5.0/8.3.1'],
    'answers 503 in time when the store is away, and runs no handler',
    async () => {
      const { send, inSession, openSession, store, asked } = await start()
      const id = await openSession()
      store.resume = () => new Promise(() => undefined)
      const begun = performance.now()
      const answered = await send('/look', inSession(id))
      expect(performance.now() - begun).toBeLessThan(2000)
      expect(answered).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
      store.resume = () => {
        throw new Error('ECONNREFUSED redis://user:t0p-s3cret@db')
      }
      const failed = await send('/look', inSession(id))
      expect(failed.status).toBe(503)
      expect(failed.body).not.toContain('s3cret')
      expect(asked).toEqual(['/open'])
    },
  )

  verifies('asvs-5.0/15.4.1', '50 increments at once end at 50', async () => {
    const { send, inSession, openSession } = await start()
    const id = await openSession()
    const all = await Promise.all(Array.from({ length: 50 }, () => send('/count', inSession(id))))
    expect(all.every(({ status }) => status === 200)).toBe(true)
    expect(JSON.parse((await send('/look', inSession(id))).body).data).toEqual({ count: 50 })
  })

  verifies(
    ['asvs-5.0/7.4.1', 'asvs-5.0/15.4.2'],
    'a write that was in flight when the session ended revives nothing, and is answered 404',
    async () => {
      const { send, inSession, openSession, gate, sessions, store } = await start()
      const id = await openSession()
      const held = send('/hold', inSession(id))
      await gate.arrival
      await send('/end', inSession(id))
      gate.open()
      expect((await held).status).toBe(404)
      expect((await send('/look', inSession(id))).status).toBe(404)
      expect(await store.count()).toBe(0)
      expect((await sessions.resume(id, { principal: alice })).live).toBe(false)
    },
  )

  verifies(
    'asvs-5.0/7.2.4',
    'a write that was in flight at a login changes nothing afterwards, and is answered 409',
    async () => {
      const { send, gate, sessions, guard } = await startWeb()
      const { session, headers } = await guard.open({ principal: alice }, { data: { count: 0 } })
      const cookie = pairOf(headers['set-cookie'])
      const held = send('/hold', { headers: { cookie } })
      await gate.arrival
      const renewed = await send('/regenerate', { headers: { cookie } })
      gate.open()
      const late = await held
      expect(late.status).toBe(409)
      expect(late.headers['set-cookie']).toBeUndefined()
      const found = await sessions.list(alice)
      expect(found.map(({ ref, data }) => [ref, data])).toEqual([[session.ref, { count: 0 }]])
      expect((await send('/look', { headers: { cookie: cookieOf(renewed) } })).status).toBe(200)
      expect((await send('/look', { headers: { cookie } })).status).toBe(401)
    },
  )

  verifies(
    ['asvs-5.0/7.2.4', 'asvs-5.0/7.6.2', 'owasp-session/renew-id-after-privilege-change'],
    'a cookie that was planted before the login is dead after it, and nobody chooses the new one',
    async () => {
      const { send, guard } = await startWeb()
      const { headers } = await guard.open({ anonymous: true }, { data: { count: 7 } })
      const planted = pairOf(headers['set-cookie'])
      expect((await send('/look', { headers: { cookie: planted } })).status).toBe(200)
      const login = await logIn(send, 'alice', planted)
      expect(login.status).toBe(200)
      expect(cookieOf(login)).not.toBe(planted)
      expect((await send('/look', { headers: { cookie: planted } })).status).toBe(401)
      const looked = await send('/look', { headers: { cookie: cookieOf(login) } })
      expect(JSON.parse(looked.body).data).toEqual({ count: 7 })
      const chosen = `${cookieName}=${'A'.repeat(43)}`
      expect(cookieOf(await logIn(send, 'alice', chosen))).not.toBe(chosen)
    },
  )

  verifies(
    ['asvs-5.0/7.4.4', 'asvs-5.0/7.4.1', 'owasp-session/logout'],
    'the login routes log in, tell who one is, log out and reset the context of an agent',
    async () => {
      const { send, asked } = await startWeb()
      const agent = { 'x-agent-instance-id': 'one' }
      const logIn1 = async () => cookieOf(await logIn(send, 'alice', undefined, agent))
      const [mine, twin] = [await logIn1(), await logIn1()]
      const me = await send('/session/me', { method: 'GET', headers: { ...agent, cookie: mine } })
      expect(JSON.parse(me.body)).toMatchObject({ principal: alice, agent: 'one' })
      expect((await send('/session/me', { method: 'GET', headers: { cookie: mine } })).status).toBe(401)
      const reset = await send('/session/reset', { headers: { ...agent, cookie: mine } })
      expect(reset.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-session=; .*Max-Age=0$/)])
      expect(reset.headers['clear-site-data']).toContain('"cookies"')
      for (const cookie of [mine, twin])
        expect((await send('/session/me', { method: 'GET', headers: { ...agent, cookie } })).status).toBe(401)
      const other = cookieOf(await logIn(send, 'bob'))
      expect((await send('/session/logout', { headers: { cookie: other } })).status).toBe(200)
      expect((await send('/look', { headers: { cookie: other } })).status).toBe(401)
      expect(asked).toEqual([])
    },
  )

  test('the login routes refuse a wrong key, a wrong method, a strange page, and bodies that they cannot read', async () => {
    const { send } = await startWeb()
    expect((await logIn(send, 'guess')).status).toBe(401)
    const json = { 'content-type': 'application/json' }
    const send1 = (body: string) => send('/session/authenticate', { headers: json, body })
    for (const body of ['{', `{"apiKey":"${'x'.repeat(2_000_000)}"}`]) {
      const refused = await send1(body)
      expect([400, 413]).toContain(refused.status)
      expect(refused.headers['set-cookie']).toBeUndefined()
    }
    expect([404, 405]).toContain((await send('/session/authenticate', { method: 'GET' })).status)
    expect((await logIn(send, 'alice', undefined, { origin: 'https://evil.test' })).status).toBe(403)
    expect((await send('/session/elsewhere', { headers: json, body: '{}' })).status).toBe(404)
  })

  verifies(
    ['asvs-5.0/3.3.1', 'asvs-5.0/3.3.2', 'asvs-5.0/3.3.3', 'asvs-5.0/3.3.4', 'owasp-session/uncached-ids'],
    'a cookie is on the answer whatever the answer is, with every protection, beside the cookies of the handler',
    async () => {
      const { send } = await startWeb()
      for (const [path, status] of Object.entries({ '/regenerate': 200, '/redirect': 302, '/own-headers': 200 })) {
        const answered = await send(path)
        expect(answered.status).toBe(status)
        const cookies = answered.headers['set-cookie'] ?? []
        expect(cookies.filter((cookie) => cookie.startsWith(cookieName))).toEqual([
          expect.stringMatching(/^__Host-session=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/),
        ])
        expect(answered.headers['cache-control']).toBe('no-store')
        if (path === '/own-headers') expect(cookies).toContain('theme=dark; Secure')
        expect((await send('/look', { headers: { cookie: cookieOf(answered) } })).status).toBe(200)
      }
    },
  )

  test('what a handler throws tells the caller nothing', async () => {
    const { send, sessions, inFlight } = await startWeb()
    for (const path of ['/fail', '/login-and-fail']) {
      const failed = await send(path)
      expect(failed.status).toBe(500)
      expect(failed.body + JSON.stringify(failed.headers)).not.toContain('s3cret')
    }
    // A session that nobody was given the handle of is no danger, and idles out.
    expect(await sessions.list(alice)).toHaveLength(1)
    await until(() => inFlight() === 0)
  })

  test('a request is under way until its answer has ended, however it ends', async () => {
    const { send, inSession, openSession, gate, inFlight, watching, port } = await start()
    const id = await openSession()
    await until(() => inFlight() === 0)
    const held = send('/hold', inSession(id))
    await gate.arrival
    expect(inFlight()).toBe(1)
    gate.open()
    await held
    await until(() => inFlight() === 0)
    const hungUp = new AbortController()
    const response = await begin(port, '/stream', inSession(id), hungUp.signal)
    response.on('error', () => undefined)
    expect([inFlight(), watching()]).toEqual([1, 1])
    hungUp.abort()
    await until(() => inFlight() === 0 && watching() === 0)
  })

  verifies(
    ['asvs-5.0/7.4.2', 'mcp-2025-11-25/not-found-after-termination'],
    'a stream is cut when its session ends, and being open is no activity',
    async () => {
      const { inSession, openSession, inFlight, watching, port, sessions, streams, send } = await start()
      for (const end of ['terminate', 'revoke']) {
        const id = await openSession()
        const headers = { ...inSession(id).headers, accept: 'text/event-stream' }
        const response = await begin(port, '/stream', { method: 'GET', headers })
        let text = ''
        response.setEncoding('utf8').on('data', (part) => (text += String(part)))
        const ended = new Promise<void>((resolve) => response.once('end', resolve))
        await until(() => text.includes('hello') && inFlight() === 0)
        if (end === 'terminate') await send('/end', inSession(id))
        else await sessions.revoke({ principal: alice }, 'account disabled')
        await ended
        expect(response.complete).toBe(true)
        // The handler may not have noticed yet; what it still writes harms nobody.
        try {
          streams.at(-1)?.('data: late\n\n')
        } catch {
          // A stream of the fetch standard says that it was cancelled.
        }
        expect(text).not.toContain('late')
        await until(() => watching() === 0)
      }
      expect((await send('/look')).status).toBe(200)
    },
  )

  test('a stream without a session is cut when its caller may not go on', async () => {
    const { port, sessions } = await start()
    const response = await begin(port, '/stream', { method: 'GET' })
    const ended = new Promise<void>((resolve) => response.resume().once('end', resolve))
    await sessions.revoke({ principal: alice }, 'account disabled')
    await ended
    expect(response.complete).toBe(true)
  })

  test('a stream that comes to a login under way does not survive it', async () => {
    const { port, guard, send } = await startWeb()
    const { headers } = await guard.open({ principal: alice }, { data: { count: 0 } })
    const cookie = pairOf(headers['set-cookie'])
    const response = await begin(port, '/stream', { method: 'GET', headers: { cookie } })
    const ended = new Promise<void>((resolve) => response.resume().once('end', resolve))
    expect((await send('/regenerate', { headers: { cookie } })).status).toBe(200)
    await ended
  })
})

test('a handler that no guard came before gets no visit', () => {
  expect(() => onNode.visitOf({ raw: {} } as never)).toThrow(MisuseError)
  expect(() => onHono.visitOf({ get: () => undefined } as never)).toThrow(MisuseError)
})

test('a fetch handler that is not told of its connection refuses all', async () => {
  const { sessions } = createApplication()
  const guard = createGuard({
    sessions,
    transport: { hosts: ['app.test'], allowPlaintextLoopback: true },
    authenticate: () => ({ principal: alice }),
  })
  const { protect } = await import('../../src/adapters/fetch.ts')
  const handler = protect(guard, () => new Response('in'), { session: 'none' })
  expect((await handler(new Request('https://app.test/'))).status).toBe(426)
  expect((await handler(new Request('http://app.test/'), { incoming: {}, outgoing: {} })).status).toBe(426)
})

function idOf({ headers }: Answered): string {
  return String(headers['mcp-session-id'])
}

function pairOf(setCookie: string | undefined): string {
  return String(setCookie).split(';')[0] as string
}

function cookieOf({ headers }: Answered): string {
  return pairOf(headers['set-cookie']?.find((cookie) => cookie.startsWith(cookieName)))
}

function logIn(
  send: (path: string, asked: Asked) => Promise<Answered>,
  apiKey: string,
  cookie?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  return send('/session/authenticate', {
    headers: { 'content-type': 'application/json', ...headers, ...(cookie !== undefined && { cookie }) },
    body: JSON.stringify({ apiKey }),
  })
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}
