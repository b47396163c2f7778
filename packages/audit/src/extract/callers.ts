/** How code can name the caller: the variables in scope, and the parts of the request, that hold what was verified of them. */
import type { Environment, HeapObject } from './heap.ts'
import { LibraryObject } from './heap.ts'
import type { State } from './state.ts'
import { hasTag, type Value } from './value.ts'

const MOST = 4

/** `user`, `req.auth`, `c.get('user')`; the nearest first. Empty where nothing in scope says who it is. */
export function callersInScope(env: Environment, state: State): readonly string[] {
  const found: string[] = []
  for (let scope: Environment | undefined = env; scope !== undefined; scope = scope.parent)
    for (const cell of scope.ownCells()) {
      // What outlives the request is no caller's.
      if (cell.born === 0) continue
      const value = state.read(cell)
      if (hasTag(value, 'held')) continue
      if (isCaller(value)) found.push(cell.name)
      found.push(...value.objects.flatMap((item) => partsOf(item, state)).map((name) => `${cell.name}.${name}`))
    }
  return [...new Set(found)].slice(0, MOST)
}

function partsOf(item: HeapObject, state: State): readonly string[] {
  const isContext = item instanceof LibraryObject && item.type === 'hono-context'
  const isRequest = item instanceof LibraryObject && item.type.endsWith('request')
  if (item.kind !== 'object' && !isContext && !isRequest) return []
  const names = [...item.properties].flatMap(([name, cell]) => (isCaller(state.read(cell)) ? [name] : []))
  return isContext ? names.map((name) => `get('${name}')`) : names
}

/** Said of the caller by a credential that was verified; what a session remembers is said of its owner. */
function isCaller(value: Value): boolean {
  return hasTag(value, 'cred') && !hasTag(value, 'held') && (hasTag(value, 'verdict') || hasTag(value, 'principal'))
}
