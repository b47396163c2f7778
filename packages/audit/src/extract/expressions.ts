/** Evaluates expressions. */
import type { Node } from './ast.ts'
import { bare, isNode, staticKey } from './ast.ts'
import { callExpression, newExpression } from './calls.ts'
import { askedByComparing, foundByName } from './asked.ts'
import type { Outcome } from './conditions.ts'
import {
  and,
  assume,
  conditionOf,
  equality,
  isNotGiven,
  negate,
  noteWhereSet,
  or,
  provedOnEachWay,
  truthOn,
} from './conditions.ts'
import { nameIn, noteAdded, noteSpread, putBack } from './copies.ts'
import { repeatEntropy, rolledEntropy } from './entropy.ts'
import { entropyOfAll } from './models/surroundings.ts'
import { timeComparison } from './clock.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import {
  Cell,
  ClassObject,
  Environment as Env,
  ExternalObject,
  FunctionObject,
  InstanceObject,
  LibraryObject,
  storeId,
} from './heap.ts'
import type { Machine } from './machine.ts'
import { isModelled } from './models/index.ts'
import { runAwaited } from './models/query-chains.ts'
import { runTemplate } from './models/sql.ts'
import { leaveOpen, getProperty, readGlobal, setProperty, stepTags, takeIn } from './properties.ts'
import { narrow } from './narrow.ts'
import { noteEventCompared } from './replays.ts'
import { noteAsked, noteCompared } from './marks.ts'
import { freshness, isState, noteDecision, noteStateOut, summed } from './request-state.ts'
import { noteMethod } from './rpc.ts'
import { branch } from './statements.ts'
import { attributesIn } from './models/cookies.ts'
import { testPosition } from './positions.ts'
import { asAddress } from './models/urls.ts'
import { noteComparison, afterText, isMadeOrSetSecret, notePart, noteUrlAlternative } from './secrets.ts'
import { noteConfiguredPart } from './configured.ts'
import { LOOSELY, namesBoth, patternTags } from './origins.ts'
import { isOwn, noteSharedRead, noteSharedWrite } from './shared.ts'
import type { State } from './state.ts'
import { noteMade } from './made-secrets.ts'
import type { Primitive, Value } from './value.ts'
import { hasPart, isOfClass, resultOf, taughtByWays } from './ways.ts'
import {
  NEVER,
  UNDEFINED,
  UNKNOWN,
  derived,
  isThere,
  join,
  object,
  hasTag,
  primitive,
  strings,
  tagged,
  truthiness,
  withCondition,
  withTags,
} from './value.ts'

export function evaluate(machine: Machine, given: Node, state: State, env: Environment): Value {
  if (!machine.step()) return UNKNOWN
  const node = bare(given)
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
    case 'SpreadElement':
      return isNode(node['argument']) ? evaluate(machine, node['argument'], state, env) : UNKNOWN
    case 'ImportExpression':
      return callExpression(machine, node, state, env)
    default:
      return UNKNOWN
  }
}

/** While it waits, other requests may run. */
function evaluateAwait(machine: Machine, node: Node, state: State, env: Environment): Value {
  const argument = node['argument'] as Node
  const given = evaluate(machine, argument, state, env)
  const call = { site: machine.site(env.file, argument), args: [], argSites: [], self: UNDEFINED, env }
  const value = runAwaited(machine, given, call, state)
  machine.wait()
  return value
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
  return isOwn(machine, cell) ? value : noteSharedRead(machine, cell, value, machine.site(env.file, node), state)
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
    : { ...value, primitives: [...value.primitives, undefined] }
  if (learned.length === 0) return certain
  const { whenTrue, whenFalse } = conditionOf(value)
  // Where `a` is missing, nothing is known but the opposite of what its being there says.
  const otherwise = whenFalse.filter((fact) => fact.startsWith('not-') && learned.includes(fact.slice('not-'.length)))
  return withCondition(certain, { whenTrue: [...new Set([...whenTrue, ...learned])], whenFalse: otherwise })
}

