/** Signed tokens that this server hands out and takes back: sessions without a record. */
import type { AudienceFact, TokenFact } from '../../facts/facts.ts'
import { fromRequest } from '../conditions.ts'
import type { EventOf } from '../events.ts'
import { isWithin, textOf } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { type Value, hasTag } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectTokens(machine: Machine): readonly TokenFact[] {
  const all = eventsOf(machine, 'token-check')
  const ofRequests = all.filter((event) => event.context.trigger === 'request')
  // By functions whose callers are not here: that they verify what requests bring is plain, what else is asked is not.
  const checks = ofRequests.length > 0 ? ofRequests : all
  if (checks.length === 0) return machine.listens ? [] : checkedElsewhere(machine)
  const limited = checks.every((event) => event.limits)
  const ignored = checks.every((event) => event.ignores)
  const lookedUp = ofRequests.length === 0 || checks.some((check) => isLookedUp(machine, check.context.activation))
  const signed = eventsOf(machine, 'token')
  const served = signed.filter((event) => event.context.trigger === 'request')
  const isElsewhere = served.length === 0 && (ofRequests.length === 0 || !machine.listens)
  const facts = (isElsewhere ? signed : served).map((event): TokenFact => ({
    at: locate(event.site),
    checked: locate(checks[0]!.site),
    expires: ignored ? false : limited ? true : event.expires,
    ignored,
    lookedUp,
  }))
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.expires}`)
}

/** In a part, what verifies the token of a login may not be there. One without an end is without one whoever looks at it. */
function checkedElsewhere(machine: Machine): readonly TokenFact[] {
  const facts = eventsOf(machine, 'token')
    .filter(({ expires, ofUser }) => expires === false && ofUser)
    .map(({ site }): TokenFact => ({ at: locate(site), expires: false, ignored: false, lookedUp: true }))
  return distinct(facts, ({ at }) => `${at.path}:${at.startLine}`)
}

/** By the token or by what it says: a list of those that were taken back, the record of its user, a version. */
function isLookedUp(machine: Machine, activation: number): boolean {
  return eventsOf(machine, 'store-read').some(
    ({ key, context }) =>
      context.activation === activation &&
      context.trigger === 'request' &&
      (hasTag(key, 'cred') || hasTag(key, 'principal')),
  )
}

/** Tokens that this server signs itself are for itself: those that another issuer is named for are left. */
export function collectAudiences(machine: Machine): readonly AudienceFact[] {
  const signs = eventsOf(machine, 'token').length > 0
  const all = eventsOf(machine, 'audience')
  const answered = machine.audiences.answered(all)
  const events = all.filter((event) => !signs || (event.elsewhere && !isByOwnKey(machine, event)))
  const verified = events.map((event): AudienceFact => ({
    at: locate(event.site),
    named: event.named || answered.has(event),
    how: event.asked === true ? 'asked' : 'verified',
    written: writtenAt(machine, event),
  }))
  return distinct(
    [...verified, ...(signs ? [] : passedOn(machine))],
    ({ at, named }) => `${at.path}:${at.startLine}:${named}`,
  )
}

/** Verified with a key that tokens are signed with here, or with a text of the environment, which no issuer has answered. */
function isByOwnKey(machine: Machine, { site }: EventOf<'audience'>): boolean {
  const uses = eventsOf(machine, 'secret-use')
  const signing = uses.filter(({ what }) => what === SIGNING)
  return uses.some(
    (use) =>
      use.what !== SIGNING &&
      isWithin(use.site, site) &&
      (isSetting(use.value) || signing.some((other) => isSameKey(use, other))),
  )
}

const SIGNING = 'the key that tokens are signed with'

function isSetting({ objects, tags }: Value): boolean {
  return objects.length === 0 && tags.length > 0 && tags.every((tag) => tag.startsWith('env'))
}

function isSameKey(a: EventOf<'secret-use'>, b: EventOf<'secret-use'>): boolean {
  // What is told by the token itself is the key of whoever has made it, whatever it is called.
  if (fromRequest(a.value)) return false
  if (a.site.path === b.site.path && textOf(a.site) === textOf(b.site)) return true
  const isShared = (tag: string): boolean => tag.startsWith('env:') && b.value.tags.includes(tag)
  return (
    a.value.tags.some(isShared) ||
    a.value.primitives.some((item) => typeof item === 'string' && b.value.primitives.includes(item))
  )
}

function writtenAt(machine: Machine, event: EventOf<'audience'>): AudienceFact['written'] {
  const answer = eventsOf(machine, 'issuer-answer').find(
    ({ context }) => context.activation === event.context.activation,
  )
  const written = event.asked === true ? answer?.site : event.written
  return written === undefined || isWithin(written, event.site) ? undefined : locate(written)
}

/** The token of the caller is sent on: where nothing is verified here, and where somebody was let in by it. */
function passedOn(machine: Machine): readonly AudienceFact[] {
  const served = [...eventsOf(machine, 'dispatch'), ...eventsOf(machine, 'handler-call'), ...eventsOf(machine, 'rpc')]
  if (served.length === 0) return []
  const isVerified = served.some(({ facts }) => facts.must.has('auth'))
  return eventsOf(machine, 'token-passed').flatMap(({ site, facts, context, written: made }): AudienceFact[] => {
    const written = isWithin(made, site) ? undefined : locate(made)
    if (!isVerified) return [{ at: locate(site), named: false, how: 'passed-on', written }]
    // Before anybody is let in, it is sent to be verified.
    const isLetIn = facts.must.has('auth') || context.trigger === 'tool'
    return isLetIn ? [{ at: locate(site), named: false, how: 'passed-through', written }] : []
  })
}
