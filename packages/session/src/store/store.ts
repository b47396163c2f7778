/**
 * The contract between sessions and what remembers them. Each operation is **one atomic step**: two of them, from any
 * two processes on the same store, happen one after the other. Everything else (binding, timeouts, what to answer) the
 * layer above derives from that; `certify.ts` tests a store against every sentence that stands here.
 *
 * A store never sees a handle, only its digest, and never a principal, only its key. Times are milliseconds since 1970
 * by the **store's** clock, which is the same for all processes and never goes back; an operation reads it once.
 * Durations are milliseconds. Digests and keys hold no white space. `0` stands for "none" where a number may be missing, the empty string where a text may.
 */
import type { EndReason } from '../events.ts'
import type { HandleKind } from '../handle.ts'

export type MaybePromise<T> = T | Promise<T>

/** A session as the store has it at the time of the operation. */
export interface StoredSession {
  /** Names the session from opening to end, through every regeneration. Digest of its first handle. */
  readonly ref: string
  /** Whose it is; empty for an anonymous session of a public server. */
  readonly principal: string
  /** Which agent instance it is bound to, if any. */
  readonly agent: string
  /** The session that this one ends with, if any. */
  readonly parent: string
  /** Counts handles: what was resumed under an older number may no longer write. */
  readonly generation: number
  /** Counts writes of `data`. */
  readonly version: number
  readonly openedAt: number
  /** When its principal last authenticated for it. */
  readonly authenticatedAt: number
  /** When the session ends at the latest: absolute timeout or the end of its credential. */
  readonly expiresAt: number
  readonly lastUsedAt: number
  readonly idleTimeoutMs: number
  /** The time of this operation. */
  readonly seenAt: number
  /** JSON of the layer above, without line breaks: whom it is bound to, in words. */
  readonly meta: string
  /** JSON of the application. */
  readonly data: string
}

export interface Caps {
  /** How many live sessions a group may have. */
  readonly group: number
  /** How many live sessions there may be in the store. */
  readonly total: number
  /** What happens where the group is full: the new one is refused, or the longest unused one ends for it. */
  readonly whenFull: 'refuse' | 'end-idlest'
}

/** Begins a session under the digest of a new handle, which becomes its `ref`. */
export interface OpenRequest {
  readonly digest: string
  readonly kind: HandleKind
  readonly principal: string
  readonly agent: string
  readonly parent: string
  /** Sessions of one group are counted and listed together. */
  readonly group: string
  readonly absoluteTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly credentialEnd: number
  readonly meta: string
  readonly data: string
  readonly caps: Caps
}

/** A session that this operation ended. */
export interface Ended {
  readonly session: StoredSession
  readonly reason: EndReason
}

export type OpenReply =
  | { readonly kind: 'opened'; readonly session: StoredSession; readonly ended: readonly Ended[] }
  | { readonly kind: 'full'; readonly scope: 'group' | 'total' }
  /** The digest is taken, the parent is not alive or is another principal's. */
  | { readonly kind: 'refused' }

/** Goes on with a session under the digest of a presented handle. */
export interface ResumeRequest {
  readonly digest: string
  readonly kind: HandleKind
  /** Key of the caller, empty for an anonymous one; undefined where the handle itself is the credential (cookies). */
  readonly principal: string | undefined
  readonly agent: string
  /** Whether the request is activity, which the idle timeout starts anew from. */
  readonly activity: boolean
  /** End of the credential that the request came with: a fresher one moves the session's, never past the absolute end. */
  readonly credentialEnd: number
  /** For so long after a regeneration the old handle is a late request; from then on it is theft. */
  readonly graceMs: number
  /** Activity is written down at most this often, or thirty times within the idle timeout, where that is shorter. */
  readonly coalesceMs: number
}

export type ResumeReply =
  | { readonly kind: 'live'; readonly session: StoredSession }
  | { readonly kind: 'unknown' }
  /** Nothing changed. `ref` is the session that was asked for. */
  | {
      readonly kind: 'refused'
      readonly reason: 'wrong-kind' | 'foreign-principal' | 'foreign-agent' | 'retired' | 'ended'
      readonly ref: string
    }
  /** It was found past its time, revoked, or presented under a reused handle, and has been ended by this operation. */
  | ({ readonly kind: 'ended' } & Ended)

/** Looks again at a session that was resumed, under the generation it was resumed with. */
export interface ReadRequest {
  readonly ref: string
  readonly principal: string
  readonly generation: number
  readonly activity: boolean
  readonly graceMs: number
  readonly coalesceMs: number
}

export type ReadReply =
  /** `retired`: the handle was regenerated within the grace; reading is allowed, writing is not. */
  | { readonly kind: 'live'; readonly session: StoredSession; readonly retired: boolean }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gone' }
  | ({ readonly kind: 'ended' } & Ended)

/** Replaces `data`, if nobody did since `version` and the writer is still who may. */
export interface WriteRequest {
  readonly ref: string
  readonly generation: number
  readonly version: number
  /** Fencing token of the lock that the writer holds, 0 if it holds none. */
  readonly fence: number
  readonly data: string
}

export type WriteReply =
  | { readonly kind: 'written'; readonly session: StoredSession }
  | { readonly kind: 'conflict'; readonly session: StoredSession }
  | { readonly kind: 'fenced'; readonly what: 'handle' | 'lock' }
  | { readonly kind: 'gone' }
  | ({ readonly kind: 'ended' } & Ended)

