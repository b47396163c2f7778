/** No request waits for a store for longer than it was told. */
import { StoreUnavailableError } from './errors.ts'
import type { MaybePromise } from './store/store.ts'

/** After so many failures in a row the store is left alone for a moment, so that requests do not pile up before it. */
const failuresToOpen = 5
const restMs = 250

export type FaultListener = (operation: string, why: 'deadline' | 'fault') => void

/**
 * Asks a store within a deadline. What comes later is dropped, and nothing that it may have decided reaches a caller:
 * a handle that nobody was given opens nothing, and a key consumed in vain stays consumed.
 */
export class DeadlineGate {
  readonly #deadlineMs: number
  readonly #onFault: FaultListener
  readonly #monotonic: () => number
  #failures = 0
  #closedUntil = 0

  constructor(deadlineMs: number, onFault: FaultListener, monotonic: () => number = () => performance.now()) {
    this.#deadlineMs = deadlineMs
    this.#onFault = onFault
    this.#monotonic = monotonic
  }

  /** @throws StoreUnavailableError in place of whatever went wrong */
  ask<T>(operation: string, run: () => MaybePromise<T>): MaybePromise<T> {
    return this.askWith(operation, run, undefined)
  }

  /** `ask` for what is asked at every request: a function that is made once, and what to give it. */
  askWith<T, Request>(
    operation: string,
    run: (request: Request) => MaybePromise<T>,
    request: Request,
  ): MaybePromise<T> {
    if (this.#failures >= failuresToOpen && this.#monotonic() < this.#closedUntil) throw unavailable(operation)
    let reply: MaybePromise<T>
    try {
      reply = run(request)
    } catch {
      throw this.#failed(operation, 'fault')
    }
    if (!(reply instanceof Promise)) {
      this.#failures = 0
      return reply
    }
    return this.#race(operation, reply)
  }

  #race<T>(operation: string, reply: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false
      // Where this process itself was held up, the answer may be there, unread: it is looked for once more.
      const timer = setTimeout(() => setImmediate(() => settled || giveUp('deadline')), this.#deadlineMs)
      const giveUp = (why: 'deadline' | 'fault'): void => {
        settled = true
        clearTimeout(timer)
        reject(this.#failed(operation, why))
      }
      reply.then(
        (value) => {
          if (settled) return
          settled = true
          clearTimeout(timer)
          this.#failures = 0
          resolve(value)
        },
        () => settled || giveUp('fault'),
      )
    })
  }

  #failed(operation: string, why: 'deadline' | 'fault'): StoreUnavailableError {
    this.#failures += 1
    this.#closedUntil = this.#monotonic() + restMs
    this.#onFault(operation, why)
    return unavailable(operation)
  }
}

/** The cause stays out: what clients of databases throw may hold addresses and commands. */
function unavailable(operation: string): StoreUnavailableError {
  return new StoreUnavailableError(`the session store did not answer: ${operation}`)
}
