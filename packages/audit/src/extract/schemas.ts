/** Schemas that text and objects are held against: what passes is what came in, and nothing is proven by its shape. */
import type { Call } from './calls.ts'
import { flag, fromRequest } from './conditions.ts'
import type { HeapObject } from './heap.ts'
import { LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Value } from './value.ts'
import { NEVER, UNKNOWN, joinAll, object } from './value.ts'

/** `schema.safeParse(x)` of zod, `safeParse(schema, x)` of valibot: whether it fits, and what came in. `schema.parse(body)` gives that alone. */
export function parsedBySchema(machine: Machine, name: string | undefined, call: Call): Value | undefined {
  if (name === 'safeParse' || name === 'safeParseAsync') return resultOf(machine, call)
  if (name !== 'parse' && name !== 'parseAsync') return undefined
  const bags = call.args.filter((arg) => arg.objects.some(isBag))
  return bags.length === 0 ? undefined : joinAll(bags.map((arg) => takenIn(machine, arg, call)))
}

function resultOf(machine: Machine, call: Call): Value {
  const given = joinAll(call.args.filter(isSent).map((arg) => takenIn(machine, arg, call)))
  const result = machine.allocate('object', call.site)
  result.property('success').write(flag([]))
  for (const name of ['data', 'output']) result.property(name).write(given === NEVER ? UNKNOWN : given)
  for (const name of ['error', 'issues']) result.property(name).write(UNKNOWN)
  return object(result)
}

/** A query string that is taken in whole: what is read off it later was let in here. */
export function takenIn(machine: Machine, value: Value, { site }: Call): Value {
  const objects = value.objects.map((item) =>
    isQuery(item) && item.properties.size === 0 ? machine.library('bag', site, { ...item.data, taken: site }) : item,
  )
  return value.with({ objects })
}

function isQuery(item: HeapObject): item is LibraryObject {
  return item instanceof LibraryObject && item.type === 'bag' && item.data['origin'] === 'query'
}

/** From the client, as it is. */
export function isSent(value: Value): boolean {
  return fromRequest(value) || value.objects.some(isBag)
}

/** A part of a request with named values. */
function isBag(item: HeapObject): boolean {
  return item instanceof LibraryObject && item.type === 'bag'
}
