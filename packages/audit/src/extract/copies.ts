/** Containers that are never changed: each change makes a copy that is put in the place of the one before. */
import { storeId } from './heap.ts'
import type { HeapObject, Site } from './heap.ts'
import type { Machine } from './machine.ts'
import { insert, remove } from './properties.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, hasTag, isDrawn, join, object, withTags } from './value.ts'

/** Something is spread into a literal: the first container of its kind is what the literal is a copy of. */
export function noteSpread(copy: HeapObject, source: Value): void {
  const [from] = source.objects
  if (copy.copy !== undefined || from === undefined || source.objects.length > 1 || from.kind !== copy.kind) return
  copy.copy = { of: from.origin ?? from, added: [], leftOut: undefined }
}

/** An item stands in a literal beside what was spread into it. */
export function noteAdded(copy: HeapObject, key: Value, value: Value): void {
  if (copy.copy !== undefined) copy.copy = { ...copy.copy, added: [...copy.copy.added, { key, value }] }
}

/** `list.filter(keeps)`: what is left out is told apart by what the callback compares. */
export function noteLeftOut(copy: HeapObject, from: HeapObject, compared: Value): void {
  const of = from.origin ?? from
  copy.copy = { of, added: [], leftOut: withTags(compared, [`key:${storeId(of)}`]) }
}

/**
 * What is kept where a copy takes the place of its original: the original, with what was added and without what was left
 * out. The value as it is where it is no such copy.
 */
export function putBack(machine: Machine, before: Value, value: Value, site: Site, state: State): Value {
  const copies = value.objects.filter(({ copy }) => copy !== undefined && before.objects.includes(copy.of))
  if (copies.length === 0) return value
  let kept: Value = value.with({ objects: value.objects.filter((item) => !copies.includes(item)) })
  for (const { copy } of copies) {
    if (copy === undefined) continue
    for (const { key, value: item } of copy.added) insert(machine, copy.of, key, item, site, state)
    if (copy.leftOut !== undefined) remove(machine, copy.of, copy.leftOut, site, state)
    kept = join(kept, object(copy.of))
  }
  return kept
}

/** What a record in a list is found by: an ID that was made for it, or presented. */
export function nameIn(value: Value): Value {
  const fields = value.objects.flatMap((item) => [...item.properties.values()].map((cell) => cell.value))
  return fields.find(isMade) ?? fields.find((field) => field.objects.length === 0 && hasTag(field, 'sid')) ?? UNDEFINED
}

function isMade(value: Value): boolean {
  return value.objects.length === 0 && (hasTag(value, 'mint') || isDrawn(value)) && !hasTag(value, 'clock')
}
