/**
 * Sessions in Redis 7 or Valkey: shared by any number of processes and machines. Every operation is one script.
 *
 * The store must not throw keys away: an epoch that is evicted would revive what it revoked. So a server that may evict
 * is refused, and a full one answers with an error, which becomes 503.
 */
import type { Clock } from '../clock.ts'
import { MisuseError } from '../errors.ts'
import type { EndReason } from '../events.ts'
import { runnerOn, type RedisClient, type ScriptRunner } from './redis/client.ts'
import { scripts, type ScriptName } from './redis/scripts.ts'
import type {
  AttachReply,
  AttachRequest,
  Caps,
  Ended,
  EndReply,
  EndRequest,
  LockReply,
  LockRequest,
  OpenReply,
  OpenRequest,
  ReadReply,
  ReadRequest,
  RegenerateReply,
  RegenerateRequest,
  ResumeReply,
  ResumeRequest,
  RevokeOthersReply,
  RevokeOthersRequest,
  SessionStore,
  StoredSession,
  SweepReply,
  WriteReply,
  WriteRequest,
} from './store.ts'

export type { IoRedisLike, NodeRedisLike, RedisClient } from './redis/client.ts'

export interface RedisStoreOptions {
  /** A connected client of ioredis or node-redis that does not queue commands while offline. */
  readonly client: RedisClient
  /** Under which all keys stand. In a cluster they are all on one node: for more, give each tenant a store of its own. */
  readonly prefix?: string
  /** For tests. Else the time is the server's, so that all processes have the same. */
  readonly clock?: Clock
  /** How often the server is asked again whether it may evict keys: its settings change, and so does who is the master. */
  readonly recheckMs?: number
}

/**
 * Makes the store, after a look at the server.
 *
 * @throws MisuseError where the client queues offline or the server may evict keys
 */
export async function redisStore(options: RedisStoreOptions): Promise<SessionStore> {
  const { client, prefix = 'sallyport', clock, recheckMs = 10_000 } = options
  if (!/^[\w.:-]{1,64}$/.test(prefix)) throw new MisuseError('a prefix is 1 to 64 letters, digits or . : _ -')
  const runner = runnerOn(client)
  const evicting = evictionOf(await runner.memoryInfo())
  if (evicting !== undefined)
    throw new MisuseError(`Redis may evict keys (${evicting}), and would bring back what was revoked: set noeviction`)
  return new RedisStore(runner, `{${prefix}}:`, clock, recheckMs)
}

/** By what policy the server throws keys away, if it may. */
function evictionOf(memory: string): string | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
  const limit = /^maxmemory:(\d+)/m.exec(memory)?.[1]
  return policy === 'noeviction' || limit === '0' ? undefined : policy
}

/** A reply of a script: lists of lists of texts. */
type Reply = readonly (string | Reply)[]

class RedisStore implements SessionStore {
  readonly name = 'redis'
  readonly #runner: ScriptRunner
  readonly #base: string
  readonly #clock: Clock | undefined
  readonly #recheckMs: number
  #checkedAt = performance.now()
  #mayEvict = false

  constructor(runner: ScriptRunner, base: string, clock: Clock | undefined, recheckMs: number) {
    this.#runner = runner
    this.#base = base
    this.#clock = clock
    this.#recheckMs = recheckMs
  }

