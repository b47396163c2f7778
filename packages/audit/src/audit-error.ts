/** Why an audit yields no report. */
import type { Gap } from './finding/finding.ts'

/** `no-server-code`: nothing under the path is a server. `unreadable`: the path names nothing that can be read. `unknown-revision`: Git cannot show the source at the revision to compare with. */
export type AuditErrorCode = 'no-server-code' | 'unreadable' | 'unknown-revision'

export class AuditError extends Error {
  override readonly name = 'AuditError'
  readonly code: AuditErrorCode
  /** What could not be read or understood; may be why no server was found. */
  readonly gaps: readonly Gap[]

  constructor(code: AuditErrorCode, message: string, options: { gaps?: readonly Gap[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.gaps = options.gaps ?? []
  }
}
