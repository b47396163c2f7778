/** State that outlives a request: who writes it, who reads it, and whether another request fits in between. */
import type { HeapObject, Site } from './heap.ts'
import { Cell, LibraryObject, storeId } from './heap.ts'
import { notePasswordField } from './logouts.ts'
import type { Machine } from './machine.ts'
import { LET_IN, fromRequest } from './conditions.ts'
import { isHandleName } from './secrets.ts'
import type { State } from './state.ts'
import { LOOKED_BY } from './ownership.ts'
import type { Value } from './value.ts'
import { hasTag, isDrawn, storesIn, tagsOf, withTags } from './value.ts'

const REQUEST_TRIGGERS = new Set(['request', 'tool', 'initialized'])

/** While a request is served, by a handler or by a tool. */
export function inRequest(machine: Machine): boolean {
  return REQUEST_TRIGGERS.has(machine.context.trigger)
}

function keyOf(cell: Cell, holder?: HeapObject): string | undefined {
  // A field of the one instance of a service is nobody's session: limits and statistics live there.
  if (holder?.born === 0) return undefined
  if (holder !== undefined) return `${holder.site.path}#${holder.site.start}#${cell.name}`
  return cell.site === undefined ? undefined : `${cell.site.path}#${cell.site.start}#${cell.name}`
}

/** Whether one look says that no other request has to do with what is read: as it is with most variables. */
export function isOwn(machine: Machine, { born }: Cell, { objects }: Value): boolean {
  const { activation } = machine.context
  if (born === 0 && objects.some((item) => item.born !== 0 && item.born !== activation)) return false
  return born === activation || !inRequest(machine)
}

export function noteSharedRead(
  machine: Machine,
  cell: Cell,
  value: Value,
  site: Site,
  state: State,
  holder?: HeapObject,
): Value {
  const variable = cell.born === 0 ? sessionIn(machine, value) : undefined
  if (variable !== undefined) return fromVariable(machine, cell, value, variable, site, state)
  if (cell.born === machine.context.activation || !inRequest(machine)) return value
  // What a client was told matters where it is asked for something: see noteClientUse.
  if (machine.sharedCells.has(cell) && !value.objects.some(isIdentityService))
    emitSharedRead(machine, cell, isOfOthers(machine, cell, value, state), site, state)
  const key = keyOf(cell, holder)
  const isScalar = value.objects.length === 0 && key !== undefined && machine.sharedKeys.has(key)
  return isScalar ? readAt(machine, value, key, site) : value
}

/** A client of those who keep the accounts. */
export function isIdentityService(item: HeapObject): item is LibraryObject {
  return item instanceof LibraryObject && item.type === 'identity-service'
}

/** A client that some request has told whom to speak for is asked to, by one that has not. */
export function noteClientUse(machine: Machine, item: HeapObject, site: Site, state: State): void {
  if (!inRequest(machine) || !isIdentityService(item)) return
  const cell = item.data['told'] as Cell | undefined
  if (cell === undefined || state.holds(ownFact(cell))) return
  emitSharedRead(machine, cell, true, site, state)
}

/** A request finds what is in a place that outlives it; `ofOthers`: another one may have left it. */
export function emitSharedRead(machine: Machine, cell: Cell, ofOthers: boolean, site: Site, state: State): void {
  machine.emit('shared-read', site, state, { cell, name: cell.name, ofOthers })
}

function isOfOthers(machine: Machine, cell: Cell, value: Value, state: State): boolean {
  const isMadeElsewhere = value.objects.some(({ born }) => born !== 0 && born !== machine.context.activation)
  return isMadeElsewhere || !state.holds(ownFact(cell))
}

/** The transport of another request that a variable holds, alone or in a record. */
function sessionIn(machine: Machine, value: Value): HeapObject | undefined {
  for (const item of value.objects) {
    if (item.born === 0 || item.born === machine.context.activation) continue
    const transport = withFields(item).find(
      (inner) => inner instanceof LibraryObject && inner.type === 'mcp-transport' && inner.data['stateful'] === true,
    )
    if (transport !== undefined) return transport
  }
  return undefined
}

/** An object, and what it holds where it is a plain record. */
export function withFields(item: HeapObject): readonly HeapObject[] {
  if (item.kind !== 'object') return [item]
  return [item, ...[...item.properties.values()].flatMap((cell) => cell.value.objects)]
}

