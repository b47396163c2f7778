/**
 * Handles that a tool takes as an argument, and what they open. `unproven:<store>` is read off a record that nobody has
 * compared with the caller yet.
 */
import { listedBy } from './listings.ts'
import { isOfCaller } from './conditions.ts'
import type { HeapObject, Site } from './heap.ts'
import { isContainer } from './heap.ts'
import type { Machine } from './machine.ts'
import { PROVEN, RAW, noteStateUse } from './request-state.ts'
import { isUnbound } from './ownership.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, tagged } from './value.ts'

function inRequest(machine: Machine): boolean {
  return machine.context.trigger === 'tool' || machine.context.trigger === 'request'
}

/** Tags of what is read off such a record. */
export function unprovenTags(machine: Machine, target: Value, state: State): readonly string[] {
  if (!inRequest(machine)) return []
  return recordsIn(target.tags)
    .filter((store) => isUnbound(state.facts, store))
    .map((store) => `unproven:${store}`)
}

/** The same of all that a value holds, as deep as the result of a tool lies in an answer. */
export function unprovenIn(value: Value): readonly string[] {
  return value.objects.length === 0 ? [] : [...tellingOf(value, 6)].filter((tag) => tag.startsWith('unproven:'))
}

/** Stores of which a value is a whole record. */
function recordsIn(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => tag.startsWith('entry:') && tag.split(':').length === 2).map((tag) => tag.slice(6))
}

/** What was found by the caller, or by the session of the caller, holds only what is theirs. */
export function isOwn(container: Value): boolean {
  return hasTag(container, 'entry') && (hasTag(container, 'cred') || hasTag(container, 'of-session'))
}

const CHANGES = /^(?:push|unshift|splice|set|add|delete|clear|pop|shift|append|write|assign)/
const ASKS = /^(?:then|catch|finally|toString|valueOf|toJSON|get|has|includes|equals|is[A-Z]\w*)$/

/** A record, or something it holds, is put to work before its owner was asked. */
export function noteHandleCall(
  machine: Machine,
  name: string,
  given: { readonly self: Value; readonly args: readonly Value[]; readonly site: Site },
  state: State,
): void {
  if (!inRequest(machine) || given.args.some(isOfCaller)) return
  const held = CHANGES.test(name) ? storesOf(given.self.tags, 'unproven:') : []
  const records = ASKS.test(name) || given.self.objects.some(isContainer) ? [] : recordsIn(given.self.tags)
  noteUse(machine, [...held, ...records], CHANGES.test(name) ? 'changed' : 'used', given.site, state)
}

/** Something that a record holds is written to: `board.cells[at] = color`. */
export function noteHandleWrite(machine: Machine, target: Value, site: Site, state: State): void {
  if (inRequest(machine)) noteUse(machine, storesOf(target.tags, 'unproven:'), 'changed', site, state)
}

/** A record, or a part of one, is handed to code that cannot be seen. */
export function noteHandleGiven(machine: Machine, args: readonly Value[], site: Site, state: State): void {
  if (!inRequest(machine) || args.some(isOfCaller)) return
  const tags = args.flatMap((arg) => [...tellingOf(arg, 2)])
  noteUse(machine, storesOf(tags, 'unproven:'), 'used', site, state)
}

function storesOf(tags: readonly string[], prefix: string): readonly string[] {
  return tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length))
}

function noteUse(
  machine: Machine,
  stores: readonly string[],
  how: 'answered' | 'changed' | 'used',
  site: Site,
  state: State,
): void {
  for (const store of new Set(stores))
    if (isUnbound(state.facts, store)) machine.emit('handle-use', site, state, { store, how })
}

const RESULTS = ['content', 'structuredContent', 'contents', 'messages', 'toolResult']
/** Results that were judged where they were made, on the path that made them. */
const judged = new WeakSet<HeapObject>()

/** A function returns the result of a tool: here it is known what was asked before. */
export function noteToolResult(machine: Machine, value: Value, site: Site, state: State): void {
  if (!inRequest(machine)) return
  const results = value.objects.filter((item) => RESULTS.some((name) => item.properties.has(name)))
  const isText = machine.context.trigger === 'tool' && machine.stack.length === 1 && value.objects.length === 0
  const told = [
    ...results.flatMap((item) => (isError(item) ? [] : [...resultTags(item)])),
    ...(isText ? value.tags : []),
  ]
  for (const item of results) judged.add(item)
  const listed = listedBy(told)
  if (listed.length > 0) machine.emit('answer-body', site, state, { value: tagged(...listed) })
  if (told.length > 0) noteTold(machine, told, [...storesOf(told, 'unproven:'), ...recordsIn(told)], site, state)
}

function isError(item: HeapObject): boolean {
  return item.properties.get('isError')?.value.primitives.includes(true) === true
}

function resultTags(item: HeapObject): ReadonlySet<string> {
  const tags = new Set<string>()
  for (const name of RESULTS) {
    const cell = item.properties.get(name)
    if (cell !== undefined) for (const tag of tellingOf(cell.value, 4)) tags.add(tag)
  }
  return tags
}

/** An answer over HTTP; what a tool returned was judged when it did. */
export function noteAnswered(machine: Machine, args: readonly Value[], site: Site, state: State): void {
  if (!inRequest(machine)) return
  const told = args.flatMap((arg) => [...tellingOf(arg, 6)])
  noteTold(machine, told, storesOf(told, 'unproven:'), site, state)
}

function noteTold(
  machine: Machine,
  told: readonly string[],
  stores: readonly string[],
  site: Site,
  state: State,
): void {
  if (told.includes(RAW)) noteStateUse(machine, 'answer', site, state)
  if (told.includes(PROVEN))
    machine.emit('state-told', site, state, { ofRequest: told.some((tag) => tag.startsWith('body')) })
  noteUse(machine, stores, 'answered', site, state)
}

const MOST_TAGS = 60

/** The origins of all that a value holds, except what goes round with the next request. */
function tellingOf(value: Value, depth: number, tags: Set<string> = new Set()): ReadonlySet<string> {
  for (const tag of value.tags) tags.add(tag)
  if (depth === 0 || tags.size > MOST_TAGS) return tags
  for (const item of value.objects) {
    if (judged.has(item) || (item.kind !== 'object' && item.kind !== 'array')) continue
    for (const [name, cell] of item.properties)
      if (name !== 'requestState' && name !== 'inputRequests') tellingOf(cell.value, depth - 1, tags)
    tellingOf(item.item, depth - 1, tags)
  }
  return tags
}
