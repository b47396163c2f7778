/** How session IDs come into being: made here, or taken from the client. */
import type { AdoptionFact, EntropyFact, MintFact, StoreFact, UnknownFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import type { Entropy } from '../entropy.ts'
import { bits, soundBits } from '../entropy.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { isIdentifier } from '../made-secrets.ts'
import { isOnlyLogged } from './noted.ts'
import { isPresentedHandle, requestTags } from '../conditions.ts'
import type { Value } from '../value.ts'
import { knowsSession } from '../state.ts'
import { hasTag, isDrawn, strings } from '../value.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

export function collectMints(
  machine: Machine,
  stores: readonly StoreFact[],
  unknowns: UnknownFact[],
): readonly MintFact[] {
  const ids = new Set(stores.filter((store) => store.holds === 'own').map((store) => store.id))
  // What the client chooses is made by nobody here: that is told as what it is.
  const generators = eventsOf(machine, 'mint')
    .filter(({ value }) => value.entropy !== undefined || !adopted(value))
    .map((event) => mintOf(event.value, event.site, event.what))
  const keys = eventsOf(machine, 'store-write')
    .filter((event) => ids.has(event.store.id) && isDrawn(event.key) && !hasTag(event.key, 'sid'))
    .map((event) => mintOf(event.key, event.site, 'session ID'))
  const facts = [...generators, ...keys]
  for (const fact of facts) {
    if (fact.sources === undefined)
      unknowns.push({ about: 'mint', reason: 'How the session ID is made could not be followed.', at: fact.at })
  }
  return distinct(facts, keyOf)
}

/**
 * Secrets and identifiers that name no session: what does is told of where it does. Where sessions are seen to have IDs, or
 * MCP is served, an identifier of anything else may be known.
 */
export function collectMadeSecrets(machine: Machine, mints: readonly MintFact[]): readonly MintFact[] {
  const hasOwnIds = mints.length > 0 || machine.servesMcp
  const told = new Set(mints.flatMap(({ sources = [] }) => sources.map(({ at }) => keyOf({ at, bits: 0 }))))
  const facts = eventsOf(machine, 'secret-made')
    .filter((event) => (!hasOwnIds || !isIdentifier(event.what)) && !isOnlyLogged(event))
    .map((event) => mintOf(event.value, event.site, event.what))
    .filter(({ sources = [] }) => !sources.some(({ at }) => told.has(keyOf({ at, bits: 0 }))))
  return distinct(facts, keyOf)
}

function keyOf({ at, bits: count }: Pick<MintFact, 'at' | 'bits'>): string {
  return `${at.path}:${at.startLine}:${at.startColumn}:${count}`
}

function mintOf(value: Value, site: Site, what: string): MintFact {
  const constant = constantOf(value, site)
  const entropy = value.entropy ?? constant
  if (entropy === undefined) return { at: locate(site), what, sources: undefined, bits: 0, soundBits: 0 }
  return {
    at: locate(site),
    what,
    sources: entropy.sources.map(sourceOf),
    bits: bits(entropy),
    soundBits: soundBits(entropy),
  }
}

/** The same text every time. */
function constantOf(value: Value, site: Site): Entropy | undefined {
  const [text] = strings(value)
  if (
    text === undefined ||
    value.open ||
    value.objects.length > 0 ||
    value.tags.some((tag) => tag.startsWith('header') || tag.startsWith('entry'))
  )
    return undefined
  return { sources: [{ kind: 'constant', label: 'the same text every time', bits: 0, site }] }
}

function sourceOf(source: Entropy['sources'][number]): EntropyFact {
  return { kind: source.kind, label: source.label, bits: source.bits, at: locate(source.site) }
}

export function collectAdoptions(machine: Machine, stores: readonly StoreFact[]): readonly AdoptionFact[] {
  const primary = new Map(stores.filter((store) => store.holds !== 'web').map((store) => [store.id, store]))
  const generated = eventsOf(machine, 'mint')
    .filter((event) => adopted(event.value) && !namesKnownSession(machine, event, event.value))
    .map((event): AdoptionFact => ({
      at: locate(event.site),
      via: viaOf(event),
      origin: originOf(event.value),
      store: undefined,
    }))
  const inserted = eventsOf(machine, 'store-write')
    .filter(
      (event) =>
        primary.has(event.store.id) &&
        adopted(event.key) &&
        isNewSession(event) &&
        !namesKnownSession(machine, event, event.key),
    )
    .map((event): AdoptionFact => ({
      at: locate(event.site),
      via: viaOf(event),
      origin: originOf(event.key),
      store: primary.get(event.store.id)!.name,
    }))
  return distinct([...generated, ...inserted], (fact) => `${fact.at.path}:${fact.at.startLine}`)
}

/** The call in the handler that led there, where it is another place. */
function viaOf(event: Event): AdoptionFact['via'] {
  return event.via === undefined || sameSite(event.via, event.site) ? undefined : locate(event.via)
}

function adopted(value: Value): boolean {
  return requestTags(value).length > 0 && !hasTag(value, 'cred') && !hasTag(value, 'entry') && !hasTag(value, 'found')
}

/**
 * The presented ID was found in some store on the way: an instance made anew for a session that is known. What another part
 * of the request names beside it is not that ID.
 */
function namesKnownSession(machine: Machine, event: Event, id: Value): boolean {
  const named = new Set(requestTags(id))
  const isOfIt = ({ key }: EventOf<'store-read'>): boolean => requestTags(key).some((tag) => named.has(tag))
  if (event.facts.must.has('bound') && eventsOf(machine, 'store-read').some(isOfIt)) return true
  const found = [...event.facts.must]
    .filter((fact) => fact.startsWith('exists:'))
    .map((fact) => fact.slice('exists:'.length))
  return eventsOf(machine, 'store-read').some((read) => found.includes(read.store.id) && isPresentedHandle(read.key))
}

/** Not an update of a session that was found there. */
function isNewSession({ key, value, facts, store, context }: EventOf<'store-write'>): boolean {
  if (hasTag(key, 'sid') || knowsSession(facts.must, store.id)) return false
  // `id ?? randomUUID()`: where the client names one, it takes the place of one that is made here.
  const isChoice = hasTag(key, 'mint') || isDrawn(key)
  const isText = value.objects.length === 0 && value.open
  if (hasTag(value, 'entry'))
    return isChoice && (isText || value.objects.some((item) => item.born === context.activation))
  return value.objects.length > 0 || facts.must.has(`absent:${store.id}`) || (isChoice && isText)
}

function originOf(value: Value): string {
  const [tag = 'request'] = requestTags(value)
  const [part = 'request', name] = tag.split(':')
  const named = name === undefined || name === '*' ? '' : ` ${name}`
  switch (part) {
    case 'header':
      if (name === 'cookie') return 'a cookie of the request'
      return `the request header${named}`
    case 'query':
      return `the query parameter${named}`
    case 'cookie':
      return `the cookie${named}`
    case 'param':
      return `the path parameter${named}`
    default:
      return `the request ${part}`
  }
}
