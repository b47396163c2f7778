/** How long sessions last: timers, sweeps and checks on access, told apart by what renews them. */
import type { LimitFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import type { HeapObject } from '../heap.ts'
import { LibraryObject } from '../heap.ts'
import { requestTags } from '../conditions.ts'
import type { Facts } from '../state.ts'
import type { Machine } from '../machine.ts'
import type { Value } from '../value.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate, siteId, writesTo } from './collect.ts'
import { isHeartbeat } from './heartbeats.ts'
import type { StoreEvents } from './stores.ts'
import { isGrace, isRightKey } from './stores.ts'

export function limitsOf(machine: Machine, store: StoreEvents, all: readonly StoreEvents[]): readonly LimitFact[] {
  const always = commonFacts(store.writes)
  const optional = (event: Event): boolean =>
    [...event.facts.must].some((fact) => fact.startsWith('optional:') && !always.has(fact))
  const limits = [
    ...declared(machine, store),
    ...checked(machine, store, all, optional),
    ...timed(machine, store, optional),
  ]
  return distinct(limits, (limit) => `${limit.kind}:${limit.at.path}:${limit.at.startLine}:${limit.optional}`)
}

function commonFacts(events: readonly Event[]): ReadonlySet<string> {
  return new Set(events.flatMap((event) => [...event.facts.must]))
}

/** The time to live that a record is made with is no limit of its own where use gives it another. */
function declared(machine: Machine, store: StoreEvents): readonly LimitFact[] {
  const events = eventsOf(machine, 'expiry').filter((event) => event.store === store.ref.id)
  const isRenewed = events.some(({ limit, enabled, replaces }) => limit === 'idle' && enabled && replaces === true)
  return events
    .filter(({ limit, replaces }) => !(isRenewed && limit === 'absolute' && replaces === true))
    .map((event) => ({ kind: event.limit, at: locate(event.site), optional: !event.enabled }))
}

/** `now - session.lastSeen > limit`: idle where requests renew the field, absolute where only creation sets it. */
function checked(
  machine: Machine,
  store: StoreEvents,
  all: readonly StoreEvents[],
  optional: (event: Event) => boolean,
): readonly LimitFact[] {
  const checks = distinct(
    eventsOf(machine, 'time-check'),
    (event) => `${siteId(event.site)}|${event.store}|${event.field}|${optional(event)}`,
  )
  return checks
    .filter(
      (event) =>
        event.store === store.ref.id || (isBeside(machine, event.store, store, all) && decides(machine, event, store)),
    )
    .filter((event) => hasConsequence(machine, event, store))
    .map((event) => {
      const renewals = renewalsOf(machine, event.store, event.field)
      const kind = renewals.length > 0 ? ('idle' as const) : ('absolute' as const)
      const beat = heartbeatOf(machine, store, event)
      return {
        ...(beat && { keptOffAt: locate(beat.site) }),
        kind,
        at: locate(event.site),
        optional: optional(event),
        renewedAt: renewals.map(({ site }) => locate(site)),
      }
    })
}

/**
 * What a sweep finds to be old it must end: counting it, or removing it under a key it does not have, ends nothing. Nor does
 * a request that only tells how old sessions are: where they are transports, one has to be ended, or served, after the look.
 */
function hasConsequence(machine: Machine, check: EventOf<'time-check'>, store: StoreEvents): boolean {
  const fact = `timed:${check.store}:${check.field}`
  if (check.context.trigger !== 'timer')
    return store.holds === 'own' || store.holds === 'web' || isActedOn(machine, fact)
  return machine.events.some((event) => {
    if (event.context.trigger !== 'timer' || !event.facts.may.has(fact)) return false
    if (event.kind === 'store-remove') return event.store.id !== store.ref.id || isRightKey(event.key, store)
    return event.kind === 'entry-close' || event.kind === 'entry-write' || event.kind === 'dispatch'
  })
}

function isActedOn(machine: Machine, fact: string): boolean {
  return machine.events.some(
    (event) =>
      event.facts.may.has(fact) &&
      (event.kind === 'store-remove' ||
        event.kind === 'entry-close' ||
        (event.kind === 'dispatch' && event.how !== 'answer')),
  )
}

/** A container of times beside the sessions: filled under the same IDs, or under what is kept as a session. */
function isBeside(machine: Machine, id: string, store: StoreEvents, all: readonly StoreEvents[]): boolean {
  if (all.some((other) => other.ref.id === id)) return false
  const writes = writesTo(machine, id)
  if (writes.some((event) => isKeptIn(event.key, store) || isMintedFor(event.key, store))) return true
  const files = new Set(store.writes.map((write) => write.site.path))
  if (!writes.some((write) => files.has(write.site.path))) return false
  const presented = new Set(store.reads.flatMap((read) => requestTags(read.key)))
  return writes.some((event) => hasTag(event.key, 'sid') || requestTags(event.key).some((tag) => presented.has(tag)))
}

/** The key is the ID that was made for the sessions. */
function isMintedFor({ entropy }: Value, store: StoreEvents): boolean {
  const made = new Set((entropy?.sources ?? []).map(({ site }) => siteId(site)))
  return store.writes.some((write) => write.key.entropy?.sources.some(({ site }) => made.has(siteId(site))))
}

/** The key is a session itself, its transport or its server. */
function isKeptIn(key: Value, store: StoreEvents): boolean {
  return key.objects.some(({ site }) =>
    store.writes.some((write) => write.value.objects.some((item) => holds(item, siteId(site)))),
  )
}

/** A time kept beside the sessions limits those that are ended, or served, only after a look at it. */
function decides(machine: Machine, check: EventOf<'time-check'>, store: StoreEvents): boolean {
  const fact = `timed:${check.store}:${check.field}`
  const ends = [...store.removals, ...closesIn(machine, store)]
  if (ends.some((event) => event.facts.may.has(fact))) return true
  return eventsOf(machine, 'dispatch').some(
    (event) => event.facts.may.has(fact) && event.receiver.tags.some((tag) => tag.startsWith(`entry:${store.ref.id}`)),
  )
}

/** A timer that sets that time anew for sessions that nobody uses. */
function heartbeatOf(machine: Machine, kept: StoreEvents, { store, field }: EventOf<'time-check'>): Event | undefined {
  const touches = eventsOf(machine, 'entry-write').filter(
    (event) => event.store === store && event.field === field && hasTag(event.value, 'clock'),
  )
  const writes = writesTo(machine, store).filter((event) => setsAnew(event.value, field))
  const records = new Set(kept.writes.flatMap(({ value }) => value.objects.map(({ site }) => siteId(site))))
  const renewed = eventsOf(machine, 'record-renewed').filter(
    (event) => event.field === field && store === kept.ref.id && records.has(siteId(event.record)),
  )
  return [...touches, ...writes, ...renewed].find((event) => isHeartbeat(machine, event))
}

/** Where requests set that time anew. */
function renewalsOf(machine: Machine, store: string, field: string): readonly Event[] {
  const touches = eventsOf(machine, 'entry-write').filter(
    (event) =>
      event.store === store && event.field === field && event.context.trigger !== 'timer' && !isReset(event.value),
  )
  const writes = writesTo(machine, store).filter(
    (event) =>
      setsAnew(event.value, field) &&
      isKnownKey(event) &&
      !hasTag(event.key, 'mint') &&
      !event.facts.must.has(`absent:${store}`),
  )
  return distinct<Event>([...touches, ...writes], (event) => siteId(event.site))
}

/** The ID of a session that was there before: presented with a request, or found in a container. */
function isKnownKey(event: EventOf<'store-write'>): boolean {
  return event.context.trigger !== 'timer' && (isPresented(event.key) || hasTag(event.key, 'key'))
}

/** The value put in has a new time in that field, not the one it was found with. */
function setsAnew(value: Value, field: string): boolean {
  if (field === '*') return true
  if (value.objects.length === 0)
    return value.tags.includes('anew') ? value.tags.includes(`anew:${field}`) : hasTag(value, 'entry')
  return value.objects.some((item) => {
    const written = item.properties.get(field)?.value
    return written !== undefined && hasTag(written, 'clock') && !hasTag(written, 'entry')
  })
}

function isReset(value: Value): boolean {
  return value.primitives.length > 0 && !value.open && value.objects.length === 0
}

function isPresented(key: Value): boolean {
  return (
    key.tags.some((tag) => /^(?:header|cookie|query|param|body)(?::|$)/.test(tag)) ||
    key.tags.some((tag) => tag.startsWith('entry:'))
  )
}

/** A timer per session that removes or closes it, without looking at the clock. */
function timed(machine: Machine, store: StoreEvents, optional: (event: Event) => boolean): readonly LimitFact[] {
  const emptying = new Set(store.removals.filter((event) => isSweepKey(event, store)).map(callbackOf))
  const ends = [...store.removals, ...closesIn(machine, store)].filter(
    (event) =>
      event.context.trigger === 'timer' &&
      !(event.kind === 'entry-close' && emptying.has(callbackOf(event))) &&
      event.context.timer?.data['interval'] !== true &&
      !looksAtClock(event) &&
      !isSweepKey(event, store) &&
      (event.kind !== 'store-remove' || isRightKey(event.key, store)),
  )
  const renewed = renewedTimers(machine)
  const again = ends.filter((event) => isRenewal(event, store, renewed))
  return ends.map((event) => ({
    kind: again.some((other) => isSameLimit(event, other)) ? ('idle' as const) : ('absolute' as const),
    at: locate(event.site),
    optional: optional(event),
  }))
}

/** Timers with the same callback are one limit, wherever they are set; unless they are kept in different places. */
function isSameLimit(a: Event, b: Event): boolean {
  const field = a.context.timer?.data['field']
  const other = b.context.timer?.data['field']
  return callbackOf(a) === callbackOf(b) && (field === undefined || other === undefined || field === other)
}

function callbackOf(event: Event): string {
  return String(event.context.timer?.data['callback'] ?? siteId(event.site))
}

function closesIn(machine: Machine, store: StoreEvents): readonly EventOf<'entry-close'>[] {
  return eventsOf(machine, 'entry-close').filter((event) => closesEntryOf(event, store))
}

/** The entry itself, or the very transport or server that was put in. */
export function closesEntryOf(event: EventOf<'entry-close'>, store: StoreEvents): boolean {
  if (event.store === store.ref.id) return true
  const { closed } = event
  if (event.store !== '' || closed === undefined) return false
  return store.writes.some((write) => write.value.objects.some((item) => holds(item, siteId(closed))))
}

function holds(item: HeapObject, site: string): boolean {
  if (siteId(item.site) === site) return true
  return [...item.properties.values()].some((cell) => cell.value.objects.some((inner) => siteId(inner.site) === site))
}

function looksAtClock(event: Event): boolean {
  return [...event.facts.may].some((fact) => fact.startsWith('timed:'))
}

/** A sweep over the whole container that looks at no clock empties it; that is no limit of one session. */
function isSweepKey(event: Event, store: StoreEvents): boolean {
  return event.kind === 'store-remove' && event.key.tags.includes(`key:${store.ref.id}`)
}

function isRenewal(event: Event, store: StoreEvents, renewed: ReadonlySet<string>): boolean {
  const timer = event.context.timer
  if (isGrace(event)) return true
  if (timer !== undefined && renewed.has(String(timer.data['field']))) return true
  if (timer !== undefined && (timer.data['facts'] as Facts).must.has(`exists:${store.ref.id}`)) return true
  return event.kind === 'store-remove' && isPresented(event.key) && !hasTag(event.key, 'sid')
}

/** Fields whose timers are set anew, or refreshed, for a session that was looked up. */
function renewedTimers(machine: Machine): ReadonlySet<string> {
  const fields = new Set<string>(machine.refreshedTimers)
  for (const event of eventsOf(machine, 'entry-write')) {
    if (event.value.objects.some((item) => item instanceof LibraryObject && item.type === 'timer'))
      fields.add(event.field)
  }
  for (const event of eventsOf(machine, 'store-write')) {
    const isTimer = event.value.objects.some((item) => item instanceof LibraryObject && item.type === 'timer')
    if (isTimer && isPresented(event.key)) fields.add(`store:${event.store.id}`)
  }
  return fields
}
