/**
 * Two processes on one store, every order of their operations drawn by a scheduler: what must not happen in any order.
 * A failing order is printed by fast-check and can be replayed from its seed.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSessions, SessionEndedError, SessionError, type Sessions } from '../src/index.ts'
import type { SessionStore } from '../src/store/store.ts'
import { alice } from './layer.ts'
import { storeKinds, type Pair } from './store/each.ts'
import { verifies } from './verifies.ts'

const me = { principal: alice }

/** A store whose operations begin when the scheduler says so, in the order that it says. */
function driven(store: SessionStore, scheduler: fc.Scheduler): SessionStore {
  return new Proxy(store, {
    get(target, name: keyof SessionStore) {
      const member = target[name] as unknown
      if (typeof member !== 'function') return member
      return async (...request: unknown[]) => {
        await scheduler.schedule(Promise.resolve(), String(name))
        return (member as (...request: unknown[]) => unknown).apply(target, request)
      }
    },
  })
}

describe.each(storeKinds)('on $name, in every order,', (kind) => {
  beforeAll(() => kind.begin())
  afterAll(() => kind.finish())
  const runs = kind.name === 'memory' ? 200 : 15

  /** Sets up on the bare stores, then lets `race` run with every operation under the scheduler. */
  async function everyOrder<Before>(
    prepare: (first: Sessions, pair: Pair) => Promise<Before>,
    race: (processes: readonly [Sessions, Sessions], before: Before) => readonly Promise<unknown>[],
    judge: (
      after: Sessions,
      before: Before,
      outcomes: readonly PromiseSettledResult<unknown>[],
      pair: Pair,
    ) => Promise<void>,
    options: Parameters<typeof createSessions>[0] = {},
  ) {
    const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const pair = await kind.make()
      const make = (store: SessionStore) =>
        createSessions({ ...options, store, sweepIntervalMs: 0, storeDeadlineMs: 5000 })
      try {
        const before = await prepare(make(pair.stores[0]), pair)
        const processes = [make(driven(pair.stores[0], scheduler)), make(driven(pair.stores[1], scheduler))] as const
        const outcomes = Promise.allSettled(race(processes, before))
        await scheduler.waitFor(outcomes)
        await judge(make(pair.stores[1]), before, await outcomes, pair)
      } finally {
        pair.close()
      }
    })
    await fc.assert(property, { numRuns: runs })
  }

  verifies(['asvs-5.0/15.4.1', 'asvs-5.0/2.3.3'], 'no update is lost', () =>
    everyOrder(
      (first) => first.open(me, { data: { count: 0 } }),
      (processes, { session }) =>
        Array.from({ length: 8 }, (_, turn) =>
          processes[turn % 2]!.update(session, ({ count }) => ({ count: count + 1 })),
        ),
      async (after, { session }, outcomes) => {
        expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true)
        expect((await after.read(session)).data).toEqual({ count: 8 })
      },
    ),
  )

  verifies(['asvs-5.0/7.4.1', 'asvs-5.0/15.4.2'], 'nothing that was in flight revives a session that was ended', () =>
    everyOrder(
      (first) => first.open(me, { data: 'before' }),
      ([one, two], { session, handle }) => [
        one.update(session, () => 'late'),
        two.terminate(session),
        one.regenerate(session),
        two.resume(handle, me),
        one.attach(session, 'cookie'),
        two.exclusive(session, () => 1),
      ],
      async (after, { session, handle }, outcomes, { stores }) => {
        expect(await after.resume(handle, me)).toMatchObject({ live: false })
        const [, , regenerated, , attached] = outcomes
        for (const outcome of [regenerated, attached]) {
          if (outcome?.status !== 'fulfilled') continue
          const value = outcome.value as string | { handle: string }
          const late = typeof value === 'string' ? value : value.handle
          const cookie = typeof value === 'string' ? 'cookie' : 'session'
          expect(await after.resume(late, me, { kind: cookie })).toMatchObject({ live: false })
        }
        await expect(after.read(session)).rejects.toThrow(SessionEndedError)
        expect(await stores[0].count()).toBe(0)
      },
    ),
  )

  verifies('asvs-5.0/7.2.4', 'a login leaves one handle alive, and no write from before it', () =>
    everyOrder(
      (first) => first.open({ anonymous: true }, { data: { from: 'before' } }),
      ([one, two], { session, handle }) => [
        one.authenticate(session, me),
        two.authenticate(session, me),
        two.update(session, () => ({ from: 'in flight' })),
        one.resume(handle, { anonymous: true }),
      ],
      async (after, { handle }, [first, second, late]) => {
        const logins = [first, second].filter((login) => login?.status === 'fulfilled')
        expect(logins).toHaveLength(1)
        const won = (logins[0] as PromiseFulfilledResult<{ handle: string }>).value
        const found = await after.resume(won.handle, me)
        expect(found).toMatchObject({ live: true })
        expect(await after.resume(handle, { anonymous: true })).toMatchObject({ live: false })
        // The write came before the login, or not at all.
        const data = { from: late?.status === 'fulfilled' ? 'in flight' : 'before' }
        expect(found).toMatchObject({ session: { data } })
      },
      { public: true },
    ),
  )

  verifies(['asvs-5.0/7.4.2', 'asvs-5.0/8.3.2'], 'a revocation reaches whatever was in flight', () =>
    everyOrder(
      (first) => first.open(me, { data: 0 }),
      ([one, two], { session, handle }) => [
        one.revoke({ principal: alice }, 'account disabled'),
        two.update(session, () => 1),
        two.regenerate(session),
        two.resume(handle, me),
      ],
      async (after, { session, handle }, [, , regenerated]) => {
        expect(await after.resume(handle, me)).toMatchObject({ live: false })
        if (regenerated?.status === 'fulfilled') {
          const late = (regenerated.value as { handle: string }).handle
          expect(await after.resume(late, me)).toMatchObject({ live: false })
        }
        await expect(after.update(session, () => 2)).rejects.toThrow(SessionError)
      },
    ),
  )

  verifies('asvs-5.0/7.4.3', 'revoking the others reaches whatever they had in flight, and nothing of the one', () =>
    everyOrder(
      async (first) => ({
        mine: await first.open(me, { data: 0 }),
        other: await first.open(me, { data: 0 }),
        alone: await first.open(me, { data: 0, kind: 'state' }),
      }),
      ([one, two], { mine, other, alone }) => [
        one.revokeOthers(mine.session, 'password changed'),
        two.regenerate(other.session),
        two.update(alone.session, () => 1),
        two.open(me, { kind: 'state', parent: mine.session }),
        two.update(mine.session, () => 1),
        one.resume(other.handle, me),
      ],
      async (after, { mine, other, alone }, [revoked, regenerated, , opened, updated]) => {
        expect(revoked?.status).toBe('fulfilled')
        expect(await after.resume(other.handle, me)).toMatchObject({ live: false })
        expect(await after.resume(alone.handle, me, { kind: 'state' })).toMatchObject({ live: false })
        if (regenerated?.status === 'fulfilled') {
          const late = (regenerated.value as { handle: string }).handle
          expect(await after.resume(late, me)).toMatchObject({ live: false })
        }
        expect([opened?.status, updated?.status]).toEqual(['fulfilled', 'fulfilled'])
        const child = (opened as PromiseFulfilledResult<{ handle: string }>).value
        expect(await after.resume(child.handle, me, { kind: 'state' })).toMatchObject({ live: true })
        expect(await after.resume(mine.handle, me)).toMatchObject({ live: true, session: { data: 1 } })
      },
    ),
  )

  verifies(['mcp-2026-07-28/single-use-request-state', 'asvs-5.0/2.3.4'], 'what may be used once is used once', () =>
    everyOrder(
      async () => undefined,
      (processes) => Array.from({ length: 6 }, (_, turn) => processes[turn % 2]!.consume('nonce', 60_000)),
      async (_after, _before, outcomes) => {
        const won = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value === true)
        expect(won).toHaveLength(1)
      },
    ),
  )

  verifies('asvs-5.0/7.1.2', 'a cap is not passed', () =>
    everyOrder(
      (first) => first.open(me),
      (processes) => Array.from({ length: 6 }, (_, turn) => processes[turn % 2]!.open(me)),
      async (after, _before, outcomes) => {
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
        expect(await after.list(alice)).toHaveLength(3)
      },
      { caps: { perPrincipal: 3 } },
    ),
  )

  test('exclusive work of two processes does not interleave, and none is lost', async () => {
    const pair = await kind.make()
    const processes = pair.stores.map((store) => createSessions({ store, sweepIntervalMs: 0, storeDeadlineMs: 5000 }))
    const { session } = await processes[0]!.open(me, { data: { count: 0 } })
    let inside = 0
    const step = (turn: number) =>
      processes[turn % 2]!.exclusive(session, async (mine) => {
        inside += 1
        expect(inside).toBe(1)
        const { count } = mine.data
        await new Promise((resolve) => setImmediate(resolve))
        await processes[turn % 2]!.update(mine, () => ({ count: count + 1 }))
        inside -= 1
      })
    await Promise.all(Array.from({ length: 20 }, (_, turn) => step(turn)))
    expect((await processes[1]!.read(session)).data).toEqual({ count: 20 })
    pair.close()
  })

  test('a stream is cut when its session ends in the other process', async () => {
    const pair = await kind.make()
    const [here, there] = pair.stores.map((store) =>
      createSessions({ store, sweepIntervalMs: 0, storeDeadlineMs: 5000, watchIntervalMs: 20 }),
    )
    const { session } = await here!.open(me)
    const cut = new Promise((resolve) => here!.watch(session, resolve))
    await there!.revoke({ principal: alice }, 'account disabled')
    expect(await cut).toBe('principal-revoked')
    pair.close()
  })
})
