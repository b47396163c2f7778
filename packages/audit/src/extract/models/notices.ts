/** What servers tell those who subscribed, and stores of tasks that many servers share. */
import type { SourceFile } from '../../source/tree.ts'
import type { Node } from '../ast.ts'
import type { HeapObject, Site } from '../heap.ts'
import { FunctionObject, InstanceObject, LibraryObject } from '../heap.ts'
import { parametersOf } from '../invoke.ts'
import type { Machine } from '../machine.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object, onlyString } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'
import { isBelow } from '../../source/version.ts'

const SDK = '@modelcontextprotocol/sdk'
/** From here on the SDK's own store gives a session only what it put there. */
const TELLS_SESSIONS_APART = '1.32.0'

/** `server.sendResourceUpdated({ uri })`: told to the one client of this server. */
const sendUpdated: MethodHandler = (machine, _target, call, state) => {
  const topic = optionOf(call.args[0], 'uri') ?? UNKNOWN
  machine.emit('update-sent', call.site, state, { receiver: call.self, topic, handler: undefined })
  return UNKNOWN
}

const sendNotification: MethodHandler = (machine, _target, call, state) => {
  const [message] = call.args
  if (onlyString(optionOf(message, 'method') ?? UNKNOWN) !== 'notifications/resources/updated') return UNKNOWN
  const topic = optionOf(optionOf(message, 'params'), 'uri') ?? UNKNOWN
  machine.emit('update-sent', call.site, state, { receiver: call.self, topic, handler: undefined })
  return UNKNOWN
}

/** `handler.notify.resourceUpdated(uri)`: told to whoever listens, by whatever request. */
const notifyAll: MethodHandler = (machine, target, call, state) => {
  const [topic = UNKNOWN] = call.args
  const handler = target.data['handler'] as HeapObject
  machine.emit('update-sent', call.site, state, { receiver: call.self, topic, handler })
  return UNKNOWN
}

const taskStore: ExternalHandler = (machine, call) => {
  const found = machine.tree.versionOf(SDK, call.site.path)
  const isOld = found !== undefined && found.from === 'locked' && isBelow(found.version, TELLS_SESSIONS_APART)
  return object(machine.library('mcp-task-store', call.site, { isOld }))
}

/** What a server keeps its tasks in: the SDK's own store, or one that the program has written. */
export interface TaskKeeping {
  readonly store: HeapObject
  /** How a store of the program's own answers for a task, and whether that looks at whose session asks. */
  readonly own?: { readonly answers: Site; readonly asksSession: boolean }
}

/** The store of tasks among the options of a server; undefined for one that finds out by itself who is calling. */
export function taskStoreOf(machine: Machine, options: Value | undefined): TaskKeeping | undefined {
  for (const store of optionOf(options, 'taskStore')?.objects ?? []) {
    if (store instanceof LibraryObject && store.type === 'mcp-task-store') return { store }
    const found = methodOf(store, 'getTask')
    if (found === undefined) continue
    const text = found.file.text.slice(found.whole.start, found.whole.end)
    if (ASKS_BY_ITSELF.test(text)) return undefined
    const { file, node } = found
    return { store, own: { answers: machine.site(file, node), asksSession: usesSecond(node, file.text) } }
  }
  return undefined
}

const ASKS_BY_ITSELF = /\bgetStore\s{0,9}\(|\bauthInfo\b/

interface Found {
  readonly node: Node
  readonly whole: Node
  readonly file: SourceFile
}

/** A method of a class of this tree, or of an object that holds functions. */
function methodOf(store: HeapObject, name: string): Found | undefined {
  if (store instanceof InstanceObject) {
    const node = store.of.methods.get(name)?.['value'] as Node | undefined
    return node && { node, whole: store.of.node, file: store.of.env.file }
  }
  const fn = store.properties.get(name)?.value.objects.find((item) => item instanceof FunctionObject)
  return fn instanceof FunctionObject ? { node: fn.node, whole: fn.node, file: fn.env.file } : undefined
}

/** `getTask(taskId, sessionId)`, where the second is more than named. */
function usesSecond(node: Node, text: string): boolean {
  const second = parametersOf(node)[1]
  if (second === undefined) return false
  const name = second.type === 'Identifier' ? String(second['name']) : undefined
  if (name === undefined) return true
  const rest = text.slice(second.end, node.end)
  return new RegExp(`\\b${name.replaceAll('$', String.raw`\$`)}\\b`).test(rest)
}

export const notices: Model = {
  constructors: { 'sdk#InMemoryTaskStore': taskStore },
  methods: {
    'mcp-server': { sendResourceUpdated: sendUpdated, notification: sendNotification },
    'mcp-notify': { resourceUpdated: notifyAll, '*': () => UNKNOWN },
    'mcp-task-store': { '*': () => UNKNOWN },
  },
  properties: {
    'mcp-handler': (machine, target, name, _key, site) =>
      name === 'notify' ? object(machine.library('mcp-notify', site, { handler: target })) : UNKNOWN,
  },
}