/** A variable that holds a session is a store of one: what is read from it is an entry, whoever asks. */
function fromVariable(
  machine: Machine,
  cell: Cell,
  value: Value,
  transport: HeapObject,
  site: Site,
  state: State,
): Value {
  const store = variableId(transport)
  if (!inRequest(machine)) return withTags(value, [`entry:${store}`])
  emitSharedRead(machine, cell, true, site, state)
  state.note('looked')
  state.note(LOOKED_BY)
  state.note(`looked:${store}`)
  if (!state.holds('bound') && !state.holds(`cleared:${store}`)) state.note(`unbound:${store}`)
  return withTags(value, [`entry:${store}`, 'held'])
}

export function variableId(transport: HeapObject): string {
  return `${transport.site.path}#${transport.site.start}#variable`
}

/** Remembers when a place was read; an older reading of the same place is forgotten. */
export function readAt(machine: Machine, value: Value, place: string, site: Site): Value {
  const prefix = `read:${place}@`
  machine.readSites.set(`${place}@${machine.moment}`, site)
  const tags = value.tags.filter((tag) => !tag.startsWith(prefix))
  return value.with({ tags: [`${prefix}${machine.moment}`, ...tags] })
}

export function noteSharedWrite(
  machine: Machine,
  cell: Cell,
  value: Value,
  site: Site,
  state: State,
  holder?: HeapObject,
  isTold = true,
): void {
  const { born } = holder ?? cell
  if (born === 0 && machine.context.trigger !== 'startup' && isNothing(value))
    machine.emit('shared-clear', site, state, { cell })
  if (born === machine.context.activation || !inRequest(machine)) return
  const key = keyOf(cell, holder)
  if (key !== undefined) {
    machine.sharedKeys.add(key)
    noteStale(machine, key, value, site, state, undefined)
  }
  if (born !== 0 && machine.context.trigger === 'tool')
    machine.emit('session-marked', site, state, { field: cell.name, value })
  if (born !== 0 && (holder === undefined || !machine.singletons.has(holder))) return
  // A key that is drawn anew ends what the old one has signed.
  machine.mayHaveEnded.add(machine.context, state.facts)
  for (const target of value.objects) {
    if (target.born !== machine.context.activation) continue
    retain(target, machine.context.activation, KEPT_WITHIN)
    if (target.kind === 'object' || target.kind === 'instance') machine.singletons.add(target)
  }
  machine.sharedCells.add(cell)
  if (isTold && belongsToRequest(machine, value)) emitSharedWrite(machine, cell, value, site, state)
}

/** How deep in what is kept other things are kept with it. */
const KEPT_WITHIN = 2

/** `hub = new Hub()` keeps the log of the hub as well. */
function retain(target: HeapObject, activation: number, depth: number): void {
  target.retained = true
  if (depth === 0 || (target.kind !== 'instance' && target.kind !== 'object')) return
  for (const { value } of target.properties.values())
    for (const inner of value.objects)
      if (inner.born === activation && !inner.retained) retain(inner, activation, depth - 1)
}

/** A request leaves something of its own in a place that outlives it. */
export function emitSharedWrite(machine: Machine, cell: Cell, value: Value, site: Site, state: State): void {
  machine.sharedCells.add(cell)
  state.learn([ownFact(cell)])
  machine.emit('shared-write', site, state, { cell, value, name: cell.name })
}

/** `cache.set('mail', …)`: an entry whose key stands in the source is a variable for everybody. */
function fixedEntry(machine: Machine, from: HeapObject, key: Value): Cell | undefined {
  const { born, kind, name = 'map' } = from.origin ?? from
  const [text] = key.primitives
  const isFixed = key.primitives.length === 1 && key.objects.length + key.tags.length === 0 && !key.open
  if (born !== 0 || kind !== 'map' || !isFixed || typeof text !== 'string') return undefined
  const id = `${storeId(from.origin ?? from)}#${text}`
  const cell = machine.fixedEntries.get(id) ?? new Cell(`${name}.${text}`, 0)
  machine.fixedEntries.set(id, cell)
  return cell
}

