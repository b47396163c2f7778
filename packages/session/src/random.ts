/** Where handles, nonces and keys of one use get their bytes. */
import { randomFillSync } from 'node:crypto'

/** Fills a fresh buffer with unpredictable bytes. A parameter, so that tests can say what comes. */
export type RandomBytes = (size: number) => Buffer

const poolSize = 4096
const pool = Buffer.allocUnsafeSlow(poolSize)
let used = poolSize

/**
 * Bytes from the system's generator, drawn a page at a time, because a call for 32 bytes costs as much as one for 4096.
 * What was handed out is wiped from the pool, so that a later leak of memory holds no handle in use.
 */
export const randomBytes: RandomBytes = (size) => {
  if (size > poolSize) return randomFillSync(Buffer.allocUnsafeSlow(size))
  if (used + size > poolSize) refill()
  const bytes = Buffer.allocUnsafeSlow(size)
  pool.copy(bytes, 0, used, used + size)
  pool.fill(0, used, used + size)
  used += size
  return bytes
}

function refill(): void {
  randomFillSync(pool)
  used = 0
}
