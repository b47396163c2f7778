/**
 * What is under way in this process: requests in flight, which suspend the idle timeout, and streams, which must be cut
 * when their session ends. Other processes are heard of by asking the store, once per interval and session.
 */
import { tell, type EndReason } from './events.ts'
import { flightKey, type Session } from './session.ts'

/**
 * Why a stream has to close: its session ended, the handle that it was opened under was regenerated, or for too long
 * nobody could say whether the session still lives.
 */
export type StreamEnd = EndReason | 'regenerated' | 'unverified'
export type StreamEndListener = (reason: StreamEnd) => void

/** What a look at the store found. It throws where the store did not answer. */
export type LookAtStore = (session: Session, activity: boolean) => Promise<'live' | StreamEnd>

/** A stream is not left open for longer than this on the word of a store that has gone silent. */
const trustMs = 10_000
const longestBeatMs = 15_000

interface Watcher {
  readonly session: Session
  readonly onEnd: StreamEndListener
  verifiedAt: number
}

export class LiveWork {
  readonly #look: LookAtStore
  readonly #watchIntervalMs: number
  readonly #idleTimeoutMs: number
  readonly #monotonic: () => number
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly #flights = new Flights()
  #watchTimer: NodeJS.Timeout | undefined
  #beatTimer: NodeJS.Timeout | undefined
  /** The shortest idle timeout that the timer serves. */
  #shortestMs: number

  constructor(
    look: LookAtStore,
    { watchIntervalMs, idleTimeoutMs }: { watchIntervalMs: number; idleTimeoutMs: number },
    monotonic: () => number = () => performance.now(),
  ) {
    this.#look = look
    this.#watchIntervalMs = watchIntervalMs
    this.#idleTimeoutMs = idleTimeoutMs
    this.#shortestMs = idleTimeoutMs
    this.#monotonic = monotonic
  }

  /** A request begins. */
  begin(session: Session): void {
    this.#flights.add(session)
    if (session.idleTimeoutMs < this.#shortestMs) {
      this.#shortestMs = session.idleTimeoutMs
      this.#stopBeating()
    }
    this.#beatTimer ??= every(beatIntervalOf(this.#shortestMs), () => this.beat())
  }

  /** It is over; saying so twice does nothing. */
  finish(session: Session): void {
    this.#flights.delete(session)
  }

  /** A stream opens; `onEnd` is called once, when it must close. The returned function says that it closed by itself. */
  watch(session: Session, onEnd: StreamEndListener): () => void {
    const watcher = { session, onEnd, verifiedAt: this.#monotonic() }
    const watchers = this.#watchers.get(session.ref) ?? new Set()
    this.#watchers.set(session.ref, watchers.add(watcher))
    this.#watchTimer ??= every(this.#watchIntervalMs, () => this.check())
    return () => void this.#unwatch(watcher)
  }

  /** A session ended in this process: its streams need not wait for the next look. */
  ended(ref: string, reason: StreamEnd): void {
    for (const watcher of Array.from(this.#watchers.get(ref) ?? [])) this.#cut(watcher, reason)
  }

  /** Keeps sessions with work in flight from idling out. */
  async beat(): Promise<void> {
    if (this.#flights.size === 0) {
      this.#stopBeating()
      this.#shortestMs = this.#idleTimeoutMs
    }
    const sessions = new Map(this.#flights.all.map((session) => [keyOf(session), session]))
    // A store that is away is heard of by the requests themselves.
    await Promise.allSettled([...sessions.values()].map((session) => this.#look(session, true)))
  }

  /** Looks at every watched session and cuts the streams of those that are over. */
  async check(): Promise<void> {
    if (this.#watchers.size === 0) {
      clearInterval(this.#watchTimer)
      this.#watchTimer = undefined
    }
    const standings = new Map<string, Promise<'live' | StreamEnd>>()
    const watchers = [...this.#watchers.values()].flatMap((all) => [...all])
    await Promise.all(watchers.map((watcher) => this.#checkOne(watcher, standings)))
  }

  /** Cuts all streams and forgets all requests. */
  close(): void {
    for (const ref of Array.from(this.#watchers.keys())) this.ended(ref, 'terminated')
    this.#flights.clear()
    clearInterval(this.#watchTimer)
    this.#watchTimer = undefined
    this.#stopBeating()
  }

  #stopBeating(): void {
    clearInterval(this.#beatTimer)
    this.#beatTimer = undefined
  }

  async #checkOne(watcher: Watcher, standings: Map<string, Promise<'live' | StreamEnd>>): Promise<void> {
    const key = keyOf(watcher.session)
    const asked = standings.get(key) ?? this.#look(watcher.session, false)
    standings.set(key, asked)
    try {
      const standing = await asked
      if (standing !== 'live') return this.#cut(watcher, standing)
      watcher.verifiedAt = this.#monotonic()
    } catch {
      if (this.#monotonic() - watcher.verifiedAt >= trustMs) this.#cut(watcher, 'unverified')
    }
    return undefined
  }

  #cut(watcher: Watcher, reason: StreamEnd): void {
    // What fails in closing one stream must not keep the others open.
    if (this.#unwatch(watcher)) tell(() => watcher.onEnd(reason))
  }

  #unwatch(watcher: Watcher): boolean {
    const watchers = this.#watchers.get(watcher.session.ref)
    if (!watchers?.delete(watcher)) return false
    if (watchers.size === 0) this.#watchers.delete(watcher.session.ref)
    return true
  }
}

/**
 * The sessions of the requests in flight. No Set: at each request one would make tables anew, and each of them would be
 * kept alive, with what stood in it, by the dead ones before it until a full collection of garbage.
 */
class Flights {
  readonly #sessions: Session[] = []

  get size(): number {
    return this.#sessions.length
  }

  get all(): readonly Session[] {
    return this.#sessions
  }

  add(session: Session): void {
    if (this.#has(session)) return
    session[flightKey] = this.#sessions.push(session) - 1
  }

  /** The last one takes its place. */
  delete(session: Session): void {
    if (!this.#has(session)) return
    const place = session[flightKey]
    const last = this.#sessions.pop()
    if (last === undefined || last === session) return
    this.#sessions[place] = last
    last[flightKey] = place
  }

  clear(): void {
    this.#sessions.length = 0
  }

  #has(session: Session): boolean {
    const place = session[flightKey]
    // An array is slow to say what it has in places that it has not.
    return place >= 0 && place < this.#sessions.length && this.#sessions[place] === session
  }
}

/** What was begun under an older handle is asked for under it. */
function keyOf(session: Session): string {
  return `${session.ref} ${session.generation}`
}

function beatIntervalOf(idleTimeoutMs: number): number {
  return Math.max(1, Math.min(longestBeatMs, Math.floor(idleTimeoutMs / 4)))
}

function every(intervalMs: number, work: () => Promise<void>): NodeJS.Timeout {
  return setInterval(() => void work(), intervalMs).unref()
}
