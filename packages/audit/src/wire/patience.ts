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
