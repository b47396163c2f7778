/**
 * How programs make text of `Math.random()`, read backwards: what a text tells of the values behind it, as bits that are
 * known or known to be equal. A rendering also goes forwards, so that a recovered state is held against every text.
 */
import { SHOWN_BITS } from './xorshift.ts'

/** The sum of some upper bits of one value; bit 0 is the highest. */
export interface BitSum {
  /** Which call of those that make the text, from 0. */
  readonly call: number
  readonly bits: readonly number[]
  readonly sum: 0 | 1
}

export interface Rendering {
  /** In plain words, after "Math.random, ". */
  readonly label: string
  /** Calls that make one text. */
  readonly calls: number
  /** What `text` tells of its values; undefined if it cannot have been made this way. */
  observe(text: string): readonly BitSum[] | undefined
  /** What the values look like, in the variants between which a few texts cannot decide: cut or whole, padded or not. */
  render(values: readonly number[]): readonly string[]
}

const ONE = 1n << BigInt(SHOWN_BITS)
/** Digits of a number without a fixed end that are read: the rest adds no bits. */
const READ_DIGITS = 20

/** The renderings that could have made all of `texts`, the most common first. */
export function renderingsOf(texts: readonly string[]): readonly Rendering[] {
  const lengths = texts.map((text) => text.length)
  const shape = { texts, shortest: Math.min(...lengths), longest: Math.max(...lengths) }
  if (shape.shortest === 0) return []
  return [...fractions(shape), ...joinedFractions(shape), ...uuids(shape), ...alphabets(shape), ...integers(shape)]
}

interface Shape {
  readonly texts: readonly string[]
  readonly shortest: number
  readonly longest: number
}

const RADIX_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz'
/** Digits that the longest rendering of a fraction has, by radix: small ones have some more where the radix is no power of 16. */
const FRACTION_DIGITS: readonly (readonly [number, number])[] = [
  [36, 15],
  [16, 14],
  [10, 20],
  [32, 15],
]

/** `Math.random().toString(36).slice(2)`, whole or cut after some digits. */
function fractions({ texts, shortest, longest }: Shape): readonly Rendering[] {
  return FRACTION_DIGITS.filter(([radix, most]) => longest <= most && shortest >= 2 && areDigits(texts, radix)).map(
    ([radix]) => ({
      label: `its digits in base ${radix}`,
      calls: 1,
      observe: (text) => digitsTell(text, radix, 0),
      render: ([value]) => {
        const cut = fraction(value!, radix).slice(0, longest)
        return [fraction(value!, radix), cut, withoutZeros(cut)]
      },
    }),
  )
}

/** As a number is written. */
function withoutZeros(digits: string): string {
  return digits.replace(/^0+(?=.)/, '')
}

/** Several fractions, one after the other: of each length alike where they are cut, else the first one is read. */
function joinedFractions(shape: Shape): readonly Rendering[] {
  return [36, 16].flatMap((radix) => {
    if (!areDigits(shape.texts, radix)) return []
    return [...cutFractions(shape, radix), ...wholeFractions(shape, radix)]
  })
}

/**
 * Texts of `n` digits each: `Math.random().toString(36).slice(2, 2 + n)`, some times. In base 16, that is what
 * `Math.floor((1 + Math.random()) * 0x10000).toString(16).slice(1)` gives as well.
 */
function cutFractions({ shortest, longest }: Shape, radix: number): readonly Rendering[] {
  if (shortest !== longest) return []
  const sizes = [4, 5, 6, 7, 8, 9, 10, 11].filter((size) => longest % size === 0 && longest > size)
  return sizes.map((size) => ({
    label: `${longest / size} times, its first ${size} digits in base ${radix}`,
    calls: longest / size,
    observe: (text) => chunks(text, size).flatMap((chunk, call) => digitsTell(chunk, radix, call)),
    render: (values) => [values.map((value) => fraction(value, radix).slice(0, size)).join('')],
  }))
}

/** Digits that each of several whole fractions has at the least, nearly always. */
const SURE_DIGITS = 8
/** Cuts that shorten only some of them. */
const LATE_CUTS = [10, 11, 12, 13, 14]

function wholeFractions({ shortest, longest }: Shape, radix: number): readonly Rendering[] {
  const counts = [2, 3, 4].filter((count) => shortest >= count * SURE_DIGITS && longest <= count * 14)
  return counts.map((count) => ({
    label: `${count} times, its digits in base ${radix}`,
    calls: count,
    observe: (text) => digitsTell(text.slice(0, SURE_DIGITS), radix, 0),
    render: (values) => {
      const digits = values.map((value) => fraction(value, radix))
      return [digits.join(''), ...LATE_CUTS.map((cut) => digits.map((text) => text.slice(0, cut)).join(''))]
    },
  }))
}

