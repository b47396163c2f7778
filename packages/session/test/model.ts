/** Sessions as plainly as they can be said: lists, no index, no cleverness. What a layer on any store must agree with. */
import type { Principal, RefusalReason } from '../src/index.ts'

export interface ModelSettings {
  readonly absoluteTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly coalesceMs: number
  readonly graceMs: number
  readonly perPrincipal: number
}

interface ModelSession {
  owner: Principal | undefined
  agent: string | undefined
  generation: number
  absoluteEnd: number
  lastUsedAt: number
  regeneratedAt: number
  data: number
  alive: boolean
  /** Revoked, and nobody has looked since. */
  condemned: boolean
}

interface ModelHandle {
  readonly session: ModelSession
  readonly generation: number
}

export interface ModelCaller {
  readonly owner: Principal | undefined
  readonly agent: string | undefined
}

/** What a request holds after it was admitted. */
export interface ModelRequest {
  readonly session: ModelSession
  readonly generation: number
  readonly owner: Principal | undefined
}

export class Model {
  readonly #settings: ModelSettings
  readonly #sessions: ModelSession[] = []
  now: number

  constructor(settings: ModelSettings, now: number) {
    this.#settings = settings
    this.now = now
  }

  open({ owner, agent }: ModelCaller): ModelHandle | 'full' {
    if (owner && this.#liveOf(owner) >= this.#settings.perPrincipal) return 'full'
    const session: ModelSession = {
      owner,
      agent,
      generation: 1,
      absoluteEnd: this.now + this.#settings.absoluteTimeoutMs,
      lastUsedAt: this.now,
      regeneratedAt: 0,
      data: 0,
      alive: true,
      condemned: false,
    }
    this.#sessions.push(session)
    return { session, generation: 1 }
  }

  resume({ session, generation }: ModelHandle, caller: ModelCaller): ModelRequest | RefusalReason {
    if (!session.alive) return 'ended'
    if (this.#isOver(session)) return this.#end(session, 'expired')
    if (generation !== session.generation) {
      if (this.now - session.regeneratedAt < this.#settings.graceMs) return 'retired'
      return this.#end(session, 'reused')
    }
    if (caller.owner !== session.owner) return 'foreign-principal'
    if (caller.agent !== session.agent) return 'foreign-agent'
    if (this.now - session.lastUsedAt >= this.#settings.coalesceMs) session.lastUsedAt = this.now
    return { session, generation, owner: session.owner }
  }

  regenerate({ session, generation }: ModelRequest, caller?: ModelCaller): ModelHandle | 'ended' | 'fenced' | 'full' {
    if (this.#isGone(session)) return 'ended'
    if (generation !== session.generation) return 'fenced'
    if (caller?.owner && !session.owner) {
      if (this.#liveOf(caller.owner) >= this.#settings.perPrincipal) return 'full'
      session.owner = caller.owner
      session.agent = caller.agent
      session.absoluteEnd = this.now + this.#settings.absoluteTimeoutMs
    }
    session.generation += 1
    session.regeneratedAt = this.now
    session.lastUsedAt = this.now
    return { session, generation: session.generation }
  }

  update({ session, generation }: ModelRequest): number | 'ended' | 'fenced' {
    if (this.#isGone(session)) return 'ended'
    if (generation !== session.generation) return 'fenced'
    session.data += 1
    return session.data
  }

  read({ session, generation, owner }: ModelRequest): number | 'ended' | 'fenced' {
    if (this.#isGone(session)) return 'ended'
    if (generation === session.generation) return session.data
    const inGrace =
      generation === session.generation - 1 &&
      this.now - session.regeneratedAt < this.#settings.graceMs &&
      owner === session.owner
    return inGrace ? session.data : 'fenced'
  }

  terminate({ session }: ModelRequest): void {
    session.alive = false
  }

  revoke(owner: Principal, agent?: string): void {
    for (const session of this.#sessions)
      if (session.owner === owner && (agent === undefined || session.agent === agent)) session.condemned = true
  }

  revokeOthers({ session, generation }: ModelRequest): 'done' | 'ended' | 'fenced' {
    if (this.#isGone(session)) return 'ended'
    if (generation !== session.generation) return 'fenced'
    for (const other of this.#sessions) if (other.owner === session.owner && other !== session) other.condemned = true
    return 'done'
  }

  burn({ session }: ModelHandle): 'burnt' | 'gone' | 'over' {
    if (!session.alive) return 'gone'
    const wasOver = this.#isOver(session)
    session.alive = false
    return wasOver ? 'over' : 'burnt'
  }

  #liveOf(owner: Principal): number {
    return this.#sessions.filter((session) => session.owner === owner && session.alive && !this.#isOver(session)).length
  }

  #isOver(session: ModelSession): boolean {
    const idle = this.now - session.lastUsedAt >= this.#settings.idleTimeoutMs
    return session.condemned || idle || this.now >= session.absoluteEnd
  }

  #isGone(session: ModelSession): boolean {
    if (this.#isOver(session)) session.alive = false
    return !session.alive
  }

  #end<Reason>(session: ModelSession, reason: Reason): Reason {
    session.alive = false
    return reason
  }
}
