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

/**
 * An abstract value: a set of possibilities.
 * `tags` say where (part of) the value came from: `header:x`, `cred`, `entry:<store>:<field>`, `env:X`, `clock`, `mint`, …
 */
export interface Value {
  readonly primitives: readonly Primitive[]
  readonly objects: readonly HeapObject[]
  readonly tags: readonly string[]
  /** May also be something not listed. */
  readonly open: boolean
  readonly entropy?: Entropy
  readonly condition?: Condition
  /** There were more objects than are kept: what a part of it may be is not known. */
  readonly cut?: true
  /** A default has been given already where it was missing: another one changes nothing. */
  readonly filled?: true
  /** A text in which something is written down, whatever else stands in it: it is not empty. */
  readonly full?: true
  /** The results of which it is one, with what was learned on the way to each. */
  readonly ways?: readonly Way[]
}

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
export const NEVER: Value = { primitives: NOTHING, objects: NOTHING, tags: NOTHING, open: false }
export const UNKNOWN: Value = { primitives: NOTHING, objects: NOTHING, tags: NOTHING, open: true }
export const UNDEFINED: Value = primitive(undefined)

export function primitive(value: Primitive): Value {
  return { primitives: [value], objects: NOTHING, tags: NOTHING, open: false }
}

export function object(...objects: readonly HeapObject[]): Value {
  return { primitives: NOTHING, objects, tags: NOTHING, open: false }
}

export function tagged(...tags: readonly string[]): Value {
  return { primitives: NOTHING, objects: NOTHING, tags, open: true }
}

export function withTags(value: Value, tags: readonly string[]): Value {
  const merged = union(value.tags, tags, MAX_TAGS)
  return merged === value.tags ? value : { ...value, tags: merged }
}

export function withCondition(value: Value, condition: Condition): Value {
  return { ...value, condition }
}

export function withoutCondition(value: Value): Value {
  if (value.condition === undefined) return value
  const { condition: _, ...rest } = value
  return rest
}

/** A value of unknown content that carries the origins of others: the result of code we cannot read. */
export function derived(...sources: readonly Value[]): Value {
  let tags: readonly string[] = NOTHING
  for (const source of sources) tags = union(tags, source.tags, MAX_TAGS)
  return tags.length === 0 ? UNKNOWN : { primitives: NOTHING, objects: NOTHING, tags, open: true }
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
  const joined: { -readonly [Field in keyof Value]: Value[Field] } = { primitives, objects, tags, open }
  if (entropy !== undefined) joined.entropy = entropy
  if (filled && open) joined.filled = filled
  if (full) joined.full = full
  if (cut) joined.cut = cut
  return joined
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
  const { condition: _, filled, full, ways: __, ...rest } = value
  return { ...rest, ...(isFilled && filled ? { filled } : {}), ...(isFull && full ? { full } : {}) }
}

/** Whether a full set had to leave some of these out. */
function lacks(kept: readonly Primitive[], given: readonly Primitive[]): boolean {
  return kept.length >= MAX_PRIMITIVES && given.some((item) => !kept.includes(item))
}

/** As `lacks`. */
function leavesOut(kept: readonly HeapObject[], given: readonly HeapObject[]): boolean {
  return kept.length >= MAX_OBJECTS && given.some((item) => !kept.includes(item))
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
  if (a.length + b.length <= MAX_OBJECTS) return union(a, b, MAX_OBJECTS)
  return union(a, b, a.every(isCode) && b.every(isCode) ? MAX_CODE : MAX_OBJECTS)
}

/** A function, or what start-up made. */
function isCode({ kind, born }: HeapObject): boolean {
  return kind === 'function' || born === 0
}

/** Union that keeps `a`'s identity when `b` adds nothing. */
function union<T>(a: readonly T[], b: readonly T[], max: number): readonly T[] {
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

export function hasTag({ tags }: Value, prefix: string): boolean {
  for (const tag of tags) if (isTag(tag, prefix)) return true
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
