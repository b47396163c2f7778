/** State that outlives a request: who writes it, who reads it, and whether another request fits in between. */
import type { Cell, HeapObject, Site } from './heap.ts'
import type { Machine } from './machine.ts'
import { fromRequest } from './conditions.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, tagsOf, withTags } from './value.ts'

const REQUEST_TRIGGERS = new Set(['request', 'tool', 'initialized'])

function inRequest(machine: Machine): boolean {
  return REQUEST_TRIGGERS.has(machine.context.trigger)
}

function keyOf(cell: Cell): string | undefined {
  return cell.site === undefined ? undefined : `${cell.site.path}#${cell.site.start}#${cell.name}`
}

export function noteSharedRead(machine: Machine, cell: Cell, value: Value, site: Site, state: State): Value {
  if (cell.born !== 0 || !inRequest(machine) || !machine.sharedCells.has(cell)) return value
  machine.emit('shared-read', site, state, { cell, name: cell.name, moment: machine.moment })
  const key = keyOf(cell)
  const isScalar = value.objects.length === 0 && key !== undefined
  return isScalar ? withTags(value, [`read:${key}@${machine.moment}`]) : value
}

export function noteSharedWrite(
  machine: Machine,
  cell: Cell,
  value: Value,
  site: Site,
  state: State,
  holder?: HeapObject,
): void {
  const outlives = holder === undefined ? cell.born === 0 : holder.born === 0
  if (!outlives || !inRequest(machine)) return
  for (const target of value.objects) if (target.born === machine.context.activation) target.retained = true
  machine.sharedCells.add(cell)
  if (belongsToRequest(machine, value))
    machine.emit('shared-write', site, state, { cell, value, name: cell.name, moment: machine.moment })
  const key = keyOf(cell)
  if (key !== undefined) noteStale(machine, key, value, site, state, undefined)
}

/** Made in this request, or taken from it. */
function belongsToRequest(machine: Machine, value: Value): boolean {
  if (value.objects.some((target) => target.born === machine.context.activation && target.born !== 0)) return true
  return fromRequest(value) || hasTag(value, 'cred') || hasTag(value, 'principal')
}

/** Reading a field of a session: remembered with the moment, to tell a stale write later. */
export function noteFieldRead(machine: Machine, target: Value, name: string, value: Value): Value {
  if (!inRequest(machine)) return value
  const stores = tagsOf(target, 'entry').filter(
    (tag) => tag.split(':').length === 2 && machine.isLasting(tag.split(':')[1] ?? ''),
  )
  if (stores.length === 0 || value.objects.some((inner) => inner.kind === 'function' || inner.kind === 'library'))
    return value
  return withTags(
    value,
    stores.map((tag) => `read:${tag.slice('entry:'.length)}.${name}@${machine.moment}`),
  )
}

export function noteFieldWrite(
  machine: Machine,
  target: Value,
  name: string,
  value: Value,
  site: Site,
  state: State,
): void {
  for (const tag of tagsOf(target, 'entry')) {
    const [, store = '', outer] = tag.split(':')
    const field = outer ?? name
    machine.emit('entry-write', site, state, { store, field, value })
    if (machine.isLasting(store)) noteStale(machine, `${store}.${field}`, value, site, state, store)
  }
}

/** A value read before an await and written after it, or a check that an await has made old. */
function noteStale(
  machine: Machine,
  location: string,
  value: Value,
  site: Site,
  state: State,
  store: string | undefined,
): void {
  if (machine.locks > 0 || state.holds('locked')) return
  const reads = momentsOf(value.tags, `read:${location}@`)
  const checks = momentsOf([...state.facts.may], `checked:${location}@`)
  const dependsOnOld = reads.length > 0
  const staleRead = reads.length > 0 && Math.max(...reads) < machine.moment
  const staleCheck = dependsOnOld && checks.length > 0 && Math.max(...checks) < machine.moment
  if (!staleRead && !staleCheck) return
  machine.emit('stale-write', site, state, { read: site, target: location, store })
}

function momentsOf(tags: readonly string[], prefix: string): readonly number[] {
  return tags.filter((tag) => tag.startsWith(prefix)).map((tag) => Number(tag.slice(prefix.length)))
}

/** A condition read shared state: what was decided may be old after the next await. */
export function noteChecks(state: State, test: Value): void {
  for (const tag of test.tags) if (tag.startsWith('read:')) state.note(`checked:${tag.slice('read:'.length)}`)
}