export function noteEntryWrite(
  machine: Machine,
  to: HeapObject,
  key: Value,
  value: Value,
  site: Site,
  state: State,
): void {
  const cell = inRequest(machine) ? fixedEntry(machine, to, key) : undefined
  if (cell !== undefined) noteSharedWrite(machine, cell, value, site, state)
}

export function noteEntryRead(
  machine: Machine,
  from: HeapObject,
  key: Value,
  value: Value,
  site: Site,
  state: State,
): void {
  const cell = inRequest(machine) ? fixedEntry(machine, from, key) : undefined
  if (cell !== undefined && machine.sharedCells.has(cell))
    emitSharedRead(machine, cell, isOfOthers(machine, cell, value, state), site, state)
}

const numbers = new WeakMap<Cell, number>()
let cells = 0

/** Known on a path that has set what a variable holds: what it reads there is its own. */
function ownFact(cell: Cell): string {
  let number = numbers.get(cell)
  if (number === undefined) numbers.set(cell, (number = cells += 1))
  return `mine:${number}`
}

function isNothing(value: Value): boolean {
  const { primitives, objects, open } = value
  return (
    !open &&
    objects.length === 0 &&
    primitives.length > 0 &&
    primitives.every((item) => item === undefined || item === null)
  )
}

/** Made in this request, or taken from it. */
function belongsToRequest(machine: Machine, value: Value): boolean {
  if (value.objects.some((target) => target.born === machine.context.activation && target.born !== 0)) return true
  const isOfCaller = ['cred', 'principal', 'speaks-for'].some((tag) => hasTag(value, tag))
  return isOfCaller || fromRequest(value) || namesSession(value) || isDrawn(value)
}

/** The ID of a session: as a client presents it, or read off the session that was found. */
export function namesSession(value: Value): boolean {
  if (value.objects.length > 0) return false
  const isKept = hasTag(value, 'mint') && tagsOf(value, 'entry').length > 0
  return isKept || hasTag(value, 'sid') || tagsOf(value, 'header').some(isHandleName)
}

/** What a field held when it was read says nothing of when the new value is read. */
export function withoutReads(value: Value, name: string): Value {
  const tags = value.tags.filter((tag) => !tag.startsWith('read:') || !isOfField(tag, name))
  return tags.length === value.tags.length ? value : value.with({ tags })
}

function isOfField(tag: string, name: string): boolean {
  const place = tag.slice(0, tag.lastIndexOf('@'))
  return place.endsWith(`#${name}`) || place.endsWith(`.${name}`)
}

/** Reading a field of a session: remembered with the moment, to tell a stale write later. */
export function noteFieldRead(machine: Machine, target: Value, name: string, value: Value, site: Site): Value {
  if (!inRequest(machine)) return value
  const stores = tagsOf(target, 'entry').filter(
    (tag) => tag.split(':').length === 2 && machine.isLasting(tag.split(':')[1] ?? ''),
  )
  if (stores.length === 0 || value.objects.some((inner) => inner.kind === 'function' || inner.kind === 'library'))
    return value
  return stores.reduce((read, tag) => readAt(machine, read, `${tag.slice('entry:'.length)}.${name}`, site), value)
}

/** A timer sets a time in a record, be it that nothing says yet where that is kept. */
export function noteRenewed(
  machine: Machine,
  target: Value,
  name: string,
  value: Value,
  site: Site,
  state: State,
): void {
  if (machine.context.trigger !== 'timer' || !hasTag(value, 'clock')) return
  for (const { kind, site: record } of target.objects)
    if (kind === 'object') machine.emit('record-renewed', site, state, { record, field: name })
}

export function noteFieldWrite(
  machine: Machine,
  target: Value,
  name: string,
  value: Value,
  site: Site,
  state: State,
): void {
  if (isFresh(machine, target)) return
  for (const tag of tagsOf(target, 'entry')) {
    const [, store = '', outer] = tag.split(':')
    const field = outer ?? name
    machine.emit('entry-write', site, state, { store, field, value, ofCredential: target.tags.includes(LET_IN) })
    notePasswordField(machine, store, field, site, state)
    if (machine.isLasting(store)) noteStale(machine, `${store}.${field}`, value, site, state, store)
  }
}

