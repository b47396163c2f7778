/** What is written where a caller logs in: whether it says who that is. */
import type { Event, EventOf } from '../events.ts'
import { NAMED_LOGIN, isLoginName } from '../protocol.ts'
import type { Value } from '../value.ts'
import { hasTag, truthiness } from '../value.ts'

/** What somebody said about a credential that came with the body or query of this very request. */
export function tellsCaller(value: Value): boolean {
  return hasTag(value, 'verdict') && (hasTag(value, 'query') || hasTag(value, 'body'))
}

/** At the address of a login the session is told who the caller is: whatever was asked before, from here on it is theirs. */
export function becomesSomebody(event: EventOf<'session-write' | 'entry-write' | 'session-marked'>): boolean {
  return isLoginByName(event) && tellsWho(event)
}

/** The address, the tool or the method is that of a login. */
export function isLoginByName({ context: { route, trigger }, facts }: Pick<Event, 'context' | 'facts'>): boolean {
  if (facts.must.has(NAMED_LOGIN)) return true
  return trigger !== 'tool' && route !== undefined && isLoginName(route.path)
}

export function tellsWho({ field, value }: { readonly field: string; readonly value: Value }): boolean {
  return OF_CALLER.test(field) && !hasTag(value, 'entry') && truthiness(value).canBeTrue
}

/** Parts of a session that say who its user is, or that there is one. */
export const OF_CALLER =
  /^(?:(?:current|auth|logged_?in|signed_?in)?_?(?:user|customer|member|person|owner|account|subject|caller)(?:_?(?:id|name))?|uid|email|principal|(?:is_?)?(?:logged_?in|signed_?in|auth(?:enticated|ed|orized)?|admin)|identity|profile|role)$/i

/** No note of when, or how often. */
export function isKept(value: Value): boolean {
  return !hasTag(value, 'clock') && !hasTag(value, 'counter')
}
