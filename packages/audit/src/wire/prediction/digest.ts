/** Digests of things that an outsider can name: a counter, the time. */
import { createHash } from 'node:crypto'
import { BITS_IN_SECOND, skewOf, timesIn } from './clock.ts'
import type { Column, Part } from './part.ts'

const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const
/** Digits by which a digest is known beyond doubt. */
const FEWEST_DIGITS = 12
/** The highest number that a counter is tried for. */
const MOST_COUNT = 2000
/** By how much a server's clock may differ before digests of it are no longer found. */
const SKEW_MS = 500

/** Texts that are the digests of consecutive numbers, or of the millisecond in which they were issued. */
export function digestOf(column: Column): Part | undefined {
  const { texts } = column
  if (texts.length < 2 || !texts.every((text) => /^[0-9a-f]+$/.test(text) && text.length >= FEWEST_DIGITS))
    return undefined
  for (const algorithm of ALGORITHMS) {
    const part = countDigest(column, algorithm) ?? timeDigest(column, algorithm)
    if (part !== undefined) return part
  }
  return undefined
}

type Algorithm = (typeof ALGORITHMS)[number]

function countDigest({ texts }: Column, algorithm: Algorithm): Part | undefined {
  const first = indexOf(texts[0]!, 0, MOST_COUNT, algorithm)
  if (first === undefined) return undefined
  if (!texts.every((text, index) => isDigest(text, first + index, algorithm))) return undefined
  return {
    kind: 'digest',
    label: `the ${algorithm} digest of a counter`,
    texts,
    atMostBits: 0,
    next: (ahead) => [digest(first + texts.length + ahead, algorithm).slice(0, texts[0]!.length)],
  }
}

function timeDigest({ texts, issued }: Column, algorithm: Algorithm): Part | undefined {
  const times: number[] = []
  for (const [index, text] of texts.entries()) {
    const { sentAtMs, receivedAtMs } = issued[index]!
    const slack = index === 0 ? SKEW_MS : 0
    const skew = index === 0 ? 0 : times[0]! - issued[0]!.sentAtMs
    const from = Math.floor(sentAtMs + skew - slack - latencyOf(issued[0]!))
    const time = indexOf(text, from, Math.ceil(receivedAtMs + skew + slack + 1), algorithm)
    if (time === undefined) return undefined
    times.push(time)
  }
  const skew = skewOf(times, issued, 1)
  if (skew === undefined) return undefined
  return {
    kind: 'digest',
    label: `the ${algorithm} digest of a millisecond clock`,
    texts,
    atMostBits: BITS_IN_SECOND,
    next: (_ahead, moment) =>
      timesIn(moment, skew, 1).map((time) => digest(time, algorithm).slice(0, texts[0]!.length)),
  }
}

function latencyOf({ sentAtMs, receivedAtMs }: { readonly sentAtMs: number; readonly receivedAtMs: number }): number {
  return Math.ceil(receivedAtMs - sentAtMs) + 1
}

/** Which number from `from` to `to` has `text` as its digest. */
function indexOf(text: string, from: number, to: number, algorithm: Algorithm): number | undefined {
  for (let number = from; number <= to; number++) if (isDigest(text, number, algorithm)) return number
  return undefined
}

function isDigest(text: string, number: number, algorithm: Algorithm): boolean {
  return digest(number, algorithm).startsWith(text)
}

function digest(number: number, algorithm: Algorithm): string {
  return createHash(algorithm).update(String(number)).digest('hex')
}
