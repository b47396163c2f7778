/** Code that goes on for as long as a client listens: what it waits for is its end, and no time. */
import type { Node } from '../ast.ts'
import { children, staticKey } from '../ast.ts'

const DEEPEST = 60

/** It goes round for as long as somebody listens, or waits for the end of the connection. */
export function isEndless(fn: Node): boolean {
  return some(fn, 0, (node) => loops(node, fn) || waits(node))
}

function some(node: Node, depth: number, test: (node: Node) => boolean): boolean {
  if (depth > DEEPEST) return false
  if (test(node)) return true
  for (const child of children(node)) if (some(child, depth + 1, test)) return true
  return false
}

/** `for (;;)`, `while (true)`, `while (!stream.aborted)`, `while (open)`: no clock, no count. */
function loops(node: Node, within: Node): boolean {
  if (node.type === 'ForStatement') return node['test'] === null
  if (node.type !== 'WhileStatement') return false
  const test = node['test'] as Node
  if (test.type === 'Literal') return test['value'] === true
  const asked = test.type === 'UnaryExpression' ? (test['argument'] as Node) : test
  if (asked.type === 'MemberExpression') return test.type === 'UnaryExpression'
  return asked.type === 'Identifier' && isSetByOthers(String(asked['name']), node['body'] as Node, within)
}

/** What ends the loop is not what it does itself, and not a timer. */
function isSetByOthers(name: string, body: Node, within: Node): boolean {
  const sets = (node: Node): boolean => node.type === 'AssignmentExpression' && (node['left'] as Node)['name'] === name
  const isTimer = (node: Node): boolean => isCallOf(node, 'setTimeout') && some(node, 0, sets)
  return !some(body, 0, sets) && some(within, 0, sets) && !some(within, 0, isTimer)
}

function isCallOf(node: Node, name: string): boolean {
  return node.type === 'CallExpression' && (node['callee'] as Node)['name'] === name
}

/** `await new Promise((resolve) => stream.onAbort(resolve))`, `await new Promise(() => {})` */
function waits(node: Node): boolean {
  const made = node.type === 'AwaitExpression' ? (node['argument'] as Node) : node
  if (made === node || made.type !== 'NewExpression' || (made['callee'] as Node)['name'] !== 'Promise') return false
  const [executor] = made['arguments'] as Node[]
  if (executor === undefined || !/Function/.test(executor.type)) return false
  if ((executor['params'] as Node[]).length === 0) return true
  return some(executor, 0, endsWithConnection) && !some(executor, 0, (inner) => isCallOf(inner, 'setTimeout'))
}

/** `stream.onAbort(…)`, `signal.addEventListener('abort', …)`, `req.on('close', …)` */
function endsWithConnection(node: Node): boolean {
  if (node.type !== 'CallExpression' || (node['callee'] as Node).type !== 'MemberExpression') return false
  const [first] = node['arguments'] as Node[]
  const event = first?.type === 'Literal' ? String(first['value']) : ''
  return staticKey(node['callee'] as Node) === 'onAbort' || /^(?:abort|close|disconnect)$/.test(event)
}
