/** Streams that stay open after the request that opened them was let in, and what ends them. */
import type { Node } from './ast.ts'
import { bare, children, isFunctionNode, staticKey } from './ast.ts'
import type { Call } from './calls.ts'
import type { HeapObject, Site } from './heap.ts'
import { LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { strings } from './value.ts'

const STREAM_TYPES: ReadonlySet<string> = new Set(['response', 'stream', 'subject', 'socket'])
const ENDINGS: ReadonlySet<string> = new Set([
  'end',
  'destroy',
  'close',
  'terminate',
  'abort',
  'error',
  'complete',
  'send',
  'json',
])

function isStream(item: HeapObject): item is LibraryObject {
  return item instanceof LibraryObject && STREAM_TYPES.has(item.type)
}

/** `content-type: text/event-stream` on an answer. */
export function noteEventStream(
  machine: Machine,
  header: { readonly name: string; readonly value: Value },
  streams: Value,
  site: Site,
  state: State,
): void {
  if (header.name.toLowerCase() !== 'content-type') return
  if (strings(header.value).some((text) => text.startsWith('text/event-stream')))
    noteOpened(machine, streams, site, state)
}

/** `response.type('text/event-stream')` */
export function noteContentType(
  machine: Machine,
  type: Value | undefined,
  streams: Value,
  site: Site,
  state: State,
): void {
  if (type !== undefined) noteEventStream(machine, { name: 'content-type', value: type }, streams, site, state)
}

/** From here on the stream is open. */
export function noteOpened(machine: Machine, streams: Value, site: Site, state: State): void {
  for (const stream of streams.objects.filter(isStream)) machine.emit('stream-open', site, state, { stream })
  state.learn(['streaming'])
}

/** `response.end()`, `controller.close()`, `socket.terminate()`. */
export function noteEnding(machine: Machine, name: string, stream: LibraryObject, site: Site, state: State): void {
  // What stands behind a loop that has no end but the client's.
  if (machine.context.trigger === 'request' && state.facts.may.has(CEASELESS)) return
  if (ENDINGS.has(name)) machine.emit('stream-end', site, state, { stream })
}

/** `on(emitter, 'price')` of Node: an iterator of all that is emitted from now on. */
export const EMITTED = 'emitted'

/**
 * `for await (const [price] of on(feed, 'price'))`: goes round for as long as somebody listens, here or in a generator. Where
 * the loop itself may leave, what it hears may end it.
 */
export function noteEndless(node: Node, { objects, open }: Value, state: State): void {
  if (mayLeave(node)) state.unnote(CEASELESS)
  const isEmitted = objects.some((item) => item instanceof LibraryObject && item.type === EMITTED)
  if (!isEmitted && !(open && objects.length === 0 && listens(node['right'] as Node))) return
  state.note('endless')
  if (!mayLeave(node)) state.note(CEASELESS)
}

const CEASELESS = 'ceaseless'

function mayLeave(loop: Node): boolean {
  const known = leaving.get(loop)
  if (known !== undefined) return known
  const may = leaves(loop['body'] as Node)
  leaving.set(loop, may)
  return may
}

const leaving = new WeakMap<Node, boolean>()

/** What functions do that are made on the way leaves only them, and a `break` of an inner loop only that. */
function leaves(body: Node): boolean {
  const waiting = [{ node: body, inner: false, labels: [] as readonly string[] }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, inner, labels } = next
    if (isFunctionNode(node)) continue
    if (node.type === 'ReturnStatement' || node.type === 'ThrowStatement') return true
    const label = (node['label'] as Node | null | undefined)?.['name'] as string | undefined
    if (node.type === 'BreakStatement' && (label === undefined ? !inner : !labels.includes(label))) return true
    const within = node.type === 'LabeledStatement' ? [...labels, label ?? ''] : labels
    for (const child of children(node))
      waiting.push({ node: child, inner: inner || BREAKABLE.test(node.type), labels: within })
  }
  return false
}

const BREAKABLE = /^(?:(?:For|ForIn|ForOf|While|DoWhile)Statement|SwitchStatement)$/

/** `collection.watch()`, `await pubsub.subscribe(topic)`, of code that is not seen. */
function listens(right: Node): boolean {
  const inner = bare(right)
  const made = inner.type === 'AwaitExpression' ? bare(inner['argument'] as Node) : inner
  if (made.type !== 'CallExpression') return false
  const callee = bare(made['callee'] as Node)
  return callee.type === 'MemberExpression' && LISTENS.test(staticKey(callee) ?? '')
}

const LISTENS = /^(?:watch|subscribe|asyncIterator|asyncIterableIterator|listen)$/

/** Code that cannot be seen has the stream and may end it. */
export function noteHandedOn(machine: Machine, call: Call, state: State): void {
  for (const stream of call.args.flatMap(({ objects }) => objects.filter(isStream)))
    machine.emit('stream-end', call.site, state, { stream })
}
