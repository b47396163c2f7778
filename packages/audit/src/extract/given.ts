/** What a function was given by the code that made it: two of the same place may do different things. */
import type { Cell, HeapObject } from './heap.ts'
import { FunctionObject, siteKey } from './heap.ts'
import type { Value } from './value.ts'

/** How many functions around one may have given it something. */
const WRAPPINGS = 3

/**
 * The constants and functions among it: `safely(handler)` is another one for each handler, and `build({ era: 'legacy' })`
 * makes other tools than `build({ era: 'modern' })`.
 */
export function closedOver(fn: HeapObject): readonly string[] {
  return cellsAround(fn).flatMap(({ name, value }) => [...constantsIn(name, value), ...partsOf(name, value)])
}

/** Where the objects among it were made, its own `this` included: others have other listeners and stores. */
export function objectsGivenTo(fn: HeapObject): readonly string[] {
  const own = fn instanceof FunctionObject ? (fn.boundThis?.objects ?? []) : []
  return [...new Set([...own, ...cellsAround(fn).flatMap(({ value }) => value.objects)].map(placeOf))]
}

/** The variables of the functions that it stands in, innermost first. */
function cellsAround(fn: HeapObject): readonly Cell[] {
  const cells: Cell[] = []
  let env = fn instanceof FunctionObject ? fn.env : undefined
  for (let depth = 0; depth < WRAPPINGS && env?.parent !== undefined; depth += 1, env = env.parent)
    cells.push(...env.ownCells())
  return cells
}

function placeOf({ site, kind }: HeapObject): string {
  return `${kind}@${siteKey(site)}`
}

function partsOf(name: string, { objects }: Value): readonly string[] {
  return objects.flatMap((item) => {
    if (item instanceof FunctionObject) return [siteKey(item.site)]
    if (item.kind !== 'object') return []
    return [...item.properties].flatMap(([field, { value }]) => constantsIn(`${name}.${field}`, value))
  })
}

function constantsIn(name: string, { primitives, open }: Value): readonly string[] {
  return open || primitives.length !== 1 ? [] : [`${name}=${String(primitives[0])}`]
}
