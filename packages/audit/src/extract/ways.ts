/**
 * `return { ok: false }` on one way and `return { ok: true, user }` on another: a result that says by what is in it which
 * way was taken, and so what had been established there.
 */
import { withAlternatives } from './alternatives.ts'
import type { Outcome } from './conditions.ts'
import { conditionFrom, withConditionFrom } from './conditions.ts'
import type { HeapObject } from './heap.ts'
import { ClassObject, ExternalObject, InstanceObject, LibraryObject } from './heap.ts'
import type { Condition, Value, Way } from './value.ts'
import { NEVER, UNDEFINED, UNKNOWN, joinAll, primitive } from './value.ts'

/** More ways than this are told apart by nothing. */
const MOST_WAYS = 12
const NOTHING: ReadonlySet<string> = new Set()

/** The result that one of these outcomes gave: its truth, and what is in it, say which. */
export function resultOf(outcomes: readonly Outcome[], before: ReadonlySet<string>): Value {
  const values = outcomes.map((outcome) => outcome.value)
  const value = withAlternatives(joinAll(values), values)
  return withConditionFrom(withWays(value, outcomes, before), outcomes, before)
}

/** A value that is one of several results, with what each of them came with. */
function withWays(value: Value, outcomes: readonly Outcome[], before: ReadonlySet<string>): Value {
  if (outcomes.length < 2 || !(outcomes.some((outcome) => outcome.value.objects.some(isResult)) || isWord(value)))
    return value
  const ways = outcomes.flatMap((outcome) => waysOf(outcome, before))
  if (ways.length > MOST_WAYS || ways.every((way) => way.facts.must.size === 0)) return value
  return value.with({ ways })
}

/** `'missing'`, `'wrong'` or `'ok'`. */
function isWord({ primitives }: Value): boolean {
  return primitives.filter((item) => typeof item === 'string').length > 1
}

function isResult(item: HeapObject): boolean {
  return item.kind === 'object' || isAnswer(item)
}

/** What is known there beyond what was known before; a result that is passed on keeps what is known of it. */
function waysOf({ facts, value }: Outcome, before: ReadonlySet<string>): readonly Way[] {
  const learned = [...facts.must].filter((fact) => !before.has(fact))
  if (value.ways === undefined) return [{ facts: { must: new Set(learned), may: facts.may }, value }]
  return value.ways.map((way) => ({
    facts: { must: new Set([...way.facts.must, ...learned]), may: new Set([...way.facts.may, ...facts.may]) },
    value: way.value,
  }))
}

/** A part of a result says what the result does. */
export function partOfWays(target: Value, name: string, part: Value): Value {
  const parts = target.ways?.flatMap(({ facts, value }) => {
    const found = partIn(value, name)
    return found === undefined ? [] : [{ facts, value: found }]
  })
  if (parts === undefined) return part
  return withConditionFrom(part.with({ ways: parts }), parts, NOTHING)
}

/** `undefined` where nothing can be read of it: such a way does not come here. */
function partIn(value: Value, name: string): Value | undefined {
  if (value.objects.length === 0) return value.open || value === NEVER ? UNKNOWN : undefined
  return joinAll(
    value.objects.map((item) => {
      const cell = item.properties.get(name)
      if (cell !== undefined) return cell.value
      return item.kind === 'object' && !item.partial ? UNDEFINED : UNKNOWN
    }),
  )
}

/** What a test of the result teaches, where it comes out one way or the other for each of them. */
export function taughtByWays(tested: Value, test: (value: Value) => boolean | undefined): Condition | undefined {
  if (tested.ways === undefined) return undefined
  const outcomes = tested.ways.map(({ facts, value }) => {
    const comesOut = test(value)
    return { facts, value: comesOut === undefined ? UNKNOWN : primitive(comesOut) }
  })
  return conditionFrom(outcomes, NOTHING)
}

/** `'error' in result` */
export function hasPart(value: Value, name: string): boolean | undefined {
  const answers = value.objects.map((item) => {
    if (item.properties.has(name)) return true
    return item.kind === 'object' && !item.partial ? false : undefined
  })
  return agreed(value, answers)
}

/** `result instanceof Response` */
export function isOfClass(value: Value, of: Value): boolean | undefined {
  const [target] = of.objects
  if (of.objects.length !== 1) return undefined
  return agreed(
    value,
    value.objects.map((item) => isMadeBy(item, target!)),
  )
}

function isMadeBy(item: HeapObject, of: HeapObject): boolean | undefined {
  if (of instanceof ExternalObject && /(?:^|#)(?:global:)?(?:Next)?Response$/.test(of.path))
    return isAnswer(item) || (item.kind === 'object' ? false : undefined)
  if (!(of instanceof ClassObject)) return undefined
  if (item instanceof InstanceObject) return item.of === of ? true : undefined
  return item.kind === 'object' ? false : undefined
}

function isAnswer(item: HeapObject): boolean {
  return item instanceof LibraryObject && item.type === 'fetch-response'
}

/** `undefined` and `null` are of no class and have no parts. */
function agreed(value: Value, answers: readonly (boolean | undefined)[]): boolean | undefined {
  const all = value.primitives.length > 0 ? [...answers, false] : answers
  const [first] = all
  return !value.open && all.every((answer) => answer === first) ? first : undefined
}
