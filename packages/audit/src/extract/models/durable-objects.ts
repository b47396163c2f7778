/** Durable objects: a namespace is a store that has an object under every name, and makes it when it is first asked for. */
import type { Call } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { foundTags, noteInsert, noteLookUp } from '../properties.ts'
import { handedOver } from '../request-state.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, hasTag, object, tagged, withTags } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'

/** `env.SESSIONS.idFromName(name)`, `.get(id)`, `.getByName(name)`; undefined for any other call. */
export function callNamespace(
  machine: Machine,
  name: string,
  call: Call,
  state: State,
  storeOf: () => StoreRef | undefined,
): Value | undefined {
  const [given = UNKNOWN] = call.args
  if (name === 'newUniqueId') return object(machine.library('durable-id', call.site, { key: tagged('mint') }))
  if (name === 'idFromName' || name === 'idFromString')
    return object(machine.library('durable-id', call.site, { key: given }))
  const key = name === 'getByName' ? given : name === 'get' ? keyOf(given) : undefined
  const store = key === undefined ? undefined : storeOf()
  return key === undefined || store === undefined ? undefined : objectOf(machine, store, key, call, state)
}

function keyOf(id: Value): Value | undefined {
  const [found] = id.objects.filter((item) => item instanceof LibraryObject && item.type === 'durable-id')
  return (found as LibraryObject | undefined)?.data['key'] as Value | undefined
}

/** Whether it was there before is not told: whoever names one that was not opens it. */
function objectOf(machine: Machine, store: StoreRef, key: Value, call: Call, state: State): Value {
  const stub = object(machine.library('durable-object', call.site))
  const opening = state.fork()
  opening.learn([`absent:${store.id}`])
  noteInsert(machine, store, key, stub, call.site, opening)
  noteLookUp(machine, store, key, call.site, state)
  noteEndings(machine, store, call, state)
  return withTags(stub, foundTags(store, key))
}

/** What the objects do with themselves is theirs: which class is behind a namespace, the source does not say. */
function noteEndings(machine: Machine, store: StoreRef, call: Call, state: State): void {
  const { alarms, deletions } = endingsIn(machine)
  if (alarms)
    for (const [limit, site] of [
      ['idle', call.site],
      ['absolute', call.argSites[0] ?? call.site],
    ] as const)
      machine.emit('expiry', site, state, { store: store.id, limit, enabled: true })
  if (deletions) machine.emit('store-remove', call.site, state, { store, key: tagged(`key:${store.id}`) })
}

interface Endings {
  readonly alarms: boolean
  readonly deletions: boolean
}

const endings = new WeakMap<Machine, Endings>()

/** The whole tree is searched once, however often a namespace is asked. */
function endingsIn(machine: Machine): Endings {
  let found = endings.get(machine)
  if (found === undefined) {
    const has = (pattern: RegExp): boolean => [...machine.modules.values()].some(({ file }) => pattern.test(file.text))
    found = { alarms: has(/\bsetAlarm\s*\(/), deletions: has(/\bdeleteAll\s*\(/) }
    endings.set(machine, found)
  }
  return found
}

/** What is asked of an object is served by it. */
const ask: MethodHandler = (machine, _target, call, state, name) => {
  const asked = name === 'fetch' ? undefined : handedOver(machine, name, call, state)
  if (asked !== undefined) return asked
  if (hasTag(call.self, 'entry')) machine.emit('dispatch', call.site, state, { receiver: call.self, how: 'own' })
  return object(machine.library('fetch-response', call.site))
}

export const durableObjects: Model = {
  methods: { 'durable-object': { '*': ask }, 'durable-id': { '*': (_machine, target) => object(target) } },
}
