/** Rounds that bring `requestState`: what it brings about, and what was asked of it before. */
import type { RequestStateFact, StateOutcomeFact } from '../../facts/request-state.ts'
import { isFresh } from '../conditions.ts'
import type { Event, EventOf } from '../events.ts'
import type { Machine } from '../machine.ts'
import { PROVEN, RAW, originsOf } from '../request-state.ts'
import type { Value } from '../value.ts'
import { hasTag, isDrawn } from '../value.ts'
import { surroundingsOf } from './programs.ts'
import { distinct, eventsOf, locate, sameSite, siteId, writesTo } from './collect.ts'

export function collectRequestStates(machine: Machine): readonly RequestStateFact[] {
  const rounds = roundsOf(machine)
  const facts = rounds.map((events) => roundFact(machine, events, rounds))
  return distinct(facts, ({ at }) => `${at.path}:${at.startLine}:${at.startColumn}`)
}

/** The events of each handler that reads state. */
function roundsOf(machine: Machine): readonly (readonly Event[])[] {
  const activations = new Set(eventsOf(machine, 'state-in').map(({ context }) => context.activation))
  if (activations.size === 0) return []
  const rounds = new Map<number, Event[]>()
  for (const event of machine.events) {
    const { activation } = event.context
    if (activations.has(activation)) rounds.set(activation, [...(rounds.get(activation) ?? []), event])
  }
  return [...rounds.values()]
}

function roundFact(machine: Machine, events: readonly Event[], all: readonly (readonly Event[])[]): RequestStateFact {
  const entered = ofKind(events, 'state-in')[0]!
  const { callers, contains } = surroundingsOf(machine, entered.site)
  const isNear = ({ site }: Event): boolean => contains(site.path)
  const out = ofKind(events, 'state-out')[0] ?? eventsOf(machine, 'state-out').find(isNear)
  const others = all.filter((round) => round !== events && ofKind(round, 'state-in').some(isNear))
  const isOneOfMany = others.some(
    (round) => !ofKind(round, 'state-in').some(({ site }) => sameSite(site, entered.site)),
  )
  const check = ofKind(events, 'state-check')[0]
  const isChecked = check !== undefined || events.some(({ facts }) => facts.must.has('rs:verified'))
  const decoded = ofKind(events, 'state-decode')[0]
  const outcomes = outcomesOf(machine, events)
  return {
    at: locate(entered.site),
    out: out === undefined ? undefined : locate(out.site),
    uses: usesOf(machine, events, isChecked),
    checked: check === undefined ? undefined : locate(check.site),
    isChecked,
    decoded: decoded === undefined ? undefined : locate(decoded.site),
    outcomes,
    callers,
    fitsElsewhere: isOneOfMany || events.some((event) => isOfRequest(event)),
  }
}

function ofKind<K extends Event['kind']>(events: readonly Event[], kind: K): readonly EventOf<K>[] {
  return events.filter((event): event is EventOf<K> => event.kind === kind)
}

/** Whether something that state brings about also takes an argument of the request that it came with. */
function isOfRequest(event: Event): boolean {
  if (!event.facts.must.has('rs:verified') || event.facts.must.has('rs:absent')) return false
  if (event.kind === 'act' || event.kind === 'state-told') return event.ofRequest
  // What was kept in an earlier round came with another request.
  return valuesOf(event).some((value) => originsOf(value, 2).some(isOfBody) && !hasTag(value, 'entry'))
}

function isOfBody(tag: string): boolean {
  return tag === 'body' || tag === 'body:arguments' || tag === 'body:sessionid'
}

/** What an event writes, and under what. */
function valuesOf(event: Event): readonly Value[] {
  switch (event.kind) {
    case 'store-write':
      return [event.key, event.value]
    case 'store-read':
    case 'store-remove':
      return [event.key]
    case 'entry-write':
    case 'shared-write':
      return [event.value]
    default:
      return []
  }
}

interface RawUse {
  readonly event: Event
  readonly how: RequestStateFact['uses'][number]['how']
}

function usesOf(machine: Machine, events: readonly Event[], isChecked: boolean): RequestStateFact['uses'] {
  const uses = events.flatMap((event): readonly RawUse[] => {
    if (event.facts.must.has('rs:verified')) return []
    // State that is checked later may be taken apart first.
    if (event.kind === 'state-use') return isChecked && event.how === 'decision' ? [] : [{ event, how: event.how }]
    return isRawUse(machine, event) ? [{ event, how: 'effect' }] : []
  })
  return distinct(uses, ({ event }) => siteId(event.site)).map(({ event, how }) => ({ at: locate(event.site), how }))
}

function isRawUse(machine: Machine, event: Event): boolean {
  if (!valuesOf(event).some((value) => originsOf(value, 2).includes(RAW))) return false
  const isByKey = event.kind === 'store-read' || event.kind === 'store-remove'
  return !isByKey || !namesRecords(machine, event.store.id)
}

/** Kept under names that were made here: what is presented for one is a handle, and proves itself by being found. */
function namesRecords(machine: Machine, store: string): boolean {
  const writes = writesTo(machine, store)
  return writes.length === 0 || writes.some(({ key }) => isFresh(key) || isDrawn(key))
}

function outcomesOf(machine: Machine, events: readonly Event[]): readonly StateOutcomeFact[] {
  const records = recordsIn(machine, events)
  const outcomes = events.flatMap((event) => {
    if (event.facts.must.has('rs:absent')) return []
    const record = [...records].find(([store]) => event.facts.must.has(`exists:${store}`))?.[1]
    const isProven = event.facts.must.has('rs:verified')
    if ((!isProven && record === undefined) || !isOutcome(event, events)) return []
    return [outcomeOf(machine, event, events, isProven ? undefined : record)]
  })
  return distinct(outcomes, ({ at }) => `${at.path}:${at.startLine}:${at.startColumn}`)
}

