/** What happens to sessions, said for logs, metrics and alarms. No event holds a handle or a credential. */
import type { Principal } from './principal.ts'

/** Why a session ended. */
export type EndReason =
  | 'terminated'
  | 'idle-timeout'
  | 'absolute-timeout'
  | 'credential-expired'
  | 'revoked'
  | 'principal-revoked'
  | 'agent-reset'
  | 'parent-ended'
  | 'handle-reused'
  | 'exposed'
  | 'cap'

/** Why a presented handle was refused. The caller is told none of it. */
export type RefusalReason =
  | 'malformed'
  | 'unknown'
  | 'wrong-kind'
  | 'foreign-principal'
  | 'foreign-agent'
  | 'retired'
  | 'reused'
  | 'ended'
  | 'expired'

interface About {
  /** The session's reference: names it, entitles to nothing. */
  readonly session: string
  readonly principal?: Principal
  readonly agent?: string
}

export type SessionEvent = { readonly at: number } & (
  | ({ readonly kind: 'opened' } & About)
  | ({ readonly kind: 'regenerated'; readonly generation: number; readonly authenticated: boolean } & About)
  | ({ readonly kind: 'ended'; readonly reason: EndReason } & About)
  /** A retired handle came back after the grace: somebody has what only the client should have had. */
  | ({ readonly kind: 'theft-suspected' } & About)
  /** `presenter` is who presented it, where the request was authenticated. */
  | {
      readonly kind: 'refused'
      readonly reason: RefusalReason
      readonly session?: string
      readonly presenter?: Principal
    }
  /** A write came too late and was refused. */
  | ({ readonly kind: 'fenced'; readonly what: 'handle' | 'lock' } & About)
  | ({ readonly kind: 'busy' } & About)
  /** A stream was cut because its client did not read what waited for it. `session` where one stands behind it. */
  | { readonly kind: 'stalled'; readonly session?: string; readonly principal?: Principal; readonly agent?: string }
  | { readonly kind: 'cap-reached'; readonly scope: 'principal' | 'total'; readonly principal?: Principal }
  | { readonly kind: 'principal-revoked'; readonly principal: Principal; readonly why: string }
  | { readonly kind: 'agent-reset'; readonly principal: Principal; readonly agent: string; readonly why: string }
  /** Everything of the principal was revoked but this session. */
  | ({ readonly kind: 'others-revoked'; readonly why: string } & About)
  | { readonly kind: 'store-unavailable'; readonly operation: string; readonly why: 'deadline' | 'fault' }
  | { readonly kind: 'exposed'; readonly where: 'plaintext' | 'url'; readonly session: string }
)

/** One listener for all kinds. Called at once and synchronously; what it throws is swallowed, it decides nothing. */
export type EventListener = (event: SessionEvent) => void

type WithoutTime<Event> = Event extends { readonly at: number } ? Omit<Event, 'at'> : never
export type UntimedEvent = WithoutTime<SessionEvent>

/** Tells somebody who decides nothing: what fails in it, at once or later, is no concern of whoever tells. */
export function tell(listener: () => unknown): void {
  try {
    const heard = listener()
    if (heard instanceof Promise) heard.catch(() => undefined)
  } catch {
    // A log that is full must not open or close a door.
  }
}

/** Hands events to all listeners; a listener that throws silences neither the others nor the request. */
export class EventHub {
  readonly #listeners = new Set<EventListener>()
  readonly #wall: () => number

  constructor(wall: () => number) {
    this.#wall = wall
  }

  /** Adds a listener; the returned function removes it. */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  emit(event: UntimedEvent): void {
    if (this.#listeners.size === 0) return
    const timed = Object.freeze({ at: this.#wall(), ...event }) as SessionEvent
    for (const listener of this.#listeners) tell(() => listener(timed))
  }
}
