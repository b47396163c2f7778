/** UUIDs, and the time in those of versions 1, 6 and 7. */
import { BITS_IN_SECOND, skewOf, timesIn } from './clock.ts'
import type { Column, Part } from './part.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
/** Hundreds of nanoseconds from 1582-10-15, from which versions 1 and 6 count, to 1970. */
const EPOCH = 122_192_928_000_000_000n
const TICKS_PER_MS = 10_000n
/** Handles that one millisecond may bring, which libraries tell apart by the ticks below it. */
const MOST_IN_MS = 4n
/** What is left to guess of a clock that tells all ticks of a millisecond apart. */
const TICK_BITS = 14

/** The version that all of `texts` have; undefined if they are no UUIDs, or of several versions. */
export function uuidVersion(texts: readonly string[]): number | undefined {
  const versions = new Set(texts.map((text) => UUID.exec(text)?.[1]))
  const [version] = versions
  return versions.size === 1 && version !== undefined ? Number.parseInt(version, 16) : undefined
}

/** UUIDs made of time, clock sequence and node, of which the latter two do not change. */
export function timeUuidOf({ texts, issued }: Column): Part | undefined {
  const version = uuidVersion(texts)
  if (version !== 1 && version !== 6) return undefined
  const [tail, ...otherTails] = new Set(texts.map((text) => text.slice(19)))
  const ticks = texts.map((text) => ticksOf(text, version))
  const skew = skewOf(
    ticks.map((tick) => Number(tick / TICKS_PER_MS)),
    issued,
    1,
  )
  if (otherTails.length > 0 || skew === undefined) return undefined
  const part = { kind: 'uuid' as const, label: `a UUID of version ${version}, a clock and a constant`, texts }
  if (ticks.some((tick) => tick % TICKS_PER_MS >= MOST_IN_MS))
    return { ...part, atMostBits: BITS_IN_SECOND + TICK_BITS }
  return {
    ...part,
    atMostBits: BITS_IN_SECOND,
    next: (_ahead, moment) => timesIn(moment, skew, 1).flatMap((time) => uuidsIn(time, version, tail!)),
  }
}

/** Those that one millisecond can bring. */
function uuidsIn(time: number, version: 1 | 6, tail: string): readonly string[] {
  return Array.from({ length: Number(MOST_IN_MS) }, (_, more) => write(BigInt(time), BigInt(more), version) + tail)
}

function ticksOf(text: string, version: 1 | 6): bigint {
  const [low, mid, high] = [text.slice(0, 8), text.slice(9, 13), text.slice(15, 18)]
  return BigInt(`0x${version === 1 ? high + mid + low : low + mid + high}`) - EPOCH
}

function write(time: bigint, more: bigint, version: 1 | 6): string {
  const digits = (time * TICKS_PER_MS + more + EPOCH).toString(16).padStart(15, '0')
  if (version === 6) return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-6${digits.slice(12)}-`
  return `${digits.slice(7)}-${digits.slice(3, 7)}-1${digits.slice(0, 3)}-`
}
