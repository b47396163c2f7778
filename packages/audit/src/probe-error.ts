/** Why a probe yields no report. */

/**
 * `unreachable`: nothing answers there. `not-authorized`: the target is neither this machine nor in a private network.
 * `login-failed`: a principal of the configuration cannot be logged in.
 */
export type ProbeErrorCode = 'unreachable' | 'not-authorized' | 'login-failed'

export class ProbeError extends Error {
  override readonly name = 'ProbeError'
  readonly code: ProbeErrorCode

  constructor(code: ProbeErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
