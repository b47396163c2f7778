/** What an expression may evaluate to: known primitives, heap objects, and where the value came from. */
import type { Entropy } from './entropy.ts'
import { isKnownToOthers, joinEntropy } from './entropy.ts'
import type { HeapObject } from './heap.ts'

export type Primitive = string | number | boolean | null | undefined

/** Facts learned about the path when the value is found truthy or falsy. */
export interface Condition {
  readonly whenTrue: readonly string[]
  readonly whenFalse: readonly string[]
}

/** What is said of a value. */
export interface Parts {
  readonly primitives: readonly Primitive[]
  readonly objects: readonly HeapObject[]
  readonly tags: readonly string[]
  /** May also be something not listed. */
  readonly open: boolean
  readonly entropy: Entropy | undefined
  readonly condition: Condition | undefined
  /** There were more objects than are kept: what a part of it may be is not known. */
  readonly cut: true | undefined
  /** A default has been given already where it was missing: another one changes nothing. */
  readonly filled: true | undefined
  /** A text in which something is written down, whatever else stands in it: it is not empty. */
  readonly full: true | undefined
  /** The results of which it is one, with what was learned on the way to each. */
  readonly ways: readonly Way[] | undefined
}

/**
 * An abstract value: a set of possibilities.
 * `tags` say where (part of) the value came from: `header:x`, `cred`, `entry:<store>:<field>`, `env:X`, `clock`, `mint`, …
 *
 * A class, and no literal that is spread, for speed: reading a field of a value is what the interpreter does most. Objects of
 * one class have one shape, so that reading is one step; every place that spreads makes a shape of its own.
 */
export class Value implements Parts {
  declare readonly primitives: Parts['primitives']
  declare readonly objects: Parts['objects']
  declare readonly tags: Parts['tags']
  declare readonly open: boolean
  declare readonly entropy: Parts['entropy']
  declare readonly condition: Parts['condition']
  declare readonly cut: Parts['cut']
  declare readonly filled: Parts['filled']
  declare readonly full: Parts['full']
  declare readonly ways: Parts['ways']
  /** What its origins say where it is tested, once that was asked: `conditionOf` remembers it here. */
  declare implied: Condition | undefined
  constructor(
    primitives: Parts['primitives'],
    objects: Parts['objects'],
    tags: Parts['tags'],
    open: boolean,
    rest: Partial<Parts> = NO_PARTS,
  ) {
    this.primitives = primitives
    this.objects = objects
    this.tags = tags
    this.open = open
    this.entropy = rest.entropy
    this.condition = rest.condition
    this.cut = rest.cut
    this.filled = rest.filled
    this.full = rest.full
    this.ways = rest.ways
    this.implied = undefined
  }
  /** The same value, but for these parts. */
  with(parts: Partial<Parts>): Value {
    return Object.assign(new Value(this.primitives, this.objects, this.tags, this.open, this), parts)
  }
}

const NO_PARTS: Partial<Parts> = {}

export interface Way {
  readonly facts: { readonly must: ReadonlySet<string>; readonly may: ReadonlySet<string> }
  readonly value: Value
}

const NOTHING: readonly never[] = []
const MAX_PRIMITIVES = 8
const MAX_OBJECTS = 8
/** A table of tools is a set of functions, or of objects that hold them, and one that is left out is never looked at. */
const MAX_CODE = 64
const MAX_TAGS = 24

/** Tag of a value that may be more than could be kept. */
export const CUT = 'cut'
/** Tag of a setting that is not given, where start-up is followed without any. */
export const UNSET = 'unset'

/** No value at all: the bottom of the lattice. */
export const NEVER = new Value(NOTHING, NOTHING, NOTHING, false)
export const UNKNOWN = new Value(NOTHING, NOTHING, NOTHING, true)
export const UNDEFINED: Value = primitive(undefined)

export function primitive(value: Primitive): Value {
  return new Value([value], NOTHING, NOTHING, false)
}

export function object(...objects: readonly HeapObject[]): Value {
  return new Value(NOTHING, objects, NOTHING, false)
}

export function tagged(...tags: readonly string[]): Value {
  return new Value(NOTHING, NOTHING, tags, true)
}

export function withTags(value: Value, tags: readonly string[]): Value {
  const merged = union(value.tags, tags, MAX_TAGS)
  return merged === value.tags ? value : value.with({ tags: merged })
}

export function withCondition(value: Value, condition: Condition): Value {
  return value.with({ condition })
}

export function withoutCondition(value: Value): Value {
  if (value.condition === undefined) return value
  return value.with({ condition: undefined })
}

/** A value of unknown content that carries the origins of others: the result of code we cannot read. */
export function derived(...sources: readonly Value[]): Value {
  let tags: readonly string[] = NOTHING
  for (const source of sources) tags = union(tags, source.tags, MAX_TAGS)
  return tags.length === 0 ? UNKNOWN : new Value(NOTHING, NOTHING, tags, true)
}

export function join(a: Value, b: Value): Value {
  if (a === b || b === NEVER) return a
  if (a === NEVER) return b
  const primitives = union(a.primitives, b.primitives, MAX_PRIMITIVES)
  const isCut = lacks(primitives, b.primitives)
  const objects = unionOfObjects(a.objects, b.objects)
  const all = union(a.tags, b.tags, MAX_TAGS)
  const tags = isCut && !all.includes(CUT) ? [...all, CUT] : all
  const entropy = joinEntropy(a.entropy, b.entropy)
  const open = a.open || b.open || isCut
  const cut = a.cut === true || b.cut === true || leavesOut(objects, b.objects)
  const filled = isThere(a) && isThere(b)
  const full = a.full === true && b.full === true
  if (cut === (a.cut === true) && same(a, primitives, objects, tags, open, entropy)) return plain(a, filled, full)
  return new Value(primitives, objects, tags, open, {
    entropy,
    cut: cut ? true : undefined,
    filled: filled && open ? true : undefined,
    full: full ? true : undefined,
  })
}

