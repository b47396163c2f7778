/** How many sessions there may be, and which ones there are. */
import assert from 'node:assert/strict'
import { sha256 } from '../../digest.ts'
import { type Caps } from '../store.ts'
import { hourMs, noCaps, type Cases, StoreUser } from './user.ts'

export const capCases: Cases = {
  'a principal has as many sessions as it may': async ({ store }, user) => {
    const caps = { ...noCaps, group: 2 }
    const first = await user.open({ caps })
    await user.open({ caps })
    assert.deepEqual(await user.tryOpen({ caps }), { kind: 'full', scope: 'group' })
    assert.equal((await user.tryOpen({ principal: 'bob', caps })).kind, 'opened')
    await store.end({ name: { ref: first.ref }, reason: 'terminated' })
    assert.equal((await user.tryOpen({ caps })).kind, 'opened')
  },

  'a cap is not passed by opening at once': async ({ other }, user) => {
    const caps = { ...noCaps, group: 3 }
    const second = new StoreUser(other)
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_unused, turn) =>
        (turn % 2 ? user : second).tryOpen({ caps, digest: sha256(`at once ${turn}`) }),
      ),
    )
    assert.equal(replies.filter(({ kind }) => kind === 'opened').length, 3)
  },

  'sessions that are over make room': async ({ store, advance }, user) => {
    const caps = { ...noCaps, group: 2 }
    await user.open({ caps, idleTimeoutMs: 1000 })
    await user.open({ caps })
    await advance(1000)
    assert.equal((await user.tryOpen({ caps })).kind, 'opened')
    await store.advanceEpoch('alice', hourMs)
    assert.equal((await user.tryOpen({ caps })).kind, 'opened')
  },

  'at its cap a principal may lose the longest unused session instead': async ({ advance }, user) => {
    const caps: Caps = { ...noCaps, group: 2, whenFull: 'end-idlest' }
    const older = await user.open({ caps })
    await advance(10)
    const newer = await user.open({ caps })
    await advance(10)
    await user.resume(older.ref)
    await advance(10)
    const reply = await user.tryOpen({ caps })
    assert.equal(reply.kind, 'opened')
    const { ended } = reply as Extract<typeof reply, { kind: 'opened' }>
    assert.deepEqual(
      ended.map(({ session, reason }) => [session.ref, reason]),
      [[newer.ref, 'cap']],
    )
    assert.equal(await user.isLive(older.ref), true)
  },

  'the store has as many sessions as it may': async (_, user) => {
    const caps = { ...noCaps, total: 2 }
    await user.open({ caps })
    await user.open({ principal: 'bob', caps })
    assert.deepEqual(await user.tryOpen({ principal: 'carol', caps }), { kind: 'full', scope: 'total' })
  },

  'the live sessions of a group are listed, oldest first': async ({ store, advance }, user) => {
    const first = await user.open()
    await advance(10)
    const second = await user.open()
    await user.open({ principal: 'bob' })
    await user.open({ idleTimeoutMs: 5 })
    await advance(10)
    const listed = await store.list('alice')
    assert.deepEqual(
      listed.map(({ ref }) => ref),
      [first.ref, second.ref],
    )
  },
}