function evaluateObject(machine: Machine, node: Node, state: State, env: Environment): Value {
  const site = machine.site(env.file, node)
  const target = machine.allocate('object', site)
  const self = object(target)
  let tags = NEVER
  for (const item of node['properties'] as Node[]) {
    if (item.type === 'SpreadElement') {
      const source = evaluate(machine, item['argument'] as Node, state, env)
      spread(target, source)
      noteSpread(target, source)
      tags = join(tags, { ...derived(source), open: false })
      continue
    }
    const name = staticKey(item)
    const isMethod = item['method'] === true || item['kind'] === 'get' || item['kind'] === 'set'
    const value = isMethod
      ? object(createFunction(machine, item['value'] as Node, env, name, undefined))
      : evaluate(machine, item['value'] as Node, state, env)
    if (name === undefined) {
      const key = evaluate(machine, item['key'] as Node, state, env)
      target.elements.write(value)
      target.keys.write(key)
      noteAdded(target, key, value)
    } else {
      if (!isMethod) notePart(machine, env, item['value'] as Node, value)
      for (const inner of value.objects) {
        inner.name ??= name
        if (inner instanceof LibraryObject && inner.type === 'timer') inner.data['field'] ??= name
      }
      noteWritten(machine, name, item['value'] as Node, env)
      target.undefine(name)
      const made = noteMade(machine, name, value, machine.site(env.file, item['value'] as Node), state)
      target.property(name).write(item['kind'] === 'get' ? UNKNOWN : made)
    }
  }
  noteStateOut(machine, target.properties.get('requestState')?.value, site, state)
  return self
}

/** `{ sessionSecret: 'secret' }`: where the text stands, for whoever finds it used elsewhere. */
function noteWritten(machine: Machine, name: string, given: Node, env: Environment): void {
  const node = bare(given)
  if (node.type !== 'Literal' || typeof node['value'] !== 'string' || !NAMES_SECRET.test(name)) return
  if (!machine.writtenTexts.has(node['value'])) machine.writtenTexts.set(node['value'], machine.site(env.file, node))
}

const NAMES_SECRET = /secret|passw(?:or)?d|passphrase|token|key$/i

function spread(target: HeapObject, source: Value): void {
  if (source.open) {
    target.partial = true
    leaveOpen(target)
  }
  for (const from of source.objects) {
    if (from.partial || from.kind === 'library') target.partial = true
    takeIn(target, from)
    for (const [name, cell] of from.properties) {
      const own = target.property(name)
      const copied = withTags(cell.value, stepTags(source.tags, name))
      own.value = from.kind === 'library' ? own.value : withoutUndefined(own.value, copied)
    }
    target.elements.write(from.item)
    target.keys.write(from.key)
  }
}

/** A later spread wins unless it may be undefined. */
function withoutUndefined(before: Value, after: Value): Value {
  return after.primitives.includes(undefined) || after.open ? join(after, before) : after
}

function evaluateArray(machine: Machine, node: Node, state: State, env: Environment): Value {
  const target = machine.allocate('array', machine.site(env.file, node))
  ;(node['elements'] as (Node | null)[]).forEach((item, index) => {
    if (!isNode(item)) return
    const value = evaluate(machine, item, state, env)
    if (item.type === 'SpreadElement') {
      for (const from of value.objects) spreadInto(machine, target, from)
      if (value.entropy !== undefined) target.elements.write(value)
      noteSpread(target, value)
      return
    }
    noteAdded(target, nameIn(value), value)
    const cell = new Cell(String(index), target.born, machine.site(env.file, item))
    cell.write(value)
    target.define(String(index), cell)
    target.elements.write(value)
  })
  return object(target)
}

/** A map is spread into pairs of key and value, in which its entries are still found. */
function spreadInto(machine: Machine, list: HeapObject, from: HeapObject): void {
  if (from.kind !== 'map') return list.elements.write(from.item)
  list.elements.write(object(entryPair(machine, from, list.site)))
  list.origin = from
  list.transient = true
}

/** The items of an iterable, tagged as entries of their container. */
export function elementsOf(machine: Machine, source: Value, site: Site): Value {
  let items: Value = derived(source)
  for (const target of source.objects) {
    if (target.kind === 'map') items = join(items, object(entryPair(machine, target, site)))
    else if (target instanceof LibraryObject && target.type === 'request') items = join(items, tagged('body'))
    else items = join(items, itemValue(machine, target))
  }
  return items
}

export function itemValue(machine: Machine, target: HeapObject): Value {
  const value = target.item === NEVER ? UNKNOWN : target.item
  if (target.transient) return value
  const origin = target.origin ?? target
  machine.containers.set(storeId(origin), origin)
  return withTags(value, [`entry:${storeId(origin)}`])
}

