/** Operators: arithmetic, text put together, comparison, counting, `typeof` and `delete`. */
import { testCount } from './filled-lists.ts'
import type { Node } from './ast.ts'
import { bare, isNode, staticKey } from './ast.ts'
import { askedByComparing } from './asked.ts'
import { equality, isNotGiven, negate, noteWhereSet } from './conditions.ts'
import { rolledEntropy } from './entropy.ts'
import { entropyOfAll } from './models/surroundings.ts'
import { inUnits, timeComparison } from './clock.ts'
import type { Environment, HeapObject, Site } from './heap.ts'
import { ClassObject, ExternalObject, FunctionObject, storeId } from './heap.ts'
import type { Machine } from './machine.ts'
import { isModelled } from './models/index.ts'
import { setProperty, stepTags } from './properties.ts'
import { noteEventCompared } from './replays.ts'
import { noteAsked, noteCompared } from './marks.ts'
import { freshness, isState, isInRound, summed } from './request-state.ts'
import { noteMethod } from './rpc.ts'
import { attributesIn } from './models/cookies.ts'
import { testPosition } from './positions.ts'
import { asAddress } from './models/urls.ts'
import { noteComparison, afterText, asTold, isMadeOrSetSecret, notePart } from './secrets.ts'
import { LOOSELY, namesBoth } from './origins.ts'
import { reckoned } from './shared.ts'
import type { State } from './state.ts'
import type { Primitive, Value } from './value.ts'
import { hasPart, isOfClass, taughtByWays } from './ways.ts'
import { noteWordSeen } from './wordings.ts'
import { UNDEFINED, UNKNOWN, derived, hasTag, primitive, strings, tagged, withCondition, withTags } from './value.ts'
import { evaluate } from './expressions.ts'
import { isKnownMember } from './logic.ts'

