/**
 * Streams that are taken up again by hand: what a request names as `Last-Event-ID` is looked for in what was kept, and
 * what follows it is sent. Whose that was is asked by a comparison with the session, or by what is kept with the session.
 */
import { LibraryObject, siteKey, storeId, valuesIn } from './heap.ts'
import type { Call } from './calls.ts'
import type { EventOf } from './events.ts'
import type { HeapObject, Site } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, storesIn, tagsOf, withTags } from './value.ts'
import { objectsWithin } from './within.ts'

const LAST_EVENT = 'header:last-event-id'

function namesEvent(value: Value): boolean {
  return value.tags.includes(LAST_EVENT)
}

/** `seq > since`, `event.id === lastEventId`; `event.session === id` asks whose it is. */
export function noteEventCompared(machine: Machine, a: Value, b: Value): void {
  noteHalf(machine, a, b)
  noteHalf(machine, b, a)
}

function noteHalf(machine: Machine, kept: Value, other: Value): void {
  const { activation } = machine.context
  if (isOfSession(other)) {
    for (const rows of tagsOf(kept, ROWS)) machine.replaysCompared.add(`${activation} ${rows}`)
    if (kept.tags.includes(OF_EVENT)) machine.replaysCompared.add(`${activation} ${ANY}`)
  }
  if (!hasTag(kept, 'entry') && !hasTag(kept, 'key')) return
  if (namesEvent(other)) for (const store of keptIn(kept)) machine.resuming.add(`${activation} ${store}`)
  else if (isOfSession(other))
    for (const store of storesIn(kept))
      if (!keptIn(other).includes(store)) machine.replaysCompared.add(`${activation} ${store}`)
}

function keptIn(value: Value): readonly string[] {
  return [...storesIn(value), ...tagsOf(value, 'key').map((tag) => tag.slice('key:'.length))]
}

/**
 * Whether a stream is taken up there from what this container or query gives, and nothing was held against the session:
 * neither what it gives nor the event itself.
 */
export function isReplayForAll(
  machine: Machine,
  activation: number,
  { container, rows }: Pick<EventOf<'replay'>, 'container' | 'rows'>,
): boolean {
  const { resuming, replaysCompared } = machine
  const isAsked = (what: string): boolean => replaysCompared.has(`${activation} ${what}`)
  if (container !== undefined)
    return resuming.has(`${activation} ${storeId(container)}`) && !isAsked(storeId(container))
  return !isAsked(ANY) && (rows === undefined || !isAsked(rows))
}

const ANY = '*'

function isOfSession(value: Value): boolean {
  if (value.tags.includes(OF_EVENT)) return false
  return (
    value.tags.some((tag) => tag === 'header:mcp-session-id' || tag === 'sid') ||
    ['held', 'principal', 'cred'].some((tag) => hasTag(value, tag))
  )
}

/** Looked up by the event that the request names: the event itself, or among what this session was sent. What is found by the session is its own. */
export function noteEventLookUp(machine: Machine, key: Value, store: string, isAsked: boolean): void {
  const { resuming, replaysCompared, context } = machine
  if (isOfSession(key)) replaysCompared.add(`${context.activation} ${store}`)
  if (!namesEvent(key)) return
  if (isAsked) replaysCompared.add(`${context.activation} ${ANY}`)
  else resuming.add(`${context.activation} ${store}`)
}

/** What was kept for everybody is sent. Whether that takes up a stream may be asked only afterwards, in a loop. */
export function noteReplayed(machine: Machine, { args, site }: Call, state: State): void {
  for (const store of new Set(args.flatMap(partsSent).flatMap(storesIn))) {
    const container = machine.containers.get(store)
    if (container !== undefined && isOfAll(container))
      machine.emit('replay', site, state, { container, rows: undefined, handed: false })
  }
}

/** `writeSSE({ id, data })`: what stands in a record that is made to be sent. */
function partsSent(arg: Value): readonly Value[] {
  const records = arg.objects.filter(({ kind }) => kind === 'object')
  return [arg, ...records.flatMap(valuesIn)]
}

/** A list or map of events that start-up has made; a record that holds those of one session is found first. */
function isOfAll({ kind, born }: HeapObject): boolean {
  return born === 0 && (kind === 'array' || kind === 'map')
}

/** What the SDK asks an event store by. */
export const REPLAYS = 'replayEventsAfter'

/** `eventStore.replayEventsAfter(lastEventId, …)` of a store that somebody else hands to this transport. */
export function noteReplayAsked(machine: Machine, name: string | undefined, call: Call, state: State): void {
  const { args, site } = call
  if (name === REPLAYS && args[0] !== undefined && namesEvent(args[0]))
    machine.emit('replay', site, state, { container: undefined, rows: undefined, handed: true })
  if (name !== undefined && ASKS_WHOSE.test(name) && args.flatMap(partsSent).some(namesEvent) && isToldWho(name, call))
    machine.replaysCompared.add(`${machine.context.activation} ${ANY}`)
}

