/**
 * Start-up calls that repeat what was seen: same path, same closure, no origin or code among the arguments that earlier
 * calls did not have, and the last walks recorded nothing that was not known. Such a call does what they did; it is not
 * walked again. Of requests nothing is assumed: what one of them stores, the next one finds.
 */
import type { Node } from './ast.ts'
import type { Trigger } from './events.ts'
import type { Environment, FunctionObject } from './heap.ts'
import { siteKey } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Facts, State } from './state.ts'
import type { Condition, Value } from './value.ts'
import { NEVER, join, strings, withCondition } from './value.ts'

/** Walks in a row without news after which a call is believed to hold none. */
const REPEATS = 2
/** Paths on which a function is remembered. */
const MAX_PATHS = 6

/** What one call gives to a function. */
export interface Given {
  readonly fn: FunctionObject
  readonly self: Value
  readonly args: readonly Value[]
}

/** A call that is about to be walked. */
export interface Walk {
  readonly given: Given
  readonly before: Facts
  readonly news: number
}

interface Summary {
  readonly entry: Facts
  /** Walks in a row that said nothing new. */
  repeats: number
  readonly tags: Set<string>
  /** Where the code that it was given stands. */
  readonly code: Set<string>
  /** Closures of the function: what it reads of them was given to it as well. */
  readonly closures: Set<Environment>
  readonly must: readonly string[]
  readonly may: readonly string[]
  readonly dead: boolean
  readonly condition: Condition | undefined
  result: Value
}

export class Summaries {
  private readonly memories = new Map<Trigger, Map<Node, Summary[]>>()

  /** What stores hold has changed. */
  forget(): void {
    this.memories.clear()
  }

  /** What the call does, where that is known; the path then knows what it would after the call. */
  recall(machine: Machine, given: Given, state: State): Value | undefined {
    const summary = this.summariesOf(machine, given.fn.node).find(({ entry }) => isSamePath(entry, state.facts))
    if (summary === undefined || summary.repeats < REPEATS || makesLive(summary.result) || !isCovered(given, summary))
      return undefined
    if (dependsOnNames(summary.result, given.args)) return undefined
    apply(summary, state)
    return restamped(machine, summary)
  }

  begin(machine: Machine, given: Given, state: State): Walk {
    return { given, before: state.facts, news: newsFor(machine, given.fn) }
  }

  end(machine: Machine, walk: Walk, state: State, result: Value): void {
    const summaries = this.summariesOf(machine, walk.given.fn.node)
    const at = summaries.findIndex(({ entry }) => isSamePath(entry, walk.before))
    const known = summaries[at]
    const { must, may, lost } = learned(walk.before, state.facts)
    const isRepeat =
      known !== undefined &&
      !lost &&
      newsFor(machine, walk.given.fn) === walk.news &&
      state.dead === known.dead &&
      isSame(must, known.must) &&
      isSame(may, known.may) &&
      isSameCondition(result.condition, known.condition) &&
      (result.entropy === undefined) === (known.result.entropy === undefined) &&
      timeless(result.tags).every((tag) => timeless(known.result.tags).includes(tag))
    const summary: Summary = {
      entry: known?.entry ?? walk.before,
      repeats: isRepeat ? known.repeats + 1 : 0,
      tags: known?.tags ?? new Set(),
      code: known?.code ?? new Set(),
      closures: known?.closures ?? new Set(),
      must,
      may,
      dead: state.dead,
      condition: result.condition,
      result: join(known?.result ?? NEVER, result),
    }
    for (const tag of tagsIn(walk.given)) summary.tags.add(tag)
    for (const place of codeIn(walk.given)) summary.code.add(place)
    summary.closures.add(walk.given.fn.env)
    if (lost) summary.repeats = Number.NEGATIVE_INFINITY
    if (known !== undefined) summaries[at] = summary
    else if (summaries.length < MAX_PATHS) summaries.push(summary)
  }

  private summariesOf(machine: Machine, node: Node): Summary[] {
    const { trigger } = machine.context
    let byNode = this.memories.get(trigger)
    if (byNode === undefined) {
      byNode = new Map()
      this.memories.set(trigger, byNode)
    }
    let summaries = byNode.get(node)
    if (summaries === undefined) {
      summaries = []
      byNode.set(node, summaries)
    }
    return summaries
  }
}

