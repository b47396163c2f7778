/** Secrets in the wrong place, or compared in the wrong way. */
import type { ComparisonFact, StoreFact, UrlTokenFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import type { Machine } from '../machine.ts'
import { isHandleName, isUrlCredential } from '../secrets.ts'
import type { Value } from '../value.ts'
import { hasTag, tagsOf } from '../value.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

export function collectUrlTokens(machine: Machine, stores: readonly StoreFact[]): readonly UrlTokenFact[] {
  const facts = [...presentedIds(machine, stores), ...credentials(machine), ...sent(machine)]
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.kind}:${fact.part}`)
}

/** Sessions looked up by an ID from the URL. */
function presentedIds(machine: Machine, stores: readonly StoreFact[]): readonly UrlTokenFact[] {
  const known = new Map(stores.filter((store) => store.holds !== 'web').map((store) => [store.id, store]))
  return eventsOf(machine, 'store-read').flatMap((event) => {
    const store = known.get(event.store.id)
    if (store === undefined || event.context.trigger !== 'request' || hasTag(event.key, 'cred')) return []
    return urlTags(event.key)
      .filter((tag) => tag.startsWith('query:') || isHandleName(tag))
      .map((tag) => acceptedAs('session', tag, event, machine, store.holds === 'sse'))
  })
}

function credentials(machine: Machine): readonly UrlTokenFact[] {
  return eventsOf(machine, 'url-credential').flatMap((event) =>
    urlTags(event.value)
      .filter((tag) => isUrlCredential(tag) || isHandleName(tag))
      .map((tag) => acceptedAs(isUrlCredential(tag) ? 'credential' : 'session', tag, event, machine, false)),
  )
}

function urlTags(value: Value): readonly string[] {
  return [...tagsOf(value, 'query'), ...tagsOf(value, 'param')].filter((tag) => !tag.endsWith(':*'))
}

function acceptedAs(
  kind: UrlTokenFact['kind'],
  tag: string,
  event: Event,
  machine: Machine,
  ofConnection: boolean,
): UrlTokenFact {
  const [origin = '', name = ''] = tag.split(':')
  const read = eventsOf(machine, 'query-read').find((other) => other.name === name && other.context === event.context)
  return {
    kind,
    way: 'accepted',
    part: origin === 'query' ? `the query parameter ${name}` : `the path parameter ${name}`,
    read: read === undefined || sameSite(read.site, event.site) ? undefined : locate(read.site),
    at: locate(event.site),
    ofConnection,
  }
}

/** A redirect or an answer that names a URL with a secret in it. */
function sent(machine: Machine): readonly UrlTokenFact[] {
  return eventsOf(machine, 'handle-out').flatMap((event) =>
    tagsOf(event.value, 'in-url').map((tag): UrlTokenFact => {
      const name = tag.slice('in-url:'.length)
      const kind = isHandleName(name) ? 'session' : 'credential'
      return {
        kind,
        way: 'sent',
        part: `the query parameter ${name}`,
        read: undefined,
        at: locate(event.site),
        ofConnection: false,
      }
    }),
  )
}

export function collectComparisons(machine: Machine): readonly ComparisonFact[] {
  const facts = eventsOf(machine, 'comparison').map((event): ComparisonFact => ({
    at: locate(event.site),
    via: event.via === undefined || sameSite(event.via, event.site) ? undefined : locate(event.via),
    how: event.how,
    secret: secretOf(event),
  }))
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.at.startColumn}`)
}

function secretOf({ expected }: EventOf<'comparison'>): ComparisonFact['secret'] {
  if (hasTag(expected, 'mac')) return 'mac'
  if (hasTag(expected, 'entry')) return 'stored'
  return expected.open || expected.tags.length > 0 ? 'setting' : 'written'
}
