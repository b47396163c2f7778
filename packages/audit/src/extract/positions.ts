/** `list.indexOf(item) !== -1`: a position that says whether there is any. */
import { negate } from './conditions.ts'
import type { Value } from './value.ts'
import { withTags } from './value.ts'

const POSITION = 'position'

/** What tells that there is one, as a number. */
export function position(value: Value): Value {
  return value.condition === undefined ? value : withTags(value, [POSITION]).with({ condition: value.condition })
}

/** What a comparison of a position with a number says, or undefined where neither side is a position. */
export function testPosition(operator: string, left: Value, right: Value): Value | undefined {
  const isFirst = left.tags.includes(POSITION)
  const [place, bound] = isFirst ? [left, right] : [right, left]
  const [limit] = bound.primitives
  if (!place.tags.includes(POSITION) || typeof limit !== 'number' || bound.primitives.length > 1) return undefined
  const asked = `${isFirst ? operator.slice(0, 2) : turned(operator.slice(0, 2))}${limit}`
  const isThere = THERE.has(asked)
  if (!isThere && !ABSENT.has(asked)) return undefined
  const answer = place.with({ tags: place.tags.filter((tag) => tag !== POSITION) })
  return isThere ? answer : negate(answer)
}

const THERE: ReadonlySet<string> = new Set(['!=-1', '>-1', '>=0', '>0', '==0'])
const ABSENT: ReadonlySet<string> = new Set(['==-1', '<0', '<=-1', '!=0'])

/** `0 <= position` is `position >= 0`. */
function turned(operator: string): string {
  return operator.replace(/[<>]/, (sign) => (sign === '<' ? '>' : '<'))
}
