/** Where a caller proves who they are and a session remembers it. */
import type { LateBindingFact, LoginFact, StoreFact } from '../../facts/facts.ts'
import type { EventOf } from '../events.ts'
import type { Machine } from '../machine.ts'
import { keepsRecord } from '../models/web-sessions.ts'
import { isMove, isOfCaller, isPresentedHandle } from '../conditions.ts'
import { hasTag, truthiness } from '../value.ts'
import { leftOf } from '../logouts.ts'
import { distinct, eventsOf, locate } from './collect.ts'
import { promotions } from './promotions.ts'
import { becomesSomebody, isKept, tellsCaller } from './told-callers.ts'

export function collectLogins(machine: Machine, stores: readonly StoreFact[]): readonly LoginFact[] {
  const facts = [
    ...webLogins(machine),
    ...passportLogins(machine),
    ...recordLogins(machine, stores),
    ...promotions(machine, stores),
    ...carriedOver(machine, stores),
  ]
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.regenerated}`)
}

/** Whoever comes later with that part finds the door to it shut, and is never told from another by it. */
export function collectLateBindings(machine: Machine, stores: readonly StoreFact[]): readonly LateBindingFact[] {
  const ids = new Set(stores.map((store) => store.id))
  const facts = eventsOf(machine, 'entry-write').flatMap((event): LateBindingFact[] => {
    const compared = machine.comparedWhereSet.get(`${event.store}:${event.field}`)
    const gate = gateOf(machine, event)
    if (!ids.has(event.store) || compared === undefined || gate === undefined || !isOfCaller(event.value)) return []
    return [{ store: event.store, field: event.field, gate, at: locate(event.site), compared: locate(compared) }]
  })
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.at.startColumn}`)
}

/** Another part of the owner that is known to be unset where this one is written, whether this one is or not. */
function gateOf(machine: Machine, { store, field, facts }: EventOf<'entry-write'>): string | undefined {
  const prefix = `unset:${store}:`
  const unset = [...facts.must].filter((fact) => fact.startsWith(prefix)).map((fact) => fact.slice(prefix.length))
  return unset.includes(field) ? undefined : unset.find((other) => machine.comparedWhereSet.has(`${store}:${other}`))
}

function webLogins(machine: Machine): readonly LoginFact[] {
  const session = machine.webSession
  if (session !== undefined && !keepsRecord(session.library)) return []
  const logins = eventsOf(machine, 'session-write').filter(
    (event) =>
      (event.facts.must.has('login') || tellsCaller(event.value) || becomesSomebody(event)) && !isTrivial(event),
  )
  return logins
    .filter((event) => !isHalfway(machine, event, logins))
    .map((event) => ({
      at: locate(event.site),
      how: 'web-session',
      field: event.field,
      regenerated: event.facts.must.has('regenerated'),
      session: session === undefined ? undefined : locate(session.store.site),
    }))
}

/** Who still owes a second factor: asked for only where the login is gone on with, into a session that is new by then. */
function isHalfway(
  machine: Machine,
  { field, context }: EventOf<'session-write'>,
  logins: readonly EventOf<'session-write'>[],
): boolean {
  const readers = [...(machine.sessionReads.get(field) ?? [])].filter((reader) => reader !== context)
  return readers.length > 0 && readers.every((reader) => endsAnew(logins.filter((login) => login.context === reader)))
}

function endsAnew(logins: readonly EventOf<'session-write'>[]): boolean {
  return logins.length > 0 && logins.every(({ facts }) => facts.must.has('regenerated'))
}

function isTrivial(event: EventOf<'session-write'>): boolean {
  const isTakenBack = !truthiness(event.value).canBeTrue
  return isTakenBack || hasTag(event.value, 'clock') || event.field === 'cookie' || event.field === 'save'
}

function passportLogins(machine: Machine): readonly LoginFact[] {
  return eventsOf(machine, 'login').map((event) => ({
    at: locate(event.site),
    how: 'passport',
    field: 'passport',
    regenerated: event.regenerates,
    session: machine.webSession === undefined ? undefined : locate(machine.webSession.store.site),
  }))
}

/** A record found by the ID from before login is marked as logged in and goes on under that ID. */
function recordLogins(machine: Machine, stores: readonly StoreFact[]): readonly LoginFact[] {
  const own = new Map(
    stores.filter((store) => store.holds === 'own' || store.holds === 'streamable').map((store) => [store.id, store]),
  )
  return eventsOf(machine, 'entry-write')
    .filter(
      (event) =>
        own.has(event.store) &&
        event.ofCredential !== true &&
        (event.facts.must.has('login') || takesOver(event)) &&
        isKept(event.value),
    )
    .filter((event) => !isRenewed(machine, event) && !isOfKnownCallers(machine, event))
    .map((event) => ({
      at: locate(event.site),
      how: 'record',
      field: event.field,
      regenerated: false,
      session: own.get(event.store)!.insertions[0] ?? own.get(event.store)!.at,
    }))
}

/**
 * Where nobody opens a session without a credential of their own, none is there before a login: whoever brings that credential
 * again marks what is theirs already.
 */
function isOfKnownCallers(machine: Machine, event: EventOf<'entry-write'>): boolean {
  const openings = eventsOf(machine, 'store-write').filter(
    ({ store, context }) => store.id === event.store && context.trigger === 'request',
  )
  return (
    openings.length > 0 && !becomesSomebody(event) && openings.every(({ facts }) => facts.must.has('auth:verified'))
  )
}

/** At the address of a login, a record that was found by what the request named is told who the caller is. */
function takesOver(event: EventOf<'entry-write'>): boolean {
  return event.context.trigger === 'request' && event.facts.may.has(`looked:${event.store}`) && becomesSomebody(event)
}

/** The record is moved to a new ID: before it is marked, and then on every path, or right after. */
function isRenewed(machine: Machine, event: EventOf<'entry-write'>): boolean {
  if (event.facts.must.has(`renewed:${event.store}`)) return true
  // What the request named is gone by then: another record is marked.
  if (event.facts.must.has(leftOf(event.store))) return true
  const after = machine.events.slice(machine.events.indexOf(event))
  return after.some(
    (other) =>
      other.kind === 'store-write' &&
      other.store.id === event.store &&
      other.context === event.context &&
      isMove(other.store.id, other.key, other.value),
  )
}

/** The record moves to a new ID, and the old ID still names it. */
function carriedOver(machine: Machine, stores: readonly StoreFact[]): readonly LoginFact[] {
  const own = new Map(stores.map((store) => [store.id, store]))
  return eventsOf(machine, 'store-write')
    .filter((event) => own.has(event.store.id) && isMove(event.store.id, event.key, event.value))
    .filter(
      (event) =>
        !machine.events.some(
          (other) =>
            other.kind === 'store-remove' &&
            other.store.id === event.store.id &&
            other.context === event.context &&
            (isPresentedHandle(other.key) || hasTag(other.key, 'entry')),
        ),
    )
    .map((event) => ({
      at: locate(event.site),
      how: 'old-id-kept',
      field: event.store.name,
      regenerated: false,
      session: own.get(event.store.id)!.at,
    }))
}
