/** Absolute and idle timeouts, and what extends a session. */
import assert from 'node:assert/strict'
import { type StoredSession } from '../store.ts'
import { type Cases } from './user.ts'

export const timeCases: Cases = {
  'the absolute timeout ends a session however active it is': async ({ advance }, user) => {
    const { ref } = await user.open({ absoluteTimeoutMs: 10_000, idleTimeoutMs: 4000 })
    for (let spent = 0; spent < 9000; spent += 3000) {
      await advance(3000)
      assert.equal((await user.resume(ref)).kind, 'live')
    }
    await advance(1000)
    const reply = await user.resume(ref)
    assert.equal(reply.kind, 'ended')
    assert.equal((reply as { reason: string }).reason, 'absolute-timeout')
    assert.deepEqual(await user.resume(ref), { kind: 'refused', reason: 'ended', ref })
  },

  'the idle timeout runs from the last activity': async ({ advance }, user) => {
    const { ref } = await user.open({ idleTimeoutMs: 4000 })
    await advance(3999)
    assert.equal((await user.resume(ref)).kind, 'live')
    await advance(3999)
    assert.equal((await user.resume(ref)).kind, 'live')
    await advance(4000)
    const reply = await user.resume(ref)
    assert.equal((reply as { reason: string }).reason, 'idle-timeout')
  },

  'what is no activity does not extend a session': async ({ advance }, user) => {
    const session = await user.open({ idleTimeoutMs: 4000 })
    await advance(3000)
    assert.equal((await user.resume(session.ref, { activity: false })).kind, 'live')
    assert.equal((await user.read(session)).kind, 'live')
    await user.resume(session.ref, { principal: 'mallory' })
    await advance(1000)
    assert.equal(await user.isLive(session.ref), false)
  },

  'activity within the interval is not written down': async ({ advance }, user) => {
    const [one, two] = [await user.open({ idleTimeoutMs: 30_000 }), await user.open({ idleTimeoutMs: 30_000 })]
    await advance(500)
    await user.resume(one.ref, { coalesceMs: 1000 })
    await user.read(two, true, 1000)
    await advance(29_500)
    assert.equal(await user.isLive(one.ref), false)
    assert.equal(await user.isLive(two.ref), false)
  },

  'activity is written down often enough for a session whose idle timeout is short': async ({ advance }, user) => {
    const [one, two] = [await user.open({ idleTimeoutMs: 3000 }), await user.open({ idleTimeoutMs: 3000 })]
    for (let round = 0; round < 3; round += 1) {
      await advance(1000)
      assert.equal((await user.resume(one.ref, { coalesceMs: 60_000 })).kind, 'live')
      assert.equal((await user.read(two, true, 60_000)).kind, 'live')
    }
    await advance(2900)
    assert.equal(await user.isLive(one.ref), true)
    assert.equal(await user.isLive(two.ref), true)
    await advance(100)
    assert.equal(await user.isLive(one.ref), false)
    assert.equal(await user.isLive(two.ref), false)
  },

  'a session ends with its credential': async ({ store, advance }, user) => {
    const { ref, expiresAt } = await user.open({ credentialEnd: (await store.now()) + 5000 })
    assert.equal(expiresAt, (await store.now()) + 5000)
    await advance(5000)
    assert.equal(((await user.resume(ref)) as { reason: string }).reason, 'credential-expired')
  },

  'a fresher credential keeps a live session, within the absolute timeout': async ({ store, advance }, user) => {
    const opened = await store.now()
    const { ref } = await user.open({ credentialEnd: opened + 5000, absoluteTimeoutMs: 20_000, idleTimeoutMs: 20_000 })
    await advance(4000)
    await user.resume(ref, { credentialEnd: opened + 50_000 })
    await advance(6000)
    const reply = await user.resume(ref, { credentialEnd: opened + 6000 })
    assert.equal(reply.kind, 'live')
    assert.equal((reply as { session: StoredSession }).session.expiresAt, opened + 20_000)
    await advance(10_000)
    assert.equal(((await user.resume(ref)) as { reason: string }).reason, 'absolute-timeout')
  },

  'a fresher credential does not revive a session': async ({ store, advance }, user) => {
    const opened = await store.now()
    const { ref } = await user.open({ credentialEnd: opened + 5000 })
    await advance(5000)
    assert.equal((await user.resume(ref, { credentialEnd: opened + 50_000 })).kind, 'ended')
  },

  'a stranger does not extend the credential of a session': async ({ store, advance }, user) => {
    const opened = await store.now()
    const { ref } = await user.open({ credentialEnd: opened + 5000 })
    await user.resume(ref, { principal: 'mallory', credentialEnd: opened + 50_000 })
    await advance(5000)
    assert.equal((await user.resume(ref)).kind, 'ended')
  },

  'what is shown of a session says when that was': async ({ store, other, advance }, user) => {
    const session = await user.open()
    assert.equal(session.seenAt, await store.now())
    const looks = [
      () => user.resume(session.ref, { coalesceMs: 2500 }),
      async () => ({ session: (await other.list('alice'))[0] }),
      () => user.read(session),
      () => user.read(session, true),
      () => user.write(session, '"new"'),
      () => user.write(session, '"conflict"'),
      () => user.tryRegenerate(session),
    ]
    for (const look of looks) {
      await advance(1000)
      const { session: seen } = (await look()) as { session: StoredSession }
      assert.equal(seen.seenAt, await store.now())
    }
  },

  'reading with activity keeps a session in use alive': async ({ advance }, user) => {
    const session = await user.open({ idleTimeoutMs: 4000 })
    for (let round = 0; round < 3; round += 1) {
      await advance(3000)
      assert.equal((await user.read(session, true)).kind, 'live')
    }
  },
}
