import { describe, expect, test, vi } from 'vitest'
import {
  BusyError,
  CapReachedError,
  createKeyRing,
  createRequestStates,
  createStateHandles,
  FencedError,
  MisuseError,
  SessionEndedError,
} from '../src/index.ts'
import { alice, bob, createLayer, hourMs, minuteMs } from './layer.ts'
import { verifies } from './verifies.ts'

const as = (principal = alice, agent?: string) => ({ principal, ...(agent !== undefined && { agent }) })

describe('a handle', () => {
  verifies(
    [
      'asvs-5.0/7.2.3',
      'asvs-5.0/11.5.1',
      'owasp-session/long-ids',
      'owasp-session/unpredictable-ids',
      'owasp-session/meaningless-ids',
      'mcp-2025-11-25/unique-session-ids',
      'mcp-2025-11-25/secure-session-ids',
      'mcp-2025-11-25/visible-ascii-session-ids',
      'mcp-2026-07-28/secure-state-handles',
    ],
    'is 32 random bytes in visible characters, new each time',
    async () => {
      const { sessions } = createLayer({ caps: { perPrincipal: 3000 } })
      const handles = new Set<string>()
      const ones = Array.from({ length: 256 }, () => 0)
      for (let made = 0; made < 2000; made += 1) {
        const { handle } = await sessions.open(as())
        expect(handle).toMatch(/^[\x21-\x7E]{43}$/)
        handles.add(handle)
        const bytes = Buffer.from(handle, 'base64url')
        expect(bytes).toHaveLength(32)
        ones.forEach((_, bit) => (ones[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1))
      }
      expect(handles.size).toBe(2000)
      // Every bit is set about half of the time: 6 standard deviations around 1000.
      for (const count of ones) expect(Math.abs(count - 1000)).toBeLessThan(6 * Math.sqrt(500))
    },
  )

  verifies(
    ['owasp-session/strict-ids', 'mcp-2025-11-25/server-assigns-session-id'],
    'that was made elsewhere is refused and never adopted',
    async () => {
      const { sessions, events } = createLayer()
      const planted = 'A'.repeat(43)
      expect(await sessions.resume(planted, as())).toEqual({ live: false, reason: 'unknown' })
      const { handle } = await sessions.open(as())
      expect(handle).not.toBe(planted)
      expect(await sessions.resume(planted, as())).toEqual({ live: false, reason: 'unknown' })
      expect(events).toContainEqual(expect.objectContaining({ kind: 'refused', reason: 'unknown', presenter: alice }))
    },
  )

  verifies('owasp-session/ids-are-untrusted-input', 'without the form of one costs no look-up', async () => {
    const { sessions, store } = createLayer()
    store.resume = () => {
      throw new Error('looked up')
    }
    const hostile = ['', 'x', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)} `, `${'A'.repeat(42)}\n`, 7, null, {}]
    for (const presented of [...hostile, undefined, ['A'.repeat(43)], 'A'.repeat(1_000_000), '__proto__'])
      expect(await sessions.resume(presented, as())).toEqual({ live: false, reason: 'malformed' })
  })

  test('reaches neither store nor events nor a printed session', async () => {
    const { sessions, store, events } = createLayer()
    const seen: unknown[] = []
    for (const operation of ['open', 'resume', 'regenerate', 'write', 'end'] as const) {
      const original = store[operation].bind(store) as (request: never) => never
      store[operation] = ((request: never) => (seen.push(request), original(request))) as never
    }
    const { session, handle } = await sessions.open(as(), { data: { n: 1 } })
    await sessions.resume(handle, as())
    await sessions.update(session, () => ({ n: 2 }))
    const next = await sessions.regenerate(session)
    await sessions.terminate(next.session)
    const said = JSON.stringify([seen, events, session]) + String(session)
    expect(seen).toHaveLength(5)
    for (const secret of [handle, next.handle]) expect(said).not.toContain(secret)
  })
})

describe('binding', () => {
  verifies(
    [
      'mcp-2025-11-25/bind-session-to-user',
      'mcp-2026-07-28/bind-handles',
      'asvs-5.0/10.3.3',
      'asvs-5.0/8.2.2',
      'owasp-session/bind-to-client-properties',
    ],
    'any difference in issuer, subject or client is another caller',
    async () => {
      const { sessions } = createLayer()
      const { handle } = await sessions.open(as())
      const others = [
        bob,
        { ...alice, issuer: 'https://evil.example' },
        { ...alice, client: 'other' },
        { ...alice, client: '' },
        { ...alice, subject: 'Alice' },
        { issuer: 'https://id.example', subject: 'alice","app', client: '' },
        { issuer: 'https://id.example","alice', subject: 'app', client: '' },
      ]
      for (const principal of others)
        expect(await sessions.resume(handle, { principal })).toEqual({ live: false, reason: 'foreign-principal' })
      expect(await sessions.resume(handle, { anonymous: true })).toMatchObject({ live: false })
      expect(await sessions.resume(handle, as())).toMatchObject({ live: true })
    },
  )

  test('an agent instance is part of it, whatever its name', async () => {
    const { sessions } = createLayer()
    const names = ['one', 'one|two', 'a:b', 'x'.repeat(2048), '__proto__', '😀']
    const opened = await Promise.all(names.map((name) => sessions.open(as(alice, name))))
    for (const [place, { handle }] of opened.entries())
      for (const [other, name] of names.entries())
        expect((await sessions.resume(handle, as(alice, name))).live).toBe(place === other)
    expect((await sessions.resume(opened[0]!.handle, as())).live).toBe(false)
    await expect(sessions.open(as(alice, 'x'.repeat(10_240)))).rejects.toThrow(MisuseError)
    await expect(sessions.open(as(alice, ''))).rejects.toThrow(MisuseError)
  })

  test('no session without a principal unless the server is public', async () => {
    const { sessions } = createLayer()
    await expect(sessions.open({ anonymous: true })).rejects.toThrow(MisuseError)
    await expect(sessions.open({ bearer: true })).rejects.toThrow(MisuseError)
    for (const principal of [
      { ...alice, subject: '' },
      { ...alice, issuer: '' },
      { ...alice, subject: undefined },
    ]) {
      await expect(sessions.open({ principal } as never)).rejects.toThrow(MisuseError)
      await expect(sessions.resume('A'.repeat(43), { principal } as never)).rejects.toThrow(MisuseError)
    }
  })

  test('two anonymous callers are two: only the handle opens an anonymous session', async () => {
    const { sessions } = createLayer({ public: true })
    const first = await sessions.open({ anonymous: true }, { data: 'first' })
    const second = await sessions.open({ anonymous: true }, { data: 'second' })
    const resumed = await sessions.resume(second.handle, { anonymous: true })
    expect(resumed).toMatchObject({ live: true, session: { data: 'second' } })
    expect(second.session.ref).not.toBe(first.session.ref)
    expect((await sessions.resume(first.handle, as())).live).toBe(false)
  })

  verifies(
    ['mcp-2025-11-25/no-session-authentication', 'mcp-2026-07-28/no-handle-authentication'],
    'a handle other than a cookie is never a credential',
    async () => {
      const { sessions } = createLayer()
      const { handle } = await sessions.open(as())
      await expect(sessions.resume(handle, { bearer: true })).rejects.toThrow(MisuseError)
      await expect(sessions.resume(handle, { bearer: true }, { kind: 'state' })).rejects.toThrow(MisuseError)
      expect((await sessions.resume(handle, { bearer: true }, { kind: 'cookie' })).live).toBe(false)
    },
  )
})

describe('time', () => {
  verifies(
    ['asvs-5.0/7.3.1', 'owasp-session/idle-timeout', 'mcp-2025-11-25/expire-session-ids'],
    'ends a session after thirty minutes without a request',
    async () => {
      const { sessions, advance } = createLayer()
      const { handle } = await sessions.open(as())
      advance(30 * minuteMs - 1)
      expect((await sessions.resume(handle, as())).live).toBe(true)
      advance(30 * minuteMs)
      expect(await sessions.resume(handle, as())).toEqual({ live: false, reason: 'expired' })
      expect(await sessions.resume(handle, as())).toEqual({ live: false, reason: 'ended' })
    },
  )

  verifies(
    ['asvs-5.0/7.3.2', 'owasp-session/absolute-timeout', 'mcp-2026-07-28/expire-handles'],
    'ends a session four hours after its opening, however active and however often regenerated',
    async () => {
      const { sessions, advance, events } = createLayer()
      let { handle, session } = await sessions.open(as())
      for (let spent = 0; spent < 4 * hourMs - 10 * minuteMs; spent += 10 * minuteMs) {
        advance(10 * minuteMs)
        expect((await sessions.resume(handle, as())).live).toBe(true)
        ;({ handle, session } = await sessions.regenerate(session, { caller: as() }))
      }
      advance(10 * minuteMs)
      expect((await sessions.resume(handle, as())).live).toBe(false)
      expect(events).toContainEqual(expect.objectContaining({ kind: 'ended', reason: 'absolute-timeout' }))
    },
  )

  verifies('asvs-5.0/7.6.1', 'ends a session no later than its credential', async () => {
    const { sessions, advance, clock } = createLayer()
    const { handle, session } = await sessions.open({ ...as(), credentialExpiresAt: clock.now + 5 * minuteMs })
    expect(session.expiresAt).toBe(clock.now + 5 * minuteMs)
    advance(5 * minuteMs)
    expect((await sessions.resume(handle, as())).live).toBe(false)
  })

  test('a credential whose end is no time is none, and one without an end may be', async () => {
    const { sessions, clock } = createLayer()
    const open = (credentialExpiresAt: number) => sessions.open({ ...as(), credentialExpiresAt })
    for (const end of [0, 0.5, -1, Number.NaN, 'soon' as never]) await expect(open(end)).rejects.toThrow(MisuseError)
    expect((await open(Infinity)).session.expiresAt).toBe(clock.now + 4 * hourMs)
    const past = await open(clock.now - 1)
    expect(await sessions.resume(past.handle, as())).toEqual({ live: false, reason: 'expired' })
  })

  test('a store is told of no time that it could not give back', async () => {
    const { sessions, store, clock } = createLayer()
    const open = vi.spyOn(store, 'open')
    const resume = vi.spyOn(store, 'resume')
    for (const credentialExpiresAt of [1e17, Number.MAX_VALUE]) {
      const { handle, session } = await sessions.open({ ...as(), credentialExpiresAt })
      expect(session.expiresAt).toBe(clock.now + 4 * hourMs)
      expect((await sessions.resume(handle, { ...as(), credentialExpiresAt })).live).toBe(true)
    }
    const told = [...open.mock.calls, ...resume.mock.calls].map(([{ credentialEnd }]) => credentialEnd)
    expect(told.filter((end) => !Number.isSafeInteger(end))).toEqual([])
  })

  test('a session may ask for less time and never for more', async () => {
    const { sessions, clock } = createLayer()
    const short = await sessions.open(as(), { absoluteTimeoutMs: minuteMs })
    expect(short.session.expiresAt).toBe(clock.now + minuteMs)
    expect(short.session.idleTimeoutMs).toBe(minuteMs)
    const long = await sessions.open(as(), { absoluteTimeoutMs: 99 * hourMs, idleTimeoutMs: 99 * hourMs })
    expect(long.session.expiresAt).toBe(clock.now + 4 * hourMs)
    expect(long.session.idleTimeoutMs).toBe(30 * minuteMs)
  })

  test.each([
    [{ absoluteTimeoutMs: 0 }],
    [{ absoluteTimeoutMs: Number.NaN }],
    [{ absoluteTimeoutMs: Infinity }],
    [{ idleTimeoutMs: 5 * hourMs }],
    [{ idleTimeoutMs: -1 }],
    [{ graceMs: 10 * minuteMs }],
    [{ storeDeadlineMs: 60_000 }],
  ])('is never switched off by an option: %j', (options) => {
    expect(() => createLayer(options)).toThrow(MisuseError)
  })

  test.each([
    ['of the layer', { idleTimeoutMs: 10_000 }, {}],
    ['of its own', {}, { idleTimeoutMs: 10_000 }],
  ])('work in flight suspends the idle timeout %s, an open stream does not', async (_whose, layer, own) => {
    vi.useFakeTimers()
    try {
      const { sessions, advance } = createLayer(layer)
      const busy = await sessions.open(as(), own)
      const streaming = await sessions.open(as(), own)
      const long = await sessions.open(as())
      sessions.begin(long.session)
      await vi.advanceTimersByTimeAsync(1000)
      sessions.begin(busy.session)
      sessions.watch(streaming.session, () => undefined)
      for (let passed = 0; passed < 60_000; passed += 1000) {
        await vi.advanceTimersByTimeAsync(1000)
        advance(1000)
      }
      expect((await sessions.resume(busy.handle, as(), { activity: false })).live).toBe(true)
      expect((await sessions.resume(streaming.handle, as())).live).toBe(false)
      sessions.finish(busy.session)
      advance(10_000)
      expect((await sessions.resume(busy.handle, as())).live).toBe(false)
      await sessions.close()
    } finally {
      vi.useRealTimers()
    }
  })

  test('a session of a short idle timeout lives for as long as it is used', async () => {
    const { sessions, advance } = createLayer()
    const { handle } = await sessions.open(as(), { idleTimeoutMs: 30_000 })
    for (let turn = 0; turn < 10; turn += 1) {
      advance(20_000)
      expect((await sessions.resume(handle, as())).live).toBe(true)
    }
    advance(30_000)
    expect((await sessions.resume(handle, as())).live).toBe(false)
  })

  test('looking is activity where it is said to be', async () => {
    const { sessions, advance } = createLayer()
    const { session } = await sessions.open(as())
    for (let turn = 0; turn < 4; turn += 1) {
      advance(20 * minuteMs)
      await sessions.read(session, { activity: true })
    }
    advance(20 * minuteMs)
    expect((await sessions.read(session)).lastUsedAt).toBe(session.openedAt + 80 * minuteMs)
    advance(10 * minuteMs)
    await expect(sessions.read(session, { activity: true })).rejects.toThrow(SessionEndedError)
  })
})

describe('authentication', () => {
  verifies(
    ['asvs-5.0/7.2.4', 'owasp-session/renew-id-after-privilege-change', 'owasp-session/detect-anomalies'],
    'destroys the handle from before, and presenting it later ends the session it became',
    async () => {
      const { sessions, advance, kinds } = createLayer({ public: true })
      const planted = await sessions.open({ anonymous: true }, { data: { cart: 1 } })
      const login = await sessions.authenticate(planted.session, as())
      expect(login.session.data).toEqual({ cart: 1 })
      expect(login.session.principal).toEqual(alice)
      expect(login.handle).not.toBe(planted.handle)
      expect(await sessions.resume(planted.handle, { anonymous: true })).toEqual({ live: false, reason: 'retired' })
      expect((await sessions.resume(login.handle, as())).live).toBe(true)
      advance(5000)
      expect(await sessions.resume(planted.handle, { anonymous: true })).toEqual({ live: false, reason: 'reused' })
      expect((await sessions.resume(login.handle, as())).live).toBe(false)
      expect(kinds()).toContain('theft-suspected')
    },
  )

  test('of somebody else carries nothing over', async () => {
    const { sessions } = createLayer()
    const mine = await sessions.open(as(), { data: { secret: 1 } })
    const hers = await sessions.authenticate(mine.session, as(bob))
    expect(hers.session.data).toEqual({})
    expect(hers.session.ref).not.toBe(mine.session.ref)
    expect((await sessions.resume(mine.handle, as())).live).toBe(false)
    await expect(sessions.regenerate(hers.session, { caller: as() })).rejects.toThrow(MisuseError)
  })

  verifies(['asvs-5.0/7.5.1', 'asvs-5.0/7.5.3'], 'anew is known by its time', async () => {
    const { sessions, advance, clock } = createLayer()
    const first = await sessions.open(as())
    advance(10 * minuteMs)
    const plain = await sessions.regenerate(first.session)
    expect(plain.session.authenticatedAt).toBe(clock.now - 10 * minuteMs)
    const again = await sessions.regenerate(plain.session, { caller: as() })
    expect(again.session.authenticatedAt).toBe(clock.now)
    expect(plain.session.isFresh(5 * minuteMs, clock.now)).toBe(false)
    expect(again.session.isFresh(5 * minuteMs, clock.now)).toBe(true)
    // By the store's clock, years behind that of this process, and by what has passed since the look.
    expect(plain.session.isFresh(5 * minuteMs)).toBe(false)
    expect(again.session.isFresh(5 * minuteMs)).toBe(true)
    const later = performance.now() + 5 * minuteMs
    const spy = vi.spyOn(performance, 'now').mockReturnValue(later)
    expect(again.session.isFresh(5 * minuteMs)).toBe(false)
    spy.mockRestore()
  })
})

describe('ending', () => {
  verifies(
    [
      'asvs-5.0/7.4.1',
      'owasp-session/destroy-on-server',
      'owasp-session/logout',
      'mcp-2025-11-25/not-found-after-termination',
    ],
    'is final for every handle and every request in flight',
    async () => {
      const { sessions, store } = createLayer()
      const { session, handle } = await sessions.open(as(), { data: 1 })
      const cookie = await sessions.attach(session, 'cookie')
      await sessions.terminate(session)
      await sessions.terminate(session)
      expect((await sessions.resume(handle, as())).live).toBe(false)
      expect((await sessions.resume(cookie, as(), { kind: 'cookie' })).live).toBe(false)
      await expect(sessions.update(session, () => 2)).rejects.toThrow(SessionEndedError)
      await expect(sessions.regenerate(session)).rejects.toThrow(SessionEndedError)
      await expect(sessions.attach(session, 'cookie')).rejects.toThrow(SessionEndedError)
      await expect(sessions.exclusive(session, () => 1)).rejects.toThrow(SessionEndedError)
      await expect(sessions.read(session)).rejects.toThrow(SessionEndedError)
      expect(await store.count()).toBe(0)
    },
  )

  verifies(
    ['asvs-5.0/7.4.2', 'asvs-5.0/7.4.5', 'asvs-5.0/8.3.2'],
    'all sessions of a principal takes one operation, however many there are',
    async () => {
      const { sessions, store } = createLayer({ caps: { perPrincipal: 1000 } })
      const hers = await sessions.open(as(bob))
      const mine = await Promise.all(Array.from({ length: 500 }, () => sessions.open(as())))
      let operations = 0
      const advanceEpoch = store.advanceEpoch.bind(store)
      store.advanceEpoch = (...request) => ((operations += 1), advanceEpoch(...request))
      await sessions.revoke({ principal: alice }, 'account disabled')
      expect(operations).toBe(1)
      for (const { handle } of mine) expect((await sessions.resume(handle, as())).live).toBe(false)
      expect((await sessions.resume(hers.handle, as(bob))).live).toBe(true)
      await expect(sessions.update(mine[0]!.session, () => 1)).rejects.toThrow(SessionEndedError)
    },
  )

  test('the context of an agent ends what it held and nothing else', async () => {
    const { sessions, events } = createLayer()
    const one = await sessions.open(as(alice, 'one'))
    const two = await sessions.open(as(alice, 'two'))
    await sessions.resetAgent(alice, 'one', 'conversation restarted')
    expect((await sessions.resume(one.handle, as(alice, 'one'))).live).toBe(false)
    expect((await sessions.resume(two.handle, as(alice, 'two'))).live).toBe(true)
    expect(events).toContainEqual(
      expect.objectContaining({ kind: 'agent-reset', agent: 'one', why: expect.any(String) }),
    )
  })

  test('who resets agents without end fills no store: one too many ends all of the principal, and of nobody else', async () => {
    const { sessions, kinds, advance } = createLayer({ caps: { agentsReset: 2 } })
    const mine = await sessions.open(as(alice, 'mine'))
    const hers = await sessions.open(as(bob, 'mine'))
    for (const agent of ['one', 'two', 'one', 'two']) await sessions.resetAgent(alice, agent, 'again')
    expect((await sessions.resume(mine.handle, as(alice, 'mine'))).live).toBe(true)
    await sessions.resetAgent(alice, 'three', 'one too many')
    expect(kinds().at(-1)).toBe('principal-revoked')
    expect((await sessions.resume(mine.handle, as(alice, 'mine'))).live).toBe(false)
    expect((await sessions.resume(hers.handle, as(bob, 'mine'))).live).toBe(true)
    const again = await sessions.open(as(alice, 'mine'))
    await sessions.resetAgent(alice, 'two', 'known')
    expect((await sessions.resume(again.handle, as(alice, 'mine'))).live).toBe(true)
    advance(4 * hourMs)
    await sessions.resetAgent(alice, 'three', 'the others are forgotten')
    expect(kinds().at(-1)).toBe('agent-reset')
  })

  test('a session ends what hangs on it', async () => {
    const { sessions } = createLayer()
    const parent = await sessions.open(as())
    const child = await sessions.open(as(), { parent: parent.session, kind: 'state' })
    await sessions.revoke({ session: parent.session.ref }, 'by an administrator')
    expect((await sessions.resume(child.handle, as(), { kind: 'state' })).live).toBe(false)
    await expect(sessions.open(as(), { parent: parent.session })).rejects.toThrow(SessionEndedError)
  })

  verifies('asvs-5.0/7.5.2', 'is open to the owner, who sees all sessions and can pick one', async () => {
    const { sessions } = createLayer()
    await sessions.open(as(alice, 'laptop'))
    await sessions.open(as(bob))
    const lost = await sessions.open(as(alice, 'lost phone'))
    const listed = await sessions.list(alice)
    expect(listed.map(({ agent }) => agent)).toEqual(['laptop', 'lost phone'])
    await sessions.revoke({ session: listed[1]!.ref }, 'lost')
    expect((await sessions.resume(lost.handle, as(alice, 'lost phone'))).live).toBe(false)
    expect(await sessions.list(alice)).toHaveLength(1)
  })

  verifies('asvs-5.0/7.4.3', 'leaves the one session from which a factor was changed', async () => {
    const { sessions } = createLayer()
    const others = [await sessions.open(as()), await sessions.open(as(alice, 'laptop'))]
    const mine = await sessions.open(as())
    const hers = await sessions.open(as(bob))
    await sessions.revokeOthers(mine.session, 'password changed')
    expect((await sessions.resume(others[0]!.handle, as())).live).toBe(false)
    expect((await sessions.resume(others[1]!.handle, as(alice, 'laptop'))).live).toBe(false)
    expect((await sessions.resume(mine.handle, as())).live).toBe(true)
    expect((await sessions.resume(hers.handle, as(bob))).live).toBe(true)
    expect(await sessions.list(alice)).toHaveLength(1)
  })

  verifies(
    'asvs-5.0/7.4.3',
    'leaves nothing else of its principal, whether or not a session stands behind it',
    async () => {
      const { sessions, kinds } = createLayer()
      const carts = createStateHandles({ sessions, prefix: 'cart' })
      const states = createRequestStates({
        sessions,
        keys: createKeyRing([{ id: '1', secret: Buffer.alloc(32, 7) }]),
        audience: 'https://mcp.example',
      })
      const binding = { principal: alice, method: 'tools/call', name: 'pay' }
      const alone = await carts.create(as(), {})
      const other = await sessions.open(as())
      const mine = await sessions.open(as())
      const itsOwn = await carts.create(as(), {}, { parent: mine.session })
      const sealed = await states.seal({ step: 1 }, binding)
      const cut: string[] = []
      sessions.watch(other.session, (reason) => cut.push(`other: ${reason}`))
      sessions.watch(mine.session, (reason) => cut.push(`mine: ${reason}`))
      sessions.watchCaller(as(), (reason) => cut.push(`without a session: ${reason}`))
      await sessions.revokeOthers(mine.session, 'password changed')
      expect(kinds()).toContain('others-revoked')
      expect((await carts.find(alone.handle, as())).live).toBe(false)
      expect((await states.unseal(sealed, binding)).good).toBe(false)
      expect((await carts.find(itsOwn.handle, as())).live).toBe(true)
      expect(cut).toEqual(['without a session: principal-revoked', 'other: principal-revoked'])
      await sessions.close()
    },
  )

  test('of the others by an old handle or from an ended session is refused, and revokes nothing', async () => {
    const { sessions } = createLayer()
    const other = await sessions.open(as())
    const mine = await sessions.open(as())
    const next = await sessions.regenerate(mine.session)
    await expect(sessions.revokeOthers(mine.session, 'late')).rejects.toThrow(FencedError)
    await sessions.terminate(next.session)
    await expect(sessions.revokeOthers(next.session, 'late')).rejects.toThrow(SessionEndedError)
    expect((await sessions.resume(other.handle, as())).live).toBe(true)
  })

  test('cuts the streams of the session at once, and after a regeneration too', async () => {
    const { sessions } = createLayer()
    const cut: string[] = []
    const watch = (session: Parameters<typeof sessions.watch>[0], name: string) =>
      sessions.watch(session, (reason) => cut.push(`${name}: ${reason}`))
    const one = await sessions.open(as())
    const two = await sessions.open(as())
    const three = await sessions.open(as())
    watch(one.session, 'one')
    const stop = watch(one.session, 'stopped')
    watch(two.session, 'two')
    watch(three.session, 'three')
    stop()
    await sessions.terminate(one.session)
    await sessions.regenerate(two.session)
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect(cut).toEqual(['one: terminated', 'two: regenerated', 'three: principal-revoked'])
    await sessions.close()
  })
})

describe('caps', () => {
  verifies(
    ['asvs-5.0/7.1.2', 'owasp-session/simultaneous-sessions'],
    'hold for a principal however its sessions are opened',
    async () => {
      const { sessions, events } = createLayer({ caps: { perPrincipal: 5 } })
      const opened = await Promise.allSettled(Array.from({ length: 50 }, () => sessions.open(as())))
      expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
      await expect(sessions.open(as())).rejects.toMatchObject({ code: 'cap-reached', status: 429 })
      await expect(sessions.open(as(bob))).resolves.toBeDefined()
      expect(events).toContainEqual(expect.objectContaining({ kind: 'cap-reached', scope: 'principal' }))
    },
  )

  test('hold in all, and keep anonymous callers from the room of others', async () => {
    const { sessions } = createLayer({ public: true, caps: { total: 4, anonymous: 2 } })
    await sessions.open({ anonymous: true })
    await sessions.open({ anonymous: true })
    await expect(sessions.open({ anonymous: true })).rejects.toThrow(CapReachedError)
    await sessions.open(as())
    await sessions.open(as())
    await expect(sessions.open(as(bob))).rejects.toMatchObject({ status: 503 })
  })
})

describe('data', () => {
  verifies(
    ['asvs-5.0/15.4.1', 'asvs-5.0/15.4.2', 'asvs-5.0/2.3.3', 'asvs-5.0/2.3.4'],
    'fifty increments at once end at fifty',
    async () => {
      const { sessions } = createLayer()
      const { session, handle } = await sessions.open(as(), { data: { count: 0 } })
      await Promise.all(
        Array.from({ length: 50 }, async () => {
          const found = await sessions.resume<{ count: number }>(handle, as())
          if (!found.live) throw new Error('lost')
          await sessions.update(found.session, async ({ count }) => {
            await new Promise((resolve) => setImmediate(resolve))
            return { count: count + 1 }
          })
        }),
      )
      expect((await sessions.read(session)).data).toEqual({ count: 50 })
    },
  )

  test('a change that throws changes nothing and holds nobody up', async () => {
    const { sessions } = createLayer()
    const { session } = await sessions.open(as(), { data: 1 })
    const failing = sessions.update(session, () => {
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await sessions.update(session, (n) => n + 1)).toBe(2)
  })

  test('cannot be changed behind the back of the store', async () => {
    const { sessions } = createLayer()
    const { session } = await sessions.open(as(), { data: { list: [1] } })
    expect(() => session.data.list.push(2)).toThrow(TypeError)
    const deep = await sessions.open(as(), { data: JSON.parse('['.repeat(3000) + ']'.repeat(3000)) as unknown[] })
    expect(Object.isFrozen(deep.session.data)).toBe(true)
  })

  test('is JSON and of bounded size', async () => {
    const { sessions } = createLayer({ maxDataBytes: 100 })
    const { session } = await sessions.open(as(), { data: 'x'.repeat(98) })
    await expect(sessions.update(session, () => 'ü'.repeat(50))).rejects.toThrow(MisuseError)
    await expect(sessions.update(session, () => undefined as never)).rejects.toThrow(MisuseError)
    await expect(sessions.open(as(), { data: 'x'.repeat(99) })).rejects.toThrow(MisuseError)
  })

  test('a request under a regenerated handle reads for the grace and never writes', async () => {
    const { sessions, advance, events } = createLayer()
    const { session } = await sessions.open(as(), { data: 'before' })
    const next = await sessions.regenerate(session)
    await sessions.update(next.session, () => 'after')
    expect((await sessions.read(session)).data).toBe('after')
    await expect(sessions.update(session, () => 'late')).rejects.toThrow(FencedError)
    await expect(sessions.exclusive(session, () => 1)).rejects.toThrow(FencedError)
    await expect(sessions.regenerate(session)).rejects.toThrow(FencedError)
    advance(5000)
    await expect(sessions.read(session)).rejects.toThrow(FencedError)
    expect((await sessions.read(next.session)).data).toBe('after')
    expect(events).toContainEqual(expect.objectContaining({ kind: 'fenced', what: 'handle' }))
  })
})

describe('exclusive work', () => {
  test('does not interleave, and is served in order', async () => {
    const { sessions } = createLayer()
    const { session } = await sessions.open(as())
    const log: string[] = []
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        sessions.exclusive(session, async () => {
          log.push(`${name} in`)
          await new Promise((resolve) => setTimeout(resolve, 5))
          log.push(`${name} out`)
        }),
      ),
    )
    expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  })

  test('lets readers run beside each other, and hands them no pen', async () => {
    const { sessions } = createLayer()
    const { session } = await sessions.open(as(), { data: 1 })
    let inside = 0
    let most = 0
    const read = () =>
      sessions.exclusive(
        session,
        async (mine) => {
          inside += 1
          most = Math.max(most, inside)
          await new Promise((resolve) => setTimeout(resolve, 10))
          await expect(sessions.update(mine, () => 2)).rejects.toThrow(MisuseError)
          inside -= 1
        },
        { mode: 'shared' },
      )
    await Promise.all([read(), read(), read()])
    expect(most).toBe(3)
  })

  test('sees what the turn before wrote', async () => {
    const { sessions } = createLayer()
    const { session } = await sessions.open(as(), { data: { n: 0 } })
    const step = () =>
      sessions.exclusive(session, async (mine) => {
        const { n } = mine.data
        await new Promise((resolve) => setImmediate(resolve))
        await sessions.update(mine, () => ({ n: n + 1 }))
      })
    await Promise.all(Array.from({ length: 20 }, step))
    expect((await sessions.read(session)).data).toEqual({ n: 20 })
  })

  test('waits no longer than it was told, in a queue that has an end', async () => {
    const { sessions, kinds } = createLayer()
    const { session } = await sessions.open(as())
    let free: () => void = () => undefined
    const holding = sessions.exclusive(session, () => new Promise<void>((resolve) => (free = resolve)))
    await expect(sessions.exclusive(session, () => 1, { waitMs: 20 })).rejects.toThrow(BusyError)
    const waiting = Array.from({ length: 64 }, () => sessions.exclusive(session, () => 1))
    await new Promise((resolve) => setImmediate(resolve))
    await expect(sessions.exclusive(session, () => 1)).rejects.toThrow(BusyError)
    free()
    await holding
    expect(await Promise.all(waiting)).toHaveLength(64)
    expect(kinds()).toContain('busy')
  })

  test('a handler whose turn is over before it began does not begin', async () => {
    const { sessions, store } = createLayer()
    const { session } = await sessions.open(as())
    const read = store.read.bind(store)
    vi.spyOn(store, 'read').mockImplementation(async (request) => {
      // Longer than the turn: it ends while the session is looked at.
      await new Promise((resolve) => setTimeout(resolve, 20))
      return read(request)
    })
    const work = vi.fn<() => void>()
    await expect(sessions.exclusive(session, work, { holdMs: 1 })).rejects.toThrow(FencedError)
    expect(work).not.toHaveBeenCalled()
  })

  test('a handler that keeps its turn too long loses it, and what it writes then', async () => {
    const { sessions, advance } = createLayer()
    const { session } = await sessions.open(as(), { data: 'before' })
    let late: Promise<unknown> = Promise.resolve()
    let go: () => void = () => undefined
    const slow = sessions.exclusive(
      session,
      (mine, signal) => {
        late = new Promise<void>((resolve) => (go = resolve)).then(() => {
          expect(signal.aborted).toBe(true)
          return sessions.update(mine, () => 'late')
        })
        return late
      },
      { holdMs: 20 },
    )
    await expect(slow).rejects.toThrow(FencedError)
    advance(5000)
    await sessions.exclusive(session, (mine) => sessions.update(mine, () => 'in turn'))
    go()
    await expect(late).rejects.toThrow(FencedError)
    expect((await sessions.read(session)).data).toBe('in turn')
  })

  test('hears at once that its session ended', async () => {
    const { sessions } = createLayer()
    const { session } = await sessions.open(as())
    const working = sessions.exclusive(session, () => new Promise(() => undefined))
    await new Promise((resolve) => setImmediate(resolve))
    await sessions.terminate(session)
    await expect(working).rejects.toThrow(SessionEndedError)
  })
})

describe('events', () => {
  test('a listener that throws decides nothing', async () => {
    const { sessions } = createLayer()
    sessions.onEvent(() => {
      throw new Error('disk full')
    })
    await expect(sessions.open(as())).resolves.toBeDefined()
  })

  test('a listener that fails later decides nothing, nor does what hears of an end', async () => {
    const { sessions } = createLayer()
    const unhandled = vi.fn<(reason: unknown) => void>()
    process.on('unhandledRejection', unhandled)
    try {
      const fail = async (): Promise<never> => Promise.reject(new Error('disk full'))
      sessions.onEvent(fail)
      const { session } = await sessions.open(as())
      sessions.watch(session, fail)
      sessions.watchCaller(as(), fail)
      await sessions.terminate(session)
      await sessions.revoke({ principal: alice }, 'account disabled')
      // Node tells of rejections when all microtasks have run.
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).not.toHaveBeenCalled()
    } finally {
      process.off('unhandledRejection', unhandled)
    }
    await sessions.close()
  })

  verifies(
    ['asvs-5.0/16.2.5', 'owasp-session/hashed-ids-in-logs'],
    'tell the whole life of a session by its reference',
    async () => {
      const { sessions, events, clock } = createLayer()
      const { session, handle } = await sessions.open(as(alice, 'one'))
      const next = await sessions.regenerate(session, { caller: as(alice, 'one') })
      await sessions.terminate(next.session)
      const about = { at: clock.now, session: session.ref, principal: alice, agent: 'one' }
      expect(events).toEqual([
        { kind: 'opened', ...about },
        { kind: 'regenerated', generation: 2, authenticated: true, ...about },
        { kind: 'ended', reason: 'terminated', ...about },
      ])
      expect(JSON.stringify(events)).not.toContain(handle)
    },
  )
})
