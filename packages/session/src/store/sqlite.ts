/**
 * Sessions in an SQLite file: durable, for one machine, any number of processes. What was answered is on the disk.
 *
 * Looking is one SELECT and needs no lock. Whatever changes something looks again inside a transaction that holds the
 * write lock, so that no decision rests on what was true a moment ago.
 */
import { isMainThread } from 'node:worker_threads'
import { createClock, type Clock } from '../clock.ts'
import type { EndReason } from '../events.ts'
import type { HandleKind } from '../handle.ts'
import { isNews, latestEnd, nextEnd, timedOut, type Lifetime } from './lifetime.ts'
import { watchChanges, type HasChanged } from './sqlite/changes.ts'
import { openDatabase, type SqliteDatabase, type SqliteStatement, type SqlValue } from './sqlite/database.ts'
import { schema, schemaVersion, statements, type StatementName } from './sqlite/schema.ts'
import {
  epochScope,
  handleLimits,
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
import { leaveTurn, noTurns, takeTurn, type Turns } from './turns.ts'

export type { SqliteDatabase, SqliteStatement, SqlValue } from './sqlite/database.ts'

export interface SqliteStoreOptions {
  /** Where the file is; made, for its owner alone, where it is not. Or a database that was opened already. */
  readonly database: string | SqliteDatabase
  /** `full`: on the disk before it is answered, also when the power fails. `normal`: only when the process does. */
  readonly durability?: 'full' | 'normal'
  /** How long to wait for another process that writes, before the operation fails. Below the deadline of the layer. */
  readonly busyMs?: number
  readonly clock?: Clock
}

/** Opens the store. @throws MisuseError where there is no SQLite, and what the database throws where the file is none of ours */
export function sqliteStore(options: SqliteStoreOptions): SessionStore {
  return new SqliteStore(options)
}

interface Row {
  readonly ref: string
  readonly principal: string
  readonly agent: string
  readonly parent: string
  readonly group_key: string
  readonly principal_epoch: number
  readonly agent_epoch: number
  readonly generation: number
  readonly version: number
  readonly fence: number
  readonly opened_at: number
  readonly authenticated_at: number
  readonly absolute_end: number
  readonly credential_end: number
  readonly last_used_at: number
  readonly idle_timeout: number
  readonly regenerated_at: number
  readonly meta: string
  readonly data: string
  readonly turns: string
  readonly principal_now: number
  readonly agent_now: number
  readonly parent_ref: string | null
  readonly parent_principal: string
  readonly parent_parent: string
  readonly parent_absolute_end: number
  readonly parent_credential_end: number
  readonly parent_last_used_at: number
  readonly parent_idle_timeout: number
  readonly parent_principal_epoch: number
  readonly parent_agent_epoch: number
  readonly parent_agent_now: number
}

interface HandleRow extends Row {
  readonly handle_generation: number
  readonly handle_kind: HandleKind
}

/** What a look at a handle comes to; `touch` where the session lives and something about it is to be written. */
type Look = ResumeReply | { readonly kind: 'over'; readonly reason: EndReason } | { readonly kind: 'touch' }

const clockIntervalMs = 1000
const maxSeen = 10_000

class SqliteStore implements SessionStore {
  readonly name = 'sqlite'
  readonly #database: SqliteDatabase
  readonly #clock: Clock
  readonly #statements = new Map<StatementName, SqliteStatement>()
  /** What was read by digest since the last change, whoever made it. */
  readonly #seen = new Map<string, HandleRow>()
  readonly #hasChanged: HasChanged
  #aheadMs = 0
  #clockSaved = 0
  /** What is known to be written down of the longest time that anything may live. */
  #longestMs = 0

  constructor({ database, durability = 'full', busyMs = 100, clock = createClock() }: SqliteStoreOptions) {
    this.#database = typeof database === 'string' ? openDatabase(database) : database
    this.#clock = clock
    this.#database.exec(`PRAGMA busy_timeout = ${Math.trunc(busyMs)}`)
    this.#database.exec('PRAGMA journal_mode = WAL')
    this.#database.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`)
    // What a session held must not be read from free pages later.
    this.#database.exec('PRAGMA secure_delete = ON')
    this.#makeTables()
    // What a thread has opened is closed with it, and with that the locks of the whole process are gone.
    const path = typeof database === 'string' && isMainThread ? database : undefined
    this.#hasChanged = watchChanges(this.#database, path, () => this.#run('countOpening'))
    // A wall clock that was set back while no process ran must not lengthen sessions.
    this.#aheadMs = Math.max(0, this.#number('clock') - Math.trunc(clock()))
  }

  now(): number {
    return Math.trunc(this.#clock()) + this.#aheadMs
  }

  open(request: OpenRequest): OpenReply {
    return this.#atomically((now) => {
      const { digest, parent, principal } = request
      if (this.#get('isTaken', digest, digest, now)) return { kind: 'refused' }
      if (parent !== '' && !this.#mayBeParent(parent, principal, now)) return { kind: 'refused' }
      const room = this.#makeRoom(request.group, request.caps, 1, now)
      if (room.kind === 'full') return room
      this.#insert(request, now)
      const row = this.#get<Row>('byRef', digest) as Row
      return { kind: 'opened', session: show(row, now), ended: room.ended }
    })
  }

  resume(request: ResumeRequest): ResumeReply {
    const seen = this.#look(request, this.#glance(request.digest), this.now())
    if (seen.kind !== 'over' && seen.kind !== 'touch') return seen
    return this.#atomically((now) => {
      const again = this.#look(request, this.#get<HandleRow>('byDigest', request.digest), now)
      if (again.kind === 'over') return this.#bury(this.#get<Row>('byDigest', request.digest) as Row, again.reason, now)
      if (again.kind === 'touch') return this.#touch(request, now)
      return again
    })
  }

  read(request: ReadRequest): ReadReply {
    const seen = this.#read(request, this.now())
    if (seen.kind !== 'over' && seen.kind !== 'touch') return seen
    return this.#atomically((now) => {
      const again = this.#read(request, now)
      const row = this.#get<Row>('byRef', request.ref)
      if (again.kind === 'over') return this.#bury(row as Row, again.reason, now)
      if (again.kind !== 'touch') return again
      return { kind: 'live', session: show(this.#used(row as Row, now), now), retired: false }
    })
  }

  write(request: WriteRequest): WriteReply {
    return this.#onLive(request.ref, (row, now): WriteReply => {
      if (row.generation !== request.generation) return { kind: 'fenced', what: 'handle' }
      if (request.fence !== 0 && row.fence !== request.fence) return { kind: 'fenced', what: 'lock' }
      if (row.version !== request.version) return { kind: 'conflict', session: show(row, now) }
      this.#run('write', request.data, row.ref)
      return { kind: 'written', session: { ...show(row, now), data: request.data, version: row.version + 1 } }
    })
  }

  regenerate(request: RegenerateRequest): RegenerateReply {
    return this.#onLive(request.ref, (row, now): RegenerateReply => {
      if (row.generation !== request.generation) return { kind: 'fenced' }
      const { bind } = request
      const room = bind ? this.#makeRoom(bind.group, bind.caps, 0, now) : { kind: 'room' as const, ended: [] }
      if (room.kind === 'full') return room
      if (bind) this.#bind(row.ref, bind, now)
      const life: Lifetime = {
        absoluteEnd: bind ? now + bind.absoluteTimeoutMs : row.absolute_end,
        credentialEnd: request.credentialEnd === 0 ? row.credential_end : Math.trunc(request.credentialEnd),
        lastUsedAt: now,
        idleTimeoutMs: row.idle_timeout,
      }
      const authenticatedAt = request.authenticated ? now : row.authenticated_at
      const { absoluteEnd, credentialEnd } = life
      const end = nextEnd(life)
      this.#run('regenerate', now, now, authenticatedAt, request.meta, absoluteEnd, credentialEnd, end, row.ref)
      this.#addHandle(row.ref, request.digest, row.generation + 1, request.kind)
      return { kind: 'regenerated', session: show(this.#get<Row>('byRef', row.ref) as Row, now), ended: room.ended }
    })
  }

  attach(request: AttachRequest): AttachReply {
    return this.#onLive(request.ref, (row): AttachReply => {
      if (row.generation !== request.generation) return { kind: 'fenced' }
      if (this.#count('liveHandles', row.ref, row.generation) >= handleLimits.live) return { kind: 'full' }
      this.#addHandle(row.ref, request.digest, row.generation, request.kind)
      return { kind: 'attached' }
    })
  }

  end({ name, reason }: EndRequest): EndReply {
    const find = (): Row | undefined =>
      'ref' in name ? this.#get<Row>('byRef', name.ref) : this.#get<Row>('byDigest', name.digest)
    // Asked for whatever looks like a handle, before anybody is known: nobody gets to take the lock of all for that.
    if (!find()) return { kind: 'gone' }
    return this.#atomically((now) => {
      const row = find()
      return row ? this.#bury(row, overBy(row, now) ?? reason, now) : { kind: 'gone' }
    })
  }

  list(group: string): readonly StoredSession[] {
    const now = this.now()
    return this.#all<Row>('byGroup', group)
      .filter((row) => overBy(row, now) === undefined)
      .map((row) => show(row, now))
  }

  advanceEpoch(scope: string, rememberMs: number): number {
    return this.#atomically((now) => this.#advanceEpoch(scope, rememberMs, now))
  }

  revokeOthers(request: RevokeOthersRequest): RevokeOthersReply {
    return this.#onLive(request.ref, (row, now): RevokeOthersReply => {
      if (row.generation !== request.generation || row.principal === '') return { kind: 'fenced' }
      const kept = row.parent === '' ? row.ref : row.parent
      this.#run('keep', this.#advanceEpoch(row.principal, request.rememberMs, now), kept)
      return { kind: 'revoked', session: show(row, now) }
    })
  }

  readEpochs(scopes: readonly string[], rememberMs: number): readonly number[] {
    const epochs = scopes.map((scope) => this.#epoch(scope))
    if (rememberMs <= this.#longestMs && epochs.every((epoch) => epoch === 0)) return epochs
    return this.#atomically((now) => {
      this.#raiseLongest(rememberMs)
      return scopes.map((scope) => this.#rememberEpoch(scope, now + rememberMs))
    })
  }

  consume(key: string, rememberMs: number): 'first' | 'again' {
    return this.#atomically((now) => {
      if (this.#get('isConsumed', key, now)) return 'again'
      this.#run('consume', key, now + Math.trunc(rememberMs))
      return 'first'
    })
  }

  lock({ ref, generation, ...request }: LockRequest): LockReply {
    const reply = this.#onLive(ref, (row, now): LockReply => {
      if (row.generation !== generation) return { kind: 'fenced' }
      const turns = turnsOf(row)
      const taken = takeTurn(turns, request, now)
      this.#run('turns', JSON.stringify(turns), turns.fence, ref)
      return taken
    })
    return reply.kind === 'ended' ? { kind: 'gone' } : reply
  }

  unlock(ref: string, owner: string): void {
    this.#atomically(() => {
      const row = this.#get<Row>('byRef', ref)
      if (!row) return
      const turns = turnsOf(row)
      leaveTurn(turns, owner)
      this.#run('turns', JSON.stringify(turns), turns.fence, ref)
    })
  }

  sweep(limit: number): SweepReply {
    return this.#atomically((now) => {
      this.#run('sweepTombstones', now, limit)
      this.#run('sweepEpochs', now, limit)
      this.#run('sweepConsumed', now, limit)
      const suspects = this.#all<Row>('suspects', now, limit)
      const ended = suspects.map((row) => this.#bury(row, overBy(row, now) ?? 'idle-timeout', now))
      return { ended, more: suspects.length === limit }
    })
  }

  count(): number {
    return this.#number('sessions')
  }

  close(): void {
    this.#statements.clear()
    this.#database.close()
  }

  #makeTables(): void {
    const version = Number(firstValue(this.#database.prepare('PRAGMA user_version').get()))
    if (version === schemaVersion) return
    if (version !== 0) throw new Error(`the session database has the unknown schema ${version}`)
    this.#database.exec('BEGIN IMMEDIATE')
    this.#database.exec(schema)
    this.#database.exec('COMMIT')
  }

  #atomically<T>(work: (now: number) => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    this.#seen.clear()
    try {
      // Read after the lock was got, so that times rise in the order of transactions.
      const now = this.now()
      if (now - this.#clockSaved >= clockIntervalMs) {
        this.#run('raiseClock', now, now)
        this.#clockSaved = now
      }
      const result = work(now)
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      this.#longestMs = 0
      this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** What happens to a session that must be live; one that is over ends in the same step. */
  #onLive<T>(ref: string, work: (row: Row, now: number) => T): T | { kind: 'gone' } | ({ kind: 'ended' } & Ended) {
    return this.#atomically((now) => {
      const row = this.#get<Row>('byRef', ref)
      if (!row) return { kind: 'gone' }
      const reason = overBy(row, now)
      return reason ? this.#bury(row, reason, now) : work(row, now)
    })
  }

  /**
   * The row of a handle, from the last look where nothing changed since: this connection forgets what it has seen
   * whenever it writes, and asks whether another one did.
   */
  #glance(digest: string): HandleRow | undefined {
    if (this.#hasChanged() || this.#seen.size >= maxSeen) this.#seen.clear()
    const known = this.#seen.get(digest)
    if (known) return known
    const row = this.#get<HandleRow>('byDigest', digest)
    if (row) this.#seen.set(digest, row)
    return row
  }

  #look(request: ResumeRequest, row: HandleRow | undefined, now: number): Look {
    if (!row) {
      const tombstone = this.#get<{ ref: string }>('tombstone', request.digest, now)
      return tombstone ? { kind: 'refused', reason: 'ended', ref: tombstone.ref } : { kind: 'unknown' }
    }
    const { ref } = row
    if (row.handle_kind !== request.kind) return { kind: 'refused', reason: 'wrong-kind', ref }
    const reason = overBy(row, now)
    if (reason) return { kind: 'over', reason }
    if (row.handle_generation !== row.generation) {
      const late = now - row.regenerated_at < request.graceMs
      return late ? { kind: 'refused', reason: 'retired', ref } : { kind: 'over', reason: 'handle-reused' }
    }
    if (request.principal !== undefined && request.principal !== row.principal)
      return { kind: 'refused', reason: 'foreign-principal', ref }
    if (request.agent !== row.agent) return { kind: 'refused', reason: 'foreign-agent', ref }
    const isUsed = request.activity && isNews(lifetimeOf(row), now, request.coalesceMs)
    const isFresher = row.credential_end !== 0 && request.credentialEnd > row.credential_end
    return isUsed || isFresher ? { kind: 'touch' } : { kind: 'live', session: show(row, now) }
  }

  #touch(request: ResumeRequest, now: number): ResumeReply {
    const row = this.#get<Row>('byDigest', request.digest) as Row
    const credentialEnd = row.credential_end === 0 ? 0 : Math.max(row.credential_end, Math.trunc(request.credentialEnd))
    const isUsed = request.activity && isNews(lifetimeOf(row), now, request.coalesceMs)
    return {
      kind: 'live',
      session: show(this.#used({ ...row, credential_end: credentialEnd }, isUsed ? now : row.last_used_at), now),
    }
  }

  #read(request: ReadRequest, now: number): ReadReply | { kind: 'over'; reason: EndReason } | { kind: 'touch' } {
    const row = this.#get<Row>('byRef', request.ref)
    if (!row) return { kind: 'gone' }
    const reason = overBy(row, now)
    if (reason) return { kind: 'over', reason }
    if (row.generation === request.generation)
      return request.activity && isNews(lifetimeOf(row), now, request.coalesceMs)
        ? { kind: 'touch' }
        : { kind: 'live', session: show(row, now), retired: false }
    const inGrace =
      request.generation === row.generation - 1 &&
      now - row.regenerated_at < request.graceMs &&
      request.principal === row.principal
    return inGrace ? { kind: 'live', session: show(row, now), retired: true } : { kind: 'fenced' }
  }

  #used(row: Row, lastUsedAt: number): Row {
    const used = { ...row, last_used_at: lastUsedAt }
    this.#run('touch', lastUsedAt, used.credential_end, nextEnd(lifetimeOf(used)), row.ref)
    return used
  }

  #insert(request: OpenRequest, now: number): void {
    const { digest, principal, agent, parent, group, kind, meta, data } = request
    const remember = now + request.absoluteTimeoutMs
    this.#raiseLongest(request.absoluteTimeoutMs)
    const scope = epochScope(principal, agent)
    const life: Lifetime = {
      absoluteEnd: remember,
      credentialEnd: Math.trunc(request.credentialEnd),
      lastUsedAt: now,
      idleTimeoutMs: request.idleTimeoutMs,
    }
    const epochs = [this.#rememberEpoch(principal, remember), this.#rememberEpoch(scope, remember)] as const
    const numbers = [1, 0, 0, now, now, life.absoluteEnd, life.credentialEnd, now, life.idleTimeoutMs, 0, nextEnd(life)]
    this.#run('insert', digest, principal, agent, scope, parent, group, ...epochs, ...numbers, meta, data, '')
    this.#addHandle(digest, digest, 1, kind)
    this.#run('addNumber', 1, 'sessions')
  }

  #bind(ref: string, bind: NonNullable<RegenerateRequest['bind']>, now: number): void {
    const remember = now + bind.absoluteTimeoutMs
    this.#raiseLongest(bind.absoluteTimeoutMs)
    const scope = epochScope(bind.principal, bind.agent)
    const epochs = [this.#rememberEpoch(bind.principal, remember), this.#rememberEpoch(scope, remember)] as const
    this.#run('bind', bind.principal, bind.agent, scope, bind.group, ...epochs, ref)
  }

  #addHandle(ref: string, digest: string, generation: number, kind: HandleKind): void {
    this.#run('addHandle', digest, ref, generation, kind, ref)
    this.#run('forgetHandles', ref, ref, handleLimits.live + handleLimits.retired)
  }

  #mayBeParent(ref: string, principal: string, now: number): boolean {
    const row = this.#get<Row>('byRef', ref)
    return row !== undefined && row.parent === '' && row.principal === principal && overBy(row, now) === undefined
  }

  #makeRoom(
    group: string,
    caps: Caps,
    added: number,
    now: number,
  ): { kind: 'room'; ended: Ended[] } | { kind: 'full'; scope: 'group' | 'total' } {
    const ended: Ended[] = []
    if (this.#count('groupCount', group) >= caps.group) {
      const members = this.#all<Row>('byGroup', group)
      const live = members.filter((row) => {
        const reason = overBy(row, now)
        if (reason) ended.push(this.#bury(row, reason, now))
        return reason === undefined
      })
      if (live.length >= caps.group) {
        const [idlest] = live.toSorted((one, other) => one.last_used_at - other.last_used_at)
        if (caps.whenFull === 'refuse' || !idlest) return { kind: 'full', scope: 'group' }
        ended.push(this.#bury(idlest, 'cap', now))
      }
    }
    if (this.count() + added > caps.total) return { kind: 'full', scope: 'total' }
    return { kind: 'room', ended }
  }

  #bury(row: Row, reason: EndReason, now: number): { kind: 'ended' } & Ended {
    this.#run('buryHandles', now + tombstoneMs, row.ref)
    this.#run('removeHandles', row.ref)
    this.#run('remove', row.ref)
    this.#run('addNumber', -1, 'sessions')
    return { kind: 'ended', session: show(row, now), reason }
  }

  #advanceEpoch(scope: string, rememberMs: number, now: number): number {
    const epoch = Math.max(now, this.#epoch(scope) + 1)
    this.#run('setEpoch', scope, epoch, now + Math.max(rememberMs, this.#number('longest')))
    return epoch
  }

  #epoch(scope: string): number {
    return scope === '' ? 0 : (this.#get<{ epoch: number }>('epoch', scope)?.epoch ?? 0)
  }

  #rememberEpoch(scope: string, until: number): number {
    const epoch = this.#epoch(scope)
    if (epoch !== 0) this.#run('extendEpoch', until, scope, until)
    return epoch
  }

  #raiseLongest(ms: number): void {
    if (ms <= this.#longestMs) return
    this.#run('raiseLongest', ms)
    this.#longestMs = ms
  }

  #number(name: 'sessions' | 'clock' | 'longest'): number {
    return this.#count('number', name)
  }

  #count(statement: StatementName, ...values: SqlValue[]): number {
    return this.#get<{ n: number }>(statement, ...values)?.n ?? 0
  }

  #run(name: StatementName, ...values: SqlValue[]): void {
    this.#statement(name).run(...values)
  }

  #get<T>(name: StatementName, ...values: SqlValue[]): T | undefined {
    return this.#statement(name).get(...values) as T | undefined
  }

  #all<T>(name: StatementName, ...values: SqlValue[]): T[] {
    return this.#statement(name).all(...values) as T[]
  }

  #statement(name: StatementName): SqliteStatement {
    const prepared = this.#statements.get(name) ?? this.#database.prepare(statements[name])
    this.#statements.set(name, prepared)
    return prepared
  }
}

