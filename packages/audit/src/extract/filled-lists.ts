/** Lists that the program itself fills: asked whether they hold anything, they do, unless somebody has set them to nothing. */
import { conditionOf, flag, fromRequest, negate } from './conditions.ts'
import type { HeapObject } from './heap.ts'
import { isBare } from './empty-lists.ts'
import type { Facts } from './state.ts'
import { UNKNOWN, UNSET, type Value, withTags } from './value.ts'

/** How many there are. */
const COUNT = 'count'
/** Known where a list is empty that is not as the program is shipped. */
const EMPTIED = 'optional:emptied'
/** Known where the program listens elsewhere than on the machine itself, which nobody has to. */
const ELSEWHERE = 'optional:elsewhere'

/** Made of others, as many as those or more; and empty only where an option has been set. */
const filled = new WeakSet<HeapObject>()
const optionally = new WeakSet<HeapObject>()
const emptied = new WeakMap<HeapObject, boolean>()

/** `hosts.map(…)`, `hosts.flatMap((host) => [host, …])`, `new Set(hosts)`. */
export function noteMade(made: HeapObject, of: HeapObject, item?: Value): void {
  const lists = item?.objects.filter(({ kind }) => kind === 'array') ?? []
  if (isFilled(of) && lists.every(isFilled)) filled.add(made)
}

/** `[...hosts, …]` */
export function noteMadeOf(made: HeapObject, { objects }: Value): void {
  if (objects.length > 0 && objects.every(isFilled)) filled.add(made)
}

/** `isLoopback ? hosts : []`: what is known on the way to the empty one. */
export function noteEmptyWay({ objects }: Value, { must }: Facts, before: ReadonlySet<string>): void {
  const bare = objects.filter(isBare)
  if (bare.length === 0 || ![...must].some((fact) => fact.startsWith('optional:') && !before.has(fact))) return
  for (const list of bare) optionally.add(list)
}

/** `hosts.length`, of lists that hold something as the program is shipped. */
export function countOf(lists: Value): Value | undefined {
  const { objects } = lists
  if (!objects.some(isFilled) || fromRequest(lists) || lists.tags.some((tag) => tag.startsWith('entry:')))
    return undefined
  if (!objects.every((list) => isFilled(list) || optionally.has(list))) return undefined
  return withTags(UNKNOWN, [COUNT]).with({ condition: { whenTrue: [], whenFalse: [EMPTIED] } })
}

/** What a comparison of such a count with a number says, or undefined where neither side is one. */
export function testCount(operator: string, left: Value, right: Value): Value | undefined {
  const isFirst = left.tags.includes(COUNT)
  const [count, bound] = isFirst ? [left, right] : [right, left]
  if (!count.tags.includes(COUNT)) return undefined
  const sign = operator.slice(0, 2).replace(/[<>]/, (each) => (isFirst ? each : each === '<' ? '>' : '<'))
  const asked = `${sign}${String(bound.primitives.length === 1 ? bound.primitives[0] : undefined)}`
  const { whenTrue, whenFalse } = conditionOf(count)
  const answer = flag(whenTrue, whenFalse)
  return SOME.has(asked) ? answer : NONE.has(asked) ? negate(answer) : undefined
}

const SOME: ReadonlySet<string> = new Set(['>0', '>=1', '!=0'])
const NONE: ReadonlySet<string> = new Set(['==0', '<1', '<=0'])

/** Texts that the source writes down, or what is made of them, and that nothing is taken out of. */
function isFilled(list: HeapObject): boolean {
  const isWritten = list.kind === 'array' && list.item.objects.length === 0 && list.properties.size > 0
  if (!isWritten && !filled.has(list)) return false
  const isWorkedOff = emptied.get(list) ?? isEmptied(list)
  emptied.set(list, isWorkedOff)
  return !isWorkedOff
}

/** `pending.pop()`: what is worked off is empty at last. */
function isEmptied({ name, site }: HeapObject): boolean {
  if (name === undefined) return false
  const taken = String.raw`(?:(?:pop|shift|splice|delete|clear)\(|length\s{0,3}=[^=])`
  return new RegExp(String.raw`\b${name.replaceAll('$', String.raw`\$`)}\s{0,3}\.${taken}`).test(site.file.text)
}

const IS_SETTING = /^(?:was-)?(?:env|opt|setting):/
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[?::1\]?)$/

/** `['localhost', '127.0.0.1'].includes(host)`, of what the program is told to listen at: elsewhere only where it is told so. */
export function elsewhere(list: HeapObject, host: Value): readonly string[] {
  const { primitives: names, open } = list.item
  const isLoopback = names.length > 0 && names.every((name) => typeof name === 'string' && LOOPBACK.test(name))
  return isLoopback && !open && mayBe(host, names) ? [ELSEWHERE] : []
}

/** `host === 'localhost'` */
export function elsewhereThan(host: Value, { primitives: names }: Value): readonly string[] {
  const isLoopback = names.length === 1 && typeof names[0] === 'string' && LOOPBACK.test(names[0])
  return isLoopback && mayBe(host, names) ? [ELSEWHERE] : []
}

/** A setting that by default is among these, or of which nobody knows what it is. */
function mayBe(host: Value, names: Value['primitives']): boolean {
  if (host.objects.length > 0 || !host.tags.every((tag) => tag === UNSET || IS_SETTING.test(tag))) return false
  const known = host.primitives.filter((name) => name !== undefined && name !== null)
  return known.length === 0 || known.some((name) => names.includes(name))
}
