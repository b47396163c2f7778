/** What a session holds, and its end: by hand, by principal, by epoch, by parent. */
import assert from 'node:assert/strict'
import { epochScope, type StoredSession } from '../store.ts'
import { hourMs, type Cases, StoreUser } from './user.ts'

export const writingCases: Cases = {
  'of two writes at once one wins and the other sees it': async ({ other }, user) => {
    const session = await user.open()
    const replies = await Promise.all([user.write(session, '"left"'), new StoreUser(other).write(session, '"right"')])
    assert.deepEqual(replies.map(({ kind }) => kind).toSorted(), ['conflict', 'written'])
    const written = replies.find(({ kind }) => kind === 'written') as { session: StoredSession }
    const conflict = replies.find(({ kind }) => kind === 'conflict') as { session: StoredSession }
    assert.equal(written.session.version, 1)
    assert.deepEqual(conflict.session, written.session)
  },

  'a write after the end revives nothing': async ({ store }, user) => {
    const session = await user.open()
    await store.end({ name: { ref: session.ref }, reason: 'terminated' })
    assert.deepEqual(await user.write(session, '"late"'), { kind: 'gone' })
    assert.deepEqual(await user.read(session, true), { kind: 'gone' })
    assert.deepEqual(await user.tryRegenerate(session), { kind: 'gone' })
    assert.equal(await user.isLive(session.ref), false)
    assert.equal(await store.count(), 0)
  },

  'a write past the timeout ends the session': async ({ advance }, user) => {
    const session = await user.open({ idleTimeoutMs: 4000 })
    await advance(4000)
    assert.equal((await user.write(session, '"late"')).kind, 'ended')
    assert.deepEqual(await user.write(session, '"late"'), { kind: 'gone' })
  },
}

