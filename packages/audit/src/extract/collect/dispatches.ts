/** Requests served on sessions found by the handle that came with them. */
import type { DispatchFact, StoreFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import { siteKey } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { isOwned, isUnbound } from '../ownership.ts'
import { hasTag, storesIn } from '../value.ts'
import { isPresentedHandle, requestTags } from '../conditions.ts'
import { distinct, eventsOf, locate, sameSite, siteId } from './collect.ts'
import { OF_CALLER } from './told-callers.ts'
import { variableId } from '../shared.ts'
import { standingTransports } from './stores.ts'

export function collectDispatches(machine: Machine, stores: readonly StoreFact[]): readonly DispatchFact[] {
  const ids = new Set(stores.map((store) => store.id))
  const all = eventsOf(machine, 'dispatch').filter((event) => event.context.trigger === 'request')
  const routed = new Set(all.filter(({ context }) => context.route !== undefined).map(({ site }) => siteId(site)))
  // What this program's own routes lead to is known by them; who else may call it, with what before it, is not.
  const events = all.filter(({ context, site }) => context.route !== undefined || !routed.has(siteId(site)))
  const viaTransport = new Set(events.filter((event) => event.how === 'transport').flatMap((event) => storesOf(event)))
  const records = new Set(stores.filter((store) => store.holds === 'own').map((store) => store.id))
  const facts = events.flatMap((event) =>
    [...storesOf(event), ...recordsOf(event).filter((store) => records.has(store))]
      .filter((store) => ids.has(store) && (event.how === 'transport' || !viaTransport.has(store)))
      .filter((store) => event.how !== 'answer' || (records.has(store) && isAskedFor(machine, event, store)))
      .map((store) => dispatchOf(machine, event, store)),
  )
  const byHand = answeredByHand(machine, records, new Set(facts.map(({ store }) => store)))
  const struckOff = asSetUp(endings(machine, registers(machine, ids))).filter(isBare)
  const closed = asSetUp(closings(machine, ids)).filter(isBare)
  return distinct(
    [...asSetUp([...facts, ...byHand, ...endings(machine, ids)]), ...struckOff, ...closed],
    (fact) =>
      `${fact.at.path}:${fact.at.startLine}:${fact.at.startColumn}:${fact.store}:${fact.route?.verb}:${fact.route?.at.startLine}:${fact.bound}:${fact.authenticated}`,
  )
}

/**
 * `if (!sessions.has(id)) refuse()`, and then a message is answered by hand: that the session is there is all that is asked,
 * and its record says nothing of who opened it that could be compared.
 */
function answeredByHand(
  machine: Machine,
  records: ReadonlySet<string>,
  served: ReadonlySet<string>,
): readonly DispatchFact[] {
  const asked = [...records].filter((store) => !served.has(store) && !tellsOwner(machine, store))
  return asked.flatMap((store) => {
    const told = eventsOf(machine, 'rpc').filter(
      ({ context, facts }) =>
        context.trigger === 'request' && context.route !== undefined && facts.may.has(`looked:${store}`),
    )
    // The last that is asked of a message has all checks behind it.
    const last = new Map(told.map((event) => [event.context.activation, event]))
    return [...last.values()].map((event) => dispatchOf(machine, event, store))
  })
}

function tellsOwner(machine: Machine, store: string): boolean {
  const kept = eventsOf(machine, 'store-write').filter((event) => event.store.id === store)
  return kept.some(({ value }) =>
    value.objects.some(({ properties }) =>
      [...properties].some(
        ([name, field]) => OF_CALLER.test(name) || ['cred', 'principal'].some((tag) => hasTag(field.value, tag)),
      ),
    ),
  )
}

/** DELETE takes out of the store whatever the presented ID names. */
function endings(machine: Machine, ids: ReadonlySet<string>): readonly DispatchFact[] {
  const removals = eventsOf(machine, 'store-remove').filter(
    (event) =>
      event.context.trigger === 'request' &&
      ids.has(event.store.id) &&
      isPresentedHandle(event.key) &&
      event.facts.must.has('verb:DELETE') &&
      !event.facts.must.has(`expired:${event.store.id}`),
  )
  // One function removes what has expired and what its owner ends: the latter counts.
  const deliberate = removals.filter(
    (event) => isSettled(event) || !removals.some((other) => other.context === event.context && isSettled(other)),
  )
  return deliberate.map((event) => ({
    ...dispatchOf(machine, event, event.store.id),
    bound: isSettled(event),
    ends: true,
  }))
}

/** `sessions.get(req.params.id).transport.close()`: that a session is found to be over, or is in the way, asks nobody. */
function closings(machine: Machine, ids: ReadonlySet<string>): readonly DispatchFact[] {
  const closed = eventsOf(machine, 'entry-close').filter(({ context, store, facts }) => {
    const isFound = context.trigger === 'request' && context.route !== undefined && ids.has(store)
    return isFound && facts.may.has(`unbound:${store}`) && ![...facts.must].some(isOver)
  })
  // A transport and the server behind it are one session.
  return distinct(closed, ({ context, store }) => `${context.activation} ${store}`)
    .filter((event) => !eventsOf(machine, 'dispatch').some(({ context }) => context === event.context))
    .map((event) => ({ ...dispatchOf(machine, event, event.store), ends: true }))
}

function isOver(fact: string): boolean {
  return fact.startsWith('expired:') || fact === 'init'
}

function isBare({ authenticated }: DispatchFact): boolean {
  return authenticated === 'never'
}

/** What is remembered of sessions beside the store that serves them, under their IDs. */
function registers(machine: Machine, sessions: ReadonlySet<string>): ReadonlySet<string> {
  const known = eventsOf(machine, 'store-write').filter(
    ({ key, store }) => hasTag(key, 'sid') && !sessions.has(store.id),
  )
  return sessions.size === 0 ? sessions : new Set(known.map(({ store }) => store.id))
}

/** `if (development) app.get(path, handler) else app.get(path, authenticate, handler)`: a setting decides who is asked. */
function asSetUp(facts: readonly DispatchFact[]): readonly DispatchFact[] {
  const places = new Set(facts.filter(({ authenticated }) => authenticated === 'always').map(placeOf))
  return facts.map((fact) =>
    isBare(fact) && places.has(placeOf(fact)) ? { ...fact, authenticated: 'optional' } : fact,
  )
}

function placeOf({ at, route }: DispatchFact): string {
  return `${at.path}:${at.startLine}:${at.startColumn} ${route?.verb} ${route?.path}`
}

function isSettled({ facts, store, key }: EventOf<'store-remove'>): boolean {
  return facts.must.has(`cleared:${store.id}`) || isOwned(facts, requestTags(key))
}

/**
 * An answer tells of a session where the request has named one: how many there are is no session. Found by a cookie, a
 * session is itself what its owner logged in to, and an answer from it needs no other credential.
 */
function isAskedFor(machine: Machine, event: EventOf<'dispatch'>, store: string): boolean {
  const reads = eventsOf(machine, 'store-read').filter(
    (read) => read.store.id === store && read.context === event.context,
  )
  if (reads.length === 0 && !event.facts.may.has(`looked:${store}`)) return false
  const isCounted = reads.length > 0 && reads.every(({ key }) => key.tags.length === 0)
  return !isCounted && !reads.some(({ key }) => hasTag(key, 'cookie') || hasTag(key, 'header:cookie'))
}

function storesOf(event: EventOf<'dispatch'>): readonly string[] {
  return [...new Set([...storesIn(event.receiver), ...standingTransports(event).map(variableId)])]
}

/** A transport made for this request serves the session whose record was looked up before. */
function recordsOf(event: EventOf<'dispatch'>): readonly string[] {
  const { objects } = event.receiver
  const isFresh = objects.length > 0 && objects.every(({ born }) => born !== 0 && born === event.context.activation)
  if (event.how !== 'transport' || !isFresh) return []
  return [...event.facts.may].filter((fact) => fact.startsWith('looked:')).map((fact) => fact.slice('looked:'.length))
}

function dispatchOf(
  machine: Machine,
  event: EventOf<'dispatch' | 'store-remove' | 'entry-close' | 'rpc'>,
  store: string,
): DispatchFact {
  const lookup = lookupOf(machine, event, store) ?? event
  const { route } = event.context
  return {
    at: locate(event.site),
    lookup: locate(lookup.site),
    via: event.via === undefined || sameSite(event.via, event.site) ? undefined : locate(event.via),
    ends: false,
    store,
    route: route === undefined ? undefined : { verb: route.verb, path: route.path, at: locate(route.site) },
    verb: verbOf(event),
    authenticated: authenticationOf(event),
    callers: (event.kind === 'dispatch' && event.callers) || [],
    ownerStandsIn: event.facts.must.has('self-owned') && !event.facts.must.has('auth'),
    credential: credentialOf(event),
    handsOn: event.facts.may.has('brings-credential'),
    bound: store.endsWith('#variable') ? isVariableBound(event, store) : !isUnbound(event.facts, store),
    behindUnknown: event.facts.may.has('opaque-middleware'),
    hosted: route?.app !== undefined && machine.hosted.has(siteKey(route.app)),
  }
}

function isVariableBound({ facts: { must } }: Event, store: string): boolean {
  return must.has('bound') || must.has(`cleared:${store}`)
}

/** Where the request's handle was looked up; failing that, where anything was. */
function lookupOf(machine: Machine, event: Event, store: string): Event | undefined {
  const reads = eventsOf(machine, 'store-read').filter(
    (read) => read.store.id === store && read.context === event.context,
  )
  return reads.find((read) => isPresentedHandle(read.key)) ?? reads[0]
}

/** A caller taken from the session it names has not been authenticated. */
export function authenticationOf(event: Event): DispatchFact['authenticated'] {
  if (event.facts.must.has('auth')) return 'always'
  if (event.facts.must.has('self-owned')) return 'never'
  return event.facts.may.has('maybe-auth') ? 'optional' : 'never'
}

function verbOf(event: Event): string {
  const verbs = [...event.facts.must]
    .filter((fact) => fact.startsWith('verb:'))
    .map((fact) => fact.slice('verb:'.length))
  return verbs.join('/') || event.context.route?.verb || '*'
}

function credentialOf(event: Event): DispatchFact['credential'] {
  if (event.facts.must.has('auth:verified') || event.facts.may.has('maybe-verified')) return 'personal'
  return event.facts.must.has('auth') || event.facts.may.has('maybe-auth') ? 'shared' : undefined
}

export function verifiesCredentials(machine: Machine): boolean {
  return machine.events.some(
    (event) =>
      event.context.trigger === 'request' && (event.facts.must.has('auth') || event.facts.may.has('maybe-auth')),
  )
}
