/**
 * Sessions in the memory of this process: the default. Every operation answers at once and runs to its end before
 * another begins, which is all the atomicity that one thread needs. A restart ends all sessions.
 */
import { createClock, type Clock } from '../clock.ts'
import type { EndReason } from '../events.ts'
import type { HandleKind } from '../handle.ts'
import { ExpiringMap } from './expiring.ts'
import { isNews, latestEnd, timedOut, type Lifetime } from './lifetime.ts'
import {
  epochScope,
  handleLimits,
  maxTombstones,
  tombstoneMs,
  type AttachReply,
  type AttachRequest,
  type Caps,
  type Ended,
  type EndReply,
  type EndRequest,
  type LockReply,
  type LockRequest,
  type OpenReply,
  type OpenRequest,
  type ReadReply,
  type ReadRequest,
  type RegenerateReply,
  type RegenerateRequest,
  type ResumeReply,
  type ResumeRequest,
  type RevokeOthersReply,
  type RevokeOthersRequest,
  type SessionStore,
  type StoredSession,
  type SweepReply,
  type WriteReply,
  type WriteRequest,
} from './store.ts'
import { isIdle, leaveTurn, noTurns, takeTurn, type Turns } from './turns.ts'

export interface MemoryStoreOptions {
  readonly clock?: Clock
  /** How many keys of one use are remembered at a time; beyond it nothing more is promised. */
  readonly maxConsumed?: number
}

/** Makes an empty store. Its operations answer synchronously. */
export function memoryStore(options: MemoryStoreOptions = {}): SessionStore {
  return new MemoryStore(options)
}

/** Times are whole milliseconds since the store was made: small integers, which cost no memory of their own. */
interface Record extends Lifetime {
  readonly ref: string
  readonly firstKind: HandleKind
  principal: string
  agent: string
  readonly parent: string
  principalEpoch: number
  agentEpoch: number
  generation: number
  version: number
  fence: number
  readonly openedAt: number
  authenticatedAt: number
  absoluteEnd: number
  credentialEnd: number
  lastUsedAt: number
  readonly idleTimeoutMs: number
  regeneratedAt: number
  meta: string
  data: string
  /** Digests beyond the first, in the order of their making. */
  handles: string[] | undefined
  turns: Turns | undefined
  group: Group
  /** Neighbours in the group, oldest first. */
  before: Record | undefined
  after: Record | undefined
}

interface OtherHandle {
  readonly session: Record
  readonly generation: number
  readonly kind: HandleKind
}

interface Group {
  readonly key: string
  count: number
  /** When the dead among them were last looked for. */
  searchedAt: number
  oldest: Record | undefined
  newest: Record | undefined
}

const firstGeneration = 1
const largeGroup = 1000

class MemoryStore implements SessionStore {
  readonly name = 'memory'
  readonly #clock: Clock
  readonly #epochOfTime: number
  readonly #maxConsumed: number
  /** Digest to session: directly for the handle it was opened with, which is also its reference. */
  readonly #handles = new Map<string, Record | OtherHandle>()
  readonly #groups = new Map<string, Group>()
  readonly #epochs = new ExpiringMap<number>()
  readonly #consumed = new ExpiringMap<true>()
  readonly #tombstones = new ExpiringMap<string>(maxTombstones)
  #count = 0
  /** For so long, at most, anything may live that was made so far. */
  #longestMs = 0
  #cursor: Iterator<Record | OtherHandle> | undefined

  constructor({ clock = createClock(), maxConsumed = 1_000_000 }: MemoryStoreOptions) {
    this.#clock = clock
    this.#epochOfTime = Math.trunc(clock())
    this.#maxConsumed = maxConsumed
  }

  now(): number {
    return this.#epochOfTime + this.#now()
  }