/** Stores whose records state was taken as the name of, with the look-up. */
function recordsIn(machine: Machine, events: readonly Event[]): ReadonlyMap<string, EventOf<'store-read'>> {
  const reads = ofKind(events, 'store-read').filter(
    ({ key, store }) => key.tags.includes(RAW) && namesRecords(machine, store.id),
  )
  return new Map(reads.map((read) => [read.store.id, read]))
}

function isOutcome(event: Event, events: readonly Event[]): boolean {
  switch (event.kind) {
    case 'act':
    case 'state-told':
    case 'entry-write':
    case 'shared-write':
      return true
    case 'store-write':
      return !isBegun(event, events) && (!hasTag(event.key, 'rstate') || !isAsked(event.store.id, events))
    case 'store-remove':
      return !hasTag(event.key, 'rstate') || !isAsked(event.store.id, events)
    default:
      return false
  }
}

/** Another round is begun where the one before was refused: what state will name is kept, and nothing else is done. */
function isBegun({ key, store }: EventOf<'store-write'>, events: readonly Event[]): boolean {
  const isNamed = (other: Event): boolean =>
    (other.kind === 'store-read' || other.kind === 'store-remove') &&
    other.store.id === store.id &&
    hasTag(other.key, 'rstate')
  return isNew(key) && events.some(isNamed)
}

/** Asked whether the state was there before: what is written under it only remembers that it was. */
function isAsked(store: string, events: readonly Event[]): boolean {
  return events.some(({ facts }) => facts.must.has(`absent:${store}`) || facts.must.has(`exists:${store}`))
}

function outcomeOf(
  machine: Machine,
  event: Event,
  events: readonly Event[],
  record: EventOf<'store-read'> | undefined,
): StateOutcomeFact {
  const { must, may } = event.facts
  const isFound = record !== undefined && (must.has('bound') || must.has(`cleared:${record.store.id}`))
  return {
    at: locate(event.site),
    record: record === undefined ? undefined : locate(record.site),
    principal:
      must.has('rs:bound') || must.has('bound') || isFound ? 'person' : must.has('rs:client') ? 'client' : 'nobody',
    expires:
      must.has('rs:fresh') || record !== undefined ? true : must.has('rs:by-claims') ? claimsExpire(machine) : false,
    request: must.has('rs:request') || record !== undefined,
    unseen: must.has('rs:unseen') || may.has('rs:unseen'),
    repeats: isRepeated(event) && !isSpent(event, events),
  }
}

/** Whether the tokens that are signed here end by their own claims. */
function claimsExpire(machine: Machine): boolean | undefined {
  const tokens = eventsOf(machine, 'token')
  if (tokens.length === 0) return undefined
  return tokens.every(({ expires }) => expires === true)
    ? true
    : tokens.some(({ expires }) => expires === false)
      ? false
      : undefined
}

/** Done twice, it leaves more than done once. */
function isRepeated(event: Event): boolean {
  switch (event.kind) {
    case 'act':
      return event.again
    case 'store-write':
      if (event.store.kind === 'array') return true
      if (event.store.kind === 'set') return false
      return isNew(event.key) || event.value.tags.some((tag) => tag.startsWith(`entry:${event.store.id}`))
    case 'entry-write':
      return isAdded(event.value) || event.value.tags.includes(`entry:${event.store}:${event.field}`)
    case 'shared-write':
      return isAdded(event.value)
    default:
      return false
  }
}

function isNew(key: Value): boolean {
  return isDrawn(key) || hasTag(key, 'mint') || hasTag(key, 'counter') || hasTag(key, 'clock')
}

function isAdded(value: Value): boolean {
  return hasTag(value, 'summed') || hasTag(value, 'counter')
}

/** Something that state names was asked on the way here, and is marked, so that the next time it answers otherwise. */
function isSpent(event: Event, events: readonly Event[]): boolean {
  const { must } = event.facts
  if (must.has('rs:spent')) return true
  // What is done elsewhere takes its time: a mark that is left afterwards comes too late for whoever asks meanwhile.
  const marks = event.kind === 'act' ? events.slice(0, events.indexOf(event)) : events
  return marks.some((other) => isMarked(other, events, must))
}

/** A mark that is left under what state says, and was asked for; a database may refuse the second one by itself. */
function isMarked(mark: Event, events: readonly Event[], must: ReadonlySet<string>): boolean {
  if (mark.kind === 'entry-write') {
    if (isAdded(mark.value) || !isNamedByState(mark.store, events)) return false
    return mark.store.startsWith('table#') || must.has(`weighed:${mark.store}:${mark.field}`)
  }
  if (mark.kind !== 'store-write' && mark.kind !== 'store-remove') return false
  const { id, kind, container } = mark.store
  // State comes to a server that is made for the request: what it has made for itself, nobody asks again.
  if (container !== undefined && container.born !== 0 && !container.retained) return false
  if (!mark.key.tags.some((tag) => tag === RAW || tag === PROVEN || tag === `key:${id}`)) return false
  return kind === 'database' || ['absent', 'exists', 'weighed'].some((word) => must.has(`${word}:${id}`))
}

/** Whether a record of the store was found under what state says. */
function isNamedByState(store: string, events: readonly Event[]): boolean {
  return (
    store.startsWith('table#') ||
    events.some((event) => event.kind === 'store-read' && event.store.id === store && hasTag(event.key, 'rstate'))
  )
}
