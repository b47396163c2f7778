/** Secrets in the wrong place, or compared in the wrong way. */
import type { ComparisonFact, SecretFact, StoreFact, UrlTokenFact } from '../../facts/facts.ts'
import type { Location } from '../../finding/finding.ts'
import { SCHEMES, requestTags } from '../conditions.ts'
import { isKnownToOthers, soundBits } from '../entropy.ts'
import type { Event, EventOf } from '../events.ts'
import { type Site, siteKey, isWithin } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { isRefusedText } from '../refused-texts.ts'
import { OFFERED, isHandleName, isOfProtocol, isUrlCredential } from '../secrets.ts'
import { SEGMENT, isHashedSegment } from '../segments.ts'
import type { Value } from '../value.ts'
import { hasTag, strings, tagsOf } from '../value.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

export function collectUrlTokens(machine: Machine, stores: readonly StoreFact[]): readonly UrlTokenFact[] {
  const proven = [...presentedIds(machine, stores), ...credentials(machine, false), ...credentialsOfRecords(machine)]
  const known = new Set(proven.map(({ part }) => part))
  const standing = credentials(machine, true).filter(({ part }) => !known.has(part))
  const facts = [...proven, ...standing, ...sent(machine, stores)]
  return distinct(facts, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.kind}:${fact.part}`)
}

/** Sessions looked up by an ID from the URL. */
function presentedIds(machine: Machine, stores: readonly StoreFact[]): readonly UrlTokenFact[] {
  const known = new Map(stores.filter((store) => store.holds !== 'web').map((store) => [store.id, store]))
  const beside = keptBySession(machine)
  return eventsOf(machine, 'store-read').flatMap((event) => {
    const store = known.get(event.store.id)
    if (event.context.trigger !== 'request' || hasTag(event.key, 'cred')) return []
    if (store === undefined && !beside.has(event.store.id)) return []
    const ofConnection = store?.holds === 'sse' || store?.boundToConnection === true || hasTag(event.key, 'sse')
    // The state of an OAuth flow names what waits for its end; where it finds what a session’s ID finds, it holds that ID.
    const isMeant = (tag: string): boolean =>
      !isOfProtocol(tag) || (tag === 'query:state' && beside.has(event.store.id))
    const isNamed = (tag: string): boolean =>
      store !== undefined && (tag.startsWith('query:') ? isMeant(tag) : isOfClients(event, store, beside))
    return urlTags(event.key)
      .filter((tag) => isNamed(tag) || isHandleName(tag))
      .map((tag) => acceptedAs('session', tag, event, machine, ofConnection))
  })
}

/** `/feeds/:ref`: what clients present in a header elsewhere, they present here as a part of the path, and not those who run the server. */
function isOfClients({ facts }: Event, { id }: StoreFact, beside: ReadonlySet<string>): boolean {
  return beside.has(id) && !facts.must.has('privileged') && !facts.must.has('permitted')
}

/** What is kept beside the sessions, under the IDs that their clients present in headers. */
function keptBySession(machine: Machine): ReadonlySet<string> {
  const found = machine.events.flatMap((event) =>
    (event.kind === 'store-read' || event.kind === 'store-write') && hasTag(event.key, 'header:mcp-session-id')
      ? [event.store.id]
      : [],
  )
  return new Set(found)
}

/** `standing`: taken where a header brings no credential; what is done with either is not seen. */
function credentials(machine: Machine, standing: boolean): readonly UrlTokenFact[] {
  const tickets = ticketsIn(machine)
  return eventsOf(machine, 'url-credential')
    .filter(({ stands = false }) => stands === standing)
    .flatMap((event) =>
      urlTags(event.value)
        .filter((tag) => !tickets.some((ticket) => isFoundBy(ticket, tag, event)))
        .filter((tag) => (event.proves === true && !NAMES_KEY.test(tag)) || isUrlCredential(tag) || isHandleName(tag))
        .map((tag) => acceptedAs(kindOf(tag, event), tag, event, machine, false)),
    )
}

/**
 * Where a URL brings a ticket: made here, found in a container, and taken out of it by whoever finds it. Written down
 * wherever the URL passes, it opens nothing any more.
 */
function ticketsIn(machine: Machine): readonly EventOf<'store-read'>[] {
  // What is taken out for being too old was not used.
  const removals = eventsOf(machine, 'store-remove').filter(
    ({ facts, store }) => !facts.must.has(`expired:${store.id}`),
  )
  const isTakenOut = (read: EventOf<'store-read'>): boolean =>
    urlTags(read.key).every((tag) =>
      removals.some((removal) => removal.store.id === read.store.id && isFoundBy(removal, tag, read)),
    )
  const isMadeHere = (id: string): boolean =>
    eventsOf(machine, 'store-write').some(({ store, key }) => store.id === id && hasTag(key, 'mint'))
  const reads = eventsOf(machine, 'store-read').filter(
    ({ context, key }) => context.trigger === 'request' && urlTags(key).length > 0,
  )
  const holdsTickets = (id: string): boolean =>
    isMadeHere(id) && reads.every((read) => read.store.id !== id || isTakenOut(read))
  const holding = new Set([...new Set(reads.map(({ store }) => store.id))].filter(holdsTickets))
  return reads.filter(({ store }) => holding.has(store.id))
}

/** On the way of the same request, by the same part of the URL. */
function isFoundBy({ key, context }: EventOf<'store-read' | 'store-remove'>, tag: string, other: Event): boolean {
  return context.activation === other.context.activation && key.tags.includes(tag)
}

/** `/keys/:kid`: which key is meant, and no secret of it. */
const NAMES_KEY = /:(?:kid|key_?id)$/i

function kindOf(tag: string, { proves }: EventOf<'url-credential'>): UrlTokenFact['kind'] {
  return proves === true || isUrlCredential(tag) ? 'credential' : 'session'
}

/**
 * A record of a database is found by it: the caller's, where the same is found by a credential from a header, or where
 * MCP is served, or a stream opened, on the way. What else a link brings, such as the token that confirms an address of
 * mail, lets nobody in here.
 */
function credentialsOfRecords(machine: Machine): readonly UrlTokenFact[] {
  const rows = eventsOf(machine, 'store-read').flatMap((event) =>
    event.store.kind === 'database' ? [{ event, kept: event.store.id }] : [],
  )
  const asked = [...rows, ...eventsOf(machine, 'record-asked').map((event) => ({ event, kept: event.kept }))].filter(
    ({ event }) => event.context.trigger === 'request' && (hasTag(event.key, 'cred') || isHashedSegment(event.key)),
  )
  const ofCallers = new Set(asked.filter(({ event }) => isBrought(event.key)).map(({ kept }) => kept))
  const serving = new Set(machine.events.filter(servesMcp).map(({ context }) => context))
  return asked
    .filter(({ event, kept }) => ofCallers.has(kept) || serving.has(event.context))
    .flatMap(({ event }) =>
      urlTags(event.key)
        .filter((tag) => isUrlCredential(tag) || (tag === SEGMENT && isHashedSegment(event.key)))
        .map((tag) => acceptedAs('credential', tag, event, machine, false)),
    )
}

/** In a header, as the credential that it is: not who the caller was found to be by one. */
function isBrought(key: Value): boolean {
  return hasTag(key, 'header') && !hasTag(key, 'principal')
}

function servesMcp(event: Event): boolean {
  if (event.kind === 'dispatch') return event.how === 'transport'
  return event.kind === 'endpoint' || event.kind === 'transport' || event.kind === 'stream-open'
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
  const written = origin === 'query' ? read?.written : parameterOf(event, name)
  // A parameter of the path stands where the route is declared.
  const from = origin === 'query' || written === undefined ? read?.site : event.context.route?.site
  return {
    kind,
    way: 'accepted',
    part:
      tag === SEGMENT
        ? 'a piece of the path'
        : `the ${origin === 'query' ? 'query' : 'path'} parameter ${written ?? name}`,
    read: from === undefined || sameSite(from, event.site) ? undefined : locate(from),
    at: locate(event.site),
    ofConnection,
  }
}

/** A parameter as its route spells it. */
function parameterOf({ context: { route } }: Event, name: string): string | undefined {
  return route?.path
    .match(/:\w+/g)
    ?.map((part) => part.slice(1))
    .find((part) => part.toLowerCase() === name)
}

/** A redirect or an answer that names a URL with a secret in it. */
function sent(machine: Machine, stores: readonly StoreFact[]): readonly UrlTokenFact[] {
  const drawn = idsDrawn(machine)
  const known = new Set(stores.map(({ id }) => id))
  return eventsOf(machine, 'handle-out').flatMap((event) => {
    const named = tagsOf(event.value, 'in-url').map((tag) => {
      const name = tag.slice('in-url:'.length)
      return { name, kind: isHandleName(name) ? ('session' as const) : ('credential' as const) }
    })
    const others = tagsOf(event.value, 'drawn-in-url').flatMap((tag) => {
      const [, name = '', place = ''] = /^drawn-in-url:([^@]*)@(.*)$/.exec(tag) ?? []
      return drawn.has(place) ? [{ name, kind: 'session' as const }] : []
    })
    const found = tagsOf(event.value, 'found-in-url').flatMap((tag) =>
      isFoundIn(machine, known, event) ? [{ name: tag.slice('found-in-url:'.length), kind: 'session' as const }] : [],
    )
    return [...named, ...others, ...found].map(({ name, kind }): UrlTokenFact => ({
      kind,
      way: 'sent',
      part: name === '' ? 'the path' : `the query parameter ${name}`,
      read: undefined,
      at: locate(event.site),
      ofConnection: false,
    }))
  })
}

/** A session was found on the way by a part of the request that is in it. */
function isFoundIn(machine: Machine, known: ReadonlySet<string>, { value, context }: EventOf<'handle-out'>): boolean {
  const given = new Set(requestTags(value))
  return eventsOf(machine, 'store-read').some(
    (read) =>
      read.context.activation === context.activation &&
      known.has(read.store.id) &&
      requestTags(read.key).some((tag) => given.has(tag)),
  )
}

/** Where that is drawn which headers and cookies bring, as it is or by its digest, to find what is kept under it. */
function idsDrawn(machine: Machine): ReadonlySet<string> {
  const asked = eventsOf(machine, 'store-read').filter(
    ({ context, key }) => context.trigger === 'request' && (hasTag(key, 'header') || hasTag(key, 'cookie')),
  )
  const ids = new Set(asked.map(({ store }) => store.id))
  const writes = eventsOf(machine, 'store-write').filter(({ store }) => ids.has(store.id))
  return new Set(writes.flatMap(({ key }) => (key.entropy?.sources ?? []).map(({ site }) => siteKey(site))))
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
  if (hasTag(expected, 'entry') || hasTag(expected, 'stored')) return 'stored'
  return expected.open || expected.tags.length > 0 ? 'setting' : 'written'
}

/** What a key should have: 32 bytes. */
const ENOUGH_BITS = 256
const SOUND_BITS = 120
/** Keys that verify may be known to everyone. */
const PUBLIC = /^\s*-----BEGIN (?:PUBLIC|CERTIFICATE|RSA PUBLIC)/
/**
 * Settings that hold what signs sessions or lets administrators in, by their names: what a setting is stands last, but
 * for which one of several, or how it is written.
 */
const SECRET_SETTING =
  /(?:session|cookie|jwt|signing|encryption|auth|admin|master).*(?:secret|key|password|passphrase|passwd)s?(?:_?(?:\d+|current|previous|old|new|next|base64|b64|hex))?$/i
const NO_SECRET_SETTING = /public|path|file|url|uri|name|header|issuer|audience|expir|client.?id|param/i

export function collectSecrets(machine: Machine): readonly SecretFact[] {
  const uses = eventsOf(machine, 'secret-use')
    .filter(({ site }) => !machine.blindedKeys.has(`keyed:${siteKey(site)}`))
    .flatMap((event) => secretOfUse(machine, event.value, event.what, event) ?? [])
  const compared = eventsOf(machine, 'comparison')
    .filter(({ expected }) => !hasTag(expected, 'mac') && !hasTag(expected, 'entry'))
    .flatMap((event) => secretOfUse(machine, event.expected, OFFERED, event) ?? [])
  const used = [...uses, ...compared]
  const known = new Set(used.map(({ from }) => (from === undefined ? '' : placeOf(from))))
  const deployed = deployedDefaults(machine)
  const named = namedFallbacks(machine).filter(({ at }) => !known.has(placeOf(at)))
  return distinct([...used, ...deployed, ...named], (fact) => `${placeOf(fact.from ?? fact.at)}:${fact.source}`)
}

function placeOf({ path, startLine, startColumn }: Location): string {
  return `${path}:${startLine}:${startColumn}`
}

function secretOfUse(machine: Machine, value: Value, what: string, event: Event): SecretFact | undefined {
  const texts = strings(value).filter((text) => isSecretText(machine, text, value))
  if (strings(value).some((text) => PUBLIC.test(text))) return undefined
  const fact = { at: locate(event.site), what, from: undefined, bits: undefined, used: true }
  const fallbacks = value.tags.flatMap((tag) => machine.fallbacks.get(tag) ?? [])
  const written = texts
    .flatMap((text) => machine.writtenTexts.get(text) ?? [])
    .find((site) => !isWithin(site, event.site))
  const from = fallbacks.find((site) => isAmong(texts, site)) ?? written ?? fallbacks.find((site) => !isText(site))
  // Origins are passed on with whole objects; the text is there only where it is the value.
  if (texts.length > 0) {
    const isFallback = fallbacks.length > 0 || value.open || value.tags.length > 0
    return { ...fact, source: isFallback ? 'fallback' : 'written', from: from && locate(from) }
  }
  const { entropy } = value
  if (entropy === undefined || entropy.sources.length === 0) return { ...fact, source: 'outside' }
  const made = locate(entropy.sources[0]!.site)
  if (isKnownToOthers(entropy)) return knownSecret(machine, value, fact, made, fallbacks)
  if (soundBits(entropy) >= ENOUGH_BITS) return { ...fact, source: 'outside' }
  // Whoever guesses what is offered has to ask each time: a key can be tried against what it made.
  if (what === OFFERED && soundBits(entropy) >= SOUND_BITS) return { ...fact, source: 'outside' }
  if (soundBits(entropy) >= SOUND_BITS) return { ...fact, source: 'short', from: made, bits: soundBits(entropy) }
  return { ...fact, source: 'guessable', from: made, bits: soundBits(entropy) }
}

/** A digest of text, or a text, of which nothing is a secret. */
function knownSecret(
  machine: Machine,
  value: Value,
  fact: Omit<SecretFact, 'source'>,
  made: Location,
  fallbacks: readonly Site[],
): SecretFact | undefined {
  const sources = value.entropy?.sources ?? []
  if (sources.some(({ kind }) => kind === 'process')) return { ...fact, source: 'known', from: made, bits: 0 }
  const texts = sources.flatMap(({ text }) => (text === undefined || !isSecretText(machine, text, value) ? [] : [text]))
  if (texts.length === 0) return { ...fact, source: 'outside' }
  const isDigestAt = (site: Site): boolean => sources.some((source) => isWithin(source.site, site))
  const fallback = fallbacks.find((site) => isAmong(texts, site) || isDigestAt(site))
  if (fallback !== undefined) return { ...fact, source: 'fallback', from: locate(fallback) }
  // A setting that is empty where nobody sets it: what that means is decided elsewhere.
  const isSet = value.tags.some((tag) => /^(?:was-)?(?:env|opt|setting):/.test(tag))
  return isSet ? { ...fact, source: 'outside' } : { ...fact, source: 'written', from: made }
}

/** Text that a program goes on with, and neither a key that all may know nor what stands before a credential. */
function isSecretText(machine: Machine, text: string, value: Value): boolean {
  return text !== '' && !PUBLIC.test(text) && !SCHEMES.test(text) && !isRefusedText(machine, text, value)
}

/** The default that is one of these texts, or a part of one. */
function isAmong(texts: readonly string[], site: Site): boolean {
  const text = site.file.text.slice(site.start + 1, site.end - 1)
  return isText(site) && texts.some((item) => item.includes(text) || text.includes(item))
}

/** What stands there is written out, and not under a name. */
function isText({ file, start }: Site): boolean {
  return /['"`]/.test(file.text.charAt(start))
}

