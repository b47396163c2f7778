/** Sessions from before a login that it makes those of somebody, other than by writing to a record that was found. */
import type { LoginFact, StoreFact } from '../../facts/facts.ts'
import { LET_IN, fromRequest, isPresentedHandle, requestTags } from '../conditions.ts'
import type { Event, EventOf } from '../events.ts'
import { leftOf } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import type { Facts } from '../state.ts'
import type { Value } from '../value.ts'
import { hasTag, truthiness } from '../value.ts'
import { eventsOf, locate } from './collect.ts'
import { OF_CALLER, becomesSomebody, isKept, isLoginByName, tellsCaller, tellsWho } from './told-callers.ts'

export function promotions(machine: Machine, stores: readonly StoreFact[]): readonly LoginFact[] {
  return [...replacedRecords(machine, stores), ...markedSessions(machine)]
}

/**
 * What is put under the ID that the request named, or that the session of a tool has: the record that was found there with
 * something added, or a list beside it of those who are logged in.
 */
function replacedRecords(machine: Machine, stores: readonly StoreFact[]): readonly LoginFact[] {
  const own = new Map(stores.filter((store) => store.holds !== 'web').map((store) => [store.id, store]))
  return eventsOf(machine, 'store-write')
    .filter((event) => isLoggingIn(event) && tellsMore(event) && truthiness(event.value).canBeTrue)
    .flatMap((event): LoginFact[] => {
      const session = stores.find(({ id }) => own.has(id) && isFoundUnder(machine, id, event))
      if (session === undefined || event.facts.must.has(leftOf(session.id))) return []
      const at = session.insertions[0] ?? session.at
      return [{ at: locate(event.site), how: 'record', field: event.store.name, regenerated: false, session: at }]
    })
}

/** Not only when that was: a text of all that is kept may say both. */
function tellsMore({ value }: EventOf<'store-write'>): boolean {
  return isKept(value) || (value.objects.length === 0 && value.tags.includes(LET_IN))
}

/** Whoever proves who they are where a session is opened is told from the others from the beginning. */
function isLoggingIn(event: EventOf<'store-write'>): boolean {
  if (event.facts.must.has('init')) return false
  const fields = event.value.objects.flatMap((item) => (item.kind === 'object' ? [...item.properties] : []))
  if (event.facts.must.has('login'))
    return fields.length === 0 || fields.some(([field, { value }]) => OF_CALLER.test(field) || tellsCaller(value))
  if (!isLoginByName(event)) return false
  if (event.context.trigger === 'tool' && event.value.objects.length === 0) return !isSent(event.value)
  return fields.some(([field, { value }]) => tellsWho({ field, value }))
}

/** Whether the key is the handle under which this store was asked for the session before. */
function isFoundUnder(machine: Machine, store: string, { key, facts, context }: EventOf<'store-write'>): boolean {
  if (hasTag(key, 'cred')) return false
  if (context.trigger === 'tool')
    return hasTag(key, 'sid') && !fromRequest(key) && anonymousOpening(machine) !== undefined
  if (hasTag(key, 'held') && key.tags.includes(`key:${store}`)) return true
  // `sessions.set(session.id, …)`: by the ID that the record which was found says it has.
  if (facts.may.has(`looked:${store}`) && key.tags.some((tag) => tag.startsWith(`entry:${store}:`))) return true
  const named = requestTags(key).filter((tag) => tag !== 'body')
  if (!isPresentedHandle(key) || named.length === 0 || !facts.may.has(`looked:${store}`)) return false
  const reads = eventsOf(machine, 'store-read').filter((read) => read.store.id === store)
  return named.every((tag) => reads.some((read) => read.key.tags.includes(tag)))
}

/** A part of the request, as it came. */
function isSent(value: Value): boolean {
  return (
    value.tags.length > 0 && value.primitives.includes(undefined) && requestTags(value).length === value.tags.length
  )
}

/** A tool tells the session who the caller is, which nobody had to prove when it was opened. */
function markedSessions(machine: Machine): readonly LoginFact[] {
  const opened = anonymousOpening(machine)
  if (opened === undefined) return []
  return eventsOf(machine, 'session-marked')
    .filter((event) => isKept(event.value) && truthiness(event.value).canBeTrue)
    .filter((event) => becomesSomebody(event) || isMarkedAsKnown(event))
    .map((event) => ({
      at: locate(event.site),
      how: 'record',
      field: event.field,
      regenerated: false,
      session: locate(opened.site),
    }))
}

/** A credential that came with the arguments was accepted, and the session says so. What is kept for other reasons does not. */
function isMarkedAsKnown(event: EventOf<'session-marked'>): boolean {
  if (!event.facts.must.has('login')) return false
  return tellsWho(event) || event.value.primitives.includes(true) || (isLoginByName(event) && tellsCaller(event.value))
}

/** Where a session of MCP is opened for whoever asks. */
function anonymousOpening(machine: Machine): Event | undefined {
  return eventsOf(machine, 'transport').find(({ stateful, facts }) => stateful !== false && isAnonymous(facts))
}

/** Nobody has proved anything on the way here, as far as is seen. */
function isAnonymous({ must, may }: Facts): boolean {
  return !must.has('auth') && !['maybe-auth', 'opaque-check', 'opaque-middleware'].some((fact) => may.has(fact))
}