/** Records that this request has made, of whatever they were made: what is written to them stays with it. */
function isFresh({ context: { activation } }: Machine, { objects, open }: Value): boolean {
  const isOwnRecord = ({ kind, born, retained }: HeapObject): boolean =>
    kind === 'object' && born !== 0 && born === activation && !retained
  return !open && objects.length > 0 && objects.every(isOwnRecord)
}

/** A session put back whole, made of what was read of it before an await. */
export function noteReplaced(
  machine: Machine,
  store: string,
  key: Value,
  value: Value,
  site: Site,
  state: State,
): void {
  if (!inRequest(machine) || !machine.isLasting(store) || hasTag(key, 'mint') || hasTag(key, 'sid')) return
  const made = value.objects.filter((item) => item.kind === 'object' && item.born === machine.context.activation)
  const tags = made.flatMap((item) => [...item.properties.values()].flatMap((cell) => cell.value.tags))
  const ofStore = tags.filter((tag) => tag.startsWith(`read:${store}@`))
  if (ofStore.length > 0) noteStale(machine, store, value.with({ tags: ofStore }), site, state, store)
}

/** A number that a store outside the process holds is there when it has been waited for; from then on it grows old. */
export function readRemote(machine: Machine, store: string, value: Value, site: Site): Value {
  const found = value.with({ tags: value.tags.filter((tag) => tag !== RECKONED) })
  return inRequest(machine) ? readAt(machine, found, `${REMOTE}${store}`, site) : found
}

const REMOTE = '~'

/** What a call has waited for has only just come: `await load(id)`. */
export function arrived(machine: Machine, value: Value, site: Site): Value {
  const places = value.tags.flatMap((tag) =>
    tag.startsWith(`read:${REMOTE}`) ? [tag.slice('read:'.length, tag.lastIndexOf('@'))] : [],
  )
  return places.reduce((now, place) => readAt(machine, now, place, site), value)
}

/** Such a number is put back, reckoned from what it was before something else was waited for. */
export function noteRemoteWrite(machine: Machine, store: string, value: Value, site: Site, state: State): void {
  if (inRequest(machine) && value.objects.length === 0 && hasTag(value, RECKONED))
    noteStale(machine, `${REMOTE}${store}`, value, site, state, store)
}

/** Of a number that was read elsewhere. */
const RECKONED = 'reckoned'

/** A sum or difference with what a store outside the process has given; how long something lasts is no such number. */
export function reckoned(value: Value): Value {
  const isRemote = value.tags.some((tag) => tag.startsWith(`read:${REMOTE}`))
  return isRemote && !hasTag(value, 'clock') ? withTags(value, [RECKONED]) : value
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
  const read = Math.max(-1, ...momentsOf(value.tags, `read:${location}@`))
  const checked = Math.max(-1, ...momentsOf([...state.facts.may], `checked:${location}@`))
  // A new value that depends on the old one, or on a check of it, which an await has made old.
  const stale = read >= 0 && read < machine.moment ? read : checked
  // Written at once after the check: what comes later is another step.
  if (checked === machine.moment) state.note(`settled:${location}@${checked}`)
  if (state.facts.may.has(`settled:${location}@${stale}`)) return
  if (read < 0 || stale < 0 || stale >= machine.moment) {
    for (const direction of DIRECTIONS)
      if (value.tags.includes(`counter:${direction}`)) machine.counted.add(`${location}:${direction}`)
    return
  }
  machine.emit('stale-write', site, state, {
    read: machine.readSites.get(`${location}@${stale}`),
    target: location.startsWith(REMOTE) ? location.slice(REMOTE.length) : location,
    store,
    counts: DIRECTIONS.find((direction) => value.tags.includes(`counter:${direction}`)),
    tallied: read === machine.moment && hasTag(value, 'counter:up') ? storesIn(value) : [],
    within: machine.stack.at(-1),
  })
}

const DIRECTIONS = ['up', 'down'] as const

function momentsOf(tags: readonly string[], prefix: string): readonly number[] {
  return tags.filter((tag) => tag.startsWith(prefix)).map((tag) => Number(tag.slice(prefix.length)))
}

/** A condition read shared state: what was decided may be old after the next await. */
export function noteChecks(state: State, test: Value): void {
  for (const tag of test.tags) if (tag.startsWith('read:')) state.note(`checked:${tag.slice('read:'.length)}`)
}
