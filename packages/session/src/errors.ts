/**
 * What is thrown. Refusals of a request are values; errors are for what the caller cannot go on from: the store is
 * gone, the session ended under a handler's feet, the program is wrong.
 */

/** Base of all: `code` is stable, `status` is the HTTP status that says the same. No message holds a handle. */
export abstract class SessionError extends Error {
  abstract readonly code: string
  abstract readonly status: number
  /** Seconds after which to try again, where that may help. */
  readonly retryAfterSeconds?: number
  override get name(): string {
    return this.constructor.name
  }
}

/** The store did not answer within its deadline, or answered with a fault. Nothing was decided: answer 503. */
export class StoreUnavailableError extends SessionError {
  readonly code = 'store-unavailable'
  readonly status = 503
  override readonly retryAfterSeconds = 1
}

/** The session ended, by time or by authority, while it was in use. */
export class SessionEndedError extends SessionError {
  readonly code = 'session-ended'
  readonly status = 404
}

/** A write under a handle that was regenerated, or by a holder whose turn is over. Nothing was written. */
export class FencedError extends SessionError {
  readonly code = 'fenced'
  readonly status = 409
}

/** The session is in use by others for longer than the caller wanted to wait, or too many wait already. */
export class BusyError extends SessionError {
  readonly code = 'busy'
  readonly status = 503
  override readonly retryAfterSeconds = 1
}

/** No room for another session: of this principal (429), or at all (503). */
export class CapReachedError extends SessionError {
  readonly code = 'cap-reached'
  readonly status: 429 | 503
  override readonly retryAfterSeconds = 60
  readonly scope: 'principal' | 'total'
  constructor(scope: 'principal' | 'total') {
    super(scope === 'principal' ? 'this principal has as many sessions as it may' : 'no room for another session')
    this.scope = scope
    this.status = scope === 'principal' ? 429 : 503
  }
}

/** The program asks for what must not be: a missing principal, a timeout of zero, data that JSON cannot hold. */
export class MisuseError extends SessionError {
  readonly code = 'misuse'
  readonly status = 500
}
