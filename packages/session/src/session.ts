/** A session as a handler holds it: what it was at the time of the request, and what entitles the handler to write. */
import { MisuseError } from './errors.ts'
import type { Principal } from './principal.ts'
import type { StoredSession } from './store/store.ts'

/** What the layer writes beside a session: whom it is bound to, in words. */
interface Meta {
  readonly principal: Principal | undefined
  readonly agent: string | undefined
}

/** The turn that a handler holds, inside `exclusive`. */
export interface Turn {
  readonly mode: 'shared' | 'exclusive'
  /** Rises with each exclusive turn; hand it to what you write to, so that it can refuse an older one. */
  readonly fence: number
}

/** Where `LiveWork` has the session among those of requests in flight. */
export const flightKey = Symbol('flight')

export class Session<Data = unknown> {
  [flightKey] = -1
  readonly #stored: StoredSession
  readonly #madeAt = performance.now()
  #meta: Meta | undefined
  #data: Data | undefined
  readonly turn: Turn | undefined

  constructor(stored: StoredSession, turn?: Turn) {
    this.#stored = stored
    this.turn = turn
  }

  /** Names the session in events and lists, from opening to end. Entitles to nothing. */
  get ref(): string {
    return this.#stored.ref
  }

  /** Whose session it is; undefined for an anonymous one. */
  get principal(): Principal | undefined {
    return this.#words.principal
  }

  /** The agent instance it is bound to. */
  get agent(): string | undefined {
    return this.#words.agent
  }

  /** How many handles it has had. */
  get generation(): number {
    return this.#stored.generation
  }

  /** Milliseconds since 1970 by the store's clock, as all times here. */
  get openedAt(): number {
    return this.#stored.openedAt
  }

  get authenticatedAt(): number {
    return this.#stored.authenticatedAt
  }

  /** When it ends however active it is. */
  get expiresAt(): number {
    return this.#stored.expiresAt
  }

  get idleTimeoutMs(): number {
    return this.#stored.idleTimeoutMs
  }

  get lastUsedAt(): number {
    return this.#stored.lastUsedAt
  }

  /** When the store was asked that said all this. */
  get seenAt(): number {
    return this.#stored.seenAt
  }

  /**
   * Whether the principal authenticated within this time: what changes a factor or moves money should ask.
   *
   * @param now by the store's clock, as everything here; reckoned from when it was asked, unless said otherwise
   */
  isFresh(maxAgeMs: number, now: number = this.seenAt + performance.now() - this.#madeAt): boolean {
    return now - this.authenticatedAt < maxAgeMs
  }

  /** Frozen, because a change would be lost: use `update`. */
  get data(): Data {
    this.#data ??= freezeDeep(JSON.parse(this.#stored.data) as Data)
    return this.#data
  }

  get #words(): Meta {
    this.#meta ??= readMeta(this.#stored.meta)
    return this.#meta
  }

  /** What a log gets to see. */
  toJSON(): { ref: string; generation: number } {
    return { ref: this.ref, generation: this.generation }
  }

  static stored(session: Session): StoredSession {
    return session.#stored
  }
}

export function writeMeta({ principal, agent }: Meta): string {
  return JSON.stringify([principal ? [principal.issuer, principal.subject, principal.client] : 0, agent ?? 0])
}

export function readMeta(meta: string): Meta {
  const [principal, agent] = JSON.parse(meta) as [[string, string, string] | 0, string | 0]
  return {
    principal: principal
      ? Object.freeze({ issuer: principal[0], subject: principal[1], client: principal[2] })
      : undefined,
    agent: agent === 0 ? undefined : agent,
  }
}

/** @throws MisuseError where JSON cannot hold the data or it is larger than the store should have to carry */
export function writeData(data: unknown, maxBytes: number): string {
  const text = JSON.stringify(data) as string | undefined
  if (text === undefined) throw new MisuseError('session data must be a JSON value')
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes)
    throw new MisuseError(`session data is larger than ${maxBytes} bytes: keep the bulk elsewhere and a reference here`)
  return text
}

/** Without recursion: what a client sent may be nested deeper than the stack is high. */
function freezeDeep<T>(value: T): T {
  let waiting: object[] | undefined
  for (let part: unknown = value; isOpen(part); part = waiting?.pop()) {
    for (const inner of Object.values(Object.freeze(part)) as unknown[]) if (isOpen(inner)) (waiting ??= []).push(inner)
  }
  return value
}

function isOpen(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Object.isFrozen(value)
}
