/** What cases are made of: a store under test, and a user of it who fills in what most of them do not care about. */
import assert from 'node:assert/strict'
import { sha256 } from '../../digest.ts'
import type {
  Caps,
  LockRequest,
  OpenRequest,
  RegenerateRequest,
  ResumeRequest,
  SessionStore,
  StoredSession,
} from '../store.ts'

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

export const hourMs = 3_600_000
export const graceMs = 1000
export const noCaps: Caps = { group: 1000, total: 1000, whenFull: 'refuse' }

export type Case = (under: StoreUnderTest, user: StoreUser) => Promise<void>
export type Cases = Readonly<Record<string, Case>>

/** Says operations with what most cases do not care about filled in. */
export class StoreUser {
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

  read(session: StoredSession, activity = false, coalesceMs = 0): ReturnType<SessionStore['read']> {
    const { ref, principal, generation } = session
    return this.#store.read({ ref, principal, generation, activity, graceMs, coalesceMs })
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

  revokeOthers({ ref, generation }: StoredSession, rememberMs = hourMs): ReturnType<SessionStore['revokeOthers']> {
    return this.#store.revokeOthers({ ref, generation, rememberMs })
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
