/**
 * Certification of a store: every sentence of the contract as a case that any test runner can run.
 *
 *   for (const { name, run } of certification) test(name, () => run(makeMyStore))
 */
import assert from 'node:assert/strict'
import { sha256 } from '../digest.ts'
import {
  epochScope,
  handleLimits,
  type Caps,
  type LockRequest,
  type OpenRequest,
  type RegenerateRequest,
  type ResumeRequest,
  type SessionStore,
  type StoredSession,
} from './store.ts'

/** An empty store, and what a case needs to do to it. */
export interface StoreUnderTest {
  readonly store: SessionStore
  /** The same data through another connection, as another process has it. The store itself where there is no such thing. */
  readonly other: SessionStore
  /** Moves the store's clock on. */
  advance(ms: number): Promise<void> | void
  close(): Promise<void> | void
}

export type MakeStore = () => Promise<StoreUnderTest> | StoreUnderTest

export interface CertificationCase {
  readonly name: string
  run(make: MakeStore): Promise<void>
}

const hourMs = 3_600_000
const graceMs = 1000
const noCaps: Caps = { group: 1000, total: 1000, whenFull: 'refuse' }

type Case = (under: StoreUnderTest, user: StoreUser) => Promise<void>

/** Says operations with what most cases do not care about filled in. */
class StoreUser {
  readonly #store: SessionStore
  #minted = 0

  constructor(store: SessionStore) {
    this.#store = store
  }

  digest(): string {
    this.#minted += 1
    return sha256(`handle ${this.#minted} of ${this.#store.name}`)
  }

  async open(request: Partial<OpenRequest> = {}): Promise<StoredSession> {
    const reply = await this.tryOpen(request)
    assert.equal(reply.kind, 'opened')
    return (reply as Extract<typeof reply, { kind: 'opened' }>).session
  }

  tryOpen(request: Partial<OpenRequest> = {}): ReturnType<SessionStore['open']> {
    return this.#store.open({
      digest: this.digest(),
      kind: 'session',
      principal: 'alice',
      agent: '',
      parent: '',
      group: request.principal ?? 'alice',
      absoluteTimeoutMs: 4 * hourMs,
      idleTimeoutMs: hourMs,
      credentialEnd: 0,
      meta: '{}',
      data: '{"n":0}',
      caps: noCaps,
      ...request,
    })
  }

  resume(digest: string, request: Partial<ResumeRequest> = {}): ReturnType<SessionStore['resume']> {
    return this.#store.resume({
      digest,
      kind: 'session',
      principal: 'alice',
      agent: '',
      activity: true,
      credentialEnd: 0,
      graceMs,
      coalesceMs: 0,
      ...request,
    })
  }

  async isLive(digest: string, request: Partial<ResumeRequest> = {}): Promise<boolean> {
    return (await this.resume(digest, { activity: false, ...request })).kind === 'live'
  }

  read(session: StoredSession, activity = false): ReturnType<SessionStore['read']> {
    const { ref, principal, generation } = session
    return this.#store.read({ ref, principal, generation, activity, graceMs })
  }

  write(session: StoredSession, data: string, fence = 0): ReturnType<SessionStore['write']> {
    const { ref, generation, version } = session
    return this.#store.write({ ref, generation, version, fence, data })
  }

  async regenerate(session: StoredSession, request: Partial<RegenerateRequest> = {}): Promise<[StoredSession, string]> {
    const digest = request.digest ?? this.digest()
    const reply = await this.tryRegenerate(session, { ...request, digest })
    assert.equal(reply.kind, 'regenerated')
    return [(reply as Extract<typeof reply, { kind: 'regenerated' }>).session, digest]
  }

  tryRegenerate(
    { ref, generation, meta }: StoredSession,
    request: Partial<RegenerateRequest> = {},
  ): ReturnType<SessionStore['regenerate']> {
    return this.#store.regenerate({
      ref,
      generation,
      digest: this.digest(),
      kind: 'session',
      credentialEnd: 0,
      meta,
      authenticated: false,
      ...request,
    })
  }

  lock(
    { ref, generation }: StoredSession,
    owner: string,
    request: Partial<LockRequest> = {},
  ): ReturnType<SessionStore['lock']> {
    return this.#store.lock({
      ref,
      generation,
      owner,
      mode: 'exclusive',
      leaseMs: 1000,
      ticketMs: 500,
      maxWaiting: 4,
      ...request,
    })
  }
}

const cases: Readonly<Record<string, Case>> = {
  // Opening and resuming

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

  // Time

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
    const { ref } = await user.open({ idleTimeoutMs: 4000 })
    await advance(500)
    await user.resume(ref, { coalesceMs: 1000 })
    await advance(3500)
    assert.equal(await user.isLive(ref), false)
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

  'reading with activity keeps a session in use alive': async ({ advance }, user) => {
    const session = await user.open({ idleTimeoutMs: 4000 })
    for (let round = 0; round < 3; round += 1) {
      await advance(3000)
      assert.equal((await user.read(session, true)).kind, 'live')
    }
  },

  // Regeneration

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

  // Writing

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

  // Ending

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

  'no session is opened under a parent that is not there or is another’s': async (_, user) => {
    const parent = await user.open()
    assert.deepEqual(await user.tryOpen({ parent: user.digest() }), { kind: 'refused' })
    assert.deepEqual(await user.tryOpen({ parent: parent.ref, principal: 'mallory' }), { kind: 'refused' })
  },

  // Caps

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

  // Used once

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

  // Turns

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

  // Housekeeping

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

/** All cases, in the order of the contract. */
export const certification: readonly CertificationCase[] = Object.entries(cases).map(([name, body]) => ({
  name,
  async run(make) {
    const under = await make()
    try {
      await body(under, new StoreUser(under.store))
    } finally {
      await under.close()
    }
  },
}))