const UUID_V4 = /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/
const UUID_SHAPE = 'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'

/** The well-known replacement of every `x` and `y` in the shape of a UUID, of which some leave the `y` as it is. */
function uuids({ texts }: Shape): readonly Rendering[] {
  if (!texts.every((text) => UUID_V4.test(text))) return []
  const plain = texts[0]!.includes('-') ? UUID_SHAPE : UUID_SHAPE.replaceAll('-', '')
  const variant = plain.indexOf('y')
  const isFixed = new Set(texts.map((text) => text[variant])).size === 1 && texts.length > FEW_TEXTS
  const shape = isFixed ? plain.replace('y', texts[0]![variant]!) : plain
  return [uuid(shape)]
}

/** So many show every variant, nearly always. */
const FEW_TEXTS = 8

function uuid(shape: string): Rendering {
  const places = [...shape].flatMap((letter, index) => (letter === 'x' || letter === 'y' ? [{ letter, index }] : []))
  return {
    label: 'in the shape of a UUID of version 4',
    calls: places.length,
    observe: (text) =>
      places.flatMap(({ letter, index }, call) =>
        lowBits(Number.parseInt(text[index]!, 16), letter === 'x' ? [0, 1, 2, 3] : [2, 3], call),
      ),
    render: (values) => {
      let call = 0
      const filled = shape.replace(/[xy]/g, (letter) => {
        const digit = Math.floor(values[call++]! * 16)
        return (letter === 'x' ? digit : (digit & 3) | 8).toString(16)
      })
      return [filled]
    },
  }
}

/** The bits of a digit of base 16 at `places`, which are the upper bits of the value. */
function lowBits(digit: number, places: readonly number[], call: number): readonly BitSum[] {
  return places.map((place) => ({ call, bits: [place], sum: bitOf(BigInt(digit), 3 - place) }))
}

const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
/** In the order in which programs write them. The last is that of nanoid, which serves it with `Math.random` as well. */
const ALPHABETS: readonly string[] = [
  UPPER + LOWER + DIGITS,
  LOWER + UPPER + DIGITS,
  DIGITS + LOWER + UPPER,
  DIGITS + UPPER + LOWER,
  LOWER + DIGITS,
  DIGITS + LOWER,
  UPPER + DIGITS,
  DIGITS + UPPER,
  `${DIGITS}abcdef`,
  `abcdef${DIGITS}`,
  `${DIGITS}ABCDEF`,
  DIGITS,
  LOWER,
  UPPER,
  UPPER + LOWER,
  LOWER + UPPER,
  '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz',
  'ABCDEFGHJKLMNPQRSTUVWXYZ23456789',
  `${UPPER + LOWER + DIGITS}+/`,
  `${UPPER + LOWER + DIGITS}-_`,
  'useandom-26T198340PX75pxJACKVERYMINDBUSHWOLF_GQZbfghjklqvwyzrict',
]
const LONGEST_JOINED = 64

/** Characters of an alphabet, each picked by one call. */
function alphabets({ texts, shortest, longest }: Shape): readonly Rendering[] {
  if (shortest !== longest || longest > LONGEST_JOINED) return []
  const used = new Set(texts.join(''))
  const fitting = ALPHABETS.filter((alphabet) => used.size > 1 && isUsed(alphabet, used, texts.length * longest))
  return fitting.map((alphabet) => ({
    label: `picking ${longest} of ${alphabet.length} characters`,
    calls: longest,
    observe: (text) =>
      [...text].flatMap((letter, call) => floorTells(alphabet.indexOf(letter), 0, alphabet.length, call)),
    render: (values) => [values.map((value) => alphabet[Math.floor(value * alphabet.length)]!).join('')],
  }))
}

/** All of `used` are in `alphabet`, and nearly as many of it as so many draws would show. */
function isUsed(alphabet: string, used: ReadonlySet<string>, drawn: number): boolean {
  const expected = alphabet.length * (1 - Math.exp(-drawn / alphabet.length))
  return used.size >= 0.7 * expected && [...used].every((letter) => alphabet.includes(letter))
}

/** `Math.floor(Math.random() * n)` and `Math.floor(low + Math.random() * n)`, in a radix. */
function integers(shape: Shape): readonly Rendering[] {
  return [10, 16, 36].flatMap((radix) => {
    return areDigits(shape.texts, radix) ? singleIntegers(shape, radix) : []
  })
}

