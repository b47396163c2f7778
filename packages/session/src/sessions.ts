/**
 * Sessions: opened for a principal, resumed under a handle, regenerated at login, updated without losing anything, and
 * ended for good. This is the whole API of the core; it knows nothing of HTTP.
 */
import { CallerWatch } from './caller-watch.ts'
import { createClock } from './clock.ts'
import { DeadlineGate } from './deadline.ts'
import { BusyError, CapReachedError, FencedError, MisuseError, SessionEndedError } from './errors.ts'
import { EventHub, type EndReason, type EventListener, type RefusalReason } from './events.ts'
import { exclusiveDefaults, TurnTaking, workWithin, type ExclusiveOptions, type HeldTurn } from './exclusive.ts'
import { digestOf, hasHandleForm, mintHandle, type HandleKind } from './handle.ts'
import { LiveWork, type StreamEnd, type StreamEndListener } from './live.ts'
import { settle, type SessionOptions, type Settings } from './options.ts'
import { agentKey, principalKey, type Principal } from './principal.ts'
import { randomBytes, type RandomBytes } from './random.ts'
import { ResetWatch } from './resets.ts'
import { readMeta, Session, writeData, writeMeta } from './session.ts'
import { memoryStore } from './store/memory.ts'
import {
  epochScope,
  type Caps,
  type Ended,
  type MaybePromise,
  type ResumeReply,
  type ResumeRequest,
  type SessionStore,
  type StoredSession,
} from './store/store.ts'

/**
 * Who calls, as far as this request proves it. A principal comes from a credential that was verified for this very
 * request. `anonymous` has to be said; that no credential was there is not the same as that none is needed. `bearer`
 * says that the handle itself is the credential, which only a cookie may be.
 */
export type Caller = {
  /** The agent instance that the caller names, if it names one. */
  readonly agent?: string
} & (
  | {
      readonly principal: Principal
      /** When the credential ends, in milliseconds since 1970. The session ends no later. */
      readonly credentialExpiresAt?: number
    }
  | { readonly anonymous: true }
  | { readonly bearer: true }
)

export interface OpenOptions<Data = unknown> {
  readonly data?: Data
  readonly kind?: HandleKind
  /** The session that this one ends with. */
  readonly parent?: Session
  /** Shorter than the layer's own; longer is not possible. */
  readonly absoluteTimeoutMs?: number
  readonly idleTimeoutMs?: number
}

export interface Opened<Data = unknown> {
  readonly session: Session<Data>
  /** Goes to the client and nowhere else. */
  readonly handle: string
}

export interface ResumeOptions {
  /** How the handle travelled. */
  readonly kind?: HandleKind
  /** Whether the request is activity. Pings and open streams are not. */
  readonly activity?: boolean
}

export type Resumption<Data = unknown> =
  | { readonly live: true; readonly session: Session<Data> }
  /** For events, never for the caller, who is told the same whatever the reason. */
  | { readonly live: false; readonly reason: RefusalReason }

/** What to revoke: one session with all its handles and children, all of a principal, or all of one of its agents. */
export type RevokeTarget =
  | { readonly session: string }
  | { readonly principal: Principal }
  | { readonly principal: Principal; readonly agent: string }

/** What comes from outside, so that tests can say it. */
export interface SessionSurroundings {
  readonly random?: RandomBytes
  /** Time of events. */
  readonly wall?: () => number
}

const emptyData = {}
const updateAttempts = 100
const maxQueuedUpdates = 256
/** Longer than a watch ever goes without looking. */
const rememberWatchedMs = 5 * 60_000

/** Makes a session layer on a store. @throws MisuseError where an option is out of its range */
export function createSessions(options: SessionOptions = {}, surroundings: SessionSurroundings = {}): Sessions {
  return new Sessions(settle(options), options.store ?? memoryStore(), surroundings)
}

export class Sessions {
  readonly settings: Settings
  readonly #store: SessionStore
  readonly #random: RandomBytes
  readonly #events: EventHub
  readonly #gate: DeadlineGate
  readonly #turns: TurnTaking
  readonly #live: LiveWork
  readonly #callers: CallerWatch
  readonly #resets: ResetWatch
  readonly #updates = new Map<string, { tail: Promise<unknown>; waiting: number }>()
  readonly #coalesceMs: number
  readonly #resumeInStore: (request: ResumeRequest) => MaybePromise<ResumeReply>
  #sweepTimer: NodeJS.Timeout | undefined
  #closed = false

