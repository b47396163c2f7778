/**
 * Streams that are taken up again by hand: what a request names as `Last-Event-ID` is looked for in what was kept, and
 * what follows it is sent. Whose that was is asked by a comparison with the session, or by what is kept with the session.
 */
import { storeId } from './heap.ts'
import type { Call } from './calls.ts'
import type { HeapObject, Site } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, storesIn, tagsOf } from './value.ts'

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
  if (!hasTag(kept, 'entry') && !hasTag(kept, 'key')) return
  const { activation } = machine.context
  if (namesEvent(other)) for (const store of keptIn(kept)) machine.resuming.add(`${activation} ${store}`)
  else if (isOfSession(other)) for (const store of storesIn(kept)) machine.replaysCompared.add(`${activation} ${store}`)
}

function keptIn(value: Value): readonly string[] {
  return [...storesIn(value), ...tagsOf(value, 'key').map((tag) => tag.slice('key:'.length))]
}

/** Whether a stream is taken up there from what this container holds, and nothing was held against the session: neither what the container holds nor the event itself. */
export function isReplayForAll(machine: Machine, activation: number, container: HeapObject | undefined): boolean {
  if (container !== undefined && !machine.resuming.has(`${activation} ${storeId(container)}`)) return false
  return !machine.replaysCompared.has(`${activation} ${container === undefined ? ANY : storeId(container)}`)
}

const ANY = '*'

function isOfSession(value: Value): boolean {
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
  for (const store of new Set(args.flatMap((arg) => storesIn(arg)))) {
    const container = machine.containers.get(store)
    if (container !== undefined && isOfAll(container)) machine.emit('replay', site, state, { container, handed: false })
  }
}

/** A list or map of events that start-up has made; a record that holds those of one session is found first. */
function isOfAll({ kind, born }: HeapObject): boolean {
  return born === 0 && (kind === 'array' || kind === 'map')
}

/** What the SDK asks an event store by. */
export const REPLAYS = 'replayEventsAfter'

/** `eventStore.replayEventsAfter(lastEventId, …)` of a store that somebody else hands to this transport. */
export function noteReplayAsked(machine: Machine, name: string | undefined, { args, site }: Call, state: State): void {
  if (name === REPLAYS && args[0] !== undefined && namesEvent(args[0]))
    machine.emit('replay', site, state, { container: undefined, handed: true })
  if (name !== undefined && ASKS_WHOSE.test(name) && args.some(namesEvent))
    machine.replaysCompared.add(`${machine.context.activation} ${ANY}`)
}

/** `session.ownsStreamId(sessionId, streamId)`, of a session that somebody else hands over. */
const ASKS_WHOSE =
  /^(?:(?:owns?|belongs?|can|may|check|ensure|assert|verify|validate|authori[sz]e)(?![a-z])|is(?:Owner|Allowed|Of))/

/** `WHERE id > $1` with what the request names as its last event, and nothing of the session beside it. */
export function noteRowsReplayed(
  machine: Machine,
  later: readonly Value[],
  equal: readonly Value[],
  site: Site,
  state: State,
): void {
  if (later.some(namesEvent) && !equal.some(isOfSession))
    machine.emit('replay', site, state, { container: undefined, handed: false })
}
