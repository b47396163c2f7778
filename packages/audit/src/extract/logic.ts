/** What is evaluated on one of two ways: `&&`, `||`, `??` and `?:`, with what their tests teach about the result. */
import type { Node } from './ast.ts'
import { staticKey } from './ast.ts'
import type { Outcome } from './conditions.ts'
import { noteEmptyWay } from './filled-lists.ts'
import { and, assumeNot, conditionOf, fromRequest, or, truthOn } from './conditions.ts'
import type { Environment } from './heap.ts'
import { ExternalObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { fallenBackTo } from './known-texts.ts'
import { isModelled } from './models/index.ts'
import { narrow } from './narrow.ts'
import { noteDecision } from './request-state.ts'
import { branch } from './statements.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { resultOf } from './ways.ts'
import { choosingWord, withWording } from './wordings.ts'
import { UNKNOWN, isThere, join, hasTag, truthiness, withCondition } from './value.ts'
import { evaluate } from './expressions.ts'
import { defaulted, filledWith, noteAlternative, noteFallback } from './assignments.ts'

export function evaluateLogical(machine: Machine, node: Node, state: State, env: Environment): Value {
  const left = evaluate(machine, node['left'] as Node, state, env)
  const operator = String(node['operator'])
  if (operator === '??') {
    if (isThere(left)) return left
    // Of what is an object or missing, the one operator takes what the other takes.
    if (isTrueOrMissing(left)) return evaluateOr(machine, left, node, state, env)
    const fork = state.fork()
    assumeNot(machine, fork, left)
    const other = evaluate(machine, node['right'] as Node, fork, env)
    const right = fallenBackTo(machine, left, other, node['right'] as Node, env)
    state.merge([fork, state.fork()])
    noteAlternative(machine, left, right, node, state, env)
    noteFallback(machine, left, right, node, env)
    return withTruthOf(left, right, defaulted(machine, left, right))
  }
  return operator === '&&' ? evaluateAnd(machine, left, node, state, env) : evaluateOr(machine, left, node, state, env)
}

function isTrueOrMissing({ primitives, objects, open }: Value): boolean {
  return !open && objects.length > 0 && primitives.every((item) => item === undefined || item === null || Boolean(item))
}

/** `flag ?? false`: true only where the flag is. */
function withTruthOf(left: Value, right: Value, value: Value): Value {
  if (left.condition === undefined) return withoutEither(left, right, value)
  const { canBeTrue, canBeFalse } = truthiness(right)
  const { whenTrue, whenFalse } = left.condition
  if (canBeTrue === canBeFalse) return value
  return withCondition(value, { whenTrue: canBeTrue ? [] : whenTrue, whenFalse: canBeFalse ? [] : whenFalse })
}

/** `hosts ?? (isLoopback ? LOCAL : undefined)`: what is missing on either side is missing for the reason that the right one has. */
function withoutEither(left: Value, right: Value, value: Value): Value {
  const settings = right.condition?.whenFalse.filter((fact) => fact.startsWith('optional:')) ?? []
  if (settings.length === 0 || value.condition !== undefined || fromRequest(left) || hasTag(left, 'entry')) return value
  return withCondition(value, { whenTrue: [], whenFalse: settings })
}

function evaluateAnd(machine: Machine, left: Value, node: Node, state: State, env: Environment): Value {
  const truth = truthOn(machine, left, state)
  if (!truth.canBeTrue) return left
  const before = state.facts
  const right = rightWhere(true, machine, left, node, state, env)
  if (!truth.canBeFalse) return withCondition(right, conditionOf(right))
  const falsy = left.primitives.filter((item) => !item)
  const stays = left.with({ primitives: falsy.length > 0 ? falsy : [false], objects: [] })
  return and(left, right, join(stays, right), before)
}

/** The right side, evaluated on the one way that leads to it. */
function rightWhere(isTrue: boolean, machine: Machine, left: Value, node: Node, state: State, env: Environment): Value {
  let right: Value = UNKNOWN
  const goOn = (way: State): void => {
    right = evaluate(machine, node['right'] as Node, way, env)
  }
  const stay = (): void => {}
  branch(machine, state, left, isTrue ? goOn : stay, isTrue ? stay : goOn)
  return right
}

function evaluateOr(machine: Machine, left: Value, node: Node, state: State, env: Environment): Value {
  const truth = truthOn(machine, left, state)
  if (!truth.canBeFalse || isSetAnyway(left)) return left
  const before = state.facts
  const other = rightWhere(false, machine, left, node, state, env)
  const right = fallenBackTo(machine, left, other, node['right'] as Node, env)
  noteAlternative(machine, left, right, node, state, env)
  const isDefault =
    left.condition === undefined && left.tags.some((tag) => tag.startsWith('env:') || tag.startsWith('opt:'))
  if (isDefault) noteFallback(machine, left, right, node, env)
  if (isDefault)
    return or(
      left,
      right,
      defaulted(machine, left.with({ primitives: left.primitives.filter(Boolean) }), right),
      before,
    )
  const either = filledWith(left, left.primitives.filter(Boolean), right)
  return truth.canBeTrue ? or(left, right, either, before) : withRefuted(either, left, right)
}

/** The left side was ruled out where it stands: the right one alone decides. */
function withRefuted(value: Value, left: Value, right: Value): Value {
  const { whenTrue, whenFalse } = conditionOf(right)
  const learned = conditionOf(left).whenFalse
  return withCondition(value, { whenTrue: [...learned, ...whenTrue], whenFalse: [...learned, ...whenFalse] })
}

/** A default that is true where it stands has been given already, and an ID that was made is no empty text. */
function isSetAnyway(value: Value): boolean {
  if (value.filled !== true || !value.primitives.every(Boolean)) return false
  return value.primitives.length > 0 || hasTag(value, 'mint')
}

export function evaluateConditional(machine: Machine, node: Node, state: State, env: Environment): Value {
  const { tested: test, words } = choosingWord(machine, node, () => evaluate(machine, node['test'] as Node, state, env))
  noteDecision(machine, test, machine.site(env.file, node['test'] as Node), state)
  const before = state.facts.must
  const outcomes: Outcome[] = []
  const side =
    (field: string) =>
    (taken: State): void => {
      narrow(node['test'] as Node, taken, before, env)
      const value = evaluate(machine, node[field] as Node, taken, env)
      if (taken.dead) return
      noteEmptyWay(value, taken.facts, before)
      outcomes.push({ facts: taken.facts, value })
    }
  branch(machine, state, test, side('consequent'), side('alternate'))
  const [first, second] = outcomes
  if (first === undefined) return UNKNOWN
  if (second !== undefined) noteAlternative(machine, first.value, second.value, node, state, env)
  return withWording(resultOf(outcomes, before), words)
}

/** `crypto?.randomUUID?.()`: what we know a platform to have is there on every one that is supported. */
export function isOfPlatform(machine: Machine, inner: Node, state: State, env: Environment): boolean {
  const callee = (inner.type === 'CallExpression' ? inner['callee'] : inner) as Node
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return false
  const root = callee['object'] as Node
  const isPath = root.type === 'Identifier' || (root.type === 'MemberExpression' && root['optional'] !== true)
  return isPath && staysPlain(root) && isKnownMember(evaluate(machine, root, state, env), staticKey(callee))
}

/** Names joined by dots: to look at them does nothing. */
function staysPlain(node: Node): boolean {
  if (node.type === 'Identifier') return true
  return node.type === 'MemberExpression' && node['computed'] !== true && staysPlain(node['object'] as Node)
}

export function isKnownMember({ objects, open, primitives }: Value, name: string | undefined): boolean {
  if (name === undefined || open || primitives.length > 0 || objects.length === 0) return false
  return objects.every((item) => item instanceof ExternalObject && isModelled(`${item.path}#${name}`))
}
