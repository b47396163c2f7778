/** Timers that set the last use of every session anew, whether or not anybody used it: no idle timeout ever comes to its end. */
import type { Node } from '../ast.ts'
import { bare, children, isFunctionNode, isInside, isNode, staticKey } from '../ast.ts'
import type { Event } from '../events.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { nodesAround } from '../presence.ts'

/** Whether such an event is the work of a timer that comes again and again, asks nobody and waits for nothing. */
export function isHeartbeat(machine: Machine, { site, context }: Event): boolean {
  const { timer, trigger } = context
  if (trigger !== 'timer' || timer?.data['interval'] !== true) return false
  const around = ancestorsOf(machine, site)
  const beats = around.findLast(isFunctionNode)
  const callback = callbackOf(machine, timer.data['callback'])
  if (beats === undefined || callback === undefined) return false
  const namesAt = (node: Node, index: number): readonly string[] =>
    isFunctionNode(node) ? [...nameIn(around[index - 1]), ...nameIn(node)] : []
  const outermost = around.findLastIndex((node, index) => isSame(node, callback) || namesAt(node, index).length > 0)
  const names = around.flatMap(namesAt)
  return (
    !isHandedOn(around.slice(outermost)) &&
    !depends(beats, site.start, names) &&
    (isInside(beats, callback) || !depends(callback, Number.POSITIVE_INFINITY, names))
  )
}

function ancestorsOf(machine: Machine, site: Site): readonly Node[] {
  const module = machine.modules.get(site.path)
  return module === undefined ? [] : nodesAround(module.program, site)
}

/** The function that the timer calls. */
function callbackOf(machine: Machine, key: unknown): Node | undefined {
  const [path, start] = String(key).split(/:(?=\d+$)/)
  const program = machine.modules.get(path ?? '')?.program
  if (program === undefined) return undefined
  const at = Number(start)
  const found = (node: Node): Node | undefined => {
    if (node.start === at && isFunctionNode(node)) return node
    const inner = children(node).find((child) => child.start <= at && at < child.end)
    return inner && found(inner)
  }
  return found(program)
}

/** `then`, `on`: what is called when somebody has answered. Walking through sessions is not that. */
function isHandedOn(around: readonly Node[]): boolean {
  return around.some((node, index) => {
    if (node.type !== 'CallExpression' || !around.slice(index + 1, index + 2).some(isFunctionNode)) return false
    const callee = bare(node['callee'])
    return !/^(?:setInterval|forEach|map|filter|some|every)$/.test(staticKey(callee) ?? String(callee['name']))
  })
}

/** Before that place something is awaited, or asked that may be different in an hour. */
function depends(node: Node, before: number, names: readonly string[]): boolean {
  return children(node).some((child) => {
    if (child.start >= before) return false
    if (child.type === 'AwaitExpression' && !isCallOf(bare(child['argument']), names)) return true
    if (child.type === 'IfStatement' && !isPlain(bare(child['test']))) return true
    return depends(child, before, names)
  })
}

function isCallOf(node: Node, names: readonly string[]): boolean {
  if (node.type !== 'CallExpression') return false
  const callee = bare(node['callee'])
  return names.includes(staticKey(callee) ?? String(callee['name']))
}

/** Whether the session is there, and not over yet: true of one that nobody uses. */
function isPlain(test: Node): boolean {
  switch (test.type) {
    case 'LogicalExpression':
      return isPlain(bare(test['left'])) && isPlain(bare(test['right']))
    case 'UnaryExpression':
      return test['operator'] === '!' && isPlain(bare(test['argument']))
    case 'BinaryExpression':
      return /^[!=]==?$/.test(String(test['operator'])) && [test['left'], test['right']].some(isWordOrNothing)
    case 'CallExpression':
      return staticKey(bare(test['callee'])) === 'has'
    case 'MemberExpression':
      return /^(?:writable|closed$|destroyed$)/.test(staticKey(test) ?? '')
    default:
      return test.type === 'Identifier'
  }
}

function isWordOrNothing(given: Node): boolean {
  const node = bare(given)
  if (node['name'] === 'undefined') return true
  return node.type === 'Literal' && (typeof node['value'] === 'string' || node['value'] === null)
}

/** `send() {}`, `const send = () => {}`, `function send() {}` */
function nameIn(owner: Node | undefined): readonly string[] {
  if (owner === undefined) return []
  const id: unknown = owner['id'] ?? owner['key']
  return isNode(id) ? [String(id['name'] ?? '')] : []
}

function isSame(one: Node, other: Node): boolean {
  return one.start === other.start && one.end === other.end
}
