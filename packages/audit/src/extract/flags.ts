/** Variables by which the rounds of a loop tell each other something: a body is followed once, and they say what came before. */
import type { Node } from './ast.ts'
import { children } from './ast.ts'
import type { Cell, Environment } from './heap.ts'
import type { State } from './state.ts'
import { type Value, join, primitive } from './value.ts'

/** `let seen = false; for (…) { if (seen) send(item); if (item.id === last) seen = true }`: a later round finds it set. */
export function flagsIn(node: Node, env: Environment, state: State): readonly Cell[] {
  return flagNames(node).flatMap((name) => {
    const cell = env.find(name)
    const value = cell === undefined ? undefined : state.read(cell)
    const isFlag = value?.primitives.length === 1 && typeof value.primitives[0] === 'boolean' && !value.open
    return isFlag && cell !== undefined ? [cell] : []
  })
}

/** What a later round may find. */
const SET_TRUE = join(primitive(true), primitive(false))
const SET_FALSE = join(primitive(true), primitive(false))

/** Of a flag as it was before the loop: a later round finds it as it was, or set by an earlier one. */
export function laterOf(before: Value): Value {
  return before.primitives[0] === true ? SET_FALSE : SET_TRUE
}

/** Left as the round has found it: only an earlier round can have made it so, by the same statements as this one. */
export function isOfEarlierRound(value: Value, truth: boolean): boolean {
  return value === (truth ? SET_TRUE : SET_FALSE)
}

const flagsOf = new WeakMap<Node, readonly string[]>()

/** Names that a loop both sets to `true` or `false` and asks for. */
function flagNames(node: Node): readonly string[] {
  let known = flagsOf.get(node)
  if (known === undefined) {
    const set = new Set<string>()
    const read = new Set<string>()
    const pending: Node[] = [node['body'] as Node]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const name = nameIfSet(next)
      if (name !== undefined) set.add(name)
      else if (next.type === 'Identifier') read.add(String(next['name']))
      else pending.push(...children(next))
    }
    known = [...set].filter((name) => read.has(name))
    flagsOf.set(node, known)
  }
  return known
}

/** `seen = true` */
function nameIfSet(node: Node): string | undefined {
  if (node.type !== 'AssignmentExpression' || node['operator'] !== '=') return undefined
  const [left, right] = [node['left'] as Node, node['right'] as Node]
  const isFlag = left.type === 'Identifier' && right.type === 'Literal' && typeof right['value'] === 'boolean'
  return isFlag ? String(left['name']) : undefined
}
