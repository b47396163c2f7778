/** Time that never goes back. */

/** Milliseconds since 1970, never less than at the call before. */
export type Clock = () => number

/** A difference between the two clocks from which on it is a jump and not rounding. */
const jumpMs = 1000

/**
 * The clock of this process. It goes on with the monotonic clock, so that nobody extends a session by setting the wall
 * clock back. Where the wall clock leaps ahead it follows, because the monotonic one stands still while a machine
 * sleeps, and a session must not outlive a night in a closed laptop.
 */
export function createClock(wall: () => number = Date.now, monotonic: () => number = () => performance.now()): Clock {
  let now = wall()
  let lastWall = now
  let lastMonotonic = monotonic()
  return () => {
    const wallNow = wall()
    const monotonicNow = monotonic()
    const elapsed = monotonicNow - lastMonotonic
    const leapt = wallNow - lastWall
    now += leapt > elapsed + jumpMs ? leapt : Math.max(0, elapsed)
    lastWall = wallNow
    lastMonotonic = monotonicNow
    return now
  }
}
