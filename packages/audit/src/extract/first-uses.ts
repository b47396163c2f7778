/**
 * `if (!db) { db = open(); migrate(db) }`: what the first request makes for all. The process does it once, so the requests
 * that are followed first do it, and those after them find it made.
 */
import type { Node } from './ast.ts'
import { bare, children } from './ast.ts'
import type { EventKind } from './events.ts'
import type { Cell, Environment } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { NEVER, join } from './value.ts'

/** Requests that do it; what one of them cannot know, it may have of another. */
const REQUESTS = 3
/** What costs less is worth no doubt. */
const LEAST_STEPS = 200

/** What a request has to do with itself, whoever did it before. */
const OF_ITSELF: ReadonlySet<EventKind> = new Set([
  'listen',
  'route',
  'transport',
  'connect',
  'cookie',
  'token',
  'token-check',
  'session-marked',
])

interface Use {
  readonly roots: Set<number>
  /** What stands in the variable afterwards. */
  value: Value
  /** It did more than to make something for all. */
  isOwn: boolean
  /** The most that it took. */
  steps: number
}

/** First uses by the statement that asks for them. */
export class FirstUses {
  private readonly uses = new Map<Node, Use>()

  /** Requests are followed anew. */
  forget(): void {
    this.uses.clear()
  }

  /** Runs what `node` does where nothing was made yet, or leaves the variable as those before have. */
  run(machine: Machine, node: Node, state: State, env: Environment, walk: () => void): void {
    const cell = machine.context.trigger === 'startup' ? undefined : variableOf(node, env)
    if (cell === undefined) return walk()
    const use = this.uses.get(node) ?? { roots: new Set(), value: NEVER, isOwn: false, steps: 0 }
    this.uses.set(node, use)
    if (isDone(use, machine.rootNumber)) {
      state.write(cell, use.value)
      return
    }
    const before = markOf(machine, state)
    walk()
    use.value = join(use.value, state.read(cell))
    use.roots.add(machine.rootNumber)
    use.steps = Math.max(use.steps, machine.steps - before.steps)
    use.isOwn ||= didMore(machine, state, before, use.value)
  }
}

function isDone({ isOwn, steps, roots }: Use, root: number): boolean {
  return !isOwn && steps >= LEAST_STEPS && roots.size >= REQUESTS && !roots.has(root)
}

interface Mark {
  readonly events: number
  readonly steps: number
  readonly kept: string
  readonly facts: State['facts']
}

function markOf(machine: Machine, { facts }: State): Mark {
  const { routes, tools, passed, touches, frame } = machine
  const kept = [routes.length, tools.size, passed.length, touches, frame.exits.length].join()
  return { events: machine.events.length, steps: machine.steps, kept, facts }
}

function didMore(machine: Machine, state: State, before: Mark, value: Value): boolean {
  const now = markOf(machine, state)
  return (
    state.dead ||
    now.kept !== before.kept ||
    !isSame(before.facts.must, now.facts.must) ||
    !isSame(before.facts.may, now.facts.may) ||
    value.entropy !== undefined ||
    value.tags.some((tag) => !/^(?:read|env|was-env):/.test(tag)) ||
    machine.events.slice(before.events).some(({ kind }) => OF_ITSELF.has(kind))
  )
}

function isSame(before: ReadonlySet<string>, after: ReadonlySet<string>): boolean {
  if (before === after) return true
  const isPassing = (fact: string): boolean => fact.startsWith('checked:') || fact.startsWith('settled:')
  return (
    [...after].every((fact) => before.has(fact) || isPassing(fact)) &&
    [...before].every((fact) => after.has(fact) || isPassing(fact))
  )
}

/** The variable that outlives requests, and that the statement sets where it holds nothing yet. */
function variableOf(node: Node, env: Environment): Cell | undefined {
  const name = nameSet(node)
  const cell = name === undefined ? undefined : env.find(name)
  return cell?.born === 0 ? cell : undefined
}

const names = new WeakMap<Node, string | false>()

function nameSet(node: Node): string | undefined {
  let known = names.get(node)
  if (known === undefined) {
    const name = nameMissing(node['test'] as Node)
    known = name !== undefined && sets(node['consequent'] as Node, name) && name
    names.set(node, known)
  }
  return known === false ? undefined : known
}

/** `!db`, `db === null`, `db == undefined` */
function nameMissing(test: Node): string | undefined {
  if (test.type === 'UnaryExpression' && test['operator'] === '!') return nameIn(test['argument'] as Node)
  if (test.type !== 'BinaryExpression' || !/^===?$/.test(String(test['operator']))) return undefined
  return isNothing(test['right'] as Node) ? nameIn(test['left'] as Node) : undefined
}

function nameIn(node: Node): string | undefined {
  const inner = bare(node)
  return inner.type === 'Identifier' ? String(inner['name']) : undefined
}

function isNothing(node: Node): boolean {
  return (
    (node.type === 'Literal' && node['raw'] === 'null') || (node.type === 'Identifier' && node['name'] === 'undefined')
  )
}

function sets(root: Node, name: string): boolean {
  const pending: Node[] = [root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'AssignmentExpression' && nameIn(node['left'] as Node) === name) return true
    for (const child of children(node)) pending.push(child)
  }
  return false
}
