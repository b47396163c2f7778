/** A new handle in place of the old one, logins included. */
import assert from 'node:assert/strict'
import { sha256 } from '../../digest.ts'
import { handleLimits, type StoredSession } from '../store.ts'
import { graceMs, hourMs, noCaps, type Cases, StoreUser } from './user.ts'

export const regenerationCases: Cases = {
  'regeneration destroys the old handle in the same step': async (_, user) => {
    const session = await user.open()
    const [next, digest] = await user.regenerate(session)
    assert.equal(next.ref, session.ref)
    assert.equal(next.generation, 2)
    assert.deepEqual(await user.resume(session.ref), { kind: 'refused', reason: 'retired', ref: session.ref })
    assert.equal(await user.isLive(digest), true)
  },

  'a retired handle after the grace ends the whole session, whoever presents it': async ({ advance }, user) => {
    const session = await user.open()
    const [, digest] = await user.regenerate(session)
    await advance(graceMs)
    const reply = await user.resume(session.ref, { principal: 'mallory' })
    assert.equal(reply.kind, 'ended')
    assert.equal((reply as { reason: string }).reason, 'handle-reused')
    assert.deepEqual(await user.resume(digest), { kind: 'refused', reason: 'ended', ref: session.ref })
  },

  'a retired handle of long ago is known as one': async ({ advance }, user) => {
    const session = await user.open()
    const [second] = await user.regenerate(session)
    await advance(graceMs)
    const [, digest] = await user.regenerate(second)
    await advance(graceMs)
    assert.equal((await user.resume(session.ref)).kind, 'ended')
    assert.equal(await user.isLive(digest), false)
  },

  'of two regenerations at once one wins': async ({ other }, user) => {
    const session = await user.open()
    const second = new StoreUser(other)
    const replies = await Promise.all([
      user.tryRegenerate(session, { digest: sha256('left') }),
      second.tryRegenerate(session, { digest: sha256('right') }),
    ])
    assert.deepEqual(replies.map(({ kind }) => kind).toSorted(), ['fenced', 'regenerated'])
    const live = [await user.isLive(sha256('left')), await user.isLive(sha256('right'))]
    assert.deepEqual(live.toSorted(), [false, true])
  },

  'what is in flight reads for the grace and never writes': async ({ advance }, user) => {
    const session = await user.open()
    await user.regenerate(session)
    const reply = await user.read(session)
    assert.equal(reply.kind, 'live')
    assert.equal((reply as { retired: boolean }).retired, true)
    assert.deepEqual(await user.write(session, '"late"'), { kind: 'fenced', what: 'handle' })
    await advance(graceMs)
    assert.deepEqual(await user.read(session), { kind: 'fenced' })
  },

  'regeneration does not renew the absolute timeout': async ({ advance }, user) => {
    const session = await user.open({ absoluteTimeoutMs: 10_000, idleTimeoutMs: 10_000 })
    await advance(6000)
    const [next] = await user.regenerate(session, { authenticated: true })
    assert.equal(next.expiresAt, session.expiresAt)
    assert.equal(next.authenticatedAt, session.authenticatedAt + 6000)
    assert.equal(next.openedAt, session.openedAt)
  },

  'login binds an anonymous session and starts its period': async ({ advance }, user) => {
    const before = await user.open({ principal: '', group: '', absoluteTimeoutMs: 10_000, idleTimeoutMs: 10_000 })
    await advance(6000)
    const [after, digest] = await user.regenerate(before, {
      authenticated: true,
      meta: '["alice"]',
      bind: { principal: 'alice', agent: '', group: 'alice', absoluteTimeoutMs: 10_000, caps: noCaps },
    })
    assert.equal(after.principal, 'alice')
    assert.equal(after.meta, '["alice"]')
    assert.equal(after.expiresAt, before.expiresAt + 6000)
    assert.equal(await user.isLive(digest), true)
    assert.equal(await user.isLive(digest, { principal: '' }), false)
  },

  'what was in flight before login does not see what the principal does': async (_, user) => {
    const before = await user.open({ principal: '', group: '' })
    await user.regenerate(before, {
      bind: { principal: 'alice', agent: '', group: 'alice', absoluteTimeoutMs: hourMs, caps: noCaps },
    })
    assert.deepEqual(await user.read(before), { kind: 'fenced' })
  },

  'login counts against the cap of the principal': async (_, user) => {
    await user.open()
    const before = await user.open({ principal: '', group: '' })
    const reply = await user.tryRegenerate(before, {
      bind: {
        principal: 'alice',
        agent: '',
        group: 'alice',
        absoluteTimeoutMs: hourMs,
        caps: { ...noCaps, group: 1 },
      },
    })
    assert.deepEqual(reply, { kind: 'full', scope: 'group' })
    assert.equal(await user.isLive(before.ref, { principal: '' }), true)
  },

  'a session that was regenerated many times remembers its last handles only': async ({ advance }, user) => {
    const digests: string[] = []
    let session = await user.open()
    for (let round = 0; round < handleLimits.live + handleLimits.retired + 5; round += 1) {
      const [next, digest] = await user.regenerate(session)
      digests.push(digest)
      session = next
    }
    await advance(graceMs)
    assert.deepEqual(await user.resume(digests[0] as string), { kind: 'unknown' })
    assert.equal(await user.isLive(digests.at(-1) as string), true)
    assert.equal((await user.resume(digests.at(-2) as string)).kind, 'ended')
  },

  'one more handle opens the same session': async ({ store }, user) => {
    const { ref, generation } = await user.open()
    const digest = user.digest()
    assert.deepEqual(await store.attach({ ref, generation, digest, kind: 'cookie' }), { kind: 'attached' })
    const reply = await user.resume(digest, { kind: 'cookie' })
    assert.equal((reply as { session: StoredSession }).session.ref, ref)
    assert.equal(await user.isLive(ref), true)
  },

  'regeneration retires every handle of a session': async ({ store }, user) => {
    const session = await user.open()
    const cookie = user.digest()
    await store.attach({ ref: session.ref, generation: session.generation, digest: cookie, kind: 'cookie' })
    await user.regenerate(session)
    assert.equal(((await user.resume(cookie, { kind: 'cookie' })) as { reason: string }).reason, 'retired')
  },

  'a session has so many live handles and no more': async ({ store }, user) => {
    const { ref, generation } = await user.open()
    const attach = () => store.attach({ ref, generation, digest: user.digest(), kind: 'cookie' })
    for (let made = 1; made < handleLimits.live; made += 1) assert.deepEqual(await attach(), { kind: 'attached' })
    assert.deepEqual(await attach(), { kind: 'full' })
  },

  'no handle is added under a retired one': async ({ store }, user) => {
    const { ref, generation, ...session } = await user.open()
    await user.regenerate({ ref, generation, ...session })
    const reply = await store.attach({ ref, generation, digest: user.digest(), kind: 'cookie' })
    assert.deepEqual(reply, { kind: 'fenced' })
  },
}
