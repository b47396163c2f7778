/** Opening a session and finding it again. */
import assert from 'node:assert/strict'
import { type StoredSession } from '../store.ts'
import { type Cases, StoreUser } from './user.ts'

export const openingCases: Cases = {
  'a session that was opened is resumed under its handle': async (_, user) => {
    const session = await user.open({ meta: '["m"]', data: '{"cart":[1]}' })
    const reply = await user.resume(session.ref)
    assert.equal(reply.kind, 'live')
    assert.deepEqual((reply as { session: StoredSession }).session, session)
    assert.equal(session.generation, 1)
    assert.equal(session.version, 0)
    assert.equal(session.meta, '["m"]')
    assert.equal(session.data, '{"cart":[1]}')
  },

  'texts of any characters come back as they were': async (_, user) => {
    const data = JSON.stringify({ text: 'ß 漢字 \u0000 "quoted" 😀 \\ \n' })
    const session = await user.open({ data, meta: '["ü","|",":"]' })
    const reply = await user.resume(session.ref)
    assert.equal((reply as { session: StoredSession }).session.data, data)
    assert.equal((reply as { session: StoredSession }).session.meta, '["ü","|",":"]')
  },

  'a handle that was never handed out is unknown': async (_, user) => {
    await user.open()
    assert.deepEqual(await user.resume(user.digest()), { kind: 'unknown' })
  },

  'no session is opened under a digest that is taken': async (_, user) => {
    const { ref } = await user.open()
    assert.deepEqual(await user.tryOpen({ digest: ref, principal: 'mallory' }), { kind: 'refused' })
    assert.equal(await user.isLive(ref), true)
  },

  'no session is opened under a digest that ended': async ({ store }, user) => {
    const { ref } = await user.open()
    await store.end({ name: { ref }, reason: 'terminated' })
    assert.deepEqual(await user.tryOpen({ digest: ref }), { kind: 'refused' })
  },

  'a session of another principal is refused and stays as it was': async (_, user) => {
    const { ref } = await user.open()
    assert.deepEqual(await user.resume(ref, { principal: 'mallory' }), {
      kind: 'refused',
      reason: 'foreign-principal',
      ref,
    })
    assert.deepEqual(await user.resume(ref, { principal: '' }), { kind: 'refused', reason: 'foreign-principal', ref })
    assert.equal(await user.isLive(ref), true)
  },

  'a session of another agent instance is refused, and so is one without': async (_, user) => {
    const bound = await user.open({ agent: 'one' })
    const free = await user.open()
    const foreign = (ref: string) => ({ kind: 'refused', reason: 'foreign-agent', ref })
    assert.deepEqual(await user.resume(bound.ref, { agent: 'two' }), foreign(bound.ref))
    assert.deepEqual(await user.resume(bound.ref), foreign(bound.ref))
    assert.deepEqual(await user.resume(free.ref, { agent: 'one' }), foreign(free.ref))
    assert.equal(await user.isLive(bound.ref, { agent: 'one' }), true)
  },

  'a handle of one kind is none of another': async (_, user) => {
    const { ref } = await user.open({ kind: 'cookie' })
    assert.deepEqual(await user.resume(ref), { kind: 'refused', reason: 'wrong-kind', ref })
    assert.equal(await user.isLive(ref, { kind: 'cookie' }), true)
  },

  'where the handle is the credential, any owner will do': async (_, user) => {
    const { ref } = await user.open({ kind: 'cookie' })
    assert.equal(await user.isLive(ref, { kind: 'cookie', principal: undefined }), true)
  },

  'another connection sees the session': async ({ other }, user) => {
    const { ref } = await user.open()
    assert.equal(await new StoreUser(other).isLive(ref), true)
  },
}
