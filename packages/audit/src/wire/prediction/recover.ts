/** From texts that V8's `Math.random` made, in the order in which they were issued, to the state behind it. */
import { LinearSystem } from './linear.ts'
import { type BitSum, type Rendering, renderingsOf } from './renderings.ts'
import {
  BATCH,
  type GeneratorState,
  madeAt,
  type Precision,
  servedValues,
  SHOWN_BITS,
  symbolicValues,
  WORDS,
} from './xorshift.ts'

/** A generator whose past is explained to the last character, and whose future is known. */
export interface Recovered {
  readonly rendering: Rendering
  /** What the text `ahead` after the next one can be: one thing, or one of a few, the likeliest first. */
  readonly next: (ahead: number) => readonly string[]
}

/** How many systems of equations may still be tried. Shared by everything that is tried on one sample. */
export interface Work {
  systems: number
}

/** Calls between two texts that go elsewhere. */
const OTHER_CALLS = 8
/** Equations that must agree by themselves before a state is believed enough to be tried. */
const SURPLUS = 16
/** Equations that settle the matter; more cost time and say nothing new. */
const ENOUGH_EQUATIONS = 400

/** The newest texts, by themselves: what else drew a number between older ones does not disturb them. */
const TAILS = [12, 6]

/** Tries every rendering that fits, every number of calls between texts and every place in a batch. */
export function recover(texts: readonly string[], work: Work): Recovered | undefined {
  const samples = [texts, ...TAILS.filter((size) => size < texts.length).map((size) => texts.slice(-size))]
  const renderings = renderingsOf(texts)
  for (const sample of samples)
    for (const rendering of renderings) {
      const found = recoverAs(rendering, sample, work)
      if (found !== undefined) return found
    }
  return undefined
}

function recoverAs(rendering: Rendering, texts: readonly string[], work: Work): Recovered | undefined {
  const observed = texts.map((text) => rendering.observe(text))
  if (!observed.every((sums) => sums !== undefined)) return undefined
  const read = observed.slice(0, enough(observed))
  if (read.flat().length < 128 + SURPLUS) return undefined
  const mostCalls = BATCH + (rendering.calls + OTHER_CALLS) * read.length
  const symbols = symbolicValues(Math.ceil(mostCalls / BATCH) * BATCH)
  const system = new LinearSystem()
  for (let stride = rendering.calls; stride <= rendering.calls + OTHER_CALLS; stride++) {
    const futures: (readonly string[])[] = []
    for (let start = 0; start < BATCH; start++) {
      if (work.systems-- <= 0) break
      const state = solve(system, symbols, read, start, stride)
      if (state !== undefined) futures.push(...explain({ state, start, stride, rendering, texts }))
    }
    if (futures.length > 0) return { rendering, next: (ahead) => likeliest(futures.map((future) => future[ahead]!)) }
  }
  return undefined
}

/** Each once, those first that come up most. */
function likeliest(texts: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([text]) => text)
}

/** How many of the texts give enough equations. */
function enough(observed: readonly (readonly BitSum[])[]): number {
  let equations = 0
  const index = observed.findIndex((sums) => (equations += sums.length) >= ENOUGH_EQUATIONS)
  return index < 0 ? observed.length : index + 1
}

/** The state before the batch in which the first text's first value, the `start`-th, was served. */
function solve(
  system: LinearSystem,
  symbols: Uint32Array,
  observed: readonly (readonly BitSum[])[],
  start: number,
  stride: number,
): GeneratorState | undefined {
  system.clear()
  const sum = new Uint32Array(WORDS)
  for (const [index, sums] of observed.entries())
    for (const equation of sums) {
      const made = madeAt(start + index * stride + equation.call)
      sum.fill(0)
      for (const bit of equation.bits) {
        const at = (made * SHOWN_BITS + bit) * WORDS
        for (let word = 0; word < WORDS; word++) sum[word]! ^= symbols[at + word]!
      }
      if (!system.add(sum, equation.sum)) return undefined
    }
  return system.confirmed < SURPLUS ? undefined : system.solution()
}

interface Hypothesis {
  readonly state: GeneratorState
  readonly start: number
  readonly stride: number
  readonly rendering: Rendering
  readonly texts: readonly string[]
}

/** How far ahead texts are known. */
export const MOST_AHEAD = 16

/**
 * Renders the past again, and with it the future: a state that does not give every text of the sample is not the
 * generator's. More than one future fits where the sample has no end of a batch in it, or is one of two renderings.
 */
function explain(hypothesis: Hypothesis): readonly (readonly string[])[] {
  const { texts } = hypothesis
  return ([52, 53] as const).flatMap((precision) => {
    const made = render(hypothesis, precision)
    const variants = made[0]!.map((_, variant) => made.map((each) => each[variant]!))
    return variants
      .filter((variant) => texts.every((text, index) => variant[index] === text))
      .map((variant) => variant.slice(texts.length))
  })
}

/** The texts of the sample and those after it, each in all its variants. */
function render(hypothesis: Hypothesis, precision: Precision): readonly (readonly string[])[] {
  const { state, start, stride, rendering, texts } = hypothesis
  const count = texts.length + MOST_AHEAD
  const values = servedValues(state, start + count * stride, precision)
  return Array.from({ length: count }, (_, index) => {
    const from = start + index * stride
    return rendering.render(values.slice(from, from + rendering.calls))
  })
}
