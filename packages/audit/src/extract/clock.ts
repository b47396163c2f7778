/** Comparisons of the clock with times that a session remembers. */
import { derived, hasTag, tagsOf } from './value.ts'
import type { Value } from './value.ts'
import type { Machine } from './machine.ts'
import type { Site } from './heap.ts'
import type { State } from './state.ts'

/** `now - session.lastSeen > limit`, `session.expiresAt <= Date.now()`: an expiry check of that field. */
export function timeComparison(machine: Machine, left: Value, right: Value, site: Site, state: State): Value {
  const result: Value = {
    ...derived(left, right),
    primitives: [true, false],
    open: true,
    condition: { whenTrue: [], whenFalse: [] },
  }
  if (!hasTag(left, 'clock') && !hasTag(right, 'clock')) return result
  const fields = [...tagsOf(left, 'entry'), ...tagsOf(right, 'entry')]
  if (isUnlimited(left) || isUnlimited(right)) return result
  for (const tag of fields) {
    const [, store = '', field = '*'] = tag.split(':')
    machine.emit('time-check', site, state, { store, field })
    state.note(`timed:${store}:${field}`)
  }
  return result
}

function isUnlimited(value: Value): boolean {
  return value.primitives.length === 1 && !value.open && value.primitives[0] === 0 && value.tags.length === 0
}
