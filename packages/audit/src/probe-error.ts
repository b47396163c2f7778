/** Why a probe yields no report. */

/** `unreachable`: nothing answers there. `not-authorized`: the target is neither this machine nor in a private network. */
export type ProbeErrorCode = 'unreachable' | 'not-authorized'

export class ProbeError extends Error {
  override readonly name = 'ProbeError'
  readonly code: ProbeErrorCode

  constructor(code: ProbeErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
