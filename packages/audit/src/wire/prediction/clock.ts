/** Clocks in handles: digits that follow the time at which each handle was issued. */
import type { Column, IssuedHandle, Moment, Part } from './part.ts'

/** How a time is written. */
interface Notation {
  readonly label: string
  readonly digits: string
  readonly length: number
  readonly unitMs: number
}

const DECIMAL = '0123456789'
const BASE36 = '0123456789abcdefghijklmnopqrstuvwxyz'
const NOTATIONS: readonly Notation[] = [
  { label: 'a millisecond clock', digits: DECIMAL, length: 13, unitMs: 1 },
  { label: 'a millisecond clock in base 36', digits: BASE36, length: 8, unitMs: 1 },
  { label: 'a millisecond clock in base 36', digits: BASE36.toUpperCase(), length: 8, unitMs: 1 },
  { label: 'a millisecond clock in base 16', digits: BASE36.slice(0, 16), length: 11, unitMs: 1 },
  { label: 'the millisecond clock of a ULID', digits: '0123456789ABCDEFGHJKMNPQRSTVWXYZ', length: 10, unitMs: 1 },
  { label: 'a clock of seconds', digits: DECIMAL, length: 10, unitMs: 1000 },
  { label: 'a clock of seconds in base 16', digits: BASE36.slice(0, 16), length: 8, unitMs: 1000 },
]

/** A clock that goes wrong by more is not told from chance. */
const MOST_SKEW_MS = 86_400_000
/** Rounding of two clocks. */
const ROUNDING_MS = 2
/** Fewer agree by chance. */
const FEWEST = 3
/** What is left to guess of a clock in milliseconds by who knows the second. */
export const BITS_IN_SECOND = 10
/** Times that are announced at the most. */
const MOST_TIMES = 5000

/** Where in every text a clock stands: `from` to `to`, negative ones counted from the end. */
export interface ClockPlace {
  readonly from: number
  readonly to: number | undefined
  readonly part: Part
}

/** The first place, from either end, whose digits follow the time of issue in every text. */
export function findClock({ texts, issued }: Column): ClockPlace | undefined {
  const shortest = Math.min(...texts.map((text) => text.length))
  if (texts.length < FEWEST) return undefined
  for (const notation of NOTATIONS)
    for (let offset = 0; offset + notation.length <= shortest; offset++)
      for (const from of [offset, -offset - notation.length]) {
        const to = from + notation.length === 0 ? undefined : from + notation.length
        const part = clockOf(
          texts.map((text) => text.slice(from, to)),
          issued,
          notation,
        )
        if (part !== undefined) return { from, to, part }
      }
  return undefined
}

function clockOf(texts: readonly string[], issued: readonly IssuedHandle[], notation: Notation): Part | undefined {
  const times = texts.map((text) => timeOf(text, notation))
  const skew = skewOf(times, issued, notation.unitMs)
  if (skew === undefined) return undefined
  return {
    kind: 'clock',
    label: notation.label,
    texts,
    atMostBits: notation.unitMs === 1 ? BITS_IN_SECOND : 0,
    next: (_ahead, moment) => timesIn(moment, skew, notation.unitMs).map((time) => write(time, notation)),
  }
}

/** In milliseconds; not a number if the text is none. */
function timeOf(text: string, { digits, unitMs }: Notation): number {
  let value = 0
  for (const letter of text) {
    const digit = digits.indexOf(letter)
    if (digit < 0) return Number.NaN
    value = value * digits.length + digit
  }
  return value * unitMs
}

function write(time: number, { digits, length, unitMs }: Notation): string {
  let rest = Math.floor(time / unitMs)
  let text = ''
  for (let place = 0; place < length; place++) {
    text = digits[rest % digits.length]! + text
    rest = Math.floor(rest / digits.length)
  }
  return text
}

/** By how much another clock is ahead of ours: a range in which all of the times lie, or none. */
export interface Skew {
  readonly leastMs: number
  readonly mostMs: number
}

/** The skew under which every time was within its handle's issue. */
export function skewOf(times: readonly number[], issued: readonly IssuedHandle[], unitMs: number): Skew | undefined {
  let [leastMs, mostMs] = [-MOST_SKEW_MS, MOST_SKEW_MS]
  for (const [index, time] of times.entries()) {
    if (!Number.isFinite(time)) return undefined
    const { sentAtMs, receivedAtMs } = issued[index]!
    leastMs = Math.max(leastMs, time - receivedAtMs - ROUNDING_MS)
    mostMs = Math.min(mostMs, time - sentAtMs + unitMs + ROUNDING_MS)
    if (leastMs > mostMs) return undefined
  }
  return { leastMs, mostMs }
}

/** The times that such a clock can show within `moment`, the soonest first. */
export function timesIn(moment: Moment, skew: Skew, unitMs: number): readonly number[] {
  const first = Math.floor((moment.fromMs + skew.leastMs) / unitMs)
  const last = Math.floor((moment.toMs + skew.mostMs) / unitMs)
  return Array.from({ length: Math.min(MOST_TIMES, last - first + 1) }, (_, index) => (first + index) * unitMs)
}
