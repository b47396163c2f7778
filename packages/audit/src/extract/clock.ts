/** Comparisons of the clock with times that a session remembers. */
import { derived, hasTag, tagsOf } from './value.ts'
import type { Condition, Value } from './value.ts'
import type { Machine } from './machine.ts'
import type { Site } from './heap.ts'
import type { State } from './state.ts'

interface Comparison {
  readonly operator: string
  readonly left: Value
  readonly right: Value
}

/** `now - session.lastSeen > limit`, `session.expiresAt <= Date.now()`: an expiry check of that field. */
export function timeComparison(machine: Machine, comparison: Comparison, site: Site, state: State): Value {
  const { left, right } = comparison
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
  const expired = fields.map((tag) => `expired:${tag.split(':')[1]}`)
  return { ...result, condition: expiryCondition(comparison, expired) }
}

/** The side of the clock is the larger one where the time is over. */
function expiryCondition({ operator, left, right }: Comparison, expired: readonly string[]): Condition {
  const isLeft = isClockSide(left, right)
  if (isLeft === isClockSide(right, left)) return { whenTrue: [], whenFalse: [] }
  return isLeft === operator.startsWith('>')
    ? { whenTrue: expired, whenFalse: [] }
    : { whenTrue: [], whenFalse: expired }
}

function isClockSide(side: Value, other: Value): boolean {
  return hasTag(side, 'clock') && (!hasTag(other, 'clock') || !hasTag(side, 'entry'))
}

function isUnlimited(value: Value): boolean {
  return value.primitives.length === 1 && !value.open && value.primitives[0] === 0 && value.tags.length === 0
}