/** `validate(last)` asks no more than how it is written; what is handed over beside it may be the session or the caller. */
function isToldWho(name: string, { self, args }: Call): boolean {
  const isUnseen = (value: Value): boolean => value.open && value.objects.length === 0 && !namesEvent(value)
  return [self, ...args].some(tellsWho) || args.some(isUnseen) || (name.startsWith('own') && isUnseen(self))
}

/** The session or the caller, the request they came with, or a record of them. */
function tellsWho(value: Value): boolean {
  const isRequest = value.objects.some((item) => item instanceof LibraryObject && item.type === 'request')
  return isRequest || partsSent(value).some((part) => isOfSession(part) || (hasTag(part, 'entry') && !namesEvent(part)))
}

/** `session.ownsStreamId(sessionId, streamId)`, of a session that somebody else hands over. */
const ASKS_WHOSE =
  /^(?:(?:owns?|belongs?|can|may|check|ensure|assert|verify|validate|authori[sz]e)(?![a-z])|is(?:Owner|Allowed|Of))/

/** `WHERE id > $1` with what the request names as its last event, and nothing of the session beside it. */
export function noteRowsReplayed(
  machine: Machine,
  {
    store,
    later,
    equal,
  }: { readonly store: string; readonly later: readonly Value[]; readonly equal: readonly Value[] },
  site: Site,
  state: State,
): void {
  if (later.some(namesEvent) && !equal.some(isOfSession))
    machine.emit('replay', site, state, { container: undefined, rows: store, handed: false })
}

/** Tag of what a query gave that asked for whatever followed an event. */
const ROWS = 'rows'

/**
 * `events.find({ _id: { $gt: last } })`, `redis.xrange('events', last, '+')`: of something that we do not see, whatever is
 * later. `events.findOne({ _id: last })` gives the event that is named, and so what names those after it.
 */
export function askedForLater(
  machine: Machine,
  name: string | undefined,
  call: Call,
  given: Value,
  state: State,
): Value {
  if (name === undefined || !ASKS.test(name)) return given
  if (IS_LATER.test(name)) return call.args.some(namesEvent) ? withTags(given, [LATER]) : given
  const asked = conditionsIn(call.args)
  if (asked.some(({ value }) => isOfSession(value)) || isOfSession(call.self)) return given
  if (FINDS_ONE.test(name))
    return asked.some(({ value }) => namesEvent(value)) ? withTags(given, [LAST_EVENT, OF_EVENT]) : given
  const isLater = RANGES.test(name) ? call.args.slice(1).some(namesEvent) : asked.some(({ later }) => later)
  if (!isLater) return given
  const rows = `${ROWS}:${siteKey(call.site)}`
  machine.emit('replay', call.site, state, { container: undefined, rows, handed: false })
  return withTags(given, [rows])
}

/** Tag of a condition that asks for what is greater, of a column that is not seen. */
const LATER = 'later'
/** Tag of the event that a request names, and of what is read off it. */
const OF_EVENT = 'of-event'

const ASKS =
  /^(?:find(?:Many|All|AndCountAll|One|Unique|First|ById|ByPk)?|aggregate|where|list|gte?|MoreThan(?:OrEqual)?|[xz][rR]ange\w*)$/
const FINDS_ONE = /^find(?:One|Unique|First|ById|ByPk)$/
/** Entries of a list by where they begin and end. */
const RANGES = /^[xz]range/i
/** What a condition is put together of: `{ where: { AND: [{ id: { gt } }] } }`. */
const DEPTH = 5
const MOST_CONDITIONS = 12

interface Asked {
  readonly value: Value
  readonly later: boolean
}

function conditionsIn(args: readonly Value[]): readonly Asked[] {
  const objects = objectsWithin(args, DEPTH, (item) => conditionsOf(item).map(({ value }) => value))
  return [...args.map((value) => askedOf(value, false)), ...objects.flatMap(conditionsOf)]
}

function conditionsOf({ kind, properties, item }: HeapObject): readonly Asked[] {
  if (kind !== 'object' && kind !== 'array') return []
  const named = [...properties]
    .slice(0, MOST_CONDITIONS)
    .map(([name, { value }]) => askedOf(value, IS_LATER.test(name)))
  return kind === 'object' ? [...named, askedOf(item, true)] : named
}

function askedOf(value: Value, isLater: boolean): Asked {
  return { value, later: (isLater || value.tags.includes(LATER)) && namesEvent(value) }
}

/** `$gt`, `gte`, `greaterThan` */
const IS_LATER = /^\$?(?:gte?|(?:greater|More)Than(?:OrEqual)?)$/