  constructor(
    settings: Settings,
    store: SessionStore,
    { random = randomBytes, wall = Date.now }: SessionSurroundings = {},
  ) {
    this.settings = settings
    this.#store = store
    this.#random = random
    this.#events = new EventHub(wall)
    this.#gate = new DeadlineGate(settings.storeDeadlineMs, (operation, why) =>
      this.#events.emit({ kind: 'store-unavailable', operation, why }),
    )
    this.#turns = new TurnTaking(store, this.#gate, () => this.#random(12).toString('base64url'))
    this.#live = new LiveWork((session, activity) => this.#standing(session, activity), settings)
    this.#callers = new CallerWatch(
      { epochs: (principal, agent) => this.#epochs(principal, agent, rememberWatchedMs), now: () => this.now() },
      settings.watchIntervalMs,
    )
    this.#resets = new ResetWatch(createClock(wall), settings.absoluteTimeoutMs, settings.caps.agentsReset)
    this.#coalesceMs = Math.min(60_000, Math.floor(settings.idleTimeoutMs / 30))
    this.#resumeInStore = (request) => store.resume(request)
  }

  /** Listens to everything that happens to sessions in this process. The returned function stops it. */
  onEvent(listener: EventListener): () => void {
    return this.#events.listen(listener)
  }

  /**
   * Opens a session. Its handle is made here, from 32 random bytes, whatever the caller presented.
   *
   * @throws CapReachedError, StoreUnavailableError, MisuseError (an anonymous caller without `public`)
   */
  async open<Data = unknown>(caller: Caller, options: OpenOptions<Data> = {}): Promise<Opened<Data>> {
    this.#keepSwept()
    const handle = mintHandle(this.#random)
    const bound = this.#bind(caller)
    const kind = options.kind ?? 'session'
    const { absoluteTimeoutMs, idleTimeoutMs } = this.#timeouts(options)
    const data = writeData(options.data ?? emptyData, this.settings.maxDataBytes)
    const credentialEnd = endOf(caller)
    const reply = await this.#gate.ask('open', () =>
      this.#store.open({
        digest: digestOf(handle),
        kind,
        principal: bound.principal,
        agent: bound.agent,
        parent: options.parent?.ref ?? '',
        group: groupOf(bound.principal, kind),
        absoluteTimeoutMs,
        idleTimeoutMs,
        credentialEnd,
        meta: bound.meta,
        data,
        caps: this.#caps(bound.principal, kind),
      }),
    )
    if (reply.kind === 'full') throw this.#full(reply.scope, caller)
    if (reply.kind === 'refused') throw new SessionEndedError('the session that this one belongs to has ended')
    for (const ended of reply.ended) this.#noteEnded(ended)
    this.#events.emit({ kind: 'opened', ...about(reply.session) })
    return { session: new Session<Data>(reply.session), handle }
  }

  /**
   * Goes on with the session of a presented handle, if it is live and the caller is who it belongs to. The session ends
   * here if it is past its time, or if the handle was regenerated away longer ago than the grace: then somebody has a
   * handle that only the client had.
   *
   * @throws StoreUnavailableError
   */
  async resume<Data = unknown>(
    handle: unknown,
    caller: Caller,
    options: ResumeOptions = {},
  ): Promise<Resumption<Data>> {
    return this.resumeAtOnce<Data>(handle, caller, options)
  }

  /** `resume` that answers at once where the store does: a promise costs as much as the look-up. */
  resumeAtOnce<Data = unknown>(
    handle: unknown,
    caller: Caller,
    { kind = 'session', activity = true }: ResumeOptions = {},
  ): MaybePromise<Resumption<Data>> {
    if (!hasHandleForm(handle)) return this.#refuse('malformed', caller)
    this.#keepSwept()
    if ('bearer' in caller && kind !== 'cookie') throw new MisuseError('only a cookie may be its own credential')
    const request = {
      digest: digestOf(handle),
      kind,
      principal: 'bearer' in caller ? undefined : keyOfPrincipal(caller),
      agent: keyOfAgent(caller.agent),
      activity,
      credentialEnd: endOf(caller),
      graceMs: this.settings.graceMs,
      coalesceMs: this.#coalesceMs,
    }
    const reply = this.#gate.askWith('resume', this.#resumeInStore, request)
    return reply instanceof Promise ? this.#judgeLater<Data>(reply, caller) : this.#judge<Data>(reply, caller)
  }

  /**
   * Gives the session a new handle. The old ones are dead in the same step; what is in flight under them may read for
   * the grace and never write. With a caller this is authentication: an anonymous session becomes the principal's, and
   * its absolute period begins. A session never passes from one principal to another: end it and open a new one.
   *
   * @throws FencedError, SessionEndedError, CapReachedError, StoreUnavailableError, MisuseError
   */
  async regenerate<Data = unknown>(
    session: Session<Data>,
    { caller, kind = 'session' }: { readonly caller?: Caller; readonly kind?: HandleKind } = {},
  ): Promise<Opened<Data>> {
    const stored = Session.stored(session)
    const handle = mintHandle(this.#random)
    const credentialEnd = caller ? endOf(caller) : 0
    const bound = caller ? this.#bind(caller) : undefined
    const becomes = bound && stored.principal === '' && bound.principal !== '' ? bound : undefined
    if (becomes && stored.parent !== '')
      throw new MisuseError('what belongs to an anonymous session passes to nobody: open another')
    if (bound && !becomes && (bound.principal !== stored.principal || bound.agent !== stored.agent))
      throw new MisuseError('a session belongs to one principal and one agent instance: open another')
    const reply = await this.#gate.ask('regenerate', () =>
      this.#store.regenerate({
        ref: stored.ref,
        generation: stored.generation,
        digest: digestOf(handle),
        kind,
        credentialEnd,
        meta: becomes?.meta ?? stored.meta,
        authenticated: bound !== undefined,
        ...(becomes && {
          bind: {
            principal: becomes.principal,
            agent: becomes.agent,
            group: groupOf(becomes.principal, kind),
            absoluteTimeoutMs: this.settings.absoluteTimeoutMs,
            caps: this.#caps(becomes.principal, kind),
          },
        }),
      }),
    )
    if (reply.kind === 'full') throw this.#full(reply.scope, caller)
    if (reply.kind === 'fenced') throw this.#fenced(stored, 'handle')
    if (reply.kind !== 'regenerated') throw this.#over(reply)
    for (const ended of reply.ended) this.#noteEnded(ended)
    const { generation } = reply.session
    this.#events.emit({ kind: 'regenerated', generation, authenticated: bound !== undefined, ...about(reply.session) })
    this.#live.ended(stored.ref, 'regenerated')
    return { session: new Session<Data>(reply.session), handle }
  }

  /**
   * What login calls: the session that there is, if any, under a new handle and bound to the caller. A session of
   * another principal ends, and nothing of it is carried over.
   */
  async authenticate<Data = unknown>(
    session: Session<Data> | undefined,
    caller: Caller & { readonly principal: Principal },
    options: OpenOptions<Data> = {},
  ): Promise<Opened<Data>> {
    if (!session) return this.open(caller, options)
    const { principal, agent } = Session.stored(session)
    const key = principalKey(caller.principal)
    if (principal === '' || (principal === key && agent === keyOfAgent(caller.agent)))
      return this.regenerate(session, { caller, ...(options.kind && { kind: options.kind }) })
    await this.terminate(session)
    return this.open(caller, options)
  }

  /**
   * Gives the session one more handle, for another way of travelling: a cookie beside an `Mcp-Session-Id`.
   *
   * @throws FencedError, SessionEndedError, BusyError (eight live handles), StoreUnavailableError
   */
  async attach(session: Session, kind: HandleKind): Promise<string> {
    const { ref, generation } = Session.stored(session)
    const handle = mintHandle(this.#random)
    const reply = await this.#gate.ask('attach', () =>
      this.#store.attach({ ref, generation, digest: digestOf(handle), kind }),
    )
    if (reply.kind === 'attached') return handle
    if (reply.kind === 'full') throw new BusyError('the session has as many handles as it may have')
    if (reply.kind === 'fenced') throw this.#fenced(Session.stored(session), 'handle')
    throw this.#over(reply)
  }

  /** Ends the session because its owner wants it to end. Ending what has ended already is no fault. */
  async terminate(session: Session): Promise<void> {
    await this.#end({ ref: session.ref }, 'terminated')
  }

  /**
   * Ends by authority: sessions, their handles, their children and whatever was sealed or signed for them, on every
   * process that shares the store. For a principal or an agent this takes one step, however many sessions there are.
   * Where more agent instances of a principal were reset than `caps.agentsReset`, one more ends all of the principal.
   *
   * @param why for the event, such as 'account disabled'
   */
  async revoke(target: RevokeTarget, why: string): Promise<void> {
    if ('session' in target) {
      await this.#end({ ref: target.session }, 'revoked')
      return
    }
    const { principal } = target
    const key = principalKey(principal)
    if ('agent' in target && this.#resets.admits(key, agentKey(target.agent))) {
      await this.#advance(epochScope(key, agentKey(target.agent)))
      this.#events.emit({ kind: 'agent-reset', principal, agent: target.agent, why })
      this.#callers.revoked(principal, target.agent)
    } else {
      await this.#advance(key)
      this.#events.emit({ kind: 'principal-revoked', principal, why })
      this.#callers.revoked(principal, undefined)
    }
    await this.#live.check()
  }

  /**
   * Ends everything of the session's principal but this session and what belongs to it, as after a change of password:
   * sessions, state handles that belong to none, and whatever was sealed or signed for the principal before, for this
   * session too. One step, however many there are.
   *
   * @param why for the event, such as 'password changed'
   * @throws FencedError, SessionEndedError (then nothing was revoked), StoreUnavailableError, MisuseError
   */
  async revokeOthers(session: Session, why: string): Promise<void> {
    const stored = Session.stored(session)
    const { principal } = session
    if (!principal) throw new MisuseError('an anonymous session has no others')
    const { ref, generation } = stored
    const rememberMs = this.settings.absoluteTimeoutMs
    const reply = await this.#gate.ask('revokeOthers', () => this.#store.revokeOthers({ ref, generation, rememberMs }))
    if (reply.kind === 'fenced') throw this.#fenced(stored, 'handle')
    if (reply.kind !== 'revoked') throw this.#over(reply)
    this.#events.emit({ kind: 'others-revoked', why, ...about(stored) })
    this.#callers.revoked(principal, undefined)
    await this.#live.check()
  }

  /** Begins the agent's context anew: everything that was bound to this instance before is dead. */
  resetAgent(principal: Principal, agent: string, why: string): Promise<void> {
    return this.revoke({ principal, agent }, why)
  }

  /**
   * Ends the session of a handle that was seen where no handle may be, even of one that is retired. Whether it was a
   * handle.
   *
   * @throws StoreUnavailableError
   */
  async burn(presented: unknown, where: 'plaintext' | 'url'): Promise<boolean> {
    if (!hasHandleForm(presented)) return false
    const session = await this.#end({ digest: digestOf(presented) }, 'exposed')
    if (session === undefined) return false
    this.#events.emit({ kind: 'exposed', where, session })
    return true
  }

  /**
   * The session as it is now. Under a handle that was regenerated within the grace this still works; after that, or
   * where the session passed to a principal, it does not.
   *
   * @param options.activity whether this is activity: for messages on a connection that was admitted long ago
   * @throws FencedError, SessionEndedError, StoreUnavailableError
   */
  async read<Data = unknown>(
    session: Session<Data>,
    { activity = false }: { readonly activity?: boolean } = {},
  ): Promise<Session<Data>> {
    const reply = await this.#look(session, activity)
    if (reply.kind === 'live') return new Session<Data>(reply.session, session.turn)
    if (reply.kind === 'fenced') throw this.#fenced(Session.stored(session), 'handle')
    throw this.#over(reply)
  }

  /**
   * Replaces the data of the session by what `change` makes of it, as one step: of two updates at once neither is lost.
   * `change` may run more than once and must do nothing but compute.
   *
   * @throws FencedError, SessionEndedError, BusyError, StoreUnavailableError, and what `change` throws (then nothing changed)
   */
  async update<Data>(session: Session<Data>, change: (data: Data) => Data | Promise<Data>): Promise<Data> {
    if (session.turn?.mode === 'shared') throw new MisuseError('a shared turn is for reading')
    return this.#oneAfterAnother(session.ref, () => this.#update(session, change))
  }

  /**
   * Runs `work` while no other exclusive work runs in this session, in any process on the store. Waiting is fair and
   * bounded. `work` gets the session as it is at the start of its turn; it should stop when the signal says that the
   * turn is lost, and if it does not, what it writes later is refused. Do not ask for another turn of the same session
   * from within: it would wait for itself.
   *
   * @throws BusyError, FencedError, SessionEndedError, StoreUnavailableError, and what `work` throws
   */
  async exclusive<Data, Result>(
    session: Session<Data>,
    work: (session: Session<Data>, signal: AbortSignal) => Promise<Result> | Result,
    options: ExclusiveOptions = {},
  ): Promise<Result> {
    const held = await this.#takeTurn(session, { ...exclusiveDefaults, ...options })
    try {
      const current = await this.read(session)
      const mine = new Session<Data>(Session.stored(current), held.turn)
      return await workWithin(held, async () => work(mine, held.signal))
    } finally {
      await held.release()
    }
  }

  /** A request in this session begins: until `finish`, the session does not idle out. */
  begin(session: Session): void {
    this.#live.begin(session)
  }

  /** The request is over. */
  finish(session: Session): void {
    this.#live.finish(session)
  }

  /**
   * Calls `onEnd` once when the session is over, on whichever process it ended: at once here, within `watchIntervalMs`
   * elsewhere. For streams, which nobody asks again. Being open is no activity. The returned function stops watching.
   */
  watch(session: Session, onEnd: StreamEndListener): () => void {
    return this.#live.watch(session, onEnd)
  }

  /**
   * Calls `onEnd` once when the caller may not go on: its credential has ended, or its principal or agent instance was
   * revoked, at once here and within `watchIntervalMs` elsewhere. For work that no session stands behind; nothing is
   * watched where no principal calls. The returned function stops watching.
   */
  watchCaller(caller: Caller, onEnd: StreamEndListener): () => void {
    return 'principal' in caller ? this.#callers.watch(caller, onEnd) : () => undefined
  }

  /** For adapters: a stream of this caller was cut because it did not read it. */
  noteStalled(caller: Caller, session?: Session): void {
    const whose = {
      ...('principal' in caller && { principal: caller.principal }),
      ...(caller.agent !== undefined && { agent: caller.agent }),
    }
    this.#events.emit({ kind: 'stalled', ...(session && { session: session.ref }), ...whose })
  }

  /** The live sessions of a principal, oldest first, so that one can see and end one's own. */
  async list(principal: Principal): Promise<readonly Session[]> {
    const group = groupOf(principalKey(principal), 'session')
    const sessions = await this.#gate.ask('list', () => this.#store.list(group))
    return sessions.map((stored) => new Session(stored))
  }

  /**
   * Takes a key that may be used once: true for the one who comes first, on all processes together.
   *
   * @throws BusyError where the store cannot promise to remember it
   */
  async consume(key: string, rememberMs: number): Promise<boolean> {
    const reply = await this.#gate.ask('consume', () => this.#store.consume(key, rememberMs))
    if (reply === 'full') throw new BusyError('no room to remember that this was used')
    return reply === 'first'
  }

  /**
   * A number that changes when everything of the principal, or of its agent instance, is revoked. What is signed for
   * them carries it.
   */
  async epochOf(principal: Principal, agent: string | undefined, rememberMs: number): Promise<string> {
    return (await this.#epochs(principal, agent, rememberMs)).join('.')
  }

  /** The store's time, milliseconds since 1970. */
  async now(): Promise<number> {
    return this.#gate.ask('now', () => this.#store.now())
  }

  /** Removes what is past its time; called by a timer unless `sweepIntervalMs` is 0. Whether there is more to do. */
  async sweep(limit = 5000): Promise<boolean> {
    const { ended, more } = await this.#gate.ask('sweep', () => this.#store.sweep(limit))
    for (const one of ended) this.#noteEnded(one)
    return more
  }

  /** How many sessions the store holds, those past their time and not yet swept among them. */
  async count(): Promise<number> {
    return this.#gate.ask('count', () => this.#store.count())
  }

  /** Stops the timers, closes the streams and the store. Sessions in a durable store go on when it is opened again. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#sweepTimer)
    this.#live.close()
    this.#callers.close()
    await this.#store.close()
  }

  async #judgeLater<Data>(reply: Promise<ResumeReply>, caller: Caller): Promise<Resumption<Data>> {
    return this.#judge<Data>(await reply, caller)
  }

  #judge<Data>(reply: ResumeReply, caller: Caller): Resumption<Data> {
    switch (reply.kind) {
      case 'live':
        return { live: true, session: new Session<Data>(reply.session) }
      case 'unknown':
        return this.#refuse('unknown', caller)
      case 'refused':
        return this.#refuse(reply.reason, caller, reply.ref)
      case 'ended': {
        const theft = reply.reason === 'handle-reused'
        if (theft) this.#events.emit({ kind: 'theft-suspected', ...about(reply.session) })
        this.#noteEnded(reply)
        return this.#refuse(theft ? 'reused' : 'expired', caller, reply.session.ref)
      }
    }
  }

  async #update<Data>(session: Session<Data>, change: (data: Data) => Data | Promise<Data>): Promise<Data> {
    const stored = Session.stored(session)
    let { version, data } = stored
    for (let attempt = 0; attempt < updateAttempts; attempt += 1) {
      const next = await change(JSON.parse(data) as Data)
      const text = writeData(next, this.settings.maxDataBytes)
      const reply = await this.#gate.ask('write', () =>
        this.#store.write({
          ref: stored.ref,
          generation: stored.generation,
          version,
          fence: session.turn?.fence ?? 0,
          data: text,
        }),
      )
      if (reply.kind === 'written') return next
      if (reply.kind === 'fenced') throw this.#fenced(stored, reply.what)
      if (reply.kind !== 'conflict') throw this.#over(reply)
      ;({ version, data } = reply.session)
    }
    throw new BusyError('others write to this session faster than this update could')
  }

  /** Updates of one session in this process queue here, so that they need not fight in the store. */
  #oneAfterAnother<T>(ref: string, work: () => Promise<T>): Promise<T> {
    const line = this.#updates.get(ref) ?? { tail: Promise.resolve(), waiting: 0 }
    if (line.waiting >= maxQueuedUpdates) throw new BusyError('too many updates wait for this session')
    line.waiting += 1
    this.#updates.set(ref, line)
    const turn = line.tail.then(work)
    line.tail = turn
      .catch(() => undefined)
      .then(() => {
        line.waiting -= 1
        if (line.waiting === 0) this.#updates.delete(ref)
      })
    return turn
  }

  async #takeTurn(session: Session, options: Required<ExclusiveOptions>): Promise<HeldTurn> {
    try {
      return await this.#turns.take(session, options)
    } catch (error) {
      const stored = Session.stored(session)
      if (error instanceof BusyError) this.#events.emit({ kind: 'busy', ...about(stored) })
      if (error instanceof FencedError) this.#fenced(stored, 'handle')
      throw error
    }
  }

  async #epochs(principal: Principal, agent: string | undefined, rememberMs: number): Promise<readonly number[]> {
    const key = principalKey(principal)
    const scopes = agent === undefined ? [key] : [key, epochScope(key, agentKey(agent))]
    return this.#gate.ask('readEpochs', () => this.#store.readEpochs(scopes, rememberMs))
  }

  #look(session: Session, activity: boolean): ReturnType<SessionStore['read']> {
    const { ref, principal, generation } = Session.stored(session)
    const { graceMs } = this.settings
    const coalesceMs = this.#coalesceMs
    return this.#gate.ask('read', () => this.#store.read({ ref, principal, generation, activity, graceMs, coalesceMs }))
  }

  async #standing(session: Session, activity: boolean): Promise<'live' | StreamEnd> {
    const reply = await this.#look(session, activity)
    if (reply.kind === 'live') return reply.retired && !activity ? 'regenerated' : 'live'
    if (reply.kind === 'fenced') return 'regenerated'
    if (reply.kind === 'gone') return 'revoked'
    this.#noteEnded(reply)
    return reply.reason
  }

  async #end(name: { ref: string } | { digest: string }, reason: EndReason): Promise<string | undefined> {
    const reply = await this.#gate.ask('end', () => this.#store.end({ name, reason }))
    if (reply.kind === 'gone') return undefined
    this.#noteEnded(reply)
    return reply.session.ref
  }

  #noteEnded({ session, reason }: Ended): void {
    this.#events.emit({ kind: 'ended', reason, ...about(session) })
    this.#live.ended(session.ref, reason)
    this.#turns.ended(session.ref)
  }

  #refuse(reason: RefusalReason, caller: Caller, session?: string): { live: false; reason: RefusalReason } {
    const presenter = 'principal' in caller ? { presenter: caller.principal } : undefined
    this.#events.emit({ kind: 'refused', reason, ...(session && { session }), ...presenter })
    return { live: false, reason }
  }

  #fenced(stored: StoredSession, what: 'handle' | 'lock'): FencedError {
    this.#events.emit({ kind: 'fenced', what, ...about(stored) })
    return new FencedError(
      what === 'handle'
        ? 'the handle of this request was regenerated: it may no longer write'
        : 'the turn of this request is over: it may no longer write',
    )
  }

  #over(reply: { kind: 'gone' } | ({ kind: 'ended' } & Ended)): SessionEndedError {
    if (reply.kind === 'ended') this.#noteEnded(reply)
    return new SessionEndedError('the session has ended')
  }

  #full(scope: 'group' | 'total', caller: Caller | undefined): CapReachedError {
    const reached = scope === 'group' ? 'principal' : 'total'
    const whose = caller && 'principal' in caller ? { principal: caller.principal } : undefined
    this.#events.emit({ kind: 'cap-reached', scope: reached, ...whose })
    return new CapReachedError(reached)
  }

  #bind(caller: Caller): { principal: string; agent: string; meta: string } {
    if ('bearer' in caller) throw new MisuseError('a session is opened for a principal, not for a handle')
    const principal = keyOfPrincipal(caller)
    if (principal === '' && !this.settings.public)
      throw new MisuseError('sessions without a principal need the option `public`')
    return {
      principal,
      agent: keyOfAgent(caller.agent),
      meta: writeMeta({ principal: 'principal' in caller ? caller.principal : undefined, agent: caller.agent }),
    }
  }

  #timeouts({ absoluteTimeoutMs, idleTimeoutMs }: OpenOptions): { absoluteTimeoutMs: number; idleTimeoutMs: number } {
    const own = this.settings
    const absolute = Math.min(absoluteTimeoutMs ?? own.absoluteTimeoutMs, own.absoluteTimeoutMs)
    const idle = Math.min(idleTimeoutMs ?? own.idleTimeoutMs, own.idleTimeoutMs, absolute)
    if (!(absolute > 0 && idle > 0)) throw new MisuseError('timeouts must be more than zero')
    return { absoluteTimeoutMs: absolute, idleTimeoutMs: idle }
  }

  #caps(principal: string, kind: HandleKind): Caps {
    const { perPrincipal, statesPerPrincipal, anonymous, total, whenFull } = this.settings.caps
    // That another anonymous caller comes is no reason to end the session of one.
    if (principal === '') return { group: anonymous, total, whenFull: 'refuse' }
    return { group: kind === 'state' ? statesPerPrincipal : perPrincipal, total, whenFull }
  }

  /** From the first use on and not before: some runtimes have no timers while a module is loaded. */
  async #advance(scope: string): Promise<void> {
    await this.#gate.ask('advanceEpoch', () => this.#store.advanceEpoch(scope, this.settings.absoluteTimeoutMs))
  }

  #keepSwept(): void {
    const { sweepIntervalMs } = this.settings
    if (this.#sweepTimer || this.#closed || sweepIntervalMs === 0) return
    this.#sweepTimer = setInterval(() => void this.#sweepQuietly(), sweepIntervalMs).unref()
  }

  async #sweepQuietly(): Promise<void> {
    try {
      await this.sweep()
    } catch {
      // The store is away, which an event has said; what is over is refused whether it was swept or not.
    }
  }
}

function keyOfPrincipal(caller: Caller): string {
  return 'principal' in caller ? principalKey(caller.principal) : ''
}

function keyOfAgent(agent: string | undefined): string {
  return agent === undefined ? '' : agentKey(agent)
}

function groupOf(principal: string, kind: HandleKind): string {
  return kind === 'state' ? `state:${principal}` : principal
}

/** 0 for a credential without an end. One that names no time must not pass for one. */
function endOf(caller: Caller): number {
  const end = 'principal' in caller ? (caller.credentialExpiresAt ?? Infinity) : Infinity
  if (end === Infinity) return 0
  if (!(end >= 1)) throw new MisuseError('the end of a credential is a time in milliseconds since 1970')
  // Stores keep whole numbers, and some cannot give back what is beyond this.
  return Math.min(end, Number.MAX_SAFE_INTEGER)
}

function about(stored: StoredSession): { session: string; principal?: Principal; agent?: string } {
  const { principal, agent } = readMeta(stored.meta)
  return { session: stored.ref, ...(principal && { principal }), ...(agent !== undefined && { agent }) }
}
