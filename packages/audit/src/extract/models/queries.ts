/** What the conditions of a query say that a table which we do not see is asked with: `{ where: { id, expiresAt: { gt: now } } }`. */
import type { Call } from '../calls.ts'
import { isPresentedHandle } from '../conditions.ts'
import type { StoreRef } from '../events.ts'
import type { HeapObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { hasTag } from '../value.ts'
import { optionOf } from './routing.ts'

/** The handle that an argument is, or names: `id`, `{ where: { id } }`, `{ _id: id }`, `{ data: { id, … } }`. */
export function keyIn(arg: Value | undefined, isKey: (value: Value) => boolean, depth = 2): Value | undefined {
  if (arg === undefined) return undefined
  if (isKey(arg)) return arg
  if (depth === 0) return undefined
  for (const item of arg.objects) {
    if (item.kind !== 'object') continue
    for (const cell of item.properties.values()) {
      const inner = keyIn(cell.value, isKey, depth - 1) ?? keyAmong(cell.value, isKey, depth)
      if (inner !== undefined) return inner
    }
  }
  return undefined
}

/** The same in a list of conditions. */
function keyAmong({ objects }: Value, isKey: (value: Value) => boolean, depth: number): Value | undefined {
  for (const list of objects.filter(isConjunction))
    for (const { value } of list.properties.values()) {
      const inner = keyIn(value, isKey, depth)
      if (inner !== undefined) return inner
    }
  return undefined
}

/** `AND: [{ id }, { expiresAt: … }]` */
function isConjunction({ kind, properties }: HeapObject): boolean {
  return kind === 'array' && properties.size > 0 && properties.size <= MOST_CONDITIONS
}

const MOST_CONDITIONS = 6

/** What a container of sessions is called. */
export function isNamedAfterSessions(name: string): boolean {
  return /sess(?!ment)/i.test(name)
}

/** Whatever its cookie or header is called, it is the handle of a session where sessions are asked for by it. */
export function namesRecord(value: Value): boolean {
  return (
    value.objects.length === 0 &&
    isPresentedHandle(value) &&
    value.tags.some((tag) => tag.startsWith('cookie:') || tag.startsWith('header:'))
  )
}

/** Fields that a query holds against the clock: rows beyond that time are not found, or are the ones that are removed. */
export function noteTimes(machine: Machine, store: StoreRef, { args, site }: Call, state: State): readonly string[] {
  const fields = timedFields(optionOf(args[0], 'where') ?? args[0], 2)
  for (const field of fields) {
    machine.emit('time-check', site, state, { store: store.id, field })
    state.note(`timed:${store.id}:${field}`)
  }
  return fields
}

function timedFields(conditions: Value | undefined, depth: number): readonly string[] {
  return (conditions?.objects ?? []).flatMap((item) =>
    [...item.properties].slice(0, MOST_FIELDS).flatMap(([field, { value }]) => {
      if (hasTag(value, 'clock') || value.objects.some(isCompared)) return [field]
      return depth > 0 && value.objects.some(isConjunction)
        ? value.objects.flatMap((list) =>
            [...list.properties.values()].flatMap((one) => timedFields(one.value, depth - 1)),
          )
        : []
    }),
  )
}

const MOST_FIELDS = 12

/** `{ gt: now }`, `{ $lte: new Date() }`, `{ [Op.gt]: now }` */
function isCompared({ kind, properties, item }: HeapObject): boolean {
  if (kind !== 'object') return false
  return (
    hasTag(item, 'clock') || [...properties].some(([name, { value }]) => COMPARES.test(name) && hasTag(value, 'clock'))
  )
}

const COMPARES = /^\$?[gl]te?$/
