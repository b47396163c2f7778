/**
 * How many agent instances of a principal are remembered as reset. A reset costs the store one number, kept for as long
 * as anything from before it may live, and the caller chooses the names: whoever resets one instance after the other
 * must not fill the store.
 */
import type { Clock } from './clock.ts'

interface Named {
  readonly agents: Set<string>
  readonly until: number
}

export class ResetWatch {
  readonly #clock: Clock
  readonly #rememberMs: number
  readonly #most: number
  /** By principal, the one whose time is over soonest first. */
  readonly #named = new Map<string, Named>()

  /** @param rememberMs for how long a store keeps what it is told of a reset @param most instances of one principal in that time */
  constructor(clock: Clock, rememberMs: number, most: number) {
    this.#clock = clock
    this.#rememberMs = rememberMs
    this.#most = most
  }

  /** Whether this instance may be remembered by itself. One that already is costs nothing more. */
  admits(principal: string, agent: string): boolean {
    const now = this.#clock()
    this.#forget(now)
    const named = this.#named.get(principal) ?? this.#begin(principal, now)
    if (named.agents.has(agent)) return true
    if (named.agents.size >= this.#most) return false
    named.agents.add(agent)
    return true
  }

  #begin(principal: string, now: number): Named {
    const named = { agents: new Set<string>(), until: now + this.#rememberMs }
    this.#named.set(principal, named)
    return named
  }

  #forget(now: number): void {
    for (const [principal, { until }] of this.#named) {
      if (now < until) return
      this.#named.delete(principal)
    }
  }
}
