/**
 * Times put in words: `durationBucket(age)` gives `'<1s'` or `'5m+'`, for a log or a metric. To compare an age for that ends
 * nothing, however the program goes on. Only where the word is looked at again has the comparison had a say.
 */
import type { Node } from './ast.ts'
import { bare, children, isNode, staticKey } from './ast.ts'
import type { Site } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { withTags } from './value.ts'

/** A time that a session remembers was compared with the clock. */
export interface TimeSeen {
  readonly site: Site
  readonly store: string
  readonly field: string
}

/** Begins the tag of a word that such a comparison has chosen. */
const WORDED = 'worded:'

/** The comparison is a check of that time. */
export function noteTime(machine: Machine, { site, store, field }: TimeSeen, state: State): void {
  machine.emit('time-check', site, state, { store, field })
  state.note(`timed:${store}:${field}`)
}

/** Whether the comparison only chooses a word of what runs now; it is kept until somebody looks at the word. */
export function isWorded(machine: Machine, seen: TimeSeen): boolean {
  const { frame, stack } = machine
  const running = stack.at(-1)
  if (frame.words === undefined && running !== undefined && putsInWords(running)) frame.words = new Set()
  if (frame.words === undefined) return false
  const tag = `${WORDED}${seen.store}:${seen.field}`
  machine.wordedTimes.set(tag, seen)
  frame.words.add(tag)
  return true
}

/** `age < LIMIT ? 'fresh' : 'old'`: what is compared within `test` chooses one of two words. */
export function choosingWord(machine: Machine, node: Node, test: () => Value): Choice {
  const { frame } = machine
  if (frame.words !== undefined || !isChoice(node)) return { tested: test(), words: undefined }
  const words = new Set<string>()
  frame.words = words
  const tested = test()
  frame.words = undefined
  return { tested, words }
}

interface Choice {
  readonly tested: Value
  readonly words: ReadonlySet<string> | undefined
}

function isChoice(node: Node): boolean {
  return isWord(node['consequent'] as Node) && isWord(node['alternate'] as Node)
}

/** The word that a function gives, with the comparisons that chose it. */
export function withWording(value: Value, words: ReadonlySet<string> | undefined): Value {
  return words === undefined || words.size === 0 ? value : withTags(value, [...words])
}

/** Somebody looks which word it is. */
export function noteWordSeen(machine: Machine, value: Value, state: State): void {
  if (machine.wordedTimes.size === 0) return
  for (const tag of value.tags) {
    const seen = tag.startsWith(WORDED) ? machine.wordedTimes.get(tag) : undefined
    if (seen !== undefined) noteTime(machine, seen, state)
  }
}

const known = new WeakMap<Node, boolean>()

/** A function that does nothing but to give one word or another: it calls nothing, throws nothing and keeps nothing. */
function putsInWords(fn: Node): boolean {
  let answer = known.get(fn)
  if (answer === undefined) {
    const body = fn['body'] as unknown
    answer =
      fn['generator'] !== true && isNode(body) && (body.type === 'BlockStatement' ? isWording(body) : isWord(body))
    known.set(fn, answer)
  }
  return answer
}

function isWording(statement: Node): boolean {
  switch (statement.type) {
    case 'BlockStatement':
      return children(statement).every(isWording)
    case 'IfStatement':
      return (
        isPlain(statement['test'] as Node) &&
        isWording(statement['consequent'] as Node) &&
        (!isNode(statement['alternate']) || isWording(statement['alternate']))
      )
    case 'VariableDeclaration':
      return isPlain(statement)
    case 'ReturnStatement':
      return isNode(statement['argument']) && isWord(statement['argument'])
    default:
      return false
  }
}

/** A text or a number that stands there, or is put together from such. */
function isWord(given: Node): boolean {
  const node = bare(given)
  if (node.type === 'Literal') return typeof node['value'] === 'string' || typeof node['value'] === 'number'
  if (node.type === 'TemplateLiteral') return isPlain(node)
  if (node.type === 'CallExpression') return isPlain(node) && isRounding(node)
  if (node.type !== 'ConditionalExpression') return false
  return isPlain(node['test'] as Node) && isWord(node['consequent'] as Node) && isWord(node['alternate'] as Node)
}

/** Nothing in it does anything but reckon. */
function isPlain(node: Node): boolean {
  if (ACTS.has(node.type)) return false
  if (node.type === 'CallExpression' && !isReckoning(node)) return false
  return children(node).every(isPlain)
}

const ACTS = new Set([
  'AssignmentExpression',
  'UpdateExpression',
  'NewExpression',
  'AwaitExpression',
  'YieldExpression',
  'ImportExpression',
  'TaggedTemplateExpression',
  'FunctionExpression',
  'ArrowFunctionExpression',
])

function isReckoning(call: Node): boolean {
  const callee = bare(call['callee'] as Node)
  if (callee.type !== 'MemberExpression') return RECKONERS.has(String(callee['name']))
  return RECKONERS.has(String((callee['object'] as Node)['name'])) || REPHRASES.has(staticKey(callee) ?? '')
}

function isRounding(call: Node): boolean {
  const callee = bare(call['callee'] as Node)
  return callee.type === 'MemberExpression' && (callee['object'] as Node)['name'] === 'Math'
}

const RECKONERS = new Set(['Math', 'Date', 'Number', 'String', 'performance'])
const REPHRASES = new Set(['getTime', 'valueOf', 'toFixed', 'toString', 'padStart'])
