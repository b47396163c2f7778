/**
 * Callers at work that no session stands behind: each request of a revision without sessions comes by its own
 * credential, and what it began must stop when that credential ends or its principal is revoked, on whichever process
 * that happens.
 */
import { tell } from './events.ts'
import type { StreamEnd, StreamEndListener } from './live.ts'
import { agentKey, principalKey, type Principal } from './principal.ts'

/** What a watch has to know of the store. Each throws where the store did not answer. */
export interface CallerFacts {
  /** A number for the principal and one for the agent instance, which change when one of them is revoked. */
  epochs(principal: Principal, agent: string | undefined): Promise<readonly number[]>
  now(): Promise<number>
}

/** Whom to watch: a principal, by a credential that ends at a time or never. */
export interface WatchedCaller {
  readonly principal: Principal
  readonly agent?: string
  readonly credentialExpiresAt?: number
}

interface Watcher {
  readonly caller: WatchedCaller
  readonly onEnd: StreamEndListener
  /** Those of the first look. */
  epochs: readonly number[] | undefined
  verifiedAt: number
}

/** Nobody goes on for longer than this on the word of a store that has gone silent. */
const trustMs = 10_000

export class CallerWatch {
  readonly #facts: CallerFacts
  readonly #intervalMs: number
  readonly #monotonic: () => number
  readonly #watchers = new Set<Watcher>()
  #timer: NodeJS.Timeout | undefined

  constructor(facts: CallerFacts, intervalMs: number, monotonic: () => number = () => performance.now()) {
    this.#facts = facts
    this.#intervalMs = intervalMs
    this.#monotonic = monotonic
  }

  /** `onEnd` is called once, when the caller may not go on. The returned function says that it is done. */
  watch(caller: WatchedCaller, onEnd: StreamEndListener): () => void {
    const watcher: Watcher = { caller, onEnd, epochs: undefined, verifiedAt: this.#monotonic() }
    this.#watchers.add(watcher)
    this.#timer ??= setInterval(() => void this.check(), this.#intervalMs).unref()
    void this.#check([watcher])
    return () => void this.#watchers.delete(watcher)
  }

  /** Somebody was revoked in this process: what they do need not wait for the next look. */
  revoked(principal: Principal, agent: string | undefined): void {
    const scope = scopeOf({ principal, ...(agent !== undefined && { agent }) })
    for (const watcher of Array.from(this.#watchers)) {
      const { caller } = watcher
      const own = agent === undefined ? scopeOf({ principal: caller.principal }) : scopeOf(caller)
      if (own === scope) this.#cut(watcher, agent === undefined ? 'principal-revoked' : 'agent-reset')
    }
  }

  /** Looks at everybody who is watched. */
  async check(): Promise<void> {
    if (this.#watchers.size === 0) this.#stop()
    await this.#check(Array.from(this.#watchers))
  }

  close(): void {
    for (const watcher of Array.from(this.#watchers)) this.#cut(watcher, 'terminated')
    this.#stop()
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** The store is asked once for all calls of one caller. */
  async #check(watchers: readonly Watcher[]): Promise<void> {
    await Promise.all(Array.from(grouped(watchers).values(), (same) => this.#checkOne(same)))
  }

  async #checkOne(same: readonly Watcher[]): Promise<void> {
    const [first] = same
    if (!first) return
    const { principal, agent } = first.caller
    try {
      const [epochs, now] = await Promise.all([this.#facts.epochs(principal, agent), this.#facts.now()])
      for (const watcher of same) this.#judge(watcher, epochs, now)
    } catch {
      for (const watcher of same)
        if (this.#monotonic() - watcher.verifiedAt >= trustMs) this.#cut(watcher, 'unverified')
    }
  }

  #judge(watcher: Watcher, epochs: readonly number[], now: number): void {
    const { credentialExpiresAt: end } = watcher.caller
    watcher.epochs ??= epochs
    if (end !== undefined && now >= end) return this.#cut(watcher, 'credential-expired')
    if (watcher.epochs[0] !== epochs[0]) return this.#cut(watcher, 'principal-revoked')
    if (watcher.epochs[1] !== epochs[1]) return this.#cut(watcher, 'agent-reset')
    watcher.verifiedAt = this.#monotonic()
    return undefined
  }

  #cut(watcher: Watcher, reason: StreamEnd): void {
    // What fails in stopping one must not keep the others going.
    if (this.#watchers.delete(watcher)) tell(() => watcher.onEnd(reason))
  }
}

function grouped(watchers: readonly Watcher[]): Map<string, Watcher[]> {
  const groups = new Map<string, Watcher[]>()
  for (const watcher of watchers) {
    const scope = scopeOf(watcher.caller)
    const group = groups.get(scope)
    if (group) group.push(watcher)
    else groups.set(scope, [watcher])
  }
  return groups
}

function scopeOf({ principal, agent }: { readonly principal: Principal; readonly agent?: string }): string {
  return `${principalKey(principal)} ${agent === undefined ? '' : agentKey(agent)}`
}
