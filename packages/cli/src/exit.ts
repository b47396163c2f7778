/** Exit codes are a contract: scripts rely on them. */
import type { Console } from './console.ts'

export const exitCodes = { clean: 0, findings: 1, misuse: 2, fault: 3 } as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Says on stderr what was refused and what the user can change. Names of files and settings in it may be another's words. */
export function refuse(message: string, console: Pick<Console, 'stderr'>): ExitCode {
  console.stderr.write(`sallyport: ${harmless(message)}\n`)
  return exitCodes.misuse
}

/** Text in which nothing but its line breaks steers the terminal: what takes no ink is shown as `\u{..}`. */
export function harmless(text: string): string {
  return text.replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, (hidden) => `\\u{${hidden.codePointAt(0)!.toString(16)}}`)
}
