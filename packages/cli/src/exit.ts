/** Exit codes are a contract: scripts rely on them. */
import type { Console } from './console.ts'

export const exitCodes = { clean: 0, findings: 1, misuse: 2, fault: 3 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Says on stderr what was refused and what the user can change. */
export function refuse(message: string, console: Pick<Console, 'stderr'>): ExitCode {
  console.stderr.write(`sallyport: ${message}\n`)
  return exitCodes.misuse
}
