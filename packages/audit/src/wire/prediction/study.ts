/** From a bounded sample of handles, in the order in which they were issued, to what they are made of and which one comes next. */
import { findClock } from './clock.ts'
import { type Content, contentOf } from './content.ts'
import { counterOf, increasingOf } from './counter.ts'
import { digestOf } from './digest.ts'
import { CONFIDENCE, type Position, positionsOf } from './entropy.ts'
import type { Column, IssuedHandle, Moment, Part } from './part.ts'
import { MOST_AHEAD, recover, type Work } from './recover.ts'
import { timeUuidOf, uuidVersion } from './uuid.ts'

/** What a sample of handles shows. */
export interface Study {
  readonly issued: number
  /** Handles that had been issued before. */
  readonly duplicates: number
  /** What the handles are made of, from left to right. */
  readonly parts: readonly Part[]
  /** Upper bound on their unpredictability, with `confidence`: the sum over what could not be explained. */
  readonly atMostBits: number
  readonly confidence: number
  /** Of all positions, explained or not. */
  readonly positions: readonly Position[]
  readonly uuidVersion?: number
  readonly content?: Content
  /** How the handles are made, if that is understood well enough to say what comes next. */
  readonly generator?: string
}

/** Handles one of which will be issued next. */
export interface Announcement {
  readonly generator: string
  /** How many handles are announced. */
  readonly size: number
  /** The likeliest of them. */
  readonly likeliest: string
  includes(handle: string): boolean
}

const MOST_HANDLES = 256
const LONGEST_HANDLE = 256
/** About two thirds of a second. */
const MOST_SYSTEMS = 16_000
/** Fewer handles show nothing. */
const FEWEST = 3

/** Takes a sample apart. At most the last 256 handles count, and of those up to 256 characters. */
export function study(sample: readonly IssuedHandle[]): Study {
  const issued = sample.slice(-MOST_HANDLES)
  const handles = issued.map(({ handle }) => handle)
  const version = uuidVersion(handles)
  const content = contentOf(handles)
  const parts = issued.length < FEWEST ? [unknown(handles)] : takeApart(handles, issued)
  const generator = generatorOf(parts)
  return {
    issued: handles.length,
    duplicates: handles.length - new Set(handles).size,
    parts,
    atMostBits: parts.reduce((sum, part) => sum + part.atMostBits, 0),
    confidence: CONFIDENCE,
    positions: positionsOf(handles.map((handle) => handle.slice(0, LONGEST_HANDLE))),
    ...(version === undefined ? {} : { uuidVersion: version }),
    ...(content === undefined ? {} : { content }),
    ...(generator === undefined ? {} : { generator }),
  }
}

/**
 * Names the handles of which one will be issued next within `moment`, where every part of them is understood. With
 * `others`, up to so many handles may be issued to others in between.
 */
export function announce({ parts, generator }: Study, moment: Moment, others = 0): Announcement | undefined {
  if (generator === undefined) return undefined
  const aheads = Array.from({ length: Math.min(others, MOST_AHEAD - 1) + 1 }, (_, ahead) =>
    parts.map((part) => part.next!(ahead, moment)),
  )
  const sizes = aheads.map((choices) => choices.reduce((product, texts) => product * texts.length, 1))
  return {
    generator,
    size: sizes.reduce((sum, size) => sum + size, 0),
    likeliest: aheads[0]!.map((texts) => texts[0] ?? '').join(''),
    includes: (handle) => aheads.some((choices) => isMadeOf(handle, choices)),
  }
}

/** Whether `handle` is one of each of the choices, joined. */
function isMadeOf(handle: string, choices: readonly (readonly string[])[]): boolean {
  const [first, ...rest] = choices
  if (first === undefined) return handle === ''
  return first.some((text) => handle.startsWith(text) && isMadeOf(handle.slice(text.length), rest))
}

function generatorOf(parts: readonly Part[]): string | undefined {
  if (!parts.every((part) => part.next !== undefined)) return undefined
  const labels = parts.filter((part) => part.kind !== 'constant').map((part) => part.label)
  return labels.length === 0 ? 'the same text each time' : labels.join(' and ')
}

