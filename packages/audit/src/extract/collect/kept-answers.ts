/**
 * What another service answered because of one caller's credential, kept for all under what may be asked for:
 * `cache.set(id, await api.project(id, token))`, and then `cache.get(id)` for whoever names it.
 */
import type { SharedVariableFact } from '../../facts/facts.ts'
import { fromRequest } from '../conditions.ts'
import type { EventOf } from '../events.ts'
import { siteKey, valuesIn } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { withFields } from '../shared.ts'
import type { Value } from '../value.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'
import { isKeptForCaller, namesCaller } from './shared.ts'

export function collectKeptAnswers(machine: Machine): readonly SharedVariableFact[] {
  const kept = eventsOf(machine, 'store-write').filter((write) => isOfAll(write) && isCache(machine, write))
  const facts = kept.flatMap((write): SharedVariableFact[] => {
    const read = eventsOf(machine, 'store-read').find((event) => isFoundByOthers(machine, event, write))
    if (read === undefined) return []
    const places = { declared: locate(write.store.site), written: locate(write.site), read: locate(read.site) }
    return [{ name: write.store.name, holds: 'answers', ...places, leftBehind: false }]
  })
  return distinct(facts, ({ written }) => `${written.path}:${written.startLine}`)
}

/** In a place that outlives the request, under what anybody may name. */
function isOfAll({ context: { trigger }, store: { kind, container }, key, value }: EventOf<'store-write'>): boolean {
  if ((trigger !== 'request' && trigger !== 'tool') || (kind !== 'map' && kind !== 'record')) return false
  if (container === undefined || container.born !== 0) return false
  return isOfMessage(key) && [value, ...value.objects.flatMap(withFields).flatMap(valuesIn)].some(isAnswer)
}

/** The answer of code that was given a credential, or made with one; and not the credential itself. */
function isAnswer(value: Value): boolean {
  if (hasTag(value, 'entry') || !(hasTag(value, 'cred') || hasTag(value, 'speaks-for'))) return false
  return ['verdict', 'made', 'speaks-for'].some((tag) => hasTag(value, tag))
}

/** Every entry is named by a message alone. */
function isCache(machine: Machine, { store }: EventOf<'store-write'>): boolean {
  if (store.container !== undefined && isKeptForCaller(machine, store.container)) return false
  const asked = [...eventsOf(machine, 'store-write'), ...eventsOf(machine, 'store-read')]
  return asked.every(({ store: { id }, key }) => id !== store.id || isOfMessage(key) || isKeyOf(key, id))
}

/** By a request that has not just put it there, and does not hold it against the caller. */
function isFoundByOthers(machine: Machine, read: EventOf<'store-read'>, write: EventOf<'store-write'>): boolean {
  const { context, store, key } = read
  if (store.id !== write.store.id || !(isOfMessage(key) || isKeyOf(key, store.id))) return false
  if (machine.onlyAsked.has(siteKey(read.site)) || machine.comparedWithCaller.has(`${context.activation} ${store.id}`))
    return false
  if (context.activation !== write.context.activation) return true
  return machine.events.indexOf(read) < machine.events.indexOf(write)
}

function isOfMessage(key: Value): boolean {
  return fromRequest(key) && !namesCaller(key) && !hasTag(key, 'body:sessionid')
}

/** What has been found to name an entry. */
function isKeyOf(key: Value, store: string): boolean {
  return key.tags.includes(`key:${store}`) && !hasTag(key, 'cred') && !hasTag(key, 'principal')
}
