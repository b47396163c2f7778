/** From texts that V8's `Math.random` made, in the order in which they were issued, to the state behind it. */
import { LinearSystem } from './linear.ts'
import { type BitSum, type Rendering, renderingsOf } from './renderings.ts'
import { BATCH, type GeneratorState, madeAt, servedValues, SHOWN_BITS, symbolicValues, WORDS } from './xorshift.ts'

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

/** Calls between any two texts that go elsewhere, always as many: where the whole sample is tried, and where a stretch is. */
const OTHER_CALLS = 8
const OTHER_CALLS_IN_STRETCH = 2
/** Calls that go elsewhere now and then, between two texts that are known to be the generator's. */
const STRAY_CALLS = 64
/** Equations that must agree by themselves before a state is believed enough to be tried. */
const SURPLUS = 16
/** Equations that settle the matter: many say the same, and chance does not fit so many; more cost time and say nothing new. */
const ENOUGH_EQUATIONS = 320
/** How many stretches are tried, from the newest to older ones. */
const MOST_STRETCHES = 8

/** Texts that follow each other in the sample, with the same number of calls from each to the next. */
interface Stretch {
  readonly from: number
  readonly to: number
  readonly otherCalls: number
}

/**
 * Tries every rendering that fits, every number of calls between texts and every place in a batch: on the whole sample, and
 * on short stretches of it, so that it does not matter what else drew a number outside of one of them.
 */
export function recover(texts: readonly string[], work: Work): Recovered | undefined {
  const families = renderingsOf(texts).flatMap((rendering) => {
    const observed = texts.map((text) => rendering.observe(text))
    return observed.every((sums) => sums !== undefined) ? familiesOf({ rendering, observed, texts }) : []
  })
  for (const family of families.toSorted((one, other) => one.turn - other.turn)) {
    const found = recoverFrom(family, work)
    if (found !== undefined) return found
  }
  return undefined
}

/** Texts read as one rendering. */
interface Reading {
  readonly rendering: Rendering
  readonly observed: readonly (readonly BitSum[])[]
  readonly texts: readonly string[]
}

/** Stretches of a reading that tell of the same bits, and differ in what these are: their equations have one left side. */
interface Family {
  readonly reading: Reading
  readonly stretches: readonly Stretch[]
  /** Of each stretch, as many texts as give enough equations. */
  readonly read: readonly (readonly (readonly BitSum[])[])[]
  /** When it is tried: the whole sample first, then stretches from the newest to older ones. */
  readonly turn: number
}

function familiesOf(reading: Reading): readonly Family[] {
  const { observed } = reading
  const whole = { from: 0, to: observed.length, otherCalls: OTHER_CALLS }
  const families = new Map<string, Family>()
  for (const [turn, stretch] of [whole, ...stretchesOf(observed)].entries()) {
    const within = observed.slice(stretch.from, stretch.to)
    const read = within.slice(0, enough(within))
    if (read.flat().length < 128 + SURPLUS) continue
    const key = read.map((sums) => sums.map(({ call, bits }) => `${call}:${bits.join()}`).join(' ')).join('\n')
    const family = families.get(key) ?? { reading, stretches: [], read: [], turn }
    families.set(key, { ...family, stretches: [...family.stretches, stretch], read: [...family.read, read] })
  }
  return [...families.values()]
}

/** The newest first, each ending a text before the one before it. */
function stretchesOf(observed: Reading['observed']): readonly Stretch[] {
  const ends = Array.from({ length: Math.min(MOST_STRETCHES, observed.length) }, (_, back) => observed.length - back)
  return ends.flatMap((to) => {
    const from = beginningOf(observed, to)
    return from === undefined ? [] : [{ from, to, otherCalls: OTHER_CALLS_IN_STRETCH }]
  })
}

/** The last text from which on there are equations enough before `to`. */
function beginningOf(observed: Reading['observed'], to: number): number | undefined {
  let equations = 0
  for (let from = to - 1; from >= 0; from--) {
    equations += observed[from]!.length
    if (equations >= ENOUGH_EQUATIONS) return from
  }
  return undefined
}