function takeApart(handles: readonly string[], issued: readonly IssuedHandle[]): readonly Part[] {
  const texts = handles.map((handle) => handle.slice(0, LONGEST_HANDLE))
  const parts = partsOf({ texts, issued }, { systems: MOST_SYSTEMS })
  // What was cut off is not understood, whatever the rest is.
  return handles.every((handle) => handle.length <= LONGEST_HANDLE) ? parts : [...parts, unknown(handles)]
}

function partsOf(column: Column, work: Work): readonly Part[] {
  const whole = constantOf(column) ?? timeUuidOf(column)
  return (
    (whole && [whole]) ??
    aroundClock(column, work) ??
    wholly(column, work) ??
    randomUuid(column) ??
    afterHead(column, work) ??
    betweenSeparators(column, work) ?? [increasingOf(column) ?? unknown(column.texts)]
  )
}

function constantOf({ texts }: Column): Part | undefined {
  const [first] = texts
  if (!texts.every((text) => text === first)) return undefined
  return { kind: 'constant', label: 'always the same', texts, atMostBits: 0, next: () => [first!] }
}

function unknown(texts: readonly string[]): Part {
  const atMostBits = positionsOf(texts).reduce((sum, position) => sum + position.atMostBits, 0)
  return { kind: 'unknown', label: 'not explained', texts, atMostBits }
}

/** What stands before a clock, the clock, and what stands after it. */
function aroundClock(column: Column, work: Work): readonly Part[] | undefined {
  const clock = findClock(column)
  if (clock === undefined) return undefined
  const before = column.texts.map((text) => text.slice(0, clock.from))
  const after = column.texts.map((text) => (clock.to === undefined ? '' : text.slice(clock.to)))
  return [...partsOf({ ...column, texts: before }, work), clock.part, ...partsOf({ ...column, texts: after }, work)]
}

function wholly(column: Column, work: Work): readonly Part[] | undefined {
  const part = counterOf(column) ?? mathRandomOf(column, work) ?? digestOf(column)
  return part && [part]
}

function mathRandomOf({ texts }: Column, work: Work): Part | undefined {
  const found = recover(texts, work)
  if (found === undefined) return undefined
  return { kind: 'math-random', label: `Math.random, ${found.rendering.label}`, texts, atMostBits: 0, next: found.next }
}

/** What is between the hyphens of a random UUID says nothing by itself. */
function randomUuid({ texts }: Column): readonly Part[] | undefined {
  return uuidVersion(texts) === 4 ? [unknown(texts)] : undefined
}

const SEPARATOR = /[^0-9A-Za-z]+/g

/** Where all texts have the same separators in the same order: what is between them, and they. */
function betweenSeparators(column: Column, work: Work): readonly Part[] | undefined {
  const separators = column.texts.map((text) => text.match(SEPARATOR) ?? [])
  const [first] = separators
  if (first!.length === 0 || !separators.every((list) => list.join('\n') === first!.join('\n'))) return undefined
  const pieces = column.texts.map((text) => text.split(SEPARATOR))
  return pieces[0]!.flatMap((_, index) => {
    const parts = partsOf({ ...column, texts: pieces.map((piece) => piece[index]!) }, work)
    const separator = first![index]
    if (separator === undefined) return parts
    return [...parts, always(column, separator)]
  })
}

/** What all texts begin with, and what follows. */
function afterHead(column: Column, work: Work): readonly Part[] | undefined {
  const head = commonHead(column.texts)
  if (head === '') return undefined
  // Behind a separator, letters may be digits of a counter that just do not change in this sample.
  const name = /^.*[^0-9A-Za-z]/.exec(head)?.[0]
  const counter = name === undefined ? undefined : counterOf(without(column, name))
  if (name !== undefined && counter !== undefined) return [always(column, name), counter]
  return [always(column, head), ...partsOf(without(column, head), work)]
}

function without(column: Column, head: string): Column {
  return { ...column, texts: column.texts.map((text) => text.slice(head.length)) }
}

function always(column: Column, text: string): Part {
  return constantOf({ ...column, texts: column.texts.map(() => text) })!
}

/** Digits at its end are left to the number that follows. */
function commonHead(texts: readonly string[]): string {
  const [first] = texts
  let length = 0
  while (length < first!.length && texts.every((text) => text[length] === first![length])) length++
  return first!.slice(0, length).replace(/\d+$/, '')
}