/** `SESSION_SECRET: ${SESSION_SECRET:-change-me}` in a compose file: what the source insists on is set for everybody alike. */
const DEPLOYED = /^[ \t]*(?:-[ \t]*)?["']?([A-Za-z_]\w*)["']?[ \t]*[:=][ \t]*["']?\$\{\1:?-([^}\s]+)\}/gm
/** `- SESSION_SECRET=change-me`: the same, and nobody is asked for another. A place to put one in is none. */
const WRITTEN =
  /^[ \t]*(?:-[ \t]*)?["']?([A-Za-z_]\w*)["']?[ \t]*[:=][ \t]*["']?([^\s"'$<{}[\]#&*!|>/][^\s"'$]*)["']?[ \t]*(?:#.*)?$/gm

type Use = Pick<EventOf<'secret-use'>, 'site' | 'what' | 'value'>

function deployedDefaults(machine: Machine): readonly SecretFact[] {
  const compared = eventsOf(machine, 'comparison').map(({ site, expected: value }): Use => ({
    site,
    value,
    what: OFFERED,
  }))
  const uses: readonly Use[] = [...eventsOf(machine, 'secret-use'), ...compared]
  return machine.tree.deployments.flatMap((file) => [
    ...[...file.text.matchAll(DEPLOYED)].flatMap((match) => deployedSecret(machine, uses, file, match)),
    ...[...file.text.matchAll(WRITTEN)]
      .filter(([, name]) => uses.some((use) => comesFrom(use, name!)))
      .flatMap((match) => deployedSecret(machine, uses, file, match)),
  ])
}

/** From the environment, or from settings that were read off it as a whole and go by its names: `config.AUTH_TOKEN`. */
function comesFrom({ value: { tags } }: Use, name: string): boolean {
  return tags.includes(`env:${name}`) || (/^[A-Z\d]+(?:_[A-Z\d]+)+$/.test(name) && tags.includes(`opt:${name}`))
}

function deployedSecret(
  machine: Machine,
  uses: readonly Use[],
  { text, locate: place }: Machine['tree']['deployments'][number],
  match: RegExpExecArray,
): readonly SecretFact[] {
  const name = match[1]!
  if (isRefused(machine, match[2]!, text)) return []
  const use = uses.find((item) => comesFrom(item, name))
  // A password that no source here reads lets somebody into another program of the deployment: a database, a dashboard.
  const isNamed = SECRET_SETTING.test(name) && !NO_SECRET_SETTING.test(name) && !/pass/i.test(name)
  if (use === undefined && !isNamed) return []
  const start = match.index + match[0].search(/[A-Za-z_]/)
  const from = place(start, match.index + match[0].length)
  if (use === undefined)
    return [
      { at: from, what: `the setting ${name}`, source: 'fallback', from: undefined, bits: undefined, used: false },
    ]
  return [{ at: locate(use.site), what: use.what, source: 'fallback', from, bits: undefined, used: true }]
}

/** The source names the text itself, in a list of what it does not start with; in production only, where it says so. */
function isRefused(machine: Machine, text: string, deployment: string): boolean {
  const literal = new RegExp(`(['"\`])${text.replaceAll(/[^\w]/g, '\\$&')}\\1`)
  const isDevelopment = IN_DEVELOPMENT.test(deployment)
  return [...machine.modules.values()].some(
    ({ file }) =>
      literal.test(file.text) &&
      /\bthrow\b|\bprocess\.exit\b/.test(file.text) &&
      !(isDevelopment && /['"`]production['"`]/.test(file.text)),
  )
}

/** What a compose file runs as is no production. */
const IN_DEVELOPMENT = /\bNODE_ENV["']?[ \t]*[:=][ \t]*["']?(?:dev|test|staging)/

/** A setting that is called a secret, and the text it falls back to. */
function namedFallbacks(machine: Machine): readonly SecretFact[] {
  return [...machine.fallbacks].flatMap(([tag, site]): SecretFact[] => {
    const name = tag.slice(tag.indexOf(':') + 1)
    if (!SECRET_SETTING.test(name) || NO_SECRET_SETTING.test(name) || machine.refusedDefaults.has(tag)) return []
    return [
      {
        at: locate(site),
        what: `the setting ${name}`,
        source: 'fallback',
        from: undefined,
        bits: undefined,
        used: false,
      },
    ]
  })
}