  open(request: OpenRequest): OpenReply {
    const now = this.#now()
    if (this.#handles.has(request.digest) || this.#tombstones.get(request.digest, now) !== undefined)
      return { kind: 'refused' }
    if (request.parent !== '' && !this.#parentLives(request.parent, request.principal, now)) return { kind: 'refused' }
    const room = this.#makeRoom(request.group, request.caps, 1, now)
    if (room.kind === 'full') return room
    const record = this.#newRecord(request, now)
    this.#handles.set(request.digest, record)
    this.#count += 1
    this.#join(record, request.group)
    return { kind: 'opened', session: this.#show(record, now), ended: room.ended }
  }

  resume(request: ResumeRequest): ResumeReply {
    const now = this.#now()
    const slot = this.#handles.get(request.digest)
    if (slot === undefined) {
      const ref = this.#tombstones.get(request.digest, now)
      return ref === undefined ? { kind: 'unknown' } : { kind: 'refused', reason: 'ended', ref }
    }
    const session = sessionOf(slot)
    const { ref } = session
    if (kindOf(slot) !== request.kind) return { kind: 'refused', reason: 'wrong-kind', ref }
    const reason = this.#overBy(session, now)
    if (reason) return this.#bury(session, reason, now)
    if (generationOf(slot) !== session.generation) {
      if (now - session.regeneratedAt < request.graceMs) return { kind: 'refused', reason: 'retired', ref }
      return this.#bury(session, 'handle-reused', now)
    }
    if (request.principal !== undefined && request.principal !== session.principal)
      return { kind: 'refused', reason: 'foreign-principal', ref }
    if (request.agent !== session.agent) return { kind: 'refused', reason: 'foreign-agent', ref }
    if (session.credentialEnd !== 0 && request.credentialEnd !== 0)
      session.credentialEnd = Math.max(session.credentialEnd, this.#relative(request.credentialEnd))
    if (request.activity && isNews(session, now, request.coalesceMs)) session.lastUsedAt = now
    return { kind: 'live', session: this.#show(session, now) }
  }

  read(request: ReadRequest): ReadReply {
    const now = this.#now()
    const found = this.#find(request.ref, now)
    if (found.kind !== 'live') return found
    const { record } = found
    const retired = record.generation !== request.generation
    if (retired) {
      const inGrace =
        request.generation === record.generation - 1 &&
        now - record.regeneratedAt < request.graceMs &&
        request.principal === record.principal
      if (!inGrace) return { kind: 'fenced' }
    } else if (request.activity && isNews(record, now, request.coalesceMs)) record.lastUsedAt = now
    return { kind: 'live', session: this.#show(record, now), retired }
  }

  write(request: WriteRequest): WriteReply {
    const now = this.#now()
    const found = this.#find(request.ref, now)
    if (found.kind !== 'live') return found
    const { record } = found
    if (record.generation !== request.generation) return { kind: 'fenced', what: 'handle' }
    if (request.fence !== 0 && request.fence !== record.fence) return { kind: 'fenced', what: 'lock' }
    if (record.version !== request.version) return { kind: 'conflict', session: this.#show(record, now) }
    record.version += 1
    record.data = request.data
    return { kind: 'written', session: this.#show(record, now) }
  }

  regenerate(request: RegenerateRequest): RegenerateReply {
    const now = this.#now()
    const found = this.#find(request.ref, now)
    if (found.kind !== 'live') return found
    const { record } = found
    if (record.generation !== request.generation) return { kind: 'fenced' }
    const ended: Ended[] = []
    if (request.bind) {
      const room = this.#makeRoom(request.bind.group, request.bind.caps, 0, now)
      if (room.kind === 'full') return room
      ended.push(...room.ended)
      this.#bind(record, request.bind, now)
    }
    record.generation += 1
    record.regeneratedAt = now
    record.lastUsedAt = now
    record.meta = request.meta
    if (request.authenticated) record.authenticatedAt = now
    if (request.credentialEnd !== 0) record.credentialEnd = this.#relative(request.credentialEnd)
    this.#addHandle(record, request.digest, request.kind)
    return { kind: 'regenerated', session: this.#show(record, now), ended }
  }

  attach(request: AttachRequest): AttachReply {
    const found = this.#find(request.ref, this.#now())
    if (found.kind !== 'live') return found
    const { record } = found
    if (record.generation !== request.generation) return { kind: 'fenced' }
    if (this.#liveHandles(record) >= handleLimits.live) return { kind: 'full' }
    this.#addHandle(record, request.digest, request.kind)
    return { kind: 'attached' }
  }

  end({ name, reason }: EndRequest): EndReply {
    const slot = this.#handles.get('ref' in name ? name.ref : name.digest)
    if (slot === undefined) return { kind: 'gone' }
    const now = this.#now()
    const session = sessionOf(slot)
    return this.#bury(session, this.#overBy(session, now) ?? reason, now)
  }

  list(group: string): readonly StoredSession[] {
    const now = this.#now()
    return membersOf(this.#groups.get(group))
      .filter((record) => this.#overBy(record, now) === undefined)
      .map((record) => this.#show(record, now))
  }

  advanceEpoch(scope: string, rememberMs: number): number {
    const now = this.#now()
    const epoch = Math.max(this.now(), (this.#epochs.get(scope, now) ?? 0) + 1)
    this.#epochs.set(scope, epoch, now + Math.max(rememberMs, this.#longestMs))
    return epoch
  }

  revokeOthers(request: RevokeOthersRequest): RevokeOthersReply {
    const now = this.#now()
    const found = this.#find(request.ref, now)
    if (found.kind !== 'live') return found
    const { record } = found
    if (record.generation !== request.generation || record.principal === '') return { kind: 'fenced' }
    const kept = record.parent === '' ? record : sessionOf(this.#handles.get(record.parent) as Record | OtherHandle)
    kept.principalEpoch = this.advanceEpoch(record.principal, request.rememberMs)
    return { kind: 'revoked', session: this.#show(record, now) }
  }

  readEpochs(scopes: readonly string[], rememberMs: number): readonly number[] {
    const now = this.#now()
    return scopes.map((scope) => this.#readEpoch(scope, now, rememberMs))
  }

  consume(key: string, rememberMs: number): 'first' | 'again' | 'full' {
    const now = this.#now()
    if (this.#consumed.get(key, now)) return 'again'
    if (this.#consumed.size >= this.#maxConsumed) {
      while (!this.#consumed.sweep(this.#maxConsumed, now));
      if (this.#consumed.size >= this.#maxConsumed) return 'full'
    }
    this.#consumed.set(key, true, now + rememberMs)
    return 'first'
  }

  lock({ ref, generation, ...request }: LockRequest): LockReply {
    const now = this.#now()
    const found = this.#find(ref, now)
    if (found.kind !== 'live') return { kind: 'gone' }
    const { record } = found
    if (record.generation !== generation) return { kind: 'fenced' }
    record.turns ??= noTurns(record.fence)
    const reply = takeTurn(record.turns, request, now)
    record.fence = record.turns.fence
    return reply
  }

  unlock(ref: string, owner: string): void {
    const slot = this.#handles.get(ref)
    if (slot === undefined) return
    const session = sessionOf(slot)
    if (session.turns === undefined) return
    leaveTurn(session.turns, owner)
    if (isIdle(session.turns)) session.turns = undefined
  }

  sweep(limit: number): SweepReply {
    const now = this.#now()
    this.#epochs.sweep(limit, now)
    this.#consumed.sweep(limit, now)
    this.#tombstones.sweep(limit, now)
    const ended: Ended[] = []
    this.#cursor ??= this.#handles.values()
    for (let looked = 0; looked < limit; looked += 1) {
      const next = this.#cursor.next()
      if (next.done) {
        this.#cursor = undefined
        return { ended, more: false }
      }
      if (isOther(next.value)) continue
      const reason = this.#overBy(next.value, now)
      if (reason) ended.push(this.#bury(next.value, reason, now))
    }
    return { ended, more: true }
  }

  count(): number {
    return this.#count
  }

  close(): void {
    this.#handles.clear()
    this.#groups.clear()
    this.#epochs.clear()
    this.#consumed.clear()
    this.#tombstones.clear()
    this.#cursor = undefined
    this.#count = 0
  }

  #now(): number {
    return Math.trunc(this.#clock()) - this.#epochOfTime
  }

  #relative(time: number): number {
    return time === 0 ? 0 : Math.trunc(time) - this.#epochOfTime || -1
  }

  #newRecord(request: OpenRequest, now: number): Record {
    const group = this.#groupOf(request.group)
    // Sessions of one principal share its texts: at a million sessions they are half of the memory.
    const sibling = group.newest
    return {
      ref: request.digest,
      firstKind: request.kind,
      principal: sibling?.principal === request.principal ? sibling.principal : request.principal,
      agent: request.agent,
      parent: request.parent,
      principalEpoch: this.#readEpoch(request.principal, now, request.absoluteTimeoutMs),
      agentEpoch: this.#readEpoch(epochScope(request.principal, request.agent), now, request.absoluteTimeoutMs),
      generation: firstGeneration,
      version: 0,
      fence: 0,
      openedAt: now,
      authenticatedAt: now,
      absoluteEnd: now + request.absoluteTimeoutMs,
      credentialEnd: this.#relative(request.credentialEnd),
      lastUsedAt: now,
      idleTimeoutMs: request.idleTimeoutMs,
      regeneratedAt: 0,
      meta: sibling?.meta === request.meta ? sibling.meta : request.meta,
      data: request.data,
      handles: undefined,
      turns: undefined,
      group,
      before: undefined,
      after: undefined,
    }
  }

  #readEpoch(scope: string, now: number, rememberMs: number): number {
    this.#longestMs = Math.max(this.#longestMs, rememberMs)
    if (scope === '') return 0
    const epoch = this.#epochs.get(scope, now)
    if (epoch === undefined) return 0
    this.#epochs.extend(scope, now + rememberMs)
    return epoch
  }

  #epochNow(scope: string, now: number): number {
    // Mostly nobody was revoked of late.
    return scope === '' || this.#epochs.size === 0 ? 0 : (this.#epochs.get(scope, now) ?? 0)
  }

  /** Why the session is over, if it is. */
  #overBy(record: Record, now: number): EndReason | undefined {
    const reason = timedOut(record, now)
    if (reason) return reason
    if (record.parent === '' && record.principalEpoch !== this.#epochNow(record.principal, now))
      return 'principal-revoked'
    if (record.agentEpoch !== this.#epochNow(epochScope(record.principal, record.agent), now)) return 'agent-reset'
    if (record.parent !== '' && !this.#parentLives(record.parent, record.principal, now)) return 'parent-ended'
    return undefined
  }

  #parentLives(ref: string, principal: string, now: number): boolean {
    const slot = this.#handles.get(ref)
    if (slot === undefined) return false
    const session = sessionOf(slot)
    return session.parent === '' && session.principal === principal && this.#overBy(session, now) === undefined
  }

  #find(ref: string, now: number): { kind: 'live'; record: Record } | { kind: 'gone' } | ({ kind: 'ended' } & Ended) {
    const slot = this.#handles.get(ref)
    if (slot === undefined) return { kind: 'gone' }
    const session = sessionOf(slot)
    const reason = this.#overBy(session, now)
    return reason ? this.#bury(session, reason, now) : { kind: 'live', record: session }
  }

  /** Makes sure that `added` more sessions are within the total, and one more within the group. */
  #makeRoom(
    key: string,
    caps: Caps,
    added: number,
    now: number,
  ): { kind: 'room'; ended: Ended[] } | { kind: 'full'; scope: 'group' | 'total' } {
    const ended: Ended[] = []
    const group = this.#groups.get(key)
    if (group && group.count >= caps.group) {
      ended.push(...this.#buryDead(group, now))
      if (group.count >= caps.group) {
        const idlest = caps.whenFull === 'end-idlest' ? idlestOf(group) : undefined
        if (!idlest) return { kind: 'full', scope: 'group' }
        ended.push(this.#bury(idlest, 'cap', now))
      }
    }
    if (this.#count + added > caps.total) return { kind: 'full', scope: 'total' }
    return { kind: 'room', ended }
  }

  /** In a large group, which only anonymous callers make, at most once a second: a flood must not cost a walk each. */
  #buryDead(group: Group, now: number): Ended[] {
    if (group.count > largeGroup && now - group.searchedAt < 1000) return []
    group.searchedAt = now
    const ended: Ended[] = []
    for (const record of membersOf(group)) {
      const reason = this.#overBy(record, now)
      if (reason) ended.push(this.#bury(record, reason, now))
    }
    return ended
  }

  #bind(record: Record, bind: NonNullable<RegenerateRequest['bind']>, now: number): void {
    this.#leave(record)
    record.principal = bind.principal
    record.agent = bind.agent
    record.principalEpoch = this.#readEpoch(bind.principal, now, bind.absoluteTimeoutMs)
    record.agentEpoch = this.#readEpoch(epochScope(bind.principal, bind.agent), now, bind.absoluteTimeoutMs)
    record.absoluteEnd = now + bind.absoluteTimeoutMs
    this.#join(record, bind.group)
  }

  #addHandle(record: Record, digest: string, kind: HandleKind): void {
    this.#handles.set(digest, { session: record, generation: record.generation, kind })
    record.handles ??= []
    record.handles.push(digest)
    if (record.handles.length > handleLimits.live + handleLimits.retired) {
      const forgotten = record.handles.shift()
      if (forgotten !== undefined) this.#handles.delete(forgotten)
    }
  }

  #liveHandles(record: Record): number {
    const others = record.handles?.filter((digest) => {
      const slot = this.#handles.get(digest)
      return slot !== undefined && generationOf(slot) === record.generation
    }).length
    return (others ?? 0) + (record.generation === firstGeneration ? 1 : 0)
  }

  #bury(record: Record, reason: EndReason, now: number): { kind: 'ended' } & Ended {
    const session = this.#show(record, now)
    for (const digest of [record.ref, ...(record.handles ?? [])]) {
      this.#handles.delete(digest)
      this.#tombstones.set(digest, record.ref, now + tombstoneMs)
    }
    this.#count -= 1
    this.#leave(record)
    return { kind: 'ended', session, reason }
  }

  #groupOf(key: string): Group {
    const known = this.#groups.get(key)
    if (known) return known
    const group: Group = { key, count: 0, searchedAt: -Infinity, oldest: undefined, newest: undefined }
    this.#groups.set(key, group)
    return group
  }

  #join(record: Record, key: string): void {
    const group = this.#groupOf(key)
    record.group = group
    record.before = group.newest
    record.after = undefined
    if (group.newest) group.newest.after = record
    else group.oldest = record
    group.newest = record
    group.count += 1
  }

  #leave(record: Record): void {
    const { group, before, after } = record
    if (before) before.after = after
    else group.oldest = after
    if (after) after.before = before
    else group.newest = before
    group.count -= 1
    if (group.count === 0) this.#groups.delete(group.key)
  }

  #show(record: Record, now: number): StoredSession {
    const base = this.#epochOfTime
    return {
      ref: record.ref,
      principal: record.principal,
      agent: record.agent,
      parent: record.parent,
      generation: record.generation,
      version: record.version,
      openedAt: base + record.openedAt,
      authenticatedAt: base + record.authenticatedAt,
      expiresAt: base + latestEnd(record),
      lastUsedAt: base + record.lastUsedAt,
      idleTimeoutMs: record.idleTimeoutMs,
      seenAt: base + now,
      meta: record.meta,
      data: record.data,
    }
  }
}

function isOther(slot: Record | OtherHandle): slot is OtherHandle {
  return 'session' in slot
}

function sessionOf(slot: Record | OtherHandle): Record {
  return isOther(slot) ? slot.session : slot
}

function generationOf(slot: Record | OtherHandle): number {
  return isOther(slot) ? slot.generation : firstGeneration
}

function kindOf(slot: Record | OtherHandle): HandleKind {
  return isOther(slot) ? slot.kind : slot.firstKind
}

function membersOf(group: Group | undefined): Record[] {
  const members: Record[] = []
  for (let record = group?.oldest; record; record = record.after) members.push(record)
  return members
}

function idlestOf(group: Group): Record | undefined {
  let idlest = group.oldest
  for (let record = group.oldest; record; record = record.after)
    if (idlest && record.lastUsedAt < idlest.lastUsedAt) idlest = record
  return idlest
}
