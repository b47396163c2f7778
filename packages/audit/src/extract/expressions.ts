/** Evaluates expressions. */
import type { Node } from './ast.ts'
import { bare, isNode, staticKey } from './ast.ts'
import { callExpression } from './calls.ts'
import { newExpression } from './construct.ts'
import { foundByName } from './asked.ts'
import { assume, conditionOf } from './conditions.ts'
import type { Environment } from './heap.ts'
import { ExternalObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { runAwaited } from './models/query-chains.ts'
import { runTemplate } from './models/sql.ts'
import { getProperty, readGlobal } from './properties.ts'
import { attributesIn } from './models/cookies.ts'
import { notePart } from './secrets.ts'
import { patternTags } from './origins.ts'
import { arrived, isOwn, noteSharedRead } from './shared.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, derived, object, primitive, withCondition, withTags } from './value.ts'
import { elementsOf, evaluateObject, evaluateArray } from './literals.ts'
import { evaluateAssignment, evaluateUpdate } from './assignments.ts'
import { evaluateLogical, evaluateConditional, isOfPlatform } from './logic.ts'
import { evaluateBinary, arithmetic, intoText, evaluateUnary } from './operators.ts'
import { createFunction, createClass } from './classes.ts'

export function evaluate(machine: Machine, given: Node, state: State, env: Environment): Value {
  return machine.step() ? evaluateNode(machine, given, state, env) : UNKNOWN
}

function evaluateNode(machine: Machine, node: Node, state: State, env: Environment): Value {
  switch (node.type) {
    case 'Literal':
      return literal(node)
    case 'Identifier':
      return readVariable(machine, node, state, env)
    case 'MemberExpression':
      return evaluateMember(machine, node, state, env)
    case 'CallExpression':
      return callExpression(machine, node, state, env)
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
    case 'FunctionDeclaration':
      return object(createFunction(machine, node, env, undefined))
    case 'ObjectExpression':
      return evaluateObject(machine, node, state, env)
    case 'ArrayExpression':
      return evaluateArray(machine, node, state, env)
    case 'AssignmentExpression':
      return evaluateAssignment(machine, node, state, env)
    case 'LogicalExpression':
      return evaluateLogical(machine, node, state, env)
    case 'ConditionalExpression':
      return evaluateConditional(machine, node, state, env)
    case 'BinaryExpression':
      return evaluateBinary(machine, node, state, env)
    case 'UnaryExpression':
      return evaluateUnary(machine, node, state, env)
    case 'TemplateLiteral':
      return evaluateTemplate(machine, node, state, env)
    case 'AwaitExpression':
      return evaluateAwait(machine, node, state, env)
    case 'NewExpression':
      return newExpression(machine, node, state, env)
    case 'MetaProperty':
      return importMeta(machine, node, env)
    case 'ThisExpression':
      return machine.frame.self ?? env.findSelf() ?? UNKNOWN
    case 'ChainExpression':
      return evaluateChain(machine, node['expression'] as Node, state, env)
    case 'SequenceExpression': {
      let last: Value = UNDEFINED
      for (const item of node['expressions'] as Node[]) last = evaluate(machine, item, state, env)
      return last
    }
    case 'UpdateExpression':
      return evaluateUpdate(machine, node, state, env)
    case 'ClassExpression':
    case 'ClassDeclaration':
      return object(createClass(machine, node, env, state))
    case 'TaggedTemplateExpression':
      return evaluateTagged(machine, node, state, env)
    case 'YieldExpression':
      return evaluateYield(machine, node, state, env)
    case 'SpreadElement':
      return isNode(node['argument']) ? evaluate(machine, node['argument'], state, env) : UNKNOWN
    case 'ImportExpression':
      return callExpression(machine, node, state, env)
    default: {
      const inner = bare(node)
      return inner === node ? UNKNOWN : evaluateNode(machine, inner, state, env)
    }
  }
}

/** `yield value`, `yield* list`: handed to whoever goes through what the generator gives. */
function evaluateYield(machine: Machine, node: Node, state: State, env: Environment): Value {
  const value = isNode(node['argument']) ? evaluate(machine, node['argument'], state, env) : UNDEFINED
  const site = machine.site(env.file, node)
  const given = node['delegate'] === true ? elementsOf(machine, value, site) : value
  if (!state.dead) machine.frame.yields?.push({ state: state.fork(), value: given, site })
  return isNode(node['argument']) ? value : UNKNOWN
}

/** While it waits, other requests may run. */
function evaluateAwait(machine: Machine, node: Node, state: State, env: Environment): Value {
  const argument = node['argument'] as Node
  const given = evaluate(machine, argument, state, env)
  const call = { site: machine.site(env.file, argument), args: [], argSites: [], self: UNDEFINED, env }
  const value = runAwaited(machine, given, call, state)
  machine.wait()
  return argument.type === 'CallExpression' ? arrived(machine, value, call.site) : value
}

function literal(node: Node): Value {
  const value = node['value'] as unknown
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return primitive(value)
  const { pattern } = (node['regex'] ?? {}) as { readonly pattern?: string }
  if (pattern !== undefined) return withTags(UNKNOWN, patternTags(pattern))
  return node['raw'] === 'null' ? primitive(null) : UNKNOWN
}

function readVariable(machine: Machine, node: Node, state: State, env: Environment): Value {
  const name = String(node['name'])
  if (name === 'undefined') return UNDEFINED
  const cell = env.find(name)
  if (cell === undefined) return readGlobal(name, machine.site(env.file, node))
  const value = state.read(cell)
  return isOwn(machine, cell, value) ? value : noteSharedRead(machine, cell, value, machine.site(env.file, node), state)
}

function evaluateMember(machine: Machine, node: Node, state: State, env: Environment): Value {
  const site = machine.site(env.file, node)
  const target =
    isNode(node['object']) && node['object'].type === 'Super'
      ? (machine.frame.self ?? UNKNOWN)
      : evaluate(machine, node['object'] as Node, state, env)
  if (node['optional'] === true) assume(machine, state, target)
  const name = staticKey(node)
  const key = name === undefined ? evaluate(machine, node['property'] as Node, state, env) : primitive(name)
  const found = getProperty(machine, target, key, site, state)
  return name === undefined ? foundByName(machine, found, key, site) : found
}

/** `a?.b()`: what follows `?.` runs only where there is an `a`. */
function evaluateChain(machine: Machine, inner: Node, state: State, env: Environment): Value {
  if (isOfPlatform(machine, inner, state, env)) return evaluate(machine, inner, state, env)
  const taken = state.fork()
  const value = evaluate(machine, inner, taken, env)
  const learned = [...taken.facts.must].filter((fact) => !state.holds(fact))
  state.merge([taken, state.fork()])
  const certain = value.primitives.includes(undefined)
    ? value
    : value.with({ primitives: [...value.primitives, undefined] })
  if (learned.length === 0) return certain
  const { whenTrue, whenFalse } = conditionOf(value)
  // Where `a` is missing, nothing is known but the opposite of what its being there says.
  const otherwise = whenFalse.filter((fact) => fact.startsWith('not-') && learned.includes(fact.slice('not-'.length)))
  return withCondition(certain, { whenTrue: [...new Set([...whenTrue, ...learned])], whenFalse: otherwise })
}

function importMeta(machine: Machine, node: Node, env: Environment): Value {
  const isOfModule = (node['meta'] as Node)['name'] === 'import'
  return isOfModule ? object(new ExternalObject('global:import.meta', machine.site(env.file, node))) : UNKNOWN
}

function evaluateTemplate(machine: Machine, node: Node, state: State, env: Environment): Value {
  const parts = (node['quasis'] as Node[]).map((item) => String(item['value'].cooked ?? ''))
  let value: Value = primitive(parts[0] ?? '')
  ;(node['expressions'] as Node[]).forEach((item, index) => {
    const inner = intoText(machine, parts[index] ?? '', item, evaluate(machine, item, state, env), state, env)
    notePart(machine, env, item, inner)
    value = arithmetic('+', value, inner)
    const next = parts[index + 1] ?? ''
    if (next !== '') value = withTags(arithmetic('+', value, primitive(next)), attributesIn(next))
  })
  return value
}

function evaluateTagged(machine: Machine, node: Node, state: State, env: Environment): Value {
  const tag = evaluate(machine, node['tag'] as Node, state, env)
  const values = (node['quasi'].expressions as Node[]).map((item) => evaluate(machine, item, state, env))
  const parts = (node['quasi'].quasis as Node[]).map((item) => String(item['value'].cooked ?? ''))
  const site = machine.site(env.file, node)
  const queried = runTemplate(machine, parts, values, { site, args: values, argSites: [], self: UNDEFINED, env }, state)
  return queried ?? derived(tag, ...values)
}
