/** Sessions that are ended by a mark: what their record says from then on, or what it is held against. */
import type { RemovalFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import { isAtLogout } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import { hasTag } from '../value.ts'
import { eventsOf, locate } from './collect.ts'

/** Where whoever logs out, or ends a session, leaves a mark that other requests look at. */
export function marksOf(machine: Machine, store: string): readonly RemovalFact[] {
  const written = eventsOf(machine, 'entry-write').filter((event) =>
    event.store === store ? isLookedAt(machine, event) : isHeldAgainst(machine, store, event.store),
  )
  const put = eventsOf(machine, 'store-write').filter(({ store: { id } }) => isHeldAgainst(machine, store, id))
  return [...written, ...put].filter(isAtEnd).map((event) => ({
    at: locate(event.site),
    trigger: event.facts.must.has('verb:DELETE') ? 'delete' : 'request',
    rightKey: true,
    closes: true,
  }))
}

function isAtEnd({ context, facts }: Event): boolean {
  if (context.trigger !== 'request') return false
  return isAtLogout(context, facts) || facts.must.has('verb:DELETE') || context.route?.verb === 'DELETE'
}

/** By another request. That it is late says nothing where time is all that is asked of the field. */
function isLookedAt(machine: Machine, { store, field, value, context }: EventOf<'entry-write'>): boolean {
  const asked = machine.askedFields.get(`${store}:${field}`)
  if (asked === undefined || ![...asked].some((activation) => activation !== context.activation)) return false
  const isTimed = eventsOf(machine, 'time-check').some((check) => check.store === store && check.field === field)
  return !isTimed || !hasTag(value, 'clock') || ENDS.test(field)
}

const ENDS = /expir|until|valid|deadline|end/i

function isHeldAgainst(machine: Machine, store: string, other: string): boolean {
  return machine.comparedWith.get(store)?.has(other) === true
}
