/** What may be used once, codes and tokens that are exchanged for others: looked up, and taken out only after an await. */
import type { StaleWriteFact } from '../../facts/facts.ts'
import { isPresentedHandle, requestTags } from '../conditions.ts'
import type { Event, EventOf } from '../events.ts'
import { InstanceObject, LibraryObject, type Site } from '../heap.ts'
import { leftOf } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import { wordsOf } from '../made-secrets.ts'
import { contentOf } from '../secrets.ts'
import type { Value } from '../value.ts'
import { hasTag, isDrawn } from '../value.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

type Read = EventOf<'store-read'>
type Take = EventOf<'store-remove'> | EventOf<'entry-write'>

/**
 * A request names a code, its record is found and found good, taken out (or marked as used), and something new is given
 * out for it. Where an await lies between the first two, and what takes it out does not say whether it was still there, two
 * requests at once are both served.
 */
export function collectReuses(machine: Machine): readonly StaleWriteFact[] {
  const takes = [...eventsOf(machine, 'store-remove'), ...eventsOf(machine, 'entry-write')].filter(
    (event) =>
      event.context.trigger === 'request' &&
      !event.alone &&
      isUnheeded(event.site) &&
      !isAskedAbout(event.calledFrom) &&
      isTake(machine, event),
  )
  if (takes.length === 0) return []
  const issues = issuesOf(machine)
  const facts = takes.flatMap((take): StaleWriteFact[] => {
    const store = storeOf(take)
    if (!issues.some((issue) => isIssuedFor(issue, take, store)) || isOfLiveThings(machine, store)) return []
    const read = eventsOf(machine, 'store-read').findLast((event) => isReadBefore(event, take, store))
    if (read === undefined) return []
    const [first, second] = placesOf(read, take)
    return [{ name: read.store.name, read: locate(first), written: locate(second), once: true }]
  })
  return distinct(facts.toReversed(), ({ read }) => `${read?.path}:${read?.startLine}`)
}

function storeOf({ store }: Take): string {
  return typeof store === 'string' ? store : store.id
}

/** A record is taken out by what the request names, or a field of it that was asked says from now on that it is used. */
function isTake(machine: Machine, event: Take): boolean {
  if (event.kind === 'store-remove') return isPresentedHandle(event.key) || hasTag(event.key, 'entry')
  if (event.conditional === true || !saysSpent(event.field)) return false
  return machine.askedFields.get(`${event.store}:${event.field}`)?.has(event.context.activation) === true
}

/** `usedAt`, `is_redeemed`; not `focused`, nor `lastUsedAt`, which may be written again and again. */
function saysSpent(field: string): boolean {
  const words = wordsOf(field)
  return words.some((word, at) => isSpent(word, words[at + 1]) && words[at - 1] !== 'last')
}

function isSpent(word: string, next: string | undefined): boolean {
  return word === 'used' ? next !== 'by' : SPENT.test(word)
}

const SPENT = /^(?:consumed|redeemed|revoked|spent|exchanged|claimed|rotated|replaced|invalidated)$/

/** Something that nobody can guess, or a signed token, is made for whoever asked. */
function issuesOf(machine: Machine): readonly Event[] {
  const written = eventsOf(machine, 'store-write').filter(({ key }) => isDrawn(key))
  return [...written, ...eventsOf(machine, 'secret-made'), ...eventsOf(machine, 'token')].filter(
    ({ context }) => context.trigger === 'request',
  )
}

function isIssuedFor(issue: Event, take: Take, store: string): boolean {
  const { facts, context, moment } = issue
  if (context.activation !== take.context.activation || moment < take.moment) return false
  if (isOfProcess(take) && !isMadeOf(issue, store)) return false
  if (!facts.must.has(`exists:${store}`) || facts.must.has(`expired:${store}`)) return false
  return take.kind === 'entry-write' || facts.must.has(leftOf(store))
}

/** What a process keeps of its own is seen to go into what is given out for it: whose it is, and what it is for. */
function isMadeOf(issue: Event, store: string): boolean {
  if (issue.kind !== 'store-write') return issue.kind === 'token'
  return contentOf([issue.value]).tags.some((tag) => tag.startsWith(`entry:${store}`))
}

function isOfProcess(take: Take): boolean {
  return take.kind === 'store-remove' && (take.store.kind === 'map' || take.store.kind === 'record')
}

/** Connections, programs and the like are kept while they live: what takes one out uses nothing up. */
function isOfLiveThings(machine: Machine, store: string): boolean {
  return eventsOf(machine, 'store-write').some((event) => event.store.id === store && holdsLiving(event.value))
}

function holdsLiving({ objects }: Value): boolean {
  const parts = objects.flatMap((item) => [...item.properties.values()].flatMap(({ value }) => value.objects))
  return [...objects, ...parts].some(
    (item) => item instanceof LibraryObject || item instanceof InstanceObject || item.kind === 'function',
  )
}

/** What is named by the state of a login that somebody else conducts leads to a code of theirs, which is good for once. */
function isReadBefore(read: Read, take: Take, store: string): boolean {
  if (read.store.id !== store || read.context.activation !== take.context.activation) return false
  // Who the caller is was proven: what is theirs is no code.
  if (['principal', 'claim'].some((tag) => hasTag(read.key, tag))) return false
  const named = requestTags(read.key).filter((tag) => !/^(?:header|cookie)\b|:state$/.test(tag))
  const taken = take.kind === 'store-remove' ? take.key.tags : named
  return named.some((tag) => taken.includes(tag) || taken.includes(`key:${store}`)) && read.moment < take.moment
}

/** Where a function asks others for both, what is wrong is in it. */
function placesOf(read: Read, take: Take): readonly [Site, Site] {
  const [first, second] = [read.calledFrom, take.calledFrom]
  if (first === undefined || second === undefined || sameSite(first, second)) return [read.site, take.site]
  return first.path === second.path ? [first, second] : [read.site, take.site]
}

/** A statement of its own: nobody looks at what it gives. Prisma throws where a row that is to be deleted is gone. */
function isUnheeded({ file: { text }, start, end }: Site): boolean {
  const before = text.slice(Math.max(0, start - LONGEST), start)
  const [gap = '', blank = ''] = /(\s*)(?:await\s+|void\s+)?$/.exec(before) ?? []
  const last = before.slice(0, before.length - gap.length).at(-1)
  const begins = last === undefined || /[;{}]/.test(last) || (blank.includes('\n') && !/[=(,[?:&|+<>]/.test(last))
  return begins && !/\.\s*delete\(\s*\{\s*where\b/.test(text.slice(start, Math.min(end, start + LONGEST)))
}

/** `const code = await codes.take(…)`, and `if (!code) return`: whoever takes it out is told whether it was still there. */
function isAskedAbout(call: Site | undefined): boolean {
  if (call === undefined) return false
  const { file, start, end } = call
  const name = /(\w+)\s*=\s*(?:await\s+)?$/.exec(file.text.slice(Math.max(0, start - LONGEST), start))?.[1]
  const after = file.text.slice(end, end + LONGEST)
  return name !== undefined && new RegExp(String.raw`^\s*;?\s*if\s*\(\s*!\s*${name}\s*[)|]`).test(after)
}

const LONGEST = 200
