import { describe, expect, test } from 'vitest'
import { CapReachedError, createStateHandles, createSubscriptions, type Caller, type StreamEnd } from '../src/index.ts'
import { alice, bob, createLayer, hourMs, minuteMs } from './layer.ts'
import { verifies } from './verifies.ts'

const me = { principal: alice }

describe('a state handle', () => {
  const make = (ttlMs?: number) => {
    const layer = createLayer({ caps: { statesPerPrincipal: 3 } })
    return {
      ...layer,
      carts: createStateHandles({ sessions: layer.sessions, prefix: 'cart', ...(ttlMs && { ttlMs }) }),
    }
  }

  verifies(
    ['mcp-2026-07-28/bind-handles', 'mcp-2026-07-28/explicit-state-handles', 'asvs-5.0/8.4.1'],
    'names state of its principal, and nothing of anybody else',
    async () => {
      const { carts, sessions } = make()
      const { handle } = await carts.create(me, { items: 1 })
      expect(handle).toMatch(/^cart_[\w-]{43}_[\w-]{6}$/)
      const found = await carts.find<{ items: number }>(handle, me)
      expect(found).toMatchObject({ live: true, session: { data: { items: 1 } } })
      const foreign = await carts.find(handle, { principal: bob })
      const unknown = await carts.find((await make().carts.create(me, 0)).handle, me)
      expect(foreign).toEqual(unknown)
      expect(foreign).toMatchObject({ reason: 'gone' })
      expect((await sessions.resume(handle.slice(5, 48), me)).live).toBe(false)
    },
  )

  test('that a model mistyped is told from one that is gone, without a look-up', async () => {
    const { carts, store } = make()
    const { handle } = await carts.create(me, 0)
    store.resume = () => {
      throw new Error('looked up')
    }
    const slips = [handle.slice(0, -1), handle.slice(1), handle.toUpperCase(), `${handle}.`, '', 'cart', 7, undefined]
    const places = Array.from({ length: 43 }, (_, place) => place + 5)
    const changed = places.map((at) => handle.slice(0, at) + (handle[at] === 'x' ? 'y' : 'x') + handle.slice(at + 1))
    for (const slip of [...slips, ...changed, handle.replace('cart', 'user')])
      expect(await carts.find(slip, me)).toMatchObject({ live: false, reason: 'typo' })
  })

  verifies(
    ['mcp-2026-07-28/expire-handles', 'mcp-2026-07-28/bounded-handle-lifetime'],
    'ends by time, by its owner, with its session and with its agent',
    async () => {
      const { carts, advance, sessions } = make(minuteMs)
      const old = await carts.create(me, 0)
      advance(minuteMs)
      expect(await carts.find(old.handle, me)).toMatchObject({ reason: 'gone' })
      const mine = await carts.create(me, 0)
      expect(await carts.destroy(mine.handle, { principal: bob })).toBe(false)
      expect(await carts.destroy(mine.handle, me)).toBe(true)
      expect(await carts.destroy(mine.handle, me)).toBe(false)
      const { session } = await sessions.open(me)
      const child = await carts.create(me, 0, { parent: session })
      await sessions.terminate(session)
      expect(await carts.find(child.handle, me)).toMatchObject({ reason: 'gone' })
      const agents = { principal: alice, agent: 'one' }
      const bound = await carts.create(agents, 0)
      await sessions.resetAgent(alice, 'one', 'context reset')
      expect(await carts.find(bound.handle, agents)).toMatchObject({ reason: 'gone' })
    },
  )

  verifies(
    [
      'mcp-2025-11-25/bind-tasks-to-context',
      'mcp-2025-11-25/secure-task-ids',
      'mcp-2025-11-25/limit-task-lifetime',
      'mcp-2025-11-25/state-not-by-session-alone',
      'mcp-2026-07-28/authorize-task-requests',
    ],
    'serves as the id of a task or an elicitation: its context alone reaches it, for a bounded time, within a cap',
    async () => {
      const { sessions, advance } = createLayer({ public: true, caps: { statesPerPrincipal: 2 } })
      const tasks = createStateHandles({ sessions, prefix: 'task', ttlMs: minuteMs })
      const { handle } = await tasks.create({ principal: alice, agent: 'one' }, { status: 'working' })
      const others: Caller[] = [
        me,
        { principal: bob, agent: 'one' },
        { principal: alice, agent: 'two' },
        { anonymous: true },
      ]
      for (const caller of others) expect((await tasks.find(handle, caller)).live).toBe(false)
      expect((await tasks.find(handle, { principal: alice, agent: 'one' })).live).toBe(true)
      expect(Buffer.from(handle.slice(5, 48), 'base64url')).toHaveLength(32)
      await tasks.create(me, {})
      await expect(tasks.create(me, {})).rejects.toThrow(CapReachedError)
      advance(minuteMs)
      expect((await tasks.find(handle, { principal: alice, agent: 'one' })).live).toBe(false)
    },
  )

  test('counts against a cap of its own', async () => {
    const { carts, sessions } = make()
    for (let made = 0; made < 3; made += 1) await carts.create(me, 0)
    await expect(carts.create(me, 0)).rejects.toThrow(CapReachedError)
    await expect(sessions.open(me)).resolves.toBeDefined()
  })
})