/** What a constructor is for is to fill an instance: as long as that goes on, there is news. */
function newsFor(machine: Machine, fn: FunctionObject): number {
  const isConstructor = fn.home?.methods.get('constructor')?.['value'] === fn.node
  return isConstructor ? machine.news + machine.instanceNews : machine.news
}

function isCovered(given: Given, summary: Summary): boolean {
  if (!summary.closures.has(given.fn.env)) return false
  for (const tag of tagsIn(given)) if (!summary.tags.has(tag)) return false
  for (const place of codeIn(given)) if (!summary.code.has(place)) return false
  return true
}

function* tagsIn({ self, args }: Given): Generator<string> {
  for (const tag of self.tags) if (!tag.startsWith('read:')) yield tag
  for (const arg of args) for (const tag of arg.tags) if (!tag.startsWith('read:')) yield tag
}

/** Where the code among the arguments stands. Other objects belong to no request here. */
function* codeIn({ args }: Given): Generator<string> {
  for (const arg of args)
    for (const { kind, site } of arg.objects) if (kind === 'function' || kind === 'library') yield siteKey(site)
}

/** What is asked for by name, a setting say, is another value for another name. */
export function dependsOnNames({ primitives, objects, tags }: Value, args: readonly Value[]): boolean {
  const isDefinite = objects.length > 0 || primitives.some((item) => item !== undefined)
  const isSetting = tags.some((tag) => tag.startsWith('env:'))
  return (isDefinite || isSetting) && args.some((arg) => strings(arg).length > 0)
}

/** What it makes is another one each time, and what is done with it may differ. */
function makesLive({ objects }: Value): boolean {
  return objects.some((item) => item.kind !== 'object' && item.kind !== 'array' && item.kind !== 'external')
}

function isSamePath(a: Facts, b: Facts): boolean {
  return (
    a === b ||
    (isSubset(a.must, b.must) && isSubset(b.must, a.must) && isSubset(a.may, b.may) && isSubset(b.may, a.may))
  )
}

function isSubset(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  if (some === all) return true
  for (const fact of some) if (!all.has(fact) && !isPassing(fact)) return false
  return true
}

/** Bound to a moment. */
function isPassing(fact: string): boolean {
  return fact.startsWith('checked:') || fact.startsWith('settled:') || /^(?:not-)?path:/.test(fact)
}

function learned(
  before: Facts,
  after: Facts,
): { readonly must: readonly string[]; readonly may: readonly string[]; readonly lost: boolean } {
  const added = (old: ReadonlySet<string>, now: ReadonlySet<string>): readonly string[] =>
    old === now ? [] : [...now].filter((fact) => !old.has(fact) && !isPassing(fact))
  const lost = added(after.must, before.must).length > 0 || added(after.may, before.may).length > 0
  return { must: added(before.must, after.must), may: added(before.may, after.may), lost }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item))
}

function isSameCondition(a: Condition | undefined, b: Condition | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return isSame(a.whenTrue, b.whenTrue) && isSame(a.whenFalse, b.whenFalse)
}

function timeless(tags: readonly string[]): readonly string[] {
  return tags.map((tag) => (tag.startsWith('read:') ? tag.slice(0, tag.lastIndexOf('@')) : tag))
}

function apply(summary: Summary, state: State): void {
  if (summary.must.length > 0 || summary.may.length > 0)
    state.facts = {
      must: new Set([...state.facts.must, ...summary.must]),
      may: new Set([...state.facts.may, ...summary.may]),
    }
  state.dead = summary.dead
}

/** The result, as read now. */
function restamped(machine: Machine, { result, condition }: Summary): Value {
  const tags = new Set(result.tags.map((tag) => readNow(machine, tag)))
  const value = result.tags.some((tag) => tag.startsWith('read:')) ? result.with({ tags: [...tags] }) : result
  return condition === undefined ? value : withCondition(value, condition)
}

function readNow(machine: Machine, tag: string): string {
  if (!tag.startsWith('read:')) return tag
  const place = tag.slice('read:'.length, tag.lastIndexOf('@'))
  const site = machine.readSites.get(tag.slice('read:'.length))
  if (site !== undefined) machine.readSites.set(`${place}@${machine.moment}`, site)
  return `read:${place}@${machine.moment}`
}
