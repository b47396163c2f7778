/** One handler at a time in a session: waiting for a turn, keeping it while the handler works, and losing it visibly. */
import type { DeadlineGate } from './deadline.ts'
import { BusyError, FencedError, SessionEndedError, type SessionError } from './errors.ts'
import { Session, type Turn } from './session.ts'
import type { LockReply, SessionStore } from './store/store.ts'

export type LockMode = 'shared' | 'exclusive'

export interface ExclusiveOptions {
  /** `shared` for handlers that only read: they run beside each other, and never beside an exclusive one. */
  readonly mode?: LockMode
  /** How long to wait for a turn. */
  readonly waitMs?: number
  /** How long a handler may keep its turn. After that it is told to stop and its writes are refused. */
  readonly holdMs?: number
}

export const exclusiveDefaults = { mode: 'exclusive', waitMs: 10_000, holdMs: 60_000 } as const

const leaseMs = 5000
const renewMs = 1500
const ticketMs = 2000
const maxWaiting = 64
/** Waiters of this process are woken; those of another ask again after so long. */
const askAgainMs = 50

/** A turn that was taken, as the one who took it knows it. */
export interface HeldTurn {
  readonly turn: Turn
  /** Aborted with a SessionError when the turn is lost: the session ended, the lease ran out, the time is up. */
  readonly signal: AbortSignal
  release(): Promise<void>
}

interface Waiter {
  wake(): void
}

export class TurnTaking {
  readonly #store: SessionStore
  readonly #gate: DeadlineGate
  readonly #nameTurn: () => string
  readonly #waiters = new Map<string, Waiter[]>()
  readonly #holders = new Map<string, Set<AbortController>>()

  constructor(store: SessionStore, gate: DeadlineGate, nameTurn: () => string) {
    this.#store = store
    this.#gate = gate
    this.#nameTurn = nameTurn
  }

  /**
   * Waits for a turn and takes it.
   *
   * @throws BusyError 'queue-full' or 'deadline' by its message, FencedError, SessionEndedError, StoreUnavailableError
   */
  async take(session: Session, { mode, waitMs, holdMs }: Required<ExclusiveOptions>): Promise<HeldTurn> {
    const owner = this.#nameTurn()
    const giveUpAt = performance.now() + waitMs
    for (;;) {
      const reply = await this.#askOrLeave(session, owner, mode)
      if (reply.kind === 'granted') return this.#hold(session, owner, { mode, fence: reply.fence }, holdMs)
      if (reply.kind !== 'waiting') throw refusal(reply.kind)
      const left = giveUpAt - performance.now()
      if (left <= 0) {
        await this.#giveBack(session.ref, owner)
        throw new BusyError('the session was in use for longer than this request could wait')
      }
      await this.#sleep(session.ref, Math.min(left, askAgainMs))
    }
  }

  /** The session ended in this process: whoever holds a turn hears it now, and whoever waits asks again. */
  ended(ref: string): void {
    for (const holder of this.#holders.get(ref) ?? []) holder.abort(new SessionEndedError('the session ended'))
    this.#wakeNext(ref)
  }

  /** A store that answered too late may have given the turn after all; nobody holds it, so it is given back. */
  async #askOrLeave(session: Session, owner: string, mode: LockMode): Promise<LockReply> {
    try {
      return await this.#ask(session, owner, mode)
    } catch (error) {
      void this.#giveBack(session.ref, owner)
      throw error
    }
  }

  #ask(session: Session, owner: string, mode: LockMode): LockReply | Promise<LockReply> {
    const { ref, generation } = session
    return this.#gate.ask('lock', () =>
      this.#store.lock({ ref, generation, owner, mode, leaseMs, ticketMs, maxWaiting }),
    )
  }

  #hold(session: Session, owner: string, turn: Turn, holdMs: number): HeldTurn {
    const controller = new AbortController()
    const holders = this.#holders.get(session.ref) ?? new Set()
    this.#holders.set(session.ref, holders.add(controller))
    // Readers that stand behind this one may enter beside it.
    if (turn.mode === 'shared') this.#wakeNext(session.ref)
    const renewal = setInterval(() => void this.#renew(session, owner, turn, controller), renewMs).unref()
    const limit = setTimeout(() => controller.abort(new FencedError('the turn lasted too long')), holdMs).unref()
    // A turn that is lost must not be renewed, or nobody else would ever have one.
    controller.signal.addEventListener('abort', () => clearInterval(renewal), { once: true })
    return {
      turn,
      signal: controller.signal,
      release: async () => {
        clearInterval(renewal)
        clearTimeout(limit)
        holders.delete(controller)
        if (holders.size === 0) this.#holders.delete(session.ref)
        await this.#giveBack(session.ref, owner)
      },
    }
  }

  async #renew(session: Session, owner: string, turn: Turn, controller: AbortController): Promise<void> {
    if (controller.signal.aborted) return
    try {
      const reply = await this.#ask(session, owner, turn.mode)
      if (reply.kind === 'granted' && reply.fence === turn.fence) return
      controller.abort(reply.kind === 'gone' ? refusal('gone') : new FencedError('the turn was lost'))
    } catch {
      // The store is away. The lease runs out by itself, and the fence refuses what this turn would still write.
    }
  }

  /** A store that does not hear it will end the lease by itself. */
  async #giveBack(ref: string, owner: string): Promise<void> {
    try {
      await this.#gate.ask('unlock', () => this.#store.unlock(ref, owner))
    } catch {
      // Said by an event already.
    }
    this.#wakeNext(ref)
  }

  #sleep(ref: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(ref) ?? []
      this.#waiters.set(ref, waiters)
      const wake = (): void => {
        clearTimeout(timer)
        const place = waiters.indexOf(waiter)
        if (place !== -1) waiters.splice(place, 1)
        if (waiters.length === 0) this.#waiters.delete(ref)
        resolve()
      }
      const waiter: Waiter = { wake }
      const timer = setTimeout(wake, ms)
      waiters.push(waiter)
    })
  }

  #wakeNext(ref: string): void {
    // Waking takes a waiter out of the line, so a copy is walked.
    for (const waiter of this.#waiters.get(ref)?.slice() ?? []) waiter.wake()
  }
}

function refusal(kind: 'full' | 'fenced' | 'gone'): SessionError {
  if (kind === 'full') return new BusyError('too many requests wait for this session')
  if (kind === 'fenced') return new FencedError('the handle of this request was regenerated')
  return new SessionEndedError('the session ended')
}

/** Renders what became of a handler's turn: its result, or the reason for which it lost the session meanwhile. */
export async function workWithin<T>(held: HeldTurn, work: () => Promise<T>): Promise<T> {
  held.signal.throwIfAborted()
  let stop: () => void = () => undefined
  const lost = new Promise<never>((_, reject) => {
    stop = () => reject(held.signal.reason as Error)
    held.signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work(), lost])
  } finally {
    held.signal.removeEventListener('abort', stop)
  }
}

/** What tools may say about themselves in MCP. */
export interface ToolAnnotations {
  readonly readOnlyHint?: boolean
  readonly destructiveHint?: boolean
}

/** The lock that a tool needs by its own annotations. One that says nothing may write, as MCP has it. */
export function lockModeOf(annotations: ToolAnnotations | undefined): LockMode {
  return annotations?.readOnlyHint === true && annotations.destructiveHint !== true ? 'shared' : 'exclusive'
}
