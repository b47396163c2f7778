/**
 * State handles of MCP 2026-07-28: ordinary arguments of tools, passed on by a model, which may mistype them. A checksum
 * tells a slip of the model from a value that somebody made up, without a look-up; the handle itself is that of a
 * session of its own, so all that holds for sessions holds for the state.
 */
import { MisuseError } from './errors.ts'
import { handleLength, hasHandleForm } from './handle.ts'
import { sha256 } from './digest.ts'
import type { Session } from './session.ts'
import type { Caller, OpenOptions, Sessions } from './sessions.ts'

export interface StateHandleOptions {
  readonly sessions: Sessions
  /** What the state is, as the model reads it: `cart`, `draft`. 1 to 20 lower-case letters. */
  readonly prefix: string
  /** From the making; and, unless shorter, 30 minutes without use. */
  readonly ttlMs?: number
}

export interface MintedState<Data> {
  /** For the result of the tool. */
  readonly handle: string
  readonly session: Session<Data>
}

export type FoundState<Data> =
  | { readonly live: true; readonly session: Session<Data> }
  | {
      readonly live: false
      /** `typo`: not as it was handed out. `gone`: unknown, expired, destroyed, or somebody else's. */
      readonly reason: 'typo' | 'gone'
      /** For the model, as the text of a tool error. */
      readonly message: string
    }

const prefixPattern = /^[a-z]{1,20}$/
const checkLength = 6

/** Makes handles of one sort of state. @throws MisuseError for a prefix of another form */
export function createStateHandles(options: StateHandleOptions): StateHandles {
  return new StateHandles(options)
}

export class StateHandles {
  readonly #sessions: Sessions
  readonly #prefix: string
  readonly #ttlMs: number

  constructor({ sessions, prefix, ttlMs = sessions.settings.absoluteTimeoutMs }: StateHandleOptions) {
    if (!prefixPattern.test(prefix)) throw new MisuseError('a prefix is 1 to 20 lower-case letters')
    this.#sessions = sessions
    this.#prefix = prefix
    this.#ttlMs = ttlMs
  }

  /**
   * New state of a caller, who may be any but a bearer. Where it belongs to a session, it ends with it.
   *
   * @throws CapReachedError, SessionEndedError, StoreUnavailableError, MisuseError
   */
  async create<Data>(
    caller: Caller,
    data: Data,
    options: Pick<OpenOptions, 'parent'> = {},
  ): Promise<MintedState<Data>> {
    const { session, handle } = await this.#sessions.open<Data>(caller, {
      ...options,
      data: data,
      kind: 'state',
      absoluteTimeoutMs: this.#ttlMs,
    })
    return { session, handle: `${this.#prefix}_${handle}_${this.#checkOf(handle)}` }
  }

  /** The state of a presented handle, if it is this caller's. @throws StoreUnavailableError */
  async find<Data = unknown>(presented: unknown, caller: Caller): Promise<FoundState<Data>> {
    const handle = this.#parse(presented)
    if (handle === undefined) {
      const message = `This is not a complete ${this.#prefix} handle. Pass it exactly as it was returned.`
      return { live: false, reason: 'typo', message }
    }
    const found = await this.#sessions.resume<Data>(handle, caller, { kind: 'state' })
    if (found.live) return found
    return {
      live: false,
      reason: 'gone',
      message: `There is no such ${this.#prefix}. It may have expired: make a new one.`,
    }
  }

  /** Ends the state, if it is this caller's. Whether it was there. @throws StoreUnavailableError */
  async destroy(presented: unknown, caller: Caller): Promise<boolean> {
    const found = await this.find(presented, caller)
    if (found.live) await this.#sessions.terminate(found.session)
    return found.live
  }

  #parse(presented: unknown): string | undefined {
    if (typeof presented !== 'string') return undefined
    const start = this.#prefix.length + 1
    if (presented.length !== start + handleLength + 1 + checkLength) return undefined
    const handle = presented.slice(start, start + handleLength)
    if (presented !== `${this.#prefix}_${handle}_${this.#checkOf(handle)}`) return undefined
    return hasHandleForm(handle) ? handle : undefined
  }

  /** No secret: whoever makes up a handle can make up this too. It only tells slips. */
  #checkOf(handle: string): string {
    return sha256(`${this.#prefix} ${handle}`).slice(0, checkLength)
  }
}