/** Gives the session a new handle and retires all it had. */
export interface RegenerateRequest {
  readonly ref: string
  readonly generation: number
  readonly digest: string
  readonly kind: HandleKind
  /** End of the credential that the caller came with, 0 to leave it as it is. */
  readonly credentialEnd: number
  readonly meta: string
  /** Whether the principal authenticated anew for this. */
  readonly authenticated: boolean
  /** Set where an anonymous session becomes a principal's. Its absolute period starts then. */
  readonly bind?: {
    readonly principal: string
    readonly agent: string
    readonly group: string
    readonly absoluteTimeoutMs: number
    readonly caps: Caps
  }
}

export type RegenerateReply =
  | { readonly kind: 'regenerated'; readonly session: StoredSession; readonly ended: readonly Ended[] }
  | { readonly kind: 'full'; readonly scope: 'group' | 'total' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gone' }
  | ({ readonly kind: 'ended' } & Ended)

/** Gives the session one more handle, of another kind. */
export interface AttachRequest {
  readonly ref: string
  readonly generation: number
  readonly digest: string
  readonly kind: HandleKind
}

export type AttachReply =
  | { readonly kind: 'attached' }
  /** The session has as many handles as it may. */
  | { readonly kind: 'full' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gone' }
  | ({ readonly kind: 'ended' } & Ended)

/** Ends a session, named by its reference or by the digest of any handle it ever had and the store still knows. */
export interface EndRequest {
  readonly name: { readonly ref: string } | { readonly digest: string }
  readonly reason: EndReason
}

export type EndReply = ({ readonly kind: 'ended' } & Ended) | { readonly kind: 'gone' }

/** Names the one session of a principal that is to be left, under the generation it was resumed with. */
export interface RevokeOthersRequest {
  readonly ref: string
  readonly generation: number
  readonly rememberMs: number
}

export type RevokeOthersReply =
  | { readonly kind: 'revoked'; readonly session: StoredSession }
  /** Its handle was regenerated since, or it is nobody's and has no others. Nothing was revoked. */
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gone' }
  | ({ readonly kind: 'ended' } & Ended)

/** Waits for, takes, or renews the lock of a session. Calling again is how one waits and how one renews. */
export interface LockRequest {
  readonly ref: string
  readonly generation: number
  /** Names one turn of one holder. */
  readonly owner: string
  readonly mode: 'shared' | 'exclusive'
  /** For so long the lock is held without another call. */
  readonly leaseMs: number
  /** For so long a place in the queue is kept without another call. */
  readonly ticketMs: number
  /** How many may wait. */
  readonly maxWaiting: number
}

export type LockReply =
  /** `fence` rises with every exclusive turn of the session. Renewing returns the same one, or a higher one if the lease was lost. */
  | { readonly kind: 'granted'; readonly fence: number }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'full' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'gone' }

export interface SweepReply {
  readonly ended: readonly Ended[]
  /** Whether there may be more to do at once. */
  readonly more: boolean
}

/** All an adapter to a database has to implement. Methods may answer at once or with a promise. */
export interface SessionStore {
  /** For logs. */
  readonly name: string
  now(): MaybePromise<number>
  open(request: OpenRequest): MaybePromise<OpenReply>
  resume(request: ResumeRequest): MaybePromise<ResumeReply>
  read(request: ReadRequest): MaybePromise<ReadReply>
  write(request: WriteRequest): MaybePromise<WriteReply>
  regenerate(request: RegenerateRequest): MaybePromise<RegenerateReply>
  attach(request: AttachRequest): MaybePromise<AttachReply>
  end(request: EndRequest): MaybePromise<EndReply>
  /** Live sessions of a group, oldest first. */
  list(group: string): MaybePromise<readonly StoredSession[]>
  /**
   * Ends all sessions that were bound to this scope before, at once: a principal, or what `epochScope` says of an agent
   * instance. Returns the new epoch, which was never one before. It is remembered for `rememberMs`, and at least for as
   * long as anything that the store was ever told of may live, by whatever process and settings: the absolute timeouts
   * of sessions, the times of `readEpochs`. A revocation that is forgotten sooner would revive what it ended.
   *
   * A session with a parent is bound to its principal by way of the parent: where that one is revoked, so is it.
   */
  advanceEpoch(scope: string, rememberMs: number): MaybePromise<number>
  /**
   * Advances the epoch of the session's principal and takes the session along, in one step: all else that was bound to
   * the principal ends. What belongs to the session stays with it; where it belongs to another, that one stays too, with
   * all that belongs to it.
   */
  revokeOthers(request: RevokeOthersRequest): MaybePromise<RevokeOthersReply>
  /** The epochs of these scopes, 0 where none was ever advanced; remembers them for as long as something minted now may live. */
  readEpochs(scopes: readonly string[], rememberMs: number): MaybePromise<readonly number[]>
  /** Remembers a key for a time. `again` where it is remembered already, `full` where the store has no room to promise. */
  consume(key: string, rememberMs: number): MaybePromise<'first' | 'again' | 'full'>
  lock(request: LockRequest): MaybePromise<LockReply>
  /** Gives back the lock or the place in the queue. */
  unlock(ref: string, owner: string): MaybePromise<void>
  /** Removes what is past its time, at most `limit` records of it. */
  sweep(limit: number): MaybePromise<SweepReply>
  /** How many sessions the store holds, those not yet swept among them. */
  count(): MaybePromise<number>
  close(): MaybePromise<void>
}

/** The scope of the epoch that the sessions of an agent instance depend on, beside that of their principal. */
export function epochScope(principal: string, agent: string): string {
  return agent === '' ? '' : `${principal}.${agent}`
}

/** How many live handles a session may have, and how many retired ones are remembered for it. */
export const handleLimits = { live: 8, retired: 32 } as const
/** For so long an ended session's handles are known as such, */
export const tombstoneMs = 10 * 60_000
/** and so many of them, by stores in memory: whoever opens and ends sessions without end is to fill none. */
export const maxTombstones = 20_000
