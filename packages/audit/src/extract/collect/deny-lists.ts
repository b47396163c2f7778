/** Lists of signed tokens that were taken back, and the places that let such a token pass all the same. */
import type { DenyListFact } from '../../facts/facts.ts'
import { requestTags } from '../conditions.ts'
import type { EventOf } from '../events.ts'
import { isAtLogout } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectDenyLists(machine: Machine): readonly DenyListFact[] {
  const taken = eventsOf(machine, 'store-write').filter(isTakenBack)
  const checks = eventsOf(machine, 'token-check').filter(({ context }) => context.trigger === 'request')
  const lists = distinct(taken, ({ store }) => store.id)
  return lists.flatMap((list): DenyListFact[] => {
    const writes = taken.filter(({ store }) => store.id === list.store.id)
    const unasked = checks.find((check) => isOfSameToken(check, writes) && !isAsked(machine, check, list.store.id))
    if (unasked === undefined) return []
    return [{ name: list.store.name, at: locate(list.site), checked: locate(unasked.site) }]
  })
}

/** Whoever logs out presents the token under which something is kept from then on; what was found there already is no such note. */
function isTakenBack({ key, value, store, context, facts }: EventOf<'store-write'>): boolean {
  if (context.trigger !== 'request' || !isAtLogout(context, facts)) return false
  if (hasTag(value, `entry:${store.id}`)) return false
  return hasTag(key, 'cred') && !hasTag(key, 'mint') && requestTags(key).length > 0
}

/** It comes in the same part of a request, and this is not the logout itself. */
function isOfSameToken(check: EventOf<'token-check'>, writes: readonly EventOf<'store-write'>[]): boolean {
  if (writes.some(({ context }) => context.activation === check.context.activation)) return false
  const parts = new Set(writes.flatMap(({ key }) => requestTags(key)))
  return requestTags(check.value).some((tag) => parts.has(tag))
}

/** The same request looks into the list, before the signature is verified or after. */
function isAsked(machine: Machine, { context: { activation } }: EventOf<'token-check'>, list: string): boolean {
  return eventsOf(machine, 'store-read').some(
    ({ store, context }) => store.id === list && context.activation === activation,
  )
}