describe('a subscription', () => {
  const make = () => {
    const layer = createLayer({ watchIntervalMs: 10 })
    const rights = new Map<string, boolean>([['alice inbox://alice', true]])
    const mayRead = (caller: Caller, topic: string) =>
      'principal' in caller && rights.get(`${caller.principal.subject} ${topic}`) === true
    const subscriptions = createSubscriptions({ sessions: layer.sessions, mayRead })
    const stream = () => {
      const heard: unknown[] = []
      const ends: StreamEnd[] = []
      return {
        heard,
        ends,
        send: (_: string, message: unknown) => heard.push(message),
        end: (end: StreamEnd) => ends.push(end),
      }
    }
    return { ...layer, rights, subscriptions, stream }
  }

  verifies(
    ['mcp-2026-07-28/access-control', 'mcp-2026-07-28/requested-notifications-only', 'asvs-5.0/8.2.2'],
    'hears what it asked for and may read, as long as it may',
    async () => {
      const { subscriptions, stream, rights } = make()
      const mine = stream()
      const hers = stream()
      const granted = await subscriptions.open(me, ['inbox://alice', 'inbox://bob', 'inbox://alice'], mine)
      expect(granted.topics).toEqual(['inbox://alice'])
      expect((await subscriptions.open({ principal: bob }, ['inbox://alice'], hers)).topics).toEqual([])
      expect(await subscriptions.publish('inbox://alice', 'hello')).toBe(1)
      expect(await subscriptions.publish('inbox://bob', 'secret')).toBe(0)
      rights.set('alice inbox://alice', false)
      expect(await subscriptions.publish('inbox://alice', 'too late')).toBe(0)
      expect([mine.heard, hers.heard]).toEqual([['hello'], []])
    },
  )

  test('is cut with its credential, its principal and its agent, and leaves nothing behind', async () => {
    const { subscriptions, stream, sessions, clock, advance, store } = make()
    const expiring = stream()
    const revoked = stream()
    const closed = stream()
    await subscriptions.open({ ...me, credentialExpiresAt: clock.now + 1000 }, ['inbox://alice'], expiring)
    await subscriptions.open(me, ['inbox://alice'], revoked)
    const own = await subscriptions.open(me, ['inbox://alice'], closed)
    await own.close()
    advance(1000)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(expiring.ends).toEqual(['credential-expired'])
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect(revoked.ends).toEqual(['principal-revoked'])
    expect(closed.ends).toEqual([])
    expect(await subscriptions.publish('inbox://alice', 'late')).toBe(0)
    await sessions.sweep()
    expect(await store.count()).toBe(0)
    await sessions.close()
  })

  test('of somebody else who cannot be asked or reached keeps it from nobody', async () => {
    const layer = createLayer()
    const mayRead = (caller: Caller) => {
      if ('principal' in caller && caller.principal === bob && asked) throw new Error('no answer')
      return true
    }
    let asked = false
    const subscriptions = createSubscriptions({ sessions: layer.sessions, mayRead })
    const heard: unknown[] = []
    const broken = () => {
      throw new Error('broken')
    }
    await subscriptions.open({ principal: bob }, ['news'], { send: broken, end: () => undefined })
    await subscriptions.open(me, ['news'], { send: broken, end: () => undefined })
    await subscriptions.open(me, ['news'], { send: (_, message) => heard.push(message), end: () => undefined })
    asked = true
    expect(await subscriptions.publish('news', 'hello')).toBe(1)
    expect(heard).toEqual(['hello'])
    await layer.sessions.close()
  })

  test('lives for as long as its stream, and no longer than a session', async () => {
    const { subscriptions, stream, sessions, advance } = make()
    const mine = stream()
    await subscriptions.open(me, ['inbox://alice'], mine)
    advance(4 * hourMs)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(mine.ends).toEqual(['absolute-timeout'])
    await sessions.close()
  })
})