function entryPair(machine: Machine, target: HeapObject, site: Site): HeapObject {
  const pair = machine.allocate('array', site)
  pair
    .property('0')
    .write(withTags(target.key === NEVER ? UNKNOWN : { ...target.key, open: true }, [`key:${storeId(target)}`]))
  pair.property('1').write(itemValue(machine, target))
  pair.elements.write(itemValue(machine, target))
  return pair
}

function evaluateAssignment(machine: Machine, node: Node, state: State, env: Environment): Value {
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
    if (operator !== '&&=') assume(machine, fork, negate(before))
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
  return { ...added, entropy: repeatEntropy(added.entropy, inner.rounds) }
}

/** A value that is put where a name says what it is for. */
function named(machine: Machine, left: Node, value: Value, node: Node, state: State, env: Environment): Value {
  if (value.entropy === undefined) return value
  const name = left.type === 'Identifier' ? String(left['name']) : staticKey(left)
  return name === undefined ? value : noteMade(machine, name, value, machine.site(env.file, node), state)
}

/** Writes a value to a variable, property or destructuring pattern. */
export function assignPattern(machine: Machine, given: Node, value: Value, state: State, env: Environment): void {
  const pattern = bare(given)
  const site = machine.site(env.file, pattern)
  switch (pattern.type) {
    case 'Identifier': {
      const name = String(pattern['name'])
      const cell = env.find(name)
      if (cell === undefined) return
      noteSharedWrite(machine, cell, value, site, state)
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
  const other = evaluate(machine, fallback, state, env)
  return defaulted(machine, value, other)
}

/** `value ?? fallback`: settings without a value of their own give way to the fallback. */
function defaulted(machine: Machine, value: Value, fallback: Value): Value {
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
function filledWith(value: Value, rest: readonly Primitive[], fallback: Value): Value {
  const either = provedOnEachWay(join({ ...value, primitives: rest }, fallback), [value, fallback])
  return isThere(fallback) && either.open ? { ...either, filled: true } : either
}

function evaluateLogical(machine: Machine, node: Node, state: State, env: Environment): Value {
  const left = evaluate(machine, node['left'] as Node, state, env)
  const operator = String(node['operator'])
  if (operator === '??') {
    if (isThere(left)) return left
    // Of what is an object or missing, the one operator takes what the other takes.
    if (isTrueOrMissing(left)) return evaluateOr(machine, left, node, state, env)
    const fork = state.fork()
    assume(machine, fork, negate(left))
    const right = evaluate(machine, node['right'] as Node, fork, env)
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
  if (left.condition === undefined) return value
  const { canBeTrue, canBeFalse } = truthiness(right)
  const { whenTrue, whenFalse } = left.condition
  if (canBeTrue === canBeFalse) return value
  return withCondition(value, { whenTrue: canBeTrue ? [] : whenTrue, whenFalse: canBeFalse ? [] : whenFalse })
}

/** One is taken where the other is not there: they are meant to be the same. */
function noteAlternative(machine: Machine, one: Value, other: Value, node: Node, state: State, env: Environment): void {
  if (one.tags.length === 0 || other.tags.length === 0) return
  noteUrlAlternative(machine, one, other, machine.site(env.file, node), state)
}

/** `setting ?? 'text'`: remembers where the text stands. */
function noteFallback(machine: Machine, left: Value, right: Value, node: Node, env: Environment): void {
  if (!right.primitives.some((item) => typeof item === 'string' && item !== '')) return
  for (const tag of left.tags)
    if (tag.startsWith('env:') || tag.startsWith('opt:'))
      machine.fallbacks.set(`was-${tag}`, machine.site(env.file, node['right'] as Node))
}

function evaluateAnd(machine: Machine, left: Value, node: Node, state: State, env: Environment): Value {
  const truth = truthOn(machine, left, state)
  if (!truth.canBeTrue) return left
  const before = state.facts
  let right: Value = UNKNOWN
  branch(
    machine,
    state,
    left,
    (yes) => {
      right = evaluate(machine, node['right'] as Node, yes, env)
    },
    () => undefined,
  )
  const falsy: Value = {
    ...left,
    primitives: left.primitives.filter((item) => !item),
    objects: [],
    open: truth.canBeFalse && left.open,
  }
  if (!truth.canBeFalse) return withCondition(right, conditionOf(right))
  const both = truth.canBeFalse
    ? join({ ...falsy, primitives: falsy.primitives.length > 0 ? falsy.primitives : [false] }, right)
    : right
  return truth.canBeFalse ? and(left, right, both, before) : withLearned(both, right, conditionOf(left).whenTrue)
}

/** The right side alone decides; the left one is known to have gone this way. */
function withLearned(value: Value, right: Value, learned: readonly string[]): Value {
  const { whenTrue, whenFalse } = conditionOf(right)
  return withCondition(value, { whenTrue: [...whenTrue, ...learned], whenFalse })
}

function evaluateOr(machine: Machine, left: Value, node: Node, state: State, env: Environment): Value {
  const truth = truthOn(machine, left, state)
  if (!truth.canBeFalse || isSetAnyway(left)) return left
  const before = state.facts
  let right: Value = UNKNOWN
  branch(
    machine,
    state,
    left,
    () => undefined,
    (no) => {
      right = evaluate(machine, node['right'] as Node, no, env)
    },
  )
  noteAlternative(machine, left, right, node, state, env)
  const isDefault =
    left.condition === undefined && left.tags.some((tag) => tag.startsWith('env:') || tag.startsWith('opt:'))
  if (isDefault) noteFallback(machine, left, right, node, env)
  if (isDefault)
    return or(left, right, defaulted(machine, { ...left, primitives: left.primitives.filter(Boolean) }, right), before)
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

function importMeta(machine: Machine, node: Node, env: Environment): Value {
  const isOfModule = (node['meta'] as Node)['name'] === 'import'
  return isOfModule ? object(new ExternalObject('global:import.meta', machine.site(env.file, node))) : UNKNOWN
}

function evaluateConditional(machine: Machine, node: Node, state: State, env: Environment): Value {
  const test = evaluate(machine, node['test'] as Node, state, env)
  noteDecision(machine, test, machine.site(env.file, node['test'] as Node), state)
  const before = state.facts.must
  const outcomes: Outcome[] = []
  const side =
    (field: string) =>
    (taken: State): void => {
      narrow(node['test'] as Node, taken, before, env)
      const value = evaluate(machine, node[field] as Node, taken, env)
      if (!taken.dead) outcomes.push({ facts: taken.facts, value })
    }
  branch(machine, state, test, side('consequent'), side('alternate'))
  const [first, second] = outcomes
  if (first === undefined) return UNKNOWN
  if (second !== undefined) noteAlternative(machine, first.value, second.value, node, state, env)
  return resultOf(outcomes, before)
}

/** `crypto?.randomUUID?.()`: what we know a platform to have is there on every one that is supported. */
function isOfPlatform(machine: Machine, inner: Node, state: State, env: Environment): boolean {
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

function isKnownMember({ objects, open, primitives }: Value, name: string | undefined): boolean {
  if (name === undefined || open || primitives.length > 0 || objects.length === 0) return false
  return objects.every((item) => item instanceof ExternalObject && isModelled(`${item.path}#${name}`))
}

function evaluateBinary(machine: Machine, node: Node, state: State, env: Environment): Value {
  const operator = String(node['operator'])
  if (isNode(node['left']) && node['left'].type === 'PrivateIdentifier') return UNKNOWN
  const left = evaluate(machine, node['left'] as Node, state, env)
  const right = evaluate(machine, node['right'] as Node, state, env)
  if (/^[!=]==?$/.test(operator)) {
    noteWhereSet(machine, left, right, machine.site(env.file, node), state)
    for (const side of [left, right]) if (side.tags.length > 0) noteAsked(machine, side)
    if (left.tags.length > 0 && right.tags.length > 0) noteCompared(machine, left, right)
    if (namesBoth(left, right)) state.note(LOOSELY)
  }
  const placed = testPosition(operator, left, right)
  if (placed !== undefined) return placed
  switch (operator) {
    case '===':
    case '==':
      noteMethod(machine, left, right, machine.site(env.file, node), state)
      noteComparison(machine, left, right, operator, machine.site(env.file, node), state)
      return askedByComparing(machine, equality(machine, left, right), left, right, machine.site(env.file, node))
    case '!==':
    case '!=':
      noteMethod(machine, left, right, machine.site(env.file, node), state)
      noteComparison(machine, left, right, operator, machine.site(env.file, node), state)
      return negate(
        askedByComparing(machine, equality(machine, left, right), left, right, machine.site(env.file, node)),
      )
    case '<':
    case '>':
    case '<=':
    case '>=':
      noteEventCompared(machine, left, right)
      return freshness(
        left,
        right,
        timeComparison(machine, { operator, left, right }, machine.site(env.file, node), state),
      )
    case 'in':
      return membership(left, right)
    case 'instanceof':
      return told({ ...UNKNOWN, primitives: [true, false] }, left, (value) => isOfClass(value, right))
    case '+':
      notePart(machine, env, node['left'] as Node, left)
      notePart(machine, env, node['right'] as Node, right)
      if (isRolling(node['left'] as Node)) return rolled(right, machine.site(env.file, node))
      return arithmetic(
        operator,
        left,
        intoText(machine, endOf(node['left'] as Node), node['right'] as Node, right, state, env),
      )
    case '-':
      return isStep(left, right)
        ? stepped(arithmetic(operator, left, right), 'down')
        : arithmetic(operator, left, right)
    case '^':
      if (isRolling(node['left'] as Node)) return rolled(right, machine.site(env.file, node))
      return arithmetic(operator, left, right)
    default:
      return arithmetic(operator, left, right)
  }
}

/** `(sum << 5) - sum`: the step of a hash that is written out, before the next character is added. */
function isRolling(given: Node): boolean {
  const node = bare(given)
  if (node.type !== 'BinaryExpression' || !/^[+-]$/.test(String(node['operator']))) return false
  const [shifted, sum] = [bare(node['left'] as Node), bare(node['right'] as Node)]
  if (shifted.type !== 'BinaryExpression' || shifted['operator'] !== '<<' || sum.type !== 'Identifier') return false
  const of = bare(shifted['left'] as Node)
  return of.type === 'Identifier' && of['name'] === sum['name']
}

/** Whoever sees such a sum takes it back: of what was unpredictable, or a secret, 32 bits are left at most, and none sound. */
function rolled(added: Value, site: Site): Value {
  const value = derived(added)
  if (added.entropy === undefined && !isMadeOrSetSecret(added)) return value
  const tags = value.tags.filter((tag) => tag !== 'made-secret' && tag !== 'mint')
  return { ...withTags({ ...value, tags }, ['hash']), entropy: rolledEntropy(site) }
}

/** `id in sessions`: false means that there is no such session. `'id' in message`: what that field says. */
function membership(key: Value, container: Value): Value {
  const [name] = strings(key)
  if (isKnownMember(container, name)) return primitive(true)
  if (name !== undefined && hasTag(container, 'reply'))
    return { ...tagged(...stepTags(container.tags, name)), primitives: [true, false] }
  if (name !== undefined && container.ways !== undefined)
    return told({ ...derived(key), primitives: [true, false] }, container, (value) => hasPart(value, name))
  const absent = container.objects.map((target) => `absent:${storeId(target)}`)
  const present = container.objects.map((target) => `exists:${storeId(target)}`)
  return { ...derived(key), primitives: [true, false], condition: { whenTrue: present, whenFalse: absent } }
}

/** An answer about one of several results says which it is. */
function told(answer: Value, tested: Value, test: (value: Value) => boolean | undefined): Value {
  const condition = taughtByWays(tested, test)
  return condition === undefined ? answer : withCondition(answer, condition)
}

function arithmetic(operator: string, left: Value, right: Value): Value {
  const folded = fold(operator, left, right)
  if (folded !== undefined) return folded
  const entropy = entropyOfAll([left, right])
  const prefix = known(left)?.value
  const suffix = known(right)?.value
  const isFull = operator === '+' && [left, right].some(isFullText)
  const value: Value = {
    ...derived(left, right),
    ...(entropy === undefined ? {} : { entropy }),
    ...(isFull ? { full: true } : {}),
  }
  const attributed = typeof suffix === 'string' ? withTags(value, attributesIn(suffix)) : value
  return operator === '+' && typeof prefix === 'string' && prefix !== ''
    ? withTags(attributed, [`prefix:${prefix}`])
    : attributed
}

function isFullText(value: Value): boolean {
  const text = known(value)?.value
  return value.full === true || (typeof text === 'string' && text !== '')
}

function intoText(machine: Machine, before: string, node: Node, value: Value, state: State, env: Environment): Value {
  if (value.objects.length > 0) return asAddress(value)
  return value.tags.length === 0 && value.entropy === undefined
    ? value
    : afterText(machine, before, value, machine.site(env.file, node), state)
}

/** The text that an expression ends with, as far as it is written there. */
function endOf(node: Node): string {
  if (node.type === 'BinaryExpression') return endOf(node['right'] as Node)
  if (node.type === 'TemplateLiteral') return String((node['quasis'] as Node[]).at(-1)?.['value'].cooked ?? '')
  return node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : ''
}

function fold(operator: string, left: Value, right: Value): Value | undefined {
  const a = known(left)
  const b = known(right)
  if (a === undefined || b === undefined || isUnset(left) || isUnset(right)) return undefined
  const result = compute(operator, a.value, b.value)
  return result === undefined ? undefined : withTags(primitive(result), [...left.tags, ...right.tags])
}

/** A setting that is missing by default: where text is made of it, it is there. */
function isUnset({ primitives, tags }: Value): boolean {
  return tags.length > 0 && (primitives[0] === undefined || primitives[0] === null)
}

function known(value: Value): { readonly value: Primitive } | undefined {
  return value.primitives.length === 1 && !value.open && value.objects.length === 0
    ? { value: value.primitives[0] }
    : undefined
}

function compute(operator: string, a: Primitive, b: Primitive): string | number | undefined {
  if (operator === '+') {
    if (typeof a === 'number' && typeof b === 'number') return a + b
    return `${String(a)}${String(b)}`.slice(0, 4_096)
  }
  if (typeof a !== 'number' || typeof b !== 'number') return undefined
  if (operator === '*') return a * b
  if (operator === '-') return a - b
  return operator === '/' ? a / b : undefined
}

function evaluateUnary(machine: Machine, node: Node, state: State, env: Environment): Value {
  const argument = node['argument'] as Node
  switch (node['operator']) {
    case '!': {
      const value = evaluate(machine, argument, state, env)
      noteAsked(machine, value)
      return negated(value)
    }
    case 'delete': {
      const target = bare(argument.type === 'ChainExpression' ? (argument['expression'] as Node) : argument)
      if (target.type === 'MemberExpression') deleteMember(machine, target, state, env)
      return primitive(true)
    }
    case 'void':
      evaluate(machine, argument, state, env)
      return UNDEFINED
    case 'typeof':
      return typeOf(evaluate(machine, argument, state, env))
    case '-': {
      const value = known(evaluate(machine, argument, state, env))
      return typeof value?.value === 'number' ? primitive(-value.value) : UNKNOWN
    }
    default:
      return { ...evaluate(machine, argument, state, env), primitives: [], open: true }
  }
}

/** Yes or no holds a bit at most. */
/** Whether there is something says nothing of what it is. */
function negated(value: Value): Value {
  if (isNotGiven(value)) return primitive(true)
  const negative = value.tags.length > 0 ? withTags(negate(value), ['excerpt']) : negate(value)
  return value.entropy === undefined ? negative : { ...negative, entropy: { ...value.entropy, cap: 1 } }
}

function isCertainlyCode({ objects, open, primitives }: Value): boolean {
  return !open && primitives.length === 0 && objects.length > 0 && objects.every(isCode)
}

function isCode(item: HeapObject): boolean {
  return item instanceof FunctionObject || item instanceof ClassObject
}

/** Platform objects exist on every supported Node; of anything else the type is not decided here. */
function typeOf(value: Value): Value {
  const isPlatform =
    value.objects.length > 0 &&
    !value.open &&
    value.primitives.length === 0 &&
    value.objects.every((item) => item.kind === 'external')
  if (isPlatform) {
    const isFunction = value.objects.every((item) => item instanceof ExternalObject && isModelled(item.path))
    return { ...UNKNOWN, primitives: [isFunction ? 'function' : 'object'], open: false }
  }
  if (isCertainlyCode(value)) return primitive('function')
  if (value.tags.includes('origin')) return tagged('typeof-origin')
  return isState(value) ? tagged('typeof-rstate') : UNKNOWN
}

function deleteMember(machine: Machine, node: Node, state: State, env: Environment): void {
  const target = evaluate(machine, node['object'] as Node, state, env)
  const name = staticKey(node)
  const key = name === undefined ? evaluate(machine, node['property'] as Node, state, env) : primitive(name)
  setProperty(machine, target, key, UNDEFINED, machine.site(env.file, node), state, 'delete')
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

function evaluateUpdate(machine: Machine, node: Node, state: State, env: Environment): Value {
  const before = evaluate(machine, node['argument'] as Node, state, env)
  const value = counted(before, node['operator'] === '++' ? 'up' : 'down', machine.site(env.file, node))
  assignPattern(machine, node['argument'] as Node, value, state, env)
  return value
}

/** `count += 1`: a number that goes up or down by a written-down step. */
function isCounting(operator: string, before: Value, right: Value): boolean {
  return (operator === '+=' || operator === '-=') && isStep(before, right)
}

/** A written-down number is added to a number, or taken from it. */
function isStep(before: Value, right: Value): boolean {
  return typeof known(right)?.value === 'number' && !before.primitives.some((item) => typeof item === 'string')
}

function counted(before: Value, direction: 'up' | 'down', site: Site): Value {
  const source = { kind: 'counter', label: 'a counter', bits: 0, site } as const
  return { ...stepped(before, direction), entropy: { sources: [source] } }
}

function stepped(before: Value, direction: 'up' | 'down'): Value {
  const tags = derived(before).tags.filter((tag) => !tag.startsWith('counter:'))
  return { ...derived(before), tags: [...tags, `counter:${direction}`] }
}

export function createFunction(
  machine: Machine,
  node: Node,
  env: Environment,
  name: string | undefined,
  self?: Value,
): FunctionObject {
  const arrow = node.type === 'ArrowFunctionExpression'
  const boundThis = self ?? (arrow ? (machine.frame.self ?? env.findSelf()) : undefined)
  const fn = new FunctionObject(node, env, machine.site(env.file, node), machine.context.activation, boundThis)
  fn.name = name ?? (isNode(node['id']) ? String(node['id']['name']) : undefined)
  machine.noteFunction(fn)
  return fn
}

export function createClass(machine: Machine, node: Node, env: Environment, state: State): ClassObject {
  const parent = isNode(node['superClass']) ? evaluate(machine, node['superClass'], state, env) : NEVER
  const site = machine.site(env.file, node)
  const inner = new Env(env, env.file)
  const created = new ClassObject(node, inner, site, machine.context.activation, parent)
  created.name = isNode(node['id']) ? String(node['id']['name']) : undefined
  if (created.name !== undefined) inner.declare(created.name, new Cell(created.name, 0)).write(object(created))
  for (const member of node['body'].body as Node[]) {
    const name = staticKey(member)
    if (name === undefined) continue
    if (member['static'] === true) declareStatic(machine, created, member, name, state)
    else if (member.type === 'MethodDefinition' && isNode(member['value']?.body))
      created.methods.set(member['kind'] === 'set' ? `set ${name}` : name, member)
  }
  // A framework may learn from them what the program is made of.
  for (const decorator of (node['decorators'] ?? []) as Node[])
    state.aside((fork) => evaluate(machine, decorator['expression'] as Node, fork, inner))
  return created
}

function declareStatic(machine: Machine, created: ClassObject, member: Node, name: string, state: State): void {
  const cell = created.property(name)
  if (member.type === 'MethodDefinition') {
    cell.write(object(createFunction(machine, member['value'] as Node, created.env, name, object(created))))
    return
  }
  if (!isNode(member['value'])) return cell.write(UNDEFINED)
  const value = evaluate(machine, member['value'], state, created.env)
  for (const target of value.objects) target.name ??= name
  cell.write(value)
}

/** Makes the instance's fields, parents first. */
export function initialiseFields(machine: Machine, of: ClassObject, instance: InstanceObject, state: State): void {
  // Fields that make instances of their own class have no end, as functions that call themselves have none.
  if (machine.isTooDeep(of.node)) {
    instance.partial = true
    return
  }
  const saved = machine.frame
  machine.stack.push(of.node)
  machine.frame = { exits: [], jumps: [], self: object(instance) }
  try {
    for (const member of of.node['body'].body as Node[]) initialiseField(machine, member, of, instance, state)
  } finally {
    machine.stack.pop()
    machine.frame = saved
  }
}

function initialiseField(
  machine: Machine,
  member: Node,
  of: ClassObject,
  instance: InstanceObject,
  state: State,
): void {
  const isField = member.type === 'PropertyDefinition' || member.type === 'AccessorProperty'
  const name = staticKey(member)
  if (!isField || member['static'] === true || name === undefined) return
  const env = new Env(of.env, of.env.file, object(instance))
  const given = isNode(member['value']) ? evaluate(machine, member['value'], state, env) : UNDEFINED
  const value = noteMade(machine, name, given, machine.site(env.file, member), state)
  for (const target of value.objects) target.name ??= name
  instance.property(name).write(value)
}
