/** The time that a record has to live in a store with a clock of its own. */
import type { Call } from '../calls.ts'
import { isFresh } from '../conditions.ts'
import type { StoreRef } from '../events.ts'
import type { HeapObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { storeRef } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, hasTag } from '../value.ts'
import { optionOf } from './routing.ts'

/** Options that say it: in capitals with Redis' own client, in small letters with others that speak to it, and elsewhere. */
export const TIMES = [
  'EX',
  'PX',
  'EXAT',
  'PXAT',
  'ex',
  'px',
  'exat',
  'pxat',
  'expiration',
  'expirationTtl',
  'expireIn',
  'ttl',
  'maxAge',
  'expiresAt',
]

interface Given {
  /** Arguments that say it, or have an option that does. */
  readonly given: readonly Value[]
  readonly site: Site
}

/**
 * Set where a session is only created it is an absolute limit; renewed where one was looked up it is an idle one, and the
 * absolute one as well if it is counted from what the record says.
 */
export function noteTimeToLive(
  machine: Machine,
  store: StoreRef,
  { given, site }: Given,
  renewed: boolean,
  state: State,
): void {
  const isCounted = given.some(isOfRecord)
  if (renewed) machine.emit('expiry', site, state, { store: store.id, limit: 'idle', enabled: true, replaces: true })
  if (!renewed || isCounted)
    machine.emit('expiry', site, state, { store: store.id, limit: 'absolute', enabled: true, replaces: !isCounted })
}

const forgetful = new WeakSet<HeapObject>()

/** A library has made a map that forgets; the language's own take no time to live. */
export function noteForgetful(made: HeapObject): void {
  forgetful.add(made)
}

/** `cache.set(id, value, 3600)`, `cache.set(id, value, { ttl })`: of a map that forgets. */
export function noteOwnLifetime(machine: Machine, map: HeapObject, { args, site }: Call, state: State): void {
  if (!forgetful.has(map.origin ?? map)) return
  const store = storeRef(map)
  const [key = UNKNOWN, , lifetime] = args
  if (lifetime === undefined || (lifetime.objects.length > 0 && optionOf(lifetime, 'ttl') === undefined)) return
  const isOfKnown = state.facts.may.has(`looked:${store.id}`) && !isFresh(key)
  noteTimeToLive(machine, store, { given: [lifetime], site }, isOfKnown, state)
}

/** A time that was made of what was found. */
function isOfRecord(value: Value): boolean {
  const times = [value, ...TIMES.flatMap((name) => optionOf(value, name) ?? [])]
  return times.some((item) => item.objects.length === 0 && hasTag(item, 'entry'))
}
