/** Keys that are good once; turns in a session; the store’s own clock. */
import assert from 'node:assert/strict'
import { type Cases } from './user.ts'

export const onceCases: Cases = {
  'a key is consumed once, on all connections together': async ({ store, other }) => {
    const replies = await Promise.all([store, other, store, other].map((one) => one.consume('nonce', 5000)))
    assert.deepEqual(replies.toSorted(), ['again', 'again', 'again', 'first'])
  },

  'a consumed key is remembered for its time': async ({ store, advance }) => {
    await store.consume('nonce', 5000)
    await advance(4999)
    assert.equal(await store.consume('nonce', 5000), 'again')
    assert.equal(await store.consume('other', 5000), 'first')
    await advance(1)
    assert.equal(await store.consume('nonce', 5000), 'first')
  },
}

export const turnCases: Cases = {
  'one holds the lock, and the fence rises with each turn': async ({ store }, user) => {
    const session = await user.open()
    assert.deepEqual(await user.lock(session, 'a'), { kind: 'granted', fence: 1 })
    assert.deepEqual(await user.lock(session, 'b'), { kind: 'waiting' })
    assert.deepEqual(await user.lock(session, 'a'), { kind: 'granted', fence: 1 })
    await store.unlock(session.ref, 'a')
    assert.deepEqual(await user.lock(session, 'b'), { kind: 'granted', fence: 2 })
  },

  'who came first is served first': async ({ store }, user) => {
    const session = await user.open()
    await user.lock(session, 'a')
    await user.lock(session, 'b')
    await user.lock(session, 'c')
    await store.unlock(session.ref, 'a')
    assert.deepEqual(await user.lock(session, 'c'), { kind: 'waiting' })
    assert.deepEqual(await user.lock(session, 'b'), { kind: 'granted', fence: 2 })
  },

  'readers share, and do not pass a writer that waits': async ({ store }, user) => {
    const session = await user.open()
    const shared = { mode: 'shared' } as const
    assert.equal((await user.lock(session, 'r1', shared)).kind, 'granted')
    assert.equal((await user.lock(session, 'r2', shared)).kind, 'granted')
    assert.deepEqual(await user.lock(session, 'w'), { kind: 'waiting' })
    assert.deepEqual(await user.lock(session, 'r3', shared), { kind: 'waiting' })
    await store.unlock(session.ref, 'r1')
    await store.unlock(session.ref, 'r2')
    assert.deepEqual(await user.lock(session, 'r3', shared), { kind: 'waiting' })
    assert.equal((await user.lock(session, 'w')).kind, 'granted')
    await store.unlock(session.ref, 'w')
    assert.equal((await user.lock(session, 'r3', shared)).kind, 'granted')
  },

  'the queue has an end': async (_, user) => {
    const session = await user.open()
    await user.lock(session, 'a', { maxWaiting: 2 })
    await user.lock(session, 'b', { maxWaiting: 2 })
    await user.lock(session, 'c', { maxWaiting: 2 })
    assert.deepEqual(await user.lock(session, 'd', { maxWaiting: 2 }), { kind: 'full' })
    assert.deepEqual(await user.lock(session, 'b', { maxWaiting: 2 }), { kind: 'waiting' })
  },

  'a lease runs out, and what its holder writes then is refused': async ({ advance }, user) => {
    const session = await user.open()
    await user.lock(session, 'slow')
    await advance(1000)
    assert.deepEqual(await user.lock(session, 'next'), { kind: 'granted', fence: 2 })
    assert.deepEqual(await user.write(session, '"late"', 1), { kind: 'fenced', what: 'lock' })
    assert.equal((await user.write(session, '"in turn"', 2)).kind, 'written')
  },

  'a waiter that went away loses its place': async ({ store, advance }, user) => {
    const session = await user.open()
    await user.lock(session, 'a')
    await user.lock(session, 'gone')
    await advance(500)
    await user.lock(session, 'b')
    await store.unlock(session.ref, 'a')
    assert.equal((await user.lock(session, 'b')).kind, 'granted')
  },

  'nobody takes a turn in a session that ended or was regenerated': async ({ store }, user) => {
    const session = await user.open()
    const [next] = await user.regenerate(session)
    assert.deepEqual(await user.lock(session, 'a'), { kind: 'fenced' })
    await store.end({ name: { ref: session.ref }, reason: 'terminated' })
    assert.deepEqual(await user.lock(next, 'a'), { kind: 'gone' })
  },
}

export const housekeepingCases: Cases = {
  'sweeping removes what is over, and only that': async ({ store, advance }, user) => {
    await user.open({ idleTimeoutMs: 1000 })
    const alive = await user.open()
    await advance(1000)
    const ended: string[] = []
    for (let more = true; more;) {
      const reply = await store.sweep(100)
      ended.push(...reply.ended.map(({ reason }) => reason))
      more = reply.more
    }
    assert.deepEqual(ended, ['idle-timeout'])
    assert.equal(await store.count(), 1)
    assert.equal(await user.isLive(alive.ref), true)
  },

  'the clock does not go back': async ({ store, other, advance }) => {
    const before = await store.now()
    await advance(10)
    assert.equal(await store.now(), before + 10)
    assert.ok((await other.now()) >= before + 10)
  },
}