  async now(): Promise<number> {
    return Number(await this.#run('clock'))
  }

  async open(request: OpenRequest): Promise<OpenReply> {
    const { digest, kind, principal, agent, parent, group, meta, data } = request
    const times = [request.absoluteTimeoutMs, request.idleTimeoutMs, request.credentialEnd]
    const values = [digest, kind, principal, agent, parent, group, ...times, meta, data, ...capsOf(request.caps)]
    const reply = (await this.#run('open', ...values)) as Reply
    if (reply[0] === 'opened') return { kind: 'opened', session: sessionOf(reply[1]), ended: endedOf(reply[2]) }
    return reply[0] === 'full' ? { kind: 'full', scope: reply[1] as 'group' | 'total' } : { kind: 'refused' }
  }

  async resume(request: ResumeRequest): Promise<ResumeReply> {
    const { digest, kind, principal, agent, activity, credentialEnd, graceMs, coalesceMs } = request
    const terms = `${flag(activity)} ${textOf(credentialEnd)} ${textOf(graceMs)} ${textOf(coalesceMs)}`
    const whose = principal === undefined ? '' : `=${principal}`
    const reply = (await this.#run('resume', digest, kind, whose, agent, terms)) as string | Reply
    if (typeof reply === 'string') return { kind: 'live', session: sessionOf(reply) }
    switch (reply[0]) {
      case 'refused':
        return { kind: 'refused', reason: reply[1], ref: reply[2] } as ResumeReply
      case 'ended':
        return over(reply)
      default:
        return { kind: 'unknown' }
    }
  }

  async read({ ref, principal, generation, activity, graceMs, coalesceMs }: ReadRequest): Promise<ReadReply> {
    const reply = (await this.#run('read', ref, principal, generation, flag(activity), graceMs, coalesceMs)) as Reply
    if (reply[0] === 'live') return { kind: 'live', session: sessionOf(reply[1]), retired: reply[2] === '1' }
    return reply[0] === 'fenced' ? { kind: 'fenced' } : overOrGone(reply)
  }

  async write({ ref, generation, version, fence, data }: WriteRequest): Promise<WriteReply> {
    const reply = (await this.#run('write', ref, generation, version, fence, data)) as Reply
    if (reply[0] === 'written' || reply[0] === 'conflict') return { kind: reply[0], session: sessionOf(reply[1]) }
    return reply[0] === 'fenced' ? { kind: 'fenced', what: reply[1] as 'handle' | 'lock' } : overOrGone(reply)
  }

  async regenerate(request: RegenerateRequest): Promise<RegenerateReply> {
    const { ref, generation, digest, kind, credentialEnd, meta, bind } = request
    const bound = bind ? [bind.principal, bind.agent, bind.group, bind.absoluteTimeoutMs, ...capsOf(bind.caps)] : []
    const values = [ref, generation, digest, kind, credentialEnd, meta, flag(request.authenticated), flag(!!bind)]
    const reply = (await this.#run('regenerate', ...values, ...bound)) as Reply
    if (reply[0] === 'regenerated')
      return { kind: 'regenerated', session: sessionOf(reply[1]), ended: endedOf(reply[2]) }
    if (reply[0] === 'full') return { kind: 'full', scope: reply[1] as 'group' | 'total' }
    return reply[0] === 'fenced' ? { kind: 'fenced' } : overOrGone(reply)
  }

  async attach({ ref, generation, digest, kind }: AttachRequest): Promise<AttachReply> {
    const reply = (await this.#run('attach', ref, generation, digest, kind)) as Reply
    if (reply[0] === 'attached' || reply[0] === 'full' || reply[0] === 'fenced') return { kind: reply[0] }
    return overOrGone(reply)
  }

  async end({ name, reason }: EndRequest): Promise<EndReply> {
    const [by, value] = 'ref' in name ? ['ref', name.ref] : ['digest', name.digest]
    return overOrGone((await this.#run('end', by as string, value as string, reason)) as Reply)
  }

  async list(group: string): Promise<readonly StoredSession[]> {
    return ((await this.#run('list', group)) as Reply).map(sessionOf)
  }

  async advanceEpoch(scope: string, rememberMs: number): Promise<number> {
    return Number(await this.#run('advanceEpoch', scope, rememberMs))
  }

  async revokeOthers({ ref, generation, rememberMs }: RevokeOthersRequest): Promise<RevokeOthersReply> {
    const reply = (await this.#run('revokeOthers', ref, generation, rememberMs)) as Reply
    if (reply[0] === 'revoked') return { kind: 'revoked', session: sessionOf(reply[1]) }
    return reply[0] === 'fenced' ? { kind: 'fenced' } : overOrGone(reply)
  }

  async readEpochs(scopes: readonly string[], rememberMs: number): Promise<readonly number[]> {
    return ((await this.#run('readEpochs', rememberMs, ...scopes)) as Reply).map(Number)
  }

  async consume(key: string, rememberMs: number): Promise<'first' | 'again'> {
    return (await this.#run('consume', key, rememberMs)) as 'first' | 'again'
  }

  async lock({ ref, generation, owner, mode, leaseMs, ticketMs, maxWaiting }: LockRequest): Promise<LockReply> {
    const reply = (await this.#run('lock', ref, generation, owner, mode, leaseMs, ticketMs, maxWaiting)) as Reply
    if (reply[0] === 'granted') return { kind: 'granted', fence: Number(reply[1]) }
    return { kind: reply[0] as 'waiting' | 'full' | 'fenced' | 'gone' }
  }

  async unlock(ref: string, owner: string): Promise<void> {
    await this.#run('unlock', ref, owner)
  }

  async sweep(limit: number): Promise<SweepReply> {
    await this.#recheck()
    const [ended, looked] = (await this.#run('sweep', limit)) as Reply
    return { ended: endedOf(ended), more: Number(looked) === limit }
  }

  async count(): Promise<number> {
    return Number(await this.#run('count'))
  }

  close(): Promise<void> {
    return this.#runner.close()
  }

  /** A server that has begun to evict is as good as none, until it stops. */
  async #recheck(): Promise<void> {
    if (performance.now() - this.#checkedAt < this.#recheckMs) return
    this.#checkedAt = performance.now()
    this.#mayEvict = evictionOf(await this.#runner.memoryInfo()) !== undefined
  }

  #run(name: ScriptName, ...values: (string | number)[]): Promise<unknown> {
    if (this.#mayEvict) return Promise.reject(new Error('the server may evict keys, and revive what was revoked'))
    const now = this.#clock ? String(Math.trunc(this.#clock())) : ''
    return this.#runner.run(scripts[name], this.#base, [now, ...values.map(textOf)])
  }
}

/** Times are whole milliseconds in the store. */
function textOf(value: string | number): string {
  return typeof value === 'string' ? value : String(Math.trunc(value))
}

function flag(value: boolean): string {
  return value ? '1' : '0'
}

function capsOf({ group, total, whenFull }: Caps): readonly [number, number, string] {
  return [Math.min(group, Number.MAX_SAFE_INTEGER), Math.min(total, Number.MAX_SAFE_INTEGER), whenFull]
}

/** Three lines, of which the last may hold more. Keys hold no spaces, and an empty one is nothing between two of them. */
function sessionOf(reply: string | Reply | undefined): StoredSession {
  const text = reply as string
  const first = text.indexOf('\n')
  const second = text.indexOf('\n', first + 1)
  const [ref, principal, agent, parent, ...numbers] = text.slice(0, first).split(' ')
  const [generation, version, opened, authenticated, absolute, credential, used, idle, seen] = numbers
  const absoluteEnd = Number(absolute)
  const credentialEnd = Number(credential)
  return {
    ref: ref as string,
    principal: principal as string,
    agent: agent as string,
    parent: parent as string,
    generation: Number(generation),
    version: Number(version),
    openedAt: Number(opened),
    authenticatedAt: Number(authenticated),
    expiresAt: credentialEnd === 0 ? absoluteEnd : Math.min(absoluteEnd, credentialEnd),
    lastUsedAt: Number(used),
    idleTimeoutMs: Number(idle),
    seenAt: Number(seen),
    meta: text.slice(first + 1, second),
    data: text.slice(second + 1),
  }
}

function endedOf(reply: string | Reply | undefined): readonly Ended[] {
  return (reply as readonly Reply[]).map(([session, reason]) => ({
    session: sessionOf(session),
    reason: reason as EndReason,
  }))
}

function over(reply: Reply): { kind: 'ended' } & Ended {
  return { kind: 'ended', session: sessionOf(reply[1]), reason: reply[2] as EndReason }
}

function overOrGone(reply: Reply): { kind: 'gone' } | ({ kind: 'ended' } & Ended) {
  return reply[0] === 'ended' ? over(reply) : { kind: 'gone' }
}
