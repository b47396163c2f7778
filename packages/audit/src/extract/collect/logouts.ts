/** Logouts that take the cookie back and leave what it names or proves in force. */
import type { LogoutFact, PasswordChangeFact, StoreFact } from '../../facts/facts.ts'
import { isSameBranch } from '../branches.ts'
import type { Event, EventOf } from '../events.ts'
import { isAtLogout } from '../logouts.ts'
import { isWithin } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { truthiness } from '../value.ts'
import { keepsLogins } from '../password-changes.ts'
import { distinct, eventsOf, locate } from './collect.ts'
import { verifiesCredentials } from './dispatches.ts'
import { OF_CALLER } from './told-callers.ts'

export function collectLogouts(machine: Machine): readonly LogoutFact[] {
  const facts = [...cookiesTakenBack(machine), ...sessionsEmptied(machine), ...toldToBeDone(machine)]
  return distinct(facts, ({ at, ends }) => `${at.path}:${at.startLine}:${at.startColumn}:${ends}`)
}

function cookiesTakenBack(machine: Machine): readonly LogoutFact[] {
  const kept = new Map(
    eventsOf(machine, 'cookie').flatMap((event) => event.names.map((name) => [name, event] as const)),
  )
  return eventsOf(machine, 'cookie-cleared').flatMap((event): LogoutFact[] => {
    // In a part, what gives it to them may be in a file that is not there.
    const cookie = event.cookies.find((name) => kept.has(name) || (!machine.listens && CARRIES_LOGIN.test(name)))
    if (cookie === undefined || !isAtLogout(event.context, event.facts)) return []
    const given = kept.get(cookie)
    const set = given === undefined ? {} : { set: locate(given.site) }
    return [{ at: locate(event.site), how: 'cookie', cookie, ...set, ends: hasEnded(machine, event) }]
  })
}

/** In a part whose sessions are set up elsewhere: who logs out is taken out of the session, and that stays. */
function sessionsEmptied(machine: Machine): readonly LogoutFact[] {
  if (machine.listens || machine.webSession !== undefined) return []
  const told = eventsOf(machine, 'logged-out').filter(({ how }) => how === 'answer')
  return eventsOf(machine, 'session-write')
    .filter((event) => event.web && TELLS_USER.test(event.field) && !truthiness(event.value).canBeTrue)
    .filter((event) => isAtLogout(event.context, event.facts) && !hasEnded(machine, event))
    .filter((event) => told.some((other) => isSameBranch(event, other) && !other.facts.must.has('regenerated')))
    .map((event) => ({ at: locate(event.site), how: 'emptied', ends: false }))
}

const TELLS_USER = new RegExp(`^passport$|${OF_CALLER.source}`, OF_CALLER.flags)

/** Where credentials are handed out that no record stands behind, whoever revokes one is owed more than an answer. */
function toldToBeDone(machine: Machine): readonly LogoutFact[] {
  const cleared = eventsOf(machine, 'cookie-cleared')
  const handsOut = handsOutTokens(machine)
  const sessions = sessionsToldToBeOver(machine)
  const told = eventsOf(machine, 'logged-out')
  const others = told.flatMap((event): LogoutFact[] => {
    const { how } = event
    const isOfToken = how === 'answer' && handsOut && !cleared.some((other) => isSameBranch(event, other))
    if (how !== 'provider' && !isOfToken) return []
    return [{ at: locate(event.site), how, ends: hasEnded(machine, event) }]
  })
  if (others.length + sessions.length > 0) return [...others, ...sessions]
  // Whatever else is done to a session that has a record, it is over when that is gone.
  const removed = eventsOf(machine, 'store-remove')
  return told.map((event) => ({
    at: locate(event.site),
    how: 'record',
    ends: removed.some((other) => isSameBranch(event, other) && isSameVerb(event, other)),
  }))
}

/** What other requests of the same handler come to ends nothing for one that DELETEs. */
function isSameVerb(one: Event, other: Event): boolean {
  return other.facts.must.has('verb:DELETE') || !one.facts.must.has('verb:DELETE')
}

/** A DELETE of the path where MCP is served is answered, and no request of the kind ends anything or is handed on. */
function sessionsToldToBeOver(machine: Machine): readonly LogoutFact[] {
  const told = eventsOf(machine, 'logged-out').filter(({ how }) => how === 'session')
  if (told.length === 0) return []
  const served = eventsOf(machine, 'dispatch').filter(({ how }) => how === 'transport')
  const isServedAt = (path: string | undefined): boolean => served.some(({ context }) => context.route?.path === path)
  const handedOn = served.filter(({ facts }) => facts.must.has('verb:DELETE'))
  return told
    .filter(({ context }) => isServedAt(context.route?.path))
    .filter(({ context }) => !handedOn.some((other) => other.context.route?.path === context.route?.path))
    .map((event) => ({ at: locate(event.site), how: 'session' as const, ends: endsAnything(machine, event) }))
}

