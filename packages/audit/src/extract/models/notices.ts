/** What servers tell those who subscribed, and stores of tasks that many servers share. */
import type { HeapObject } from '../heap.ts'
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

/** The SDK's own store of tasks among the options of a server. */
export function taskStoreOf(options: Value | undefined): HeapObject | undefined {
  return optionOf(options, 'taskStore')?.objects.find((item) => (item as { type?: unknown }).type === 'mcp-task-store')
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
