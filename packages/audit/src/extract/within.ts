/** What values hold, and what that holds: of objects that are shared by many, each once. */
import type { HeapObject } from './heap.ts'
import type { Value } from './value.ts'

/** No program that means what it says hands over more at once. */
const MOST_OBJECTS = 500

/** Objects that values are or hold, the nearest first, down to a depth; `held` says which values one is opened for. */
export function objectsWithin(
  values: readonly Value[],
  depth: number,
  held: (item: HeapObject) => readonly Value[],
): readonly HeapObject[] {
  const seen = new Set<HeapObject>()
  let level = values
  for (let left = depth; left > 0 && seen.size < MOST_OBJECTS; left -= 1) {
    const found = new Set(level.flatMap(({ objects }) => objects).filter((item) => !seen.has(item)))
    const kept = [...found].slice(0, MOST_OBJECTS - seen.size)
    for (const item of kept) seen.add(item)
    level = kept.flatMap(held)
  }
  return [...seen]
}

const MOST_FIELDS = 60

/** The fields of all plain objects that values are or hold, by their names. */
export function fieldsWithin(values: readonly Value[], depth: number): readonly (readonly [string, Value])[] {
  return objectsWithin(values, depth, (item) => fieldsOf(item).map(([, value]) => value)).flatMap(fieldsOf)
}

/** Of a plain object; of anything else none. */
function fieldsOf({ kind, properties }: HeapObject): readonly (readonly [string, Value])[] {
  if (kind !== 'object') return []
  return [...properties].slice(0, MOST_FIELDS).map(([name, { value }]) => [name, value])
}
