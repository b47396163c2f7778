/**
 * Keeps the interpreter linear: a function that did nothing worth recording, twice, is not walked a third time
 * for arguments as plain as before. What it returned then stands for what it returns now.
 */
import type { Node } from './ast.ts'
import type { FunctionObject, HeapObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import { dependsOnNames } from './summaries.ts'
import type { Condition, Value } from './value.ts'
import { NEVER, UNKNOWN, derived, join } from './value.ts'

interface Record {
  quietRuns: number
  /** Quiet runs in a row whose arguments could have told something, and did not: a logger, a formatter. */
  deafRuns: number
  runs: number
  /** How often it was entered while it ran. */
  reentries: number
  /** Taken by its runs and by what they called. */
  steps: number
  /** The root that `runs`, `reentries` and `steps` count for. */
  root: number
  result: Value
  /** It may have ended what its caller had: that is no event, and counts each time. */
  mayEnd: boolean
}

const QUIET_RUNS = 2
const DEAF_RUNS = 3
/** Where a count starts again after a run that was worth recording. */
const PENALTY = -6
/** However different its arguments, no function is walked more often than this within one root. */
const MAX_RUNS = 32
/** Nor more often than this, once it has cost so many steps, where nothing of the request and no code is handed to it. */
const MAX_PLAIN_RUNS = 4
const PLAIN_STEPS = 2_000
/** Functions that call each other multiply what they cost with each entry: one that runs is entered again so often, no more. */
const MAX_REENTRIES = 4
/** What is asked for by name is walked for each name, until it has cost so many steps. */
const NAMED_STEPS = 10_000

/** What is remembered of functions, by node and kind of context. */
export class QuietFunctions {
  private readonly records = new Map<string, Map<Node, Record>>()

  private recordOf(machine: Machine, node: Node): Record {
    const { trigger } = machine.context
    let byNode = this.records.get(trigger)
    if (byNode === undefined) {
      byNode = new Map()
      this.records.set(trigger, byNode)
    }
    let record = byNode.get(node)
    if (record === undefined) {
      record = { quietRuns: 0, deafRuns: 0, runs: 0, reentries: 0, steps: 0, root: 0, result: NEVER, mayEnd: false }
      byNode.set(node, record)
    }
    return record
  }

  /** The remembered result, where walking the function again would tell nothing new. */
  recall(machine: Machine, fn: FunctionObject, args: readonly Value[], ofRequest: boolean): Value | undefined {
    const record = this.recordOf(machine, fn.node)
    if (record.root !== machine.rootNumber) {
      record.root = machine.rootNumber
      record.runs = 0
      record.reentries = 0
      record.steps = 0
    }
    record.runs += 1
    const isReentry = machine.stack.includes(fn.node)
    if (isReentry) record.reentries += 1
    const isPlain = record.steps > PLAIN_STEPS && !ofRequest && !args.some(isCode)
    const isNamed = dependsOnNames(record.result, args)
    if (isNamed && record.steps < NAMED_STEPS) return undefined
    const isDone = record.runs > (isPlain ? MAX_PLAIN_RUNS : MAX_RUNS)
    const isTangled = isReentry && record.reentries > MAX_REENTRIES && record.steps > PLAIN_STEPS
    if (isDone || isTangled) return isNamed ? derived(...args) : join(record.result, derived(...args))
    const isDeaf = record.deafRuns >= DEAF_RUNS && !args.some(isCode)
    if (!isDeaf && (record.quietRuns < QUIET_RUNS || args.some(isTelling))) return undefined
    if (isDeaf) return derived(...args)
    if (isNamed) return undefined
    return record.result === NEVER ? UNKNOWN : record.result
  }

  /** Whether a run of the function may have ended what its caller had. */
  mayEnd(machine: Machine, fn: FunctionObject): boolean {
    return this.recordOf(machine, fn.node).mayEnd
  }

  /** A function that could not be followed to its end is not tried again within this root. */
  close(machine: Machine, fn: FunctionObject): void {
    this.recordOf(machine, fn.node).runs = MAX_RUNS
  }

  note(machine: Machine, fn: FunctionObject, args: readonly Value[], before: Mark, state: State, result: Value): void {
    const record = this.recordOf(machine, fn.node)
    record.result = join(record.result, result)
    record.steps += machine.steps - before.steps
    record.mayEnd ||= machine.mayEnds !== before.mayEnds
    const isStill =
      !state.dead &&
      sameMark(before, markOf(machine, state)) &&
      result.entropy === undefined &&
      result.ways === undefined &&
      (result.condition === undefined || saysLittle(result.condition))
    const isQuiet = isStill && result.condition === undefined && !isTelling(result)
    record.quietRuns = isQuiet ? record.quietRuns + 1 : PENALTY
    if (!isStill || !isDerived(result, args)) record.deafRuns = PENALTY
    else if (args.some(isTelling)) record.deafRuns += 1
  }
}

/** What would change if a function did something worth recording. */
export interface Mark {
  readonly events: number
  readonly instanceNews: number
  readonly steps: number
  readonly routes: number
  readonly deferred: number
  readonly tools: number
  readonly passed: number
  readonly mayEnds: number
  readonly must: ReadonlySet<string>
  readonly may: ReadonlySet<string>
}

export function markOf(machine: Machine, state: State): Mark {
  return {
    events: machine.eventCount,
    instanceNews: machine.instanceNews,
    steps: machine.steps,
    routes: machine.routes.length,
    deferred: machine.deferred.length,
    tools: machine.tools.size,
    passed: machine.passed.length,
    mayEnds: machine.mayEnds,
    must: state.facts.must,
    may: state.facts.may,
  }
}

function sameMark(a: Mark, b: Mark): boolean {
  return (
    a.events === b.events &&
    a.instanceNews === b.instanceNews &&
    a.routes === b.routes &&
    a.deferred === b.deferred &&
    a.tools === b.tools &&
    a.passed === b.passed &&
    sameNotes(a.must, b.must) &&
    sameNotes(a.may, b.may)
  )
}

/** Which conditions were looked at is no news by itself. */
function sameNotes(before: ReadonlySet<string>, after: ReadonlySet<string>): boolean {
  if (before === after) return true
  for (const fact of after) if (!before.has(fact) && !fact.startsWith('checked:')) return false
  for (const fact of before) if (!after.has(fact)) return false
  return true
}

/** Only whether something was there or configured: the arguments say that themselves. */
function saysLittle(condition: Condition): boolean {
  return [...condition.whenTrue, ...condition.whenFalse].every((fact) => /^(?:optional|exists|absent):/.test(fact))
}

/** Nothing in the result that is not in the arguments. */
function isDerived(result: Value, args: readonly Value[]): boolean {
  const isPlain = !result.objects.some((item) => isLive(item, 2))
  return isPlain && result.tags.every((tag) => args.some((arg) => arg.tags.includes(tag)))
}

function isCode(value: Value): boolean {
  return value.objects.some((item) => item.kind === 'function' || item.kind === 'library')
}

/** Origins, code and live objects can make a function do something else this time. */
function isTelling(value: Value): boolean {
  return value.tags.length > 0 || value.objects.some((item) => isLive(item, 2))
}

function isLive(item: HeapObject, depth: number): boolean {
  if (item.kind !== 'object' && item.kind !== 'array' && item.kind !== 'external') return true
  if (depth === 0) return false
  for (const cell of item.properties.values()) {
    if (cell.value.objects.some((inner) => inner.kind !== 'function' && isLive(inner, depth - 1))) return true
  }
  return false
}