export function evaluateBinary(machine: Machine, node: Node, state: State, env: Environment): Value {
  const operator = String(node['operator'])
  if (isNode(node['left']) && node['left'].type === 'PrivateIdentifier') return UNKNOWN
  const left = evaluate(machine, node['left'] as Node, state, env)
  const right = evaluate(machine, node['right'] as Node, state, env)
  if (/^[!=]==?$/.test(operator)) {
    noteWhereSet(machine, left, right, machine.site(env.file, node), state)
    for (const side of [left, right]) {
      if (side.tags.length > 0) noteAsked(machine, side)
      noteWordSeen(machine, side, state)
    }
    if (left.tags.length > 0 && right.tags.length > 0) noteCompared(machine, left, right)
    if (namesBoth(left, right)) state.note(LOOSELY)
  }
  const placed = testPosition(operator, left, right) ?? testCount(operator, left, right)
  if (placed !== undefined) return placed
  switch (operator) {
    case '===':
    case '==':
      noteMethod(machine, left, right, machine.site(env.file, node), state)
      noteComparison(machine, left, right, operator, machine.site(env.file, node), state)
      return askedByComparing(
        machine,
        equality(machine, left, right),
        [left, right],
        machine.site(env.file, node),
        state,
      )
    case '!==':
    case '!=':
      noteMethod(machine, left, right, machine.site(env.file, node), state)
      noteComparison(machine, left, right, operator, machine.site(env.file, node), state)
      return negate(
        askedByComparing(machine, equality(machine, left, right), [left, right], machine.site(env.file, node), state),
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
      return told(UNKNOWN.with({ primitives: [true, false] }), left, (value) => isOfClass(value, right))
    case '+':
      notePart(machine, env, node['left'] as Node, left)
      notePart(machine, env, node['right'] as Node, right)
      if (isRolling(node['left'] as Node)) return rolled(right, machine.site(env.file, node))
      return changed(
        arithmetic(
          operator,
          left,
          intoText(machine, endOf(node['left'] as Node), node['right'] as Node, right, state, env),
        ),
        { left, right },
        state,
      )
    case '-':
      return isStep(left, right)
        ? stepped(arithmetic(operator, left, right), 'down')
        : hasTag(left, 'entry')
          ? summed(arithmetic(operator, left, right), state)
          : changed(arithmetic(operator, left, right), { left, right }, state)
    case '^':
      if (isRolling(node['left'] as Node)) return rolled(right, machine.site(env.file, node))
      return arithmetic(operator, left, right)
    default:
      return arithmetic(operator, left, right)
  }
}

/** `Number(await votes.get(poll)) + 1`, in a round that brought state: what is kept elsewhere, and one more. */
function changed(sum: Value, { left, right }: Record<'left' | 'right', Value>, state: State): Value {
  if (typeof known(right)?.value !== 'number' || !isInRound(state)) return sum
  const isElsewhere =
    (left.open || left.tags.length > 0) && !['clock', 'body', 'rstate'].some((tag) => hasTag(left, tag))
  return isElsewhere ? summed(sum, state) : sum
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
  return withTags(value.with({ tags }), ['hash']).with({ entropy: rolledEntropy(site) })
}

/** `id in sessions`: false means that there is no such session. `'id' in message`: what that field says. */
function membership(key: Value, container: Value): Value {
  const [name] = strings(key)
  if (isKnownMember(container, name)) return primitive(true)
  if (name !== undefined && hasTag(container, 'reply'))
    return tagged(...stepTags(container.tags, name)).with({ primitives: [true, false] })
  if (name !== undefined && container.ways !== undefined)
    return told(derived(key).with({ primitives: [true, false] }), container, (value) => hasPart(value, name))
  const absent = container.objects.map((target) => `absent:${storeId(target)}`)
  const present = container.objects.map((target) => `exists:${storeId(target)}`)
  return derived(key).with({ primitives: [true, false], condition: { whenTrue: present, whenFalse: absent } })
}

/** An answer about one of several results says which it is. */
function told(answer: Value, tested: Value, test: (value: Value) => boolean | undefined): Value {
  const condition = taughtByWays(tested, test)
  return condition === undefined ? answer : withCondition(answer, condition)
}

export function arithmetic(operator: string, left: Value, right: Value): Value {
  const folded = fold(operator, left, right)
  if (folded !== undefined) return folded
  const entropy = entropyOfAll([left, right])
  const prefix = known(left)?.value
  const suffix = known(right)?.value
  const isFull = operator === '+' && [left, right].some(isFullText)
  const sum = derived(left, right)
  const of = operator === '+' ? asTold(sum, [left, right]) : sum
  const value = entropy === undefined && !isFull ? of : of.with({ entropy, full: isFull ? true : undefined })
  // Of what is joined by a plus nobody knows whether it is numbers, unless one of them is.
  const isSum = operator === '+' && (typeof prefix === 'number' || typeof suffix === 'number')
  if (operator === '-' || isSum) return reckoned(inUnits(operator, left, right, value))
  const attributes = strings(right).flatMap(attributesIn)
  const attributed = attributes.length > 0 ? withTags(value, attributes) : value
  return operator === '+' && typeof prefix === 'string' && prefix !== ''
    ? withTags(attributed, [`prefix:${prefix}`])
    : inUnits(operator, left, right, attributed)
}

function isFullText(value: Value): boolean {
  const text = known(value)?.value
  return value.full === true || (typeof text === 'string' && text !== '')
}

export function intoText(
  machine: Machine,
  before: string,
  node: Node,
  value: Value,
  state: State,
  env: Environment,
): Value {
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

export function evaluateUnary(machine: Machine, node: Node, state: State, env: Environment): Value {
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
      return evaluate(machine, argument, state, env).with({ primitives: [], open: true })
  }
}

/** Yes or no holds a bit at most. */
/** Whether there is something says nothing of what it is. */
function negated(value: Value): Value {
  if (isNotGiven(value)) return primitive(true)
  const negative = value.tags.length > 0 ? withTags(negate(value), ['excerpt']) : negate(value)
  return value.entropy === undefined ? negative : negative.with({ entropy: { ...value.entropy, cap: 1 } })
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
    return UNKNOWN.with({ primitives: [isFunction ? 'function' : 'object'], open: false })
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

/** `count += 1`: a number that goes up or down by a written-down step. */
export function isCounting(operator: string, before: Value, right: Value): boolean {
  return (operator === '+=' || operator === '-=') && isStep(before, right)
}

/** A written-down number is added to a number, or taken from it. */
function isStep(before: Value, right: Value): boolean {
  return typeof known(right)?.value === 'number' && !before.primitives.some((item) => typeof item === 'string')
}

export function counted(before: Value, direction: 'up' | 'down', site: Site): Value {
  const source = { kind: 'counter', label: 'a counter', bits: 0, site } as const
  return stepped(before, direction).with({ entropy: { sources: [source] } })
}

function stepped(before: Value, direction: 'up' | 'down'): Value {
  const tags = derived(before).tags.filter((tag) => !tag.startsWith('counter:'))
  return derived(before).with({ tags: [...tags, `counter:${direction}`] })
}
