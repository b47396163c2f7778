/**
 * The generator behind V8's `Math.random`: xorshift128+, of whose state V8 shows only the upper bits of one half. Values are
 * made 64 at a time and served last first. Every step is linear over GF(2), so that each bit that is shown is a sum of
 * bits of the state 64, or thousands of, values ago.
 */

/** Both halves, before the first value of a batch is made. */
export interface GeneratorState {
  readonly s0: bigint
  readonly s1: bigint
}

/** Bits of a value: 52 up to Node 22's V8, 53 since. The upper 52 are the same. */
export type Precision = 52 | 53

export const BATCH = 64
export const SHOWN_BITS = 52
/** Words of a sum over the 128 bits of a state. */
export const WORDS = 4

const MASK = (1n << 64n) - 1n

/** `count` values as they are served to the program, of which the first is the first of a batch. */
export function servedValues(state: GeneratorState, count: number, precision: Precision): readonly number[] {
  const made: bigint[] = []
  let { s0, s1 } = state
  const batches = Math.ceil(count / BATCH)
  for (let index = 0; index < batches * BATCH; index++) {
    ;[s0, s1] = [s1, mix(s0, s1)]
    made.push(s0)
  }
  return Array.from({ length: count }, (_, index) => toNumber(made[madeAt(index)]!, precision))
}

/** Which of the values made is the `index`-th one served. */
export function madeAt(index: number): number {
  return index - (index % BATCH) + (BATCH - 1 - (index % BATCH))
}

function mix(s0: bigint, s1: bigint): bigint {
  let x = s0 ^ ((s0 << 23n) & MASK)
  x ^= x >> 17n
  return x ^ s1 ^ (s1 >> 26n)
}

function toNumber(s0: bigint, precision: Precision): number {
  return Number(s0 >> BigInt(64 - precision)) / 2 ** precision
}

/** For each of at least `count` values made, the upper 52 bits as sums of the bits of the state, highest first: `WORDS` words each. */
export function symbolicValues(count: number): Uint32Array {
  if (known.length < count * SHOWN_BITS * WORDS) known = symbolicValuesOf(count)
  return known
}

/** The most that was asked for so far: they are the same for every sample, and take time to make. */
let known = new Uint32Array(0)

function symbolicValuesOf(count: number): Uint32Array<ArrayBuffer> {
  const shown = new Uint32Array(count * SHOWN_BITS * WORDS)
  let s0 = unit(0)
  let s1 = unit(64)
  for (let index = 0; index < count; index++) {
    ;[s0, s1] = [s1, symbolicMix(s0, s1)]
    for (let bit = 0; bit < SHOWN_BITS; bit++)
      shown.set(s0.subarray((63 - bit) * WORDS, (64 - bit) * WORDS), (index * SHOWN_BITS + bit) * WORDS)
  }
  return shown
}

/** A half of the state as itself: bit `i` is the `offset + i`-th unknown. */
function unit(offset: number): Uint32Array {
  const half = new Uint32Array(64 * WORDS)
  for (let bit = 0; bit < 64; bit++) {
    const unknown = offset + bit
    half[bit * WORDS + (unknown >>> 5)] = 1 << (unknown & 31)
  }
  return half
}

function symbolicMix(s0: Uint32Array, s1: Uint32Array): Uint32Array {
  const mixed = s0.slice()
  addShifted(mixed, s0, 23)
  addShifted(mixed, mixed.slice(), -17)
  addShifted(mixed, s1, 0)
  addShifted(mixed, s1, -26)
  return mixed
}

/** Adds `half`, shifted to the left, to `sum`. */
function addShifted(sum: Uint32Array, half: Uint32Array, left: number): void {
  const [from, to] = [Math.max(0, left) * WORDS, Math.min(64, 64 + left) * WORDS]
  const shift = left * WORDS
  for (let word = from; word < to; word++) sum[word]! ^= half[word - shift]!
}