function recoverFrom(family: Family, work: Work): Recovered | undefined {
  const { reading, stretches, read } = family
  const { rendering } = reading
  const otherCalls = Math.max(...stretches.map((stretch) => stretch.otherCalls))
  const equations = equationsOf(read)
  const mostCalls = BATCH + (rendering.calls + otherCalls) * read[0]!.length
  const symbols = symbolicValues(Math.ceil(mostCalls / BATCH) * BATCH)
  const system = new LinearSystem()
  for (let stride = rendering.calls; stride <= rendering.calls + otherCalls; stride++) {
    const futures: (readonly string[])[] = []
    for (let start = 0; start < BATCH; start++) {
      if (work.systems-- <= 0) break
      system.clear(stretches.length)
      if (!solve(system, symbols, equations, start, stride)) continue
      for (const [index, stretch] of stretches.entries()) {
        const state = stride > rendering.calls + stretch.otherCalls ? undefined : system.solution(index)
        if (state !== undefined) futures.push(...explain({ state, start, stride, reading, stretch }))
      }
    }
    if (futures.length > 0) return { rendering, next: (ahead) => likeliest(futures.map((future) => future[ahead]!)) }
  }
  return undefined
}

/** One equation for all stretches of a family. */
interface Equation {
  /** Which text it is of, counted from the beginning of the stretch. */
  readonly text: number
  readonly call: number
  readonly bits: readonly number[]
  /** A bit for each stretch. */
  readonly sums: number
}

function equationsOf([first = [], ...others]: Family['read']): readonly Equation[] {
  return first.flatMap((sums, text) =>
    sums.map(({ call, bits, sum }, at) => ({
      text,
      call,
      bits,
      sums: others.reduce((all, other, index) => all | (other[text]![at]!.sum << (index + 1)), sum as number),
    })),
  )
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

/**
 * Whether a state before the batch in which the first text's first value, the `start`-th, was served, fits any of the
 * stretches.
 */
function solve(
  system: LinearSystem,
  symbols: Uint32Array,
  equations: readonly Equation[],
  start: number,
  stride: number,
): boolean {
  const sum = new Uint32Array(WORDS)
  for (const { text, call, bits, sums } of equations) {
    const made = madeAt(start + text * stride + call)
    sum.fill(0)
    for (const bit of bits) {
      const at = (made * SHOWN_BITS + bit) * WORDS
      for (let word = 0; word < WORDS; word++) sum[word]! ^= symbols[at + word]!
    }
    if (!system.add(sum, sums)) return false
  }
  return system.confirmed >= SURPLUS
}

interface Hypothesis {
  readonly state: GeneratorState
  readonly start: number
  readonly stride: number
  readonly reading: Reading
  readonly stretch: Stretch
}

/** How far ahead texts are known. */
export const MOST_AHEAD = 16

/**
 * Renders the past again, and with it the future: a state that does not give every text from the stretch on is not the
 * generator's. More than one future fits where the sample has no end of a batch in it, or is one of two renderings.
 */
function explain(hypothesis: Hypothesis): readonly (readonly string[])[] {
  const { state, start, stride, reading, stretch } = hypothesis
  const { rendering, texts } = reading
  const followed = (texts.length - stretch.to) * STRAY_CALLS
  const count = start + (texts.length - stretch.from + MOST_AHEAD) * stride + followed
  return ([52, 53] as const).flatMap((precision) => {
    const values = servedValues(state, count, precision)
    const renderAt = (at: number) => rendering.render(values.slice(at, at + rendering.calls))
    return renderAt(start).flatMap((_, variant) => {
      const end = follow(hypothesis, (at) => renderAt(at)[variant]!)
      if (end === undefined) return []
      return [Array.from({ length: MOST_AHEAD }, (_text, ahead) => renderAt(end + ahead * stride)[variant]!)]
    })
  })
}

/** Where the text after the last one is made, if all are made: at even distances within the stretch, with strays after it. */
function follow(hypothesis: Hypothesis, textAt: (at: number) => string): number | undefined {
  const { start, stride, reading, stretch } = hypothesis
  let at = start
  for (const [index, text] of reading.texts.slice(stretch.from).entries()) {
    const last = at + (stretch.from + index < stretch.to ? 0 : STRAY_CALLS)
    while (at <= last && textAt(at) !== text) at++
    if (at > last) return undefined
    at += stride
  }
  return at
}