function singleIntegers({ texts, longest }: Shape, radix: number): readonly Rendering[] {
  if (longest > 16) return []
  const numbers = texts.map((text) => Number.parseInt(text, radix))
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  if (most < 2 || most > Number.MAX_SAFE_INTEGER) return []
  return spans(least, most, radix, longest).map(({ low, span }) => ({
    label: `as a number below ${low + span}`,
    calls: 1,
    observe: (text) => {
      const number = Number.parseInt(text, radix)
      return number < low || number >= low + span ? undefined : floorTells(number, low, span, 0)
    },
    render: ([value]) => {
      const text = Math.floor(low + value! * span).toString(radix)
      return [text, text.padStart(longest, '0')]
    },
  }))
}

interface Span {
  readonly low: number
  readonly span: number
}

/** Ranges that people write, of which the numbers seen fill a good part. */
function spans(least: number, most: number, radix: number, digits: number): readonly Span[] {
  const power = radix ** digits
  const round = 10 ** Math.floor(Math.log10(most + 1))
  const bits = 2 ** Math.ceil(Math.log2(most + 1))
  const ceilings = [power, power - 1, bits, bits - 1, ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => n * round)]
  const plain = ceilings.map((span) => ({ low: 0, span }))
  const lowest = radix ** (digits - 1)
  const offset = [
    { low: round, span: 9 * round },
    { low: lowest, span: (radix - 1) * lowest },
  ]
  const all = [...plain, { low: 0, span: Number.MAX_SAFE_INTEGER }, ...offset]
  const fitting = all.filter(({ low, span }) => low <= least && most < low + span && most - least > span * 0.6)
  return fitting.filter(
    (one, index) => fitting.findIndex((two) => two.low === one.low && two.span === one.span) === index,
  )
}

function areDigits(texts: readonly string[], radix: number): boolean {
  const all = texts.join('')
  return isUsed(RADIX_DIGITS.slice(0, radix), new Set(all), all.length)
}

function fraction(value: number, radix: number): string {
  return value.toString(radix).slice(2)
}

function chunks(text: string, size: number): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  )
}

/** What the digits after the point tell, be they all or the first ones. */
function digitsTell(text: string, radix: number, call: number): readonly BitSum[] {
  const read = text.slice(0, READ_DIGITS)
  const unit = BigInt(radix) ** BigInt(read.length)
  const digits = [...read].reduce((sum, letter) => sum * BigInt(radix) + BigInt(RADIX_DIGITS.indexOf(letter)), 0n)
  return intervalTells(digits * ONE, (digits + 1n) * ONE, unit, isPowerOfTwo(radix), call)
}

/** What `Math.floor(low + value * span) === number` tells. */
function floorTells(number: number, low: number, span: number, call: number): readonly BitSum[] {
  const index = BigInt(number - low)
  return intervalTells(index * ONE, (index + 1n) * ONE, BigInt(span), low === 0 && isPowerOfTwo(span), call)
}

/** The value lies from `from / unit` to below `to / unit`; where text or product was rounded, a little more. */
function intervalTells(from: bigint, to: bigint, unit: bigint, exact: boolean, call: number): readonly BitSum[] {
  const slack = exact ? 0n : 1n
  return commonBits(clamp(from / unit - slack), clamp((to - 1n) / unit + slack), call)
}

function clamp(value: bigint): bigint {
  return value < 0n ? 0n : value >= ONE ? ONE - 1n : value
}

/**
 * What all numbers from `low` to `high` have in common: the leading bits in which both agree and, where one says 0111…
 * and the other 1000…, that the bits that follow are the opposite of the first in which they differ.
 */
function commonBits(low: bigint, high: bigint, call: number): readonly BitSum[] {
  const sums: BitSum[] = []
  let bit = 0
  for (; bit < SHOWN_BITS && shown(low, bit) === shown(high, bit); bit++)
    sums.push({ call, bits: [bit], sum: shown(low, bit) })
  for (let next = bit + 1; next < SHOWN_BITS && shown(low, next) === 1 && shown(high, next) === 0; next++)
    sums.push({ call, bits: [bit, next], sum: 1 })
  return sums
}

function shown(value: bigint, bit: number): 0 | 1 {
  return bitOf(value, SHOWN_BITS - 1 - bit)
}

function bitOf(value: bigint, bit: number): 0 | 1 {
  return ((value >> BigInt(bit)) & 1n) === 1n ? 1 : 0
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value))
}
