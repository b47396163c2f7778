/** How hard a value is to guess, tracked from its source through text operations. */
import type { Site } from './heap.ts'

/** One thing a value's unpredictability comes from. */
export interface EntropySource {
  /** `csprng`: unpredictable. The rest can be computed or narrowed down by an outsider. */
  readonly kind: 'csprng' | 'math-random' | 'clock' | 'counter' | 'process' | 'guessable' | 'constant'
  /** In plain words, with an article: "a millisecond clock". */
  readonly label: string
  /** Upper bound on the bits it contributes. */
  readonly bits: number
  readonly site: Site
  /** What stands in the source. */
  readonly text?: string
  /** The bits of all that was drawn there: whatever is picked by it, there are no more. */
  readonly total?: true
}

export interface Entropy {
  readonly sources: readonly EntropySource[]
  /** Upper bound set by cutting the text short, in bits. */
  readonly cap?: number
  /** Bits carried by each character, where the alphabet is known. */
  readonly bitsPerChar?: number
  /** Number of characters, where known. */
  readonly length?: number
  /** A sound generator is asked as well; this is what comes of it where there is none. */
  readonly onlyFallback?: boolean
}

/** Bits an attacker has to guess at most. */
export function bits(entropy: Entropy): number {
  const sum = entropy.sources.reduce((total, source) => total + source.bits, 0)
  return Math.floor(Math.min(sum, entropy.cap ?? Number.POSITIVE_INFINITY))
}

/** Bits that come from a sound generator. */
export function soundBits(entropy: Entropy): number {
  const sum = entropy.sources.reduce((total, source) => total + (source.kind === 'csprng' ? source.bits : 0), 0)
  return Math.floor(Math.min(sum, entropy.cap ?? Number.POSITIVE_INFINITY))
}

/** It is made of nothing but what stands in the source, and what others on the machine know. */
export function isKnownToOthers({ sources }: Entropy): boolean {
  return sources.length > 0 && sources.every(({ kind }) => kind === 'process' || kind === 'constant')
}

/** Text of both, one after the other. */
export function concatEntropy(a: Entropy | undefined, b: Entropy | undefined): Entropy | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  const sources = [...a.sources]
  for (const source of b.sources) {
    const known = sources.some(
      (other) => other.site.start === source.site.start && other.site.path === source.site.path,
    )
    if (!known) sources.push(source)
  }
  const cap = a.cap === undefined || b.cap === undefined ? undefined : a.cap + b.cap
  return { sources, ...(cap === undefined ? {} : { cap }) }
}

/** Either of the two: the weaker one counts, since an attacker may wait for it. */
export function joinEntropy(a: Entropy | undefined, b: Entropy | undefined): Entropy | undefined {
  if (a === undefined || a === b) return b ?? a
  if (b === undefined) return a
  const [weaker, stronger] = soundBits(a) <= soundBits(b) ? [a, b] : [b, a]
  const hasSound = (soundBits(weaker) === 0 && soundBits(stronger) > 0) || stronger.onlyFallback === true
  return hasSound && weaker.onlyFallback !== true ? { ...weaker, onlyFallback: true } : weaker
}

/** What a sum of shifted characters keeps. */
export function rolledEntropy(site: Site): Entropy {
  return { sources: [{ kind: 'guessable', label: 'a hash by shifts and sums', bits: 32, site }] }
}

/** One of several, picked by a number: how many are picked is not followed, so a sound generator is taken to suffice. */
export function pickEntropy(index: Entropy): Entropy {
  return {
    sources: index.sources.map((source) =>
      source.kind === 'csprng' && source.total !== true ? { ...source, bits: ENOUGH } : source,
    ),
  }
}

/** Text to which a loop adds as much in each round; where nobody knows how many there are, as above. */
export function repeatEntropy(added: Entropy, rounds: number | undefined): Entropy {
  if (rounds === undefined) return pickEntropy(added)
  return {
    sources: added.sources.map((source) =>
      source.kind === 'csprng' && source.total !== true ? { ...source, bits: source.bits * rounds } : source,
    ),
  }
}

const ENOUGH = 128

/** Text cut to `length` characters. */
export function cutEntropy(entropy: Entropy, length: number): Entropy {
  const perChar = entropy.bitsPerChar ?? 6
  const cap = Math.min(entropy.cap ?? Number.POSITIVE_INFINITY, Math.max(0, length) * perChar)
  return { ...entropy, cap, length }
}
