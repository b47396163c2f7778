/** Assignments: to names, to members and to patterns with their defaults. */
import type { Node } from './ast.ts'
import { bare, isNode, staticKey } from './ast.ts'
import { assumeNot, ofOneWay } from './conditions.ts'
import { putBack } from './copies.ts'
import { isKnownToOthers, repeatEntropy } from './entropy.ts'
import type { Environment, Site } from './heap.ts'
import { LibraryObject } from './heap.ts'
import { fallenBackTo } from './known-texts.ts'
import type { Machine } from './machine.ts'
import { getProperty, setProperty } from './properties.ts'
import { summed } from './request-state.ts'
import { isNamedKey, noteAssignedCredential, noteKeyWritten, noteUrlAlternative } from './secrets.ts'
import { noteConfiguredPart } from './configured.ts'
import { namedSegment } from './segments.ts'
import { noteSharedWrite } from './shared.ts'
import type { State } from './state.ts'
import { noteMade } from './made-secrets.ts'
import type { Primitive, Value } from './value.ts'
import { NEVER, isThere, join, object, primitive, withTags } from './value.ts'
import { evaluate } from './expressions.ts'
import { arithmetic, isCounting, counted } from './operators.ts'

export function evaluateAssignment(machine: Machine, node: Node, state: State, env: Environment): Value {
  const operator = String(node['operator'])
  const left = bare(node['left'] as Node)
  if (operator === '=') {
    const value = named(machine, left, evaluate(machine, node['right'] as Node, state, env), node, state, env)
    assignPattern(machine, left, value, state, env)
    return value
  }
  const before = evaluate(machine, left, state, env)
  if (operator === '??=' || operator === '||=' || operator === '&&=') {
    const fork = state.fork()
    if (operator !== '&&=') assumeNot(machine, fork, before)
    const right = evaluate(machine, node['right'] as Node, fork, env)
    assignPattern(machine, left, right, fork, env)
    state.merge([fork, state.fork()])
    return join(before, right)
  }
  const right = addedInLoop(machine, operator, evaluate(machine, node['right'] as Node, state, env))
  const value = isCounting(operator, before, right)
    ? counted(before, operator === '+=' ? 'up' : 'down', machine.site(env.file, node))
    : summed(named(machine, left, arithmetic(operator.slice(0, -1), before, right), node, state, env), state)
  assignPattern(machine, left, value, state, env)
  return value
}

/** `text += letter` in a loop: one round is walked, and there are more. */
function addedInLoop(machine: Machine, operator: string, added: Value): Value {
  const inner = machine.frame.jumps.findLast(({ loop }) => loop)
  if (operator !== '+=' || added.entropy === undefined || inner === undefined) return added
  return added.with({ entropy: repeatEntropy(added.entropy, inner.rounds) })
}

/** A value that is put where a name says what it is for. */
function named(machine: Machine, left: Node, value: Value, node: Node, state: State, env: Environment): Value {
  if (value.entropy === undefined) return value
  const name = left.type === 'Identifier' ? String(left['name']) : staticKey(left)
  return name === undefined ? value : noteMade(machine, name, value, machine.site(env.file, node), state)
}

/** Writes a value to a variable, property or destructuring pattern. */
export function assignPattern(machine: Machine, given: Node, found: Value, state: State, env: Environment): void {
  const pattern = bare(given)
  const site = machine.site(env.file, pattern)
  const value = pattern.type === 'Identifier' ? namedSegment(String(pattern['name']), found) : found
  switch (pattern.type) {
    case 'Identifier': {
      const name = String(pattern['name'])
      const cell = env.find(name)
      if (cell === undefined) return
      noteSharedWrite(machine, cell, value, site, state)
      if (value.tags.length > 0) noteAssignedCredential(machine, cell, value, site)
      for (const target of value.objects) target.name ??= name
      if (cell.level < machine.stack.length) machine.noteLeft(value)
      state.write(cell, putBack(machine, state.read(cell), value, site, state))
      return
    }
    case 'MemberExpression': {
      const target = evaluate(machine, pattern['object'] as Node, state, env)
      const name = staticKey(pattern)
      const key = name === undefined ? evaluate(machine, pattern['property'] as Node, state, env) : primitive(name)
      noteConfiguredPart(machine, pattern['object'] as Node, target, value, site, state, env)
      if (name !== undefined && isNamedKey(name)) noteKeyWritten(machine, name, value, site, state)
      setProperty(machine, target, key, value, site, state)
      return
    }
    case 'ObjectPattern':
      return assignObjectPattern(machine, pattern, value, state, env)
    case 'ArrayPattern':
      ;(pattern['elements'] as (Node | null)[]).forEach((item, index) => {
        if (isNode(item))
          assignPattern(machine, item, getProperty(machine, value, primitive(String(index)), site, state), state, env)
      })
      return
    case 'AssignmentPattern':
      return assignPattern(
        machine,
        pattern['left'] as Node,
        withDefault(machine, value, pattern['right'] as Node, state, env),
        state,
        env,
      )
    case 'RestElement':
      return assignPattern(machine, pattern['argument'] as Node, value, state, env)
    case 'TSParameterProperty':
      return assignPattern(machine, pattern['parameter'] as Node, value, state, env)
    default:
      return
  }
}

