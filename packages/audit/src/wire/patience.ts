/** Waiting for what a server may never say. */

/**
 * Calls `then` when `ms` have passed and what had arrived by then was read; returns how to call it off. A process that
 * stood still would otherwise find its timer first, and take an answer that lies there for one that never came.
 */
export function whenTimeIsUp(ms: number, then: () => void): () => void {
  let look: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    look = setImmediate(() => {
      look = setImmediate(then)
    })
  }, ms)
  return () => {
    clearTimeout(timer)
    clearImmediate(look)
  }
}

const TIMES_SLOWEST = 3
const LONGEST_MS = 15_000

/**
 * How long answers take: whoever was slow once is given more time from then on, since it may have more to do. One for all
 * that is asked of a target.
 */
export class Patience {
  private slowestMs = 0

  /** A whole answer came after so many milliseconds. */
  answered(ms: number): void {
    this.slowestMs = Math.max(this.slowestMs, ms)
  }

  /** `usualMs`, or more where answers were slow. */
  longEnough(usualMs: number): number {
    return Math.max(usualMs, Math.min(TIMES_SLOWEST * this.slowestMs, LONGEST_MS))
  }
}