/** On whichever way: who names a session that is over already is told the same. */
function endsAnything(machine: Machine, event: Event): boolean {
  if (hasEnded(machine, event)) return true
  return machine.events.some(({ kind, context }) => ENDING.has(kind) && context.activation === event.context.activation)
}

/** Callers are given tokens that are signed or sealed, and are known by them. */
function handsOutTokens(machine: Machine): boolean {
  const signs = eventsOf(machine, 'token').some(({ context }) => context.trigger === 'request')
  return signs || (eventsOf(machine, 'secret-use').some(isOwnSeal) && verifiesCredentials(machine))
}

function isOwnSeal({ what, context }: EventOf<'secret-use'>): boolean {
  return context.trigger === 'request' && (what === 'the key of a cipher' || what === 'the key of a MAC')
}

/**
 * Something was taken out, marked, or asked of code that cannot be seen, since the handler of the request was called; or not
 * all of that was read.
 */
function hasEnded(machine: Machine, event: Event): boolean {
  if (machine.cut.has(event.context.activation)) return true
  if (machine.mayHaveEnded.has(event.context, event.facts)) return true
  return machine.events
    .slice(machine.handlersBegan.get(event.context.activation) ?? 0)
    .some((other) => ENDING.has(other.kind) && isSameBranch(event, other))
}

const ENDING: ReadonlySet<string> = new Set([
  'store-remove',
  'store-write',
  'entry-write',
  'entry-close',
  'shared-write',
  'shared-clear',
])

/** New passwords of users, and whether that ends the sessions that were opened with the old ones. */
export function collectPasswordChanges(machine: Machine, stores: readonly StoreFact[]): readonly PasswordChangeFact[] {
  const ids = new Set(stores.map(({ id }) => id))
  const set = eventsOf(machine, 'password-set').filter(({ store }) => store === undefined || !ids.has(store))
  // A field that is written and a record that is saved are one change; what middleware sets for users of its own is another.
  const changes = [...new Map(set.toReversed().map((event) => [changeOf(machine, event), event])).values()].toReversed()
  const facts = changes.map((event) => ({
    at: locate(event.site),
    calledFrom:
      event.calledFrom === undefined || isWithin(event.site, event.calledFrom) ? undefined : locate(event.calledFrom),
    asked: event.via === undefined || isWithin(event.site, event.via) ? undefined : locate(event.via),
    ends: touchesSessions(machine, event, ids),
  }))
  return distinct(facts, ({ at, ends }) => `${at.path}:${at.startLine}:${ends}`)
}

function changeOf(machine: Machine, event: EventOf<'password-set'>): string {
  return `${event.context.activation}:${sinceWhen(machine, event)}`
}

/** Which of the events of a request count for this one: those of its handler, or all where it stands before that. */
function sinceWhen(machine: Machine, event: EventOf<'password-set'>): number {
  const began = machine.handlersBegan.get(event.context.activation) ?? 0
  return machine.events.lastIndexOf(event) < began ? 0 : began
}

/** Something is done about sessions while the request is served: they are ended, marked as old, or opened anew. */
function touchesSessions(machine: Machine, event: EventOf<'password-set'>, stores: ReadonlySet<string>): boolean {
  const { ended, touches } = event
  const { activation } = event.context
  if (ended || (machine.lastTouch.get(activation) ?? 0) > touches) return true
  return machine.events
    .slice(sinceWhen(machine, event))
    .some(
      (other) =>
        (other.kind === 'store-remove' || other.kind === 'store-write') &&
        other.context.activation === activation &&
        stores.has(other.store.id),
    )
}

/** Whether something shows that a login lasts: its sessions are kept, cookies carry it, or somewhere it is revoked. */
export function collectKeepsLogins(machine: Machine, stores: readonly StoreFact[]): boolean {
  // In a part, what a login leaves is kept in a file that is not there.
  return (
    !machine.listens ||
    machine.webSession !== undefined ||
    [...machine.modules.values()].some(({ file }) => keepsLogins(file.text)) ||
    stores.some(({ holds, kind }) => holds === 'own' && kind === 'database') ||
    eventsOf(machine, 'login').length > 0 ||
    eventsOf(machine, 'cookie').some(({ names }) => names.some((name) => CARRIES_LOGIN.test(name)))
  )
}

const CARRIES_LOGIN = /sess|\bsid\b|auth(?!_?(?:state|cb|code))|jwt|(?<!csrf.?|xsrf.?)token|login/i
