/** Session IDs and credentials that are written down, or told to whoever asks. */
import type { ExposureFact, StoreFact } from '../../facts/facts.ts'
import type { Location } from '../../finding/finding.ts'
import type { EventOf } from '../events.ts'
import { siteKey, isWithin } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { isCredentialPart, isHandleTag, type Part } from '../secrets.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectExposures(machine: Machine, stores: readonly StoreFact[]): readonly ExposureFact[] {
  const keys = new Set(stores.filter(({ holds }) => holds !== 'web').map(({ id }) => `key:${id}`))
  const asked = secretsAskedFor(machine)
  const logged = eventsOf(machine, 'log').flatMap((event): ExposureFact[] => {
    const kindIn = (tags: readonly string[]): ExposureFact['kind'] | undefined =>
      kindOf(tags, keys) ?? (tags.some((tag) => asked.has(tag)) ? 'credential' : undefined)
    const kind = kindIn(event.value.tags)
    if (kind === undefined) return []
    const parts = [...machine.parts.values()].filter(
      ({ site, tags }) => isWithin(site, event.site) && kindIn([...tags]) === kind,
    )
    return [{ at: locate(event.site), kind, where: 'log', parts: innermost(parts), audience: 'everybody' }]
  })
  const told = eventsOf(machine, 'answer-body').filter((event) =>
    event.value.tags.some((tag) => tag === 'sid' || keys.has(tag)),
  )
  const guarded = new Set(told.filter((event) => isGuarded(machine, event)).map(placeOf))
  const open = told.filter((event) => !guarded.has(placeOf(event)))
  return distinct(
    [
      ...logged,
      ...open.map((event) => toldOf(event, 'everybody')),
      ...told.filter((event) => isOneOfMany(machine, event)).map((event) => toldOf(event, 'users')),
      ...told.map((event) => toldOf(event, 'holders')),
    ],
    (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.kind}:${fact.where}`,
  )
}

/**
 * The secret that callers have to bring, whether a setting says it or start-up draws it. What lies in a record, a setting
 * may have said where to find.
 */
function secretsAskedFor(machine: Machine): ReadonlySet<string> {
  const wanted = eventsOf(machine, 'comparison').flatMap(({ expected }) =>
    hasTag(expected, 'entry') ? expected.tags.filter((tag) => tag === 'made-secret') : expected.tags,
  )
  return new Set(wanted.filter((tag) => tag === 'made-secret' || tag.startsWith('env:')))
}

/** What a tool answers, those are told who are let in. */
function isGuarded(machine: Machine, event: EventOf<'answer-body'>): boolean {
  return event.facts.must.has('auth') || (event.context.trigger === 'tool' && dispatches(machine, 'auth'))
}

/** Many people are let in, each by a credential of their own, and this is not for a few of them. */
function isOneOfMany(machine: Machine, { context, facts }: EventOf<'answer-body'>): boolean {
  if (facts.must.has('privileged') || facts.must.has('permitted')) return false
  return facts.must.has('auth:verified') || (context.trigger === 'tool' && dispatches(machine, 'auth:verified'))
}

function dispatches(machine: Machine, fact: string): boolean {
  return eventsOf(machine, 'dispatch').some(({ how, facts }) => how === 'transport' && facts.must.has(fact))
}

/** Where the same route is set up with a check and without one, a setting decides which of the two it is. */
function placeOf({ site, context: { route } }: EventOf<'answer-body'>): string {
  return `${siteKey(site)} ${route?.verb} ${route?.path}`
}

function toldOf({ site }: EventOf<'answer-body'>, audience: ExposureFact['audience']): ExposureFact {
  return { at: locate(site), kind: 'session', where: 'answer', parts: [], audience }
}

/** A template is written because of what is in it. */
function innermost(parts: readonly Part[]): readonly Location[] {
  const sites = parts.map(({ site }) => site)
  return sites.filter((site) => !sites.some((other) => other !== site && isWithin(other, site))).map(locate)
}

function kindOf(tags: readonly string[], keys: ReadonlySet<string>): ExposureFact['kind'] | undefined {
  if (tags.includes('headers') || tags.some(isCredentialPart)) return 'credential'
  return tags.some((tag) => tag === 'sid' || keys.has(tag) || isHandleTag(tag)) ? 'session' : undefined
}