function assignObjectPattern(machine: Machine, pattern: Node, value: Value, state: State, env: Environment): void {
  for (const item of pattern['properties'] as Node[]) {
    if (item.type === 'RestElement') {
      assignPattern(machine, item['argument'] as Node, withoutNamed(machine, pattern, value, env), state, env)
      continue
    }
    const name = staticKey(item)
    const key = name === undefined ? evaluate(machine, item['key'] as Node, state, env) : primitive(name)
    const site = machine.site(env.file, item)
    assignPattern(machine, item['value'] as Node, getProperty(machine, value, key, site, state), state, env)
  }
}

/** `{ authorization, ...rest } = req.headers`: the headers, without those that are named. */
function withoutNamed(machine: Machine, pattern: Node, value: Value, env: Environment): Value {
  const [bag] = value.objects
  if (value.objects.length !== 1 || !(bag instanceof LibraryObject) || bag.data['origin'] !== 'header') return value
  const names = (pattern['properties'] as Node[]).flatMap((item) => staticKey(item)?.toLowerCase() ?? [])
  return object(machine.library('bag', machine.site(env.file, pattern), { origin: 'header', without: names }))
}

/** A default applies where the value may be undefined; under the default configuration that is where it is a setting. */
export function withDefault(machine: Machine, value: Value, fallback: Node, state: State, env: Environment): Value {
  if (isThere(value) || (value !== NEVER && !value.open && !value.primitives.includes(undefined))) return value
  const other = fallenBackTo(machine, value, evaluate(machine, fallback, state, env), fallback, env)
  if (isKnownDigest(other)) noteFallbackAt(machine, value, machine.site(env.file, fallback))
  return defaulted(machine, value, other)
}

/** `value ?? fallback`: settings without a value of their own give way to the fallback. */
export function defaulted(machine: Machine, value: Value, fallback: Value): Value {
  const rest = value.primitives.filter((item) => item !== undefined && item !== null)
  const setting = value.tags.filter((tag) => tag.startsWith('env:') || tag.startsWith('opt:'))
  const isSetting =
    setting.length > 0 &&
    value.objects.length === 0 &&
    rest.length === 0 &&
    !setting.every((tag) => machine.requiredEnv.has(tag))
  if (isSetting)
    return withTags(
      fallback,
      setting.map((tag) => `was-${tag}`),
    )
  return filledWith(value, rest, fallback)
}

/** What is there, or else what is given for it: where that is there, the whole is. */
export function filledWith(value: Value, rest: readonly Primitive[], fallback: Value): Value {
  const either = ofOneWay(join(value.with({ primitives: rest }), fallback), [value, fallback])
  return isThere(fallback) && either.open ? either.with({ filled: true }) : either
}

/** One is taken where the other is not there: they are meant to be the same. */
export function noteAlternative(
  machine: Machine,
  one: Value,
  other: Value,
  node: Node,
  state: State,
  env: Environment,
): void {
  if (one.tags.length === 0 || other.tags.length === 0) return
  noteUrlAlternative(machine, one, other, machine.site(env.file, node), state)
}

/** `setting ?? 'text'`: remembers where the text stands. */
export function noteFallback(machine: Machine, left: Value, right: Value, node: Node, env: Environment): void {
  const isText = right.primitives.some((item) => typeof item === 'string' && item !== '')
  if (isText || isKnownDigest(right)) noteFallbackAt(machine, left, machine.site(env.file, node['right'] as Node))
}

/** A digest of text that stands in the source: as good as the text. */
function isKnownDigest({ entropy }: Value): boolean {
  return entropy !== undefined && isKnownToOthers(entropy)
}

function noteFallbackAt(machine: Machine, { tags }: Value, site: Site): void {
  for (const tag of tags)
    if (tag.startsWith('env:') || tag.startsWith('opt:')) machine.fallbacks.set(`was-${tag}`, site)
}

export function evaluateUpdate(machine: Machine, node: Node, state: State, env: Environment): Value {
  const before = evaluate(machine, node['argument'] as Node, state, env)
  const value = counted(before, node['operator'] === '++' ? 'up' : 'down', machine.site(env.file, node))
  assignPattern(machine, node['argument'] as Node, value, state, env)
  return value
}
