/** One line on stderr that says how far the audit is; only for a person who has waited a second. */
import type { Progress } from '@sallyport/audit'
import type { Console } from './console.ts'

export interface ProgressLine {
  update(progress: Progress): void
  /** Takes the line away, so that the report stands alone. */
  clear(): void
}

const silentMs = 1000
const intervalMs = 100
const clearLine = '\r\u001b[2K'

/** A progress line that counts `what` on `console.stderr`; silent where that is not a terminal that can take a line back. */
export function progressLine(console: Console, now: () => number, what = 'files'): ProgressLine {
  const visible = console.stderr.isTTY === true && console.env['TERM'] !== 'dumb'
  const startedAt = now()
  let shownAt = -Infinity
  return {
    update({ phase, done, total }) {
      const time = now()
      if (!visible || time - startedAt < silentMs || time - shownAt < intervalMs) return
      shownAt = time
      console.stderr.write(`${clearLine}${phase} ${done}${total > 0 ? ` of ${total}` : ''} ${what}`)
    },
    clear() {
      if (shownAt > -Infinity) console.stderr.write(clearLine)
    },
  }
}