export const endingCases: Cases = {
  'an ended session is known as ended under every handle it had': async ({ store }, user) => {
    const session = await user.open()
    const [next, digest] = await user.regenerate(session)
    const reply = await store.end({ name: { digest: session.ref }, reason: 'exposed' })
    assert.equal(reply.kind, 'ended')
    assert.equal((reply as { reason: string }).reason, 'exposed')
    assert.equal((reply as { session: StoredSession }).session.ref, next.ref)
    for (const handle of [session.ref, digest])
      assert.deepEqual(await user.resume(handle), { kind: 'refused', reason: 'ended', ref: session.ref })
    assert.deepEqual(await store.end({ name: { ref: session.ref }, reason: 'terminated' }), { kind: 'gone' })
  },

  'of two who end a session one did it': async ({ store, other }, user) => {
    const { ref } = await user.open()
    const replies = await Promise.all(
      [store, other].map((connection) => connection.end({ name: { ref }, reason: 'terminated' })),
    )
    assert.deepEqual(replies.map(({ kind }) => kind).toSorted(), ['ended', 'gone'])
  },

  'a new epoch of a principal ends all its sessions and nobody else’s': async ({ other }, user) => {
    const mine = [await user.open(), await user.open({ agent: 'one' })]
    const hers = await user.open({ principal: 'bob' })
    await other.advanceEpoch('alice', hourMs)
    const replies = [await user.resume(mine[0]!.ref), await user.resume(mine[1]!.ref, { agent: 'one' })]
    for (const reply of replies) assert.equal((reply as { reason: string }).reason, 'principal-revoked')
    assert.equal(await user.isLive(hers.ref, { principal: 'bob' }), true)
    const again = await user.open()
    assert.equal(await user.isLive(again.ref), true)
  },

  'a new epoch of an agent instance ends its sessions and no other’s': async ({ store }, user) => {
    const one = await user.open({ agent: 'one' })
    const two = await user.open({ agent: 'two' })
    const free = await user.open()
    const bobs = await user.open({ principal: 'bob', agent: 'one' })
    await store.advanceEpoch(epochScope('alice', 'one'), hourMs)
    assert.equal(((await user.resume(one.ref, { agent: 'one' })) as { reason: string }).reason, 'agent-reset')
    assert.equal(await user.isLive(two.ref, { agent: 'two' }), true)
    assert.equal(await user.isLive(free.ref), true)
    assert.equal(await user.isLive(bobs.ref, { principal: 'bob', agent: 'one' }), true)
    const again = await user.open({ agent: 'one' })
    assert.equal(await user.isLive(again.ref, { agent: 'one' }), true)
  },

  'a write in flight does not survive a new epoch': async ({ store }, user) => {
    const session = await user.open()
    await store.advanceEpoch('alice', hourMs)
    assert.equal((await user.write(session, '"late"')).kind, 'ended')
  },

  'epochs rise, and are remembered': async ({ store, other, advance }) => {
    assert.deepEqual(await store.readEpochs(['alice', 'bob'], hourMs), [0, 0])
    const first = await store.advanceEpoch('alice', hourMs)
    const second = await other.advanceEpoch('alice', hourMs)
    assert.ok(first > 0 && second > first)
    await advance(hourMs - 1)
    assert.deepEqual(await store.readEpochs(['alice', 'bob'], hourMs), [second, 0])
    await advance(hourMs - 1)
    assert.deepEqual(await other.readEpochs(['alice'], hourMs), [second])
  },

  'an epoch is remembered for as long as anything may live that was made before it': async (
    { store, other, advance },
    user,
  ) => {
    const { ref } = await user.open({ absoluteTimeoutMs: 3 * hourMs, idleTimeoutMs: 3 * hourMs })
    await store.readEpochs(['bob'], 2 * hourMs)
    // As by a process whose settings are shorter by now.
    await other.advanceEpoch('alice', 1000)
    const epoch = await other.advanceEpoch('bob', 1000)
    await advance(2 * hourMs - 1)
    while ((await other.sweep(1000)).more);
    assert.deepEqual(await store.readEpochs(['bob'], 1), [epoch])
    assert.equal(await user.isLive(ref), false)
  },

  'a session outlives no parent': async ({ store }, user) => {
    const parent = await user.open()
    const child = await user.open({ parent: parent.ref, kind: 'state', group: 'state:alice' })
    assert.equal(await user.isLive(child.ref, { kind: 'state' }), true)
    await store.end({ name: { ref: parent.ref }, reason: 'terminated' })
    const reply = await user.resume(child.ref, { kind: 'state' })
    assert.equal((reply as { reason: string }).reason, 'parent-ended')
  },

  'a session ends with a parent that ran out': async ({ advance }, user) => {
    const parent = await user.open({ idleTimeoutMs: 1000 })
    const child = await user.open({ parent: parent.ref, kind: 'state' })
    await advance(1000)
    assert.equal(((await user.resume(child.ref, { kind: 'state' })) as { reason: string }).reason, 'parent-ended')
  },

  'what belongs to a session is revoked with its principal': async ({ store, other }, user) => {
    const parent = await user.open()
    const child = await user.open({ parent: parent.ref, kind: 'state', group: 'state:alice' })
    await other.advanceEpoch('alice', hourMs)
    assert.equal((await user.resume(child.ref, { kind: 'state' })).kind, 'ended')
    assert.equal((await user.write(child, '"late"')).kind, 'gone')
    assert.deepEqual(await store.list('state:alice'), [])
  },

  'revoking the others leaves a session and what belongs to it, and nothing else of its principal': async (
    { store, other },
    user,
  ) => {
    const kept = await user.open()
    const mine = await user.open({ parent: kept.ref, kind: 'state', group: 'state:alice' })
    const session = await user.open({ agent: 'one' })
    const itsOwn = await user.open({ parent: session.ref, kind: 'state', group: 'state:alice' })
    const alone = await user.open({ kind: 'state', group: 'state:alice' })
    const bobs = await user.open({ principal: 'bob' })
    const epoch = await other.advanceEpoch('nobody', hourMs)
    const reply = await new StoreUser(other).revokeOthers(kept)
    assert.deepEqual(reply, { kind: 'revoked', session: { ...kept } })
    assert.equal(((await user.resume(session.ref, { agent: 'one' })) as { reason: string }).reason, 'principal-revoked')
    assert.equal(((await user.resume(alone.ref, { kind: 'state' })) as { reason: string }).reason, 'principal-revoked')
    assert.equal((await user.write(itsOwn, '"late"')).kind, 'ended')
    assert.equal((await user.write(kept, '"on"')).kind, 'written')
    assert.equal((await user.write(mine, '"on"')).kind, 'written')
    assert.equal(await user.isLive(kept.ref), true)
    assert.equal(await user.isLive(mine.ref, { kind: 'state' }), true)
    assert.equal(await user.isLive(bobs.ref, { principal: 'bob' }), true)
    assert.equal(await user.isLive((await user.open()).ref), true)
    const [now] = await store.readEpochs(['alice'], hourMs)
    assert.ok(now !== undefined && now >= epoch, 'the epoch of the principal was advanced')
  },

  'what was left goes on as before and can be revoked': async ({ other, advance }, user) => {
    const kept = await user.open({ absoluteTimeoutMs: 3 * hourMs, idleTimeoutMs: 3 * hourMs })
    const mine = await user.open({ parent: kept.ref, kind: 'state', idleTimeoutMs: 3 * hourMs })
    await user.revokeOthers(kept, 1000)
    await advance(2 * hourMs)
    while ((await other.sweep(1000)).more);
    const [next, digest] = await user.regenerate(kept)
    assert.equal(await user.isLive(digest), true)
    assert.equal((await user.revokeOthers(next)).kind, 'revoked')
    assert.equal(await user.isLive(mine.ref, { kind: 'state' }), true)
    await other.advanceEpoch('alice', hourMs)
    assert.equal(await user.isLive(digest), false)
    assert.equal(await user.isLive(mine.ref, { kind: 'state' }), false)
  },

  'revoking the others from what belongs to a session leaves that one too': async (_, user) => {
    const parent = await user.open()
    const [child, sister] = [await user.open({ parent: parent.ref }), await user.open({ parent: parent.ref })]
    const alone = await user.open()
    assert.equal((await user.revokeOthers(child)).kind, 'revoked')
    for (const { ref } of [parent, child, sister]) assert.equal(await user.isLive(ref), true)
    assert.equal(await user.isLive(alone.ref), false)
  },

  'a retired handle, a session that ended and one of nobody revoke no others': async ({ store }, user) => {
    const other = await user.open()
    const session = await user.open()
    const [next] = await user.regenerate(session)
    assert.deepEqual(await user.revokeOthers(session), { kind: 'fenced' })
    await store.end({ name: { ref: next.ref }, reason: 'terminated' })
    assert.deepEqual(await user.revokeOthers(next), { kind: 'gone' })
    const anonymous = await user.open({ principal: '', group: '' })
    assert.deepEqual(await user.revokeOthers(anonymous), { kind: 'fenced' })
    assert.equal(await user.isLive(anonymous.ref, { principal: '' }), true)
    assert.equal(await user.isLive(other.ref), true)
    assert.deepEqual(await store.readEpochs(['alice'], hourMs), [0])
  },

  'of two that revoke each other one is left': async ({ other }, user) => {
    const [one, two] = [await user.open(), await user.open()]
    const replies = await Promise.all([user.revokeOthers(one), new StoreUser(other).revokeOthers(two)])
    assert.deepEqual(replies.map(({ kind }) => kind).toSorted(), ['ended', 'revoked'])
    assert.equal([await user.isLive(one.ref), await user.isLive(two.ref)].filter(Boolean).length, 1)
  },

  'no session is opened under a parent that is not there or is another’s': async (_, user) => {
    const parent = await user.open()
    assert.deepEqual(await user.tryOpen({ parent: user.digest() }), { kind: 'refused' })
    assert.deepEqual(await user.tryOpen({ parent: parent.ref, principal: 'mallory' }), { kind: 'refused' })
  },
}
