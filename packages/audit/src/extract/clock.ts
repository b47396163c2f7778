/** Comparisons by size: the clock with times that a session remembers, a count with nothing. */
import { conditionOf } from './conditions.ts'
import { derived, hasTag, tagsOf, withTags } from './value.ts'
import type { Condition, Value } from './value.ts'
import type { Machine } from './machine.ts'
import { isWorded, noteTime } from './wordings.ts'
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
  const result: Value = derived(left, right).with({
    primitives: [true, false],
    open: true,
    condition: { whenTrue: [], whenFalse: [] },
  })
  const counted = countIn(comparison)
  if (counted !== undefined) return result.with({ condition: conditionOf(counted) })
  const missed = countIn({ ...comparison, operator: OPPOSITES[comparison.operator] ?? '' })
  if (missed !== undefined) return result.with({ condition: opposite(conditionOf(missed)) })
  if (!hasTag(left, 'clock') && !hasTag(right, 'clock')) return result
  machine.emit('clock-check', site, state, {})
  const over = overWhen(machine, comparison, site, state)
  return result.with({ condition: machine.watchesAgents ? onEitherWay(over) : over })
}

function overWhen(machine: Machine, comparison: Comparison, site: Site, state: State): Condition {
  const { left, right } = comparison
  if (isNeverOver(left, right) || isUnlimited(left) || isUnlimited(right)) return { whenTrue: [], whenFalse: [] }
  const fields = [...tagsOf(left, 'entry'), ...tagsOf(right, 'entry')]
  for (const tag of fields) {
    const [, store = '', field = '*'] = tag.split(':')
    const seen = { site, store, field }
    if (!isWorded(machine, seen)) noteTime(machine, seen, state)
  }
  return expiryCondition(
    comparison,
    fields.map((tag) => `expired:${tag.split(':')[1]}`),
  )
}

/** Whoever goes only one of the ways does so by the clock. */
function onEitherWay({ whenTrue, whenFalse }: Condition): Condition {
  return { whenTrue: [...whenTrue, `${BY_CLOCK}:yes`], whenFalse: [...whenFalse, `${BY_CLOCK}:no`] }
}

const BY_CLOCK = 'by-clock'

/** Whether this is only done where the clock was asked and said so. */
export function isByClock(state: State): boolean {
  return state.holds(`${BY_CLOCK}:yes`) || state.holds(`${BY_CLOCK}:no`)
}

/** Units that a time is kept in. */
export const MILLISECONDS = 'clock:milliseconds'
const SECONDS = 'clock:seconds'
/** A time in milliseconds was taken from one in seconds: what is left is never more than any limit. */
const NEGATIVE = 'clock:negative'

/** `Date.now() / 1000`, `session.lastSeen * 1000`, `seconds() - session.lastSeen`: what becomes of the unit of a time. */
export function inUnits(operator: string, left: Value, right: Value, result: Value): Value {
  if (operator === '-') return isSmaller(left, right) ? withTags(result, [NEGATIVE]) : result
  const by = operator === '/' ? right : [left, right].find((each) => each.primitives.length === 1 && !each.open)
  const [factor] = by?.primitives ?? []
  if (typeof factor !== 'number' || factor < 1000) return result
  if (operator === '/') return exchanged(result, MILLISECONDS, SECONDS)
  return operator === '*' ? exchanged(result, SECONDS, MILLISECONDS) : result
}

function exchanged(value: Value, from: string, to: string): Value {
  if (!value.tags.includes(from)) return value
  return withTags(value.with({ tags: value.tags.filter((tag) => tag !== from) }), [to])
}

/** The clock in seconds, and a time that some session remembers in milliseconds. */
function isSmaller(now: Value, kept: Value): boolean {
  const isIn = ({ tags }: Value, unit: string, other: string): boolean => tags.includes(unit) && !tags.includes(other)
  return (
    hasTag(kept, 'entry') &&
    !hasTag(now, 'entry') &&
    isIn(now, SECONDS, MILLISECONDS) &&
    isIn(kept, MILLISECONDS, SECONDS)
  )
}

/** No time that is kept is ever before such a clock. */
function isNeverOver(left: Value, right: Value): boolean {
  return isSmaller(left, right) || isSmaller(right, left) || [left, right].some(({ tags }) => tags.includes(NEGATIVE))
}

/** `count < 1` asks whether there is none. */
const OPPOSITES: Readonly<Record<string, string>> = { '<': '>=', '>=': '<', '>': '<=', '<=': '>' }

function opposite({ whenTrue, whenFalse }: Condition): Condition {
  return { whenTrue: whenFalse, whenFalse: whenTrue }
}

/** What `count > 0` and `count >= 1` ask: whether there is any. */
function countIn({ operator, left, right }: Comparison): Value | undefined {
  if ((operator === '>' && isNumber(right, 0)) || (operator === '>=' && isNumber(right, 1))) return left
  return (operator === '<' && isNumber(left, 0)) || (operator === '<=' && isNumber(left, 1)) ? right : undefined
}

function isNumber(value: Value, number: number): boolean {
  return value.primitives.length === 1 && !value.open && value.objects.length === 0 && value.primitives[0] === number
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
  return isNumber(value, 0) && value.tags.length === 0
}