/** Whether it is neither `undefined` nor `null`, whatever it is. */
export function isThere(value: Value): boolean {
  if (value.primitives.some((item) => item === undefined || item === null)) return false
  return value.filled === true || (!value.open && value !== NEVER)
}

/** What is known of one value only is not known of it and another. */
function plain(value: Value, isFilled: boolean, isFull: boolean): Value {
  const isKept = (isFilled || value.filled === undefined) && (isFull || value.full === undefined)
  if (value.ways === undefined && isKept) return withoutCondition(value)
  return value.with({
    condition: undefined,
    filled: isFilled ? value.filled : undefined,
    full: isFull ? value.full : undefined,
    ways: undefined,
  })
}

/** Whether a full set had to leave some of these out. */
function lacks(kept: readonly Primitive[], given: readonly Primitive[]): boolean {
  return kept.length >= MAX_PRIMITIVES && given.some((item) => !kept.includes(item))
}

/** As `lacks`. */
function leavesOut(kept: readonly HeapObject[], given: readonly HeapObject[]): boolean {
  return kept !== given && kept.length >= MAX_OBJECTS && given.some((item) => !kept.includes(item))
}

function same(
  a: Value,
  primitives: Value['primitives'],
  objects: Value['objects'],
  tags: Value['tags'],
  open: boolean,
  entropy: Entropy | undefined,
): boolean {
  return (
    primitives === a.primitives && objects === a.objects && tags === a.tags && open === a.open && entropy === a.entropy
  )
}

/** Made here, by whatever generator: what the machine is called is not. */
export function isDrawn({ entropy }: Value): boolean {
  return entropy !== undefined && !isKnownToOthers(entropy)
}

/** It has come from so many places, or is one of so many texts, that none of them says what it is. */
export function isMixed(value: Value): boolean {
  return value.tags.length >= MAX_TAGS || strings(value).length > 2
}

/** One of so many that what it holds says nothing of the one that is meant: all of a configuration, read by computed names. */
export function isCrowd({ objects }: Value): boolean {
  return objects.length > MAX_OBJECTS
}

export function joinAll(values: Iterable<Value>): Value {
  let all = NEVER
  for (const value of values) all = join(all, value)
  return all
}

/** As `union`: a set of code may be larger than one of data. */
function unionOfObjects(a: readonly HeapObject[], b: readonly HeapObject[]): readonly HeapObject[] {
  if (a === b || a.length + b.length <= MAX_OBJECTS) return union(a, b, MAX_OBJECTS)
  return union(a, b, a.every(isCode) && b.every(isCode) ? MAX_CODE : MAX_OBJECTS)
}

/** A function, or what start-up made. */
function isCode({ kind, born }: HeapObject): boolean {
  return kind === 'function' || born === 0
}

/** Union that keeps `a`'s identity when `b` adds nothing. */
function union<T>(a: readonly T[], b: readonly T[], max: number): readonly T[] {
  // Most values are joined with what they hold already.
  if (b.length === 0 || a === b) return a
  let merged: T[] | undefined
  for (const item of b) {
    if ((merged ?? a).includes(item)) continue
    if ((merged ?? a).length >= max) break
    merged ??= [...a]
    merged.push(item)
  }
  return merged ?? a
}

/** Whether the value can be truthy / falsy. An open value can be both. */
export function truthiness(value: Value): { readonly canBeTrue: boolean; readonly canBeFalse: boolean } {
  const open = value.open || value.tags.length > 0
  return {
    canBeTrue: open || value.objects.length > 0 || value.primitives.some(Boolean),
    canBeFalse: (open && value.full !== true) || value.primitives.some((item) => !item) || value === NEVER,
  }
}

/** Asked at every step, and most values have none: an index costs less than an iterator. */
export function hasTag({ tags }: Value, prefix: string): boolean {
  for (let at = 0; at < tags.length; at += 1) if (isTag(tags[at]!, prefix)) return true
  return false
}

export function tagsOf({ tags }: Value, prefix: string): readonly string[] {
  return tags.length === 0 ? tags : tags.filter((tag) => isTag(tag, prefix))
}

/** The containers that (part of) the value was found in, each once. */
export function storesIn(value: Value): readonly string[] {
  const found = tagsOf(value, 'entry')
  return found.length === 0 ? found : [...new Set(found.map((tag) => tag.split(':')[1] ?? ''))]
}

/** `cred`, or one of its kind: `cred:…`. Asked millions of times: nothing is put together for it. */
function isTag(tag: string, prefix: string): boolean {
  return tag.startsWith(prefix) && (tag.length === prefix.length || tag.charCodeAt(prefix.length) === COLON)
}

const COLON = 58

/** The one string the value certainly is, if it is one. */
export function onlyString(value: Value): string | undefined {
  const [first] = value.primitives
  return value.primitives.length === 1 && !value.open && value.objects.length === 0 && typeof first === 'string'
    ? first
    : undefined
}

export function strings(value: Value): readonly string[] {
  return value.primitives.filter((item): item is string => typeof item === 'string')
}