/** Why the session is over, if it is. */
function overBy(row: Row, now: number): EndReason | undefined {
  const reason = timedOut(lifetimeOf(row), now)
  if (reason) return reason
  if (row.parent === '' && row.principal_epoch !== row.principal_now) return 'principal-revoked'
  if (row.agent_epoch !== row.agent_now) return 'agent-reset'
  return row.parent !== '' && !parentLives(row, now) ? 'parent-ended' : undefined
}

/** A parent is its child's principal's, so its epoch is the same one. */
function parentLives(row: Row, now: number): boolean {
  if (row.parent_ref === null || row.parent_parent !== '' || row.parent_principal !== row.principal) return false
  if (row.parent_principal_epoch !== row.principal_now || row.parent_agent_epoch !== row.parent_agent_now) return false
  const life: Lifetime = {
    absoluteEnd: row.parent_absolute_end,
    credentialEnd: row.parent_credential_end,
    lastUsedAt: row.parent_last_used_at,
    idleTimeoutMs: row.parent_idle_timeout,
  }
  return timedOut(life, now) === undefined
}

function lifetimeOf(row: Row): Lifetime {
  return {
    absoluteEnd: row.absolute_end,
    credentialEnd: row.credential_end,
    lastUsedAt: row.last_used_at,
    idleTimeoutMs: row.idle_timeout,
  }
}

function turnsOf(row: Row): Turns {
  return row.turns === '' ? noTurns(row.fence) : (JSON.parse(row.turns) as Turns)
}

function show(row: Row, now: number): StoredSession {
  return {
    ref: row.ref,
    principal: row.principal,
    agent: row.agent,
    parent: row.parent,
    generation: row.generation,
    version: row.version,
    openedAt: row.opened_at,
    authenticatedAt: row.authenticated_at,
    expiresAt: latestEnd(lifetimeOf(row)),
    lastUsedAt: row.last_used_at,
    idleTimeoutMs: row.idle_timeout,
    seenAt: now,
    meta: row.meta,
    data: row.data,
  }
}

function firstValue(row: unknown): unknown {
  return Object.values(row as Record<string, unknown>)[0]
}
