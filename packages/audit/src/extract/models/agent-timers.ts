/** What an `McpAgent` does about its own end: alarms and schedules that destroy it, and what puts them off. */
import type { Call } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { InstanceObject, LibraryObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { isByClock } from '../clock.ts'
import { callOpaque } from '../opaque.ts'
import { getProperty } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNDEFINED, UNKNOWN, object, primitive, strings, tagged } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'

/** What is known of the agents of one class: it holds from one round of requests to the next. */
interface Watch {
  readonly store: StoreRef
  /** Schedules are taken back: what is scheduled then is scheduled anew. */
  cancels: boolean
  /** It is asked whether an alarm is set already: the first one stays. */
  asks: boolean
}

const watches = new WeakMap<Machine, Map<string, Watch>>()
const watchOf = new WeakMap<LibraryObject, Watch>()
const instanceOf = new WeakMap<LibraryObject, InstanceObject>()

/** From here on it is known which sessions end with this agent. */
export function watchAgent(machine: Machine, agent: InstanceObject, store: StoreRef): void {
  const { base } = agent
  if (base === undefined) return
  const known = watches.get(machine) ?? new Map<string, Watch>()
  watches.set(machine, known)
  const watch = known.get(store.id) ?? { store, cancels: false, asks: false }
  known.set(store.id, watch)
  watchOf.set(base, watch)
  instanceOf.set(base, agent)
  machine.watchesAgents = true
}

/** `this.ctx`: what the host gives to an object of its own. */
export function agentContext(machine: Machine, agent: LibraryObject, site: Site): Value {
  return object(machine.library('agent-context', site, { agent }))
}

/** `this.schedule(when, 'method')`: the agent’s own method runs later. */
const schedule: MethodHandler = (machine, _target, call, state) => {
  for (const name of strings(call.args[1] ?? UNKNOWN)) runLater(machine, name, call, state)
  return UNKNOWN
}

function runLater(machine: Machine, name: string, call: Call, state: State): void {
  const callback = getProperty(machine, call.self, primitive(name), call.site, state)
  const timer = machine.library('timer', call.site, { interval: name === 'alarm', after: machine.context.trigger })
  machine.defer(callback, [call.args[2] ?? UNDEFINED], state, { ...machine.context, trigger: 'timer', timer })
}

const cancelSchedule: MethodHandler = (machine, target, call, state, name) => {
  const watch = watchOf.get(target)
  if (watch !== undefined) watch.cancels = true
  return callOpaque(machine, name, call, state, NEVER)
}

/** `this.destroy()`, `this.ctx.storage.deleteAll()`: nothing is left of the session. */
const destroy: MethodHandler = (machine, target, call, state) => {
  const watch = watchOf.get(target)
  if (watch === undefined) return UNKNOWN
  const { store } = watch
  machine.emit('store-remove', call.site, state, { store, key: tagged(`key:${store.id}`) })
  const limit = limitBy(machine, watch, state)
  if (limit !== undefined) machine.emit('expiry', call.site, state, { store: store.id, limit, enabled: true })
  return UNKNOWN
}

/**
 * What is done because of the clock ends whom nothing came from for so long; what only waits, from whenever it was armed last.
 * A tool that looks at the clock ends nobody who calls no tool.
 */
function limitBy(
  { context: { trigger, timer } }: Machine,
  watch: Watch,
  state: State,
): 'idle' | 'absolute' | undefined {
  if (trigger !== 'tool' && isByClock(state)) return 'idle'
  if (trigger !== 'timer' || timer === undefined) return undefined
  const isPutOff = timer.data['interval'] === true ? !watch.asks : watch.cancels
  return isPutOff ? 'idle' : 'absolute'
}

/** `this.ctx.storage`: alarms and the end of all that is kept. An object has one alarm, and the last one set counts. */
const callStorage: MethodHandler = (machine, target, call, state, name) => {
  const agent = target.data['agent'] as LibraryObject
  const watch = watchOf.get(agent)
  const instance = instanceOf.get(agent)
  if (name === 'deleteAll') return destroy(machine, agent, call, state, name)
  if (name === 'getAlarm' && watch !== undefined) watch.asks = true
  if (name === 'setAlarm' && instance !== undefined)
    runLater(machine, 'alarm', { ...call, self: object(instance), args: [] }, state)
  return callOpaque(machine, name, call, state, NEVER)
}

const callUnknown: MethodHandler = (machine, _target, call, state, name) =>
  callOpaque(machine, name, call, state, NEVER)

export const agentTimers: Model = {
  methods: {
    'mcp-agent': { schedule, scheduleEvery: schedule, cancelSchedule, destroy, '*': () => UNKNOWN },
    'agent-context': { '*': callUnknown },
    'agent-storage': { '*': callStorage },
  },
  properties: {
    'agent-context': (machine, target, name, _key, site) =>
      name === 'storage' ? object(machine.library('agent-storage', site, target.data)) : UNKNOWN,
  },
}
