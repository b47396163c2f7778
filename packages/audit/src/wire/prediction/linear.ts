/** Equations over GF(2) in the 128 bits of a generator's state, solved as they come in. */
import { type GeneratorState, WORDS } from './xorshift.ts'

const UNKNOWNS = 128
const ROW = WORDS + 1

/** Systems with the same left sides, which say at once when an equation contradicts those before it. */
export class LinearSystem {
  /** By its highest unknown, the equation that determines it: `WORDS` words, and a bit of each system's constant. */
  readonly #rows = new Uint32Array(UNKNOWNS * ROW)
  readonly #known = new Uint8Array(UNKNOWNS)
  rank = 0
  /** Equations that followed from those before: each would have come true by chance once in two. */
  confirmed = 0
  /** A bit for each system that some state still fits. */
  alive = 0

  /** Forgets all equations, and begins so many systems. */
  clear(systems: number): void {
    this.#known.fill(0)
    this.rank = 0
    this.confirmed = 0
    this.alive = 2 ** systems - 1
  }

  /**
   * Adds `a·x = c`, of which `constants` has a bit for each system; false if no state fits any of them any more. The words
   * are apart because this is where the time goes.
   */
  add(a: Uint32Array, constants: number): boolean {
    const rows = this.#rows
    let [a0, a1, a2, a3, rest] = [a[0]!, a[1]!, a[2]!, a[3]!, constants]
    for (;;) {
      const unknown = highest(a0, a1, a2, a3)
      if (unknown < 0) break
      const row = unknown * ROW
      if (this.#known[unknown] === 0) {
        rows[row] = a0
        rows[row + 1] = a1
        rows[row + 2] = a2
        rows[row + 3] = a3
        rows[row + WORDS] = rest
        this.#known[unknown] = 1
        this.rank++
        return true
      }
      a0 ^= rows[row]!
      a1 ^= rows[row + 1]!
      a2 ^= rows[row + 2]!
      a3 ^= rows[row + 3]!
      rest ^= rows[row + WORDS]!
    }
    this.alive &= ~rest
    this.confirmed++
    return this.alive !== 0
  }

  /** The only state that fits a system; undefined while there are several, or none. */
  solution(system: number): GeneratorState | undefined {
    if (this.rank < UNKNOWNS || ((this.alive >>> system) & 1) === 0) return undefined
    const bits = new Uint8Array(UNKNOWNS)
    for (let unknown = 0; unknown < UNKNOWNS; unknown++) {
      const row = unknown * ROW
      let value = (this.#rows[row + WORDS]! >>> system) & 1
      for (let lower = 0; lower < unknown; lower++)
        value ^= (this.#rows[row + (lower >>> 5)]! >>> (lower & 31)) & 1 & bits[lower]!
      bits[unknown] = value
    }
    return { s0: toBigInt(bits.subarray(0, 64)), s1: toBigInt(bits.subarray(64)) }
  }
}

/** The highest unknown of a sum; -1 if there is none. */
function highest(a0: number, a1: number, a2: number, a3: number): number {
  if (a3 !== 0) return 127 - Math.clz32(a3)
  if (a2 !== 0) return 95 - Math.clz32(a2)
  return a1 === 0 ? 31 - Math.clz32(a0) : 63 - Math.clz32(a1)
}

/** Bits, lowest first. */
function toBigInt(bits: Uint8Array): bigint {
  return bits.reduceRight((value, bit) => (value << 1n) | BigInt(bit), 0n)
}
