/**
 * `sessionManager.getSession(id)`, where the manager is in a file that is not there: that it keeps sessions, its methods say,
 * and how long it keeps them is not known.
 */
import type { Call } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { Machine } from '../machine.ts'
import { foundTags, noteInsert, noteLookUp } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, derived, hasTag, tagged, tagsOf, withTags } from '../value.ts'
import { namesRecord } from './queries.ts'

const FINDS = /^(?:get|find|load|fetch|retrieve|look_?up|resume|restore|has)\w{0,16}Session(?:By(?:Id|Token))?$/
const OPENS = /^(?:create|add|set|register|store|save|open|start|put|insert|track)\w{0,16}Session$/
const ENDS = /^(?:delete|remove|destroy|end|close|terminate|drop)\w{0,16}Session$/

/** A call of such a method with the handle of a session; undefined where it is none. */
export function callOnUnseenService(machine: Machine, name: string, call: Call, state: State): Value | undefined {
  const [handle = UNKNOWN, ...rest] = call.args
  if (!/Session/.test(name) || call.self.objects.length > 0 || !isHandle(handle)) return undefined
  const store = storeOf(name, call)
  if (store === undefined) return undefined
  // Whoever says who the caller is as well has that compared, for all that is seen.
  const key = rest.some((arg) => hasTag(arg, 'cred') || hasTag(arg, 'principal')) ? derived(handle, ...rest) : handle
  if (FINDS.test(name)) return found(machine, store, key, call, state)
  if (OPENS.test(name)) return opened(machine, store, handle, rest, call, state)
  if (!ENDS.test(name)) return undefined
  machine.emit('store-remove', call.site, state, { store, key })
  return UNKNOWN
}

function isHandle(value: Value): boolean {
  if (value.objects.length > 0 || hasTag(value, 'jwt')) return false
  return (
    hasTag(value, 'mint') ||
    hasTag(value, 'sid') ||
    tagsOf(value, 'body').includes('body:sessionid') ||
    namesRecord(value)
  )
}

function storeOf(name: string, { site }: Call): StoreRef | undefined {
  const text = site.file.text.slice(site.start, Math.min(site.end, site.start + 200))
  const receiver = new RegExp(String.raw`([\w$]+)(?:\(\))?[!?]?\.\s*${name}\b`).exec(text)?.[1]
  return receiver === undefined ? undefined : { id: `${ELSEWHERE}${receiver}`, site, name: receiver, kind: 'database' }
}

const ELSEWHERE = 'unseen@'

/** Whether what keeps these sessions is code that is not in the tree. */
export function isKeptElsewhere({ id }: Pick<StoreRef, 'id'>): boolean {
  return id.startsWith(ELSEWHERE)
}

function found(machine: Machine, store: StoreRef, key: Value, call: Call, state: State): Value {
  noteLookUp(machine, store, key, call.site, state)
  const { objects } = machine.databaseCell(store.id).value
  return withTags(tagged().with({ primitives: [undefined], objects, open: true }), foundTags(store, key))
}

function opened(
  machine: Machine,
  store: StoreRef,
  key: Value,
  [value = UNKNOWN]: readonly Value[],
  call: Call,
  state: State,
): Value {
  machine.databaseCell(store.id).write(value)
  noteInsert(machine, store, key, value, call.site, state)
  return UNKNOWN
}
