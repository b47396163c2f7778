/** Where sessions are kept: what goes in, what comes out, when. */
import type { Location } from '../../finding/finding.ts'
import type { LimitFact, RemovalFact, StoreFact } from '../../facts/facts.ts'
import type { Event, EventOf, StoreRef } from '../events.ts'
import type { HeapObject } from '../heap.ts'
import { InstanceObject, LibraryObject } from '../heap.ts'
import { variableId } from '../shared.ts'
import type { Machine } from '../machine.ts'
import { headersOf } from '../alternatives.ts'
import type { Value } from '../value.ts'
import { isOfCaller, isOwnerName, isPresentedHandle, isUnseenAnswer } from '../conditions.ts'
import { hasTag, isDrawn, isMixed, tagsOf } from '../value.ts'
import { distinct, eventsOf, locate, siteId } from './collect.ts'
import { isNamedAfterSessions } from '../models/queries.ts'
import { isKeptElsewhere } from '../models/unseen-services.ts'
import { closesEntryOf, limitsOf } from './limits.ts'
import { marksOf } from './marks.ts'

/** Everything seen about one container. */
export interface StoreEvents {
  readonly ref: StoreRef
  readonly writes: readonly EventOf<'store-write'>[]
  readonly reads: readonly EventOf<'store-read'>[]
  readonly removals: readonly EventOf<'store-remove'>[]
  readonly holds: StoreFact['holds']
}

type Container = Omit<StoreEvents, 'holds'>

export function collectStores(machine: Machine): readonly StoreFact[] {
  const containers = containersIn(machine)
  const stores = withoutChannels(sessionStores(machine, containers))
  const kept = [
    ...stores.map((store) => storeFact(machine, store, stores)),
    ...loginStores(containers, stores).map((store) => storeFact(machine, store, stores)),
    ...webStores(machine),
    ...variableStores(machine),
  ]
  return kept.length > 0 ? kept : loginTokens(machine, containers)
}

/** A channel that is called after a session holds it where nothing else in Redis does; beside its record it is how to reach it. */
function withoutChannels(stores: readonly StoreEvents[]): readonly StoreEvents[] {
  const isChannel = ({ ref }: StoreEvents): boolean => ref.name.startsWith('Redis channel ')
  const hasRecords = stores.some((store) => store.ref.name.startsWith('Redis ') && !isChannel(store))
  return hasRecords ? stores.filter((store) => !isChannel(store)) : stores
}

/**
 * Tokens that are made at login, kept in memory and presented as credentials ever after: sessions by another name, where
 * nothing in their record says when they end. What has a time in it may be judged by whoever is told it.
 */
function loginStores(containers: readonly Container[], sessions: readonly StoreEvents[]): readonly StoreEvents[] {
  return containers
    .filter(({ ref, writes, reads }) => {
      if (ref.kind === 'database' || ref.kind === 'web-session' || sessions.some((other) => other.ref.id === ref.id))
        return false
      const opened = writes.filter((write) => write.context.trigger === 'request')
      return (
        !isOfClients(reads) &&
        opened.some(({ key }) => hasTag(key, 'mint')) &&
        writes.every(({ value }) => value.objects.some(({ kind }) => kind === 'object') && !saysWhen(value)) &&
        reads.some(isByCredential) &&
        reads.every((read) => isByCredential(read) || read.context.trigger !== 'request')
      )
    })
    .map((entry) => ({ ...entry, holds: 'own' as const }))
}

/**
 * The same wherever they are kept, where nothing else keeps sessions: a login lasts as long as the record that its token
 * finds. What somebody who is logged in already makes for a program of theirs is no login. Where a record says when it ends
 * and nothing that looks there is seen, it may be judged elsewhere.
 */
function loginTokens(machine: Machine, containers: readonly Container[]): readonly StoreFact[] {
  return containers
    .filter(
      ({ ref, writes, reads }) =>
        ref.kind !== 'web-session' &&
        !isOfClients(reads) &&
        writes.some((write) => isLogin(write)) &&
        reads.some((read) => isPresentedLater(read, writes)),
    )
    .map((entry) => ({ store: storeFact(machine, { ...entry, holds: 'own' }, []), entry }))
    .filter(({ store, entry }) => store.limits.length > 0 || !entry.writes.some(({ value }) => saysWhen(value, BEGUN)))
    .map(({ store, entry }) => ({ ...store, limits: [...store.limits, ...ofToken(entry)] }))
}

/** Programs that were registered with an authorization server: by its protocol it is told in URLs which of them asks. */
function isOfClients(reads: Container['reads']): boolean {
  return (
    reads.some(({ key }) => hasTag(key, 'query:client_id')) && !reads.some(({ key }) => key.tags.some(isSessionOrigin))
  )
}

/** The ID of a signed token finds it: with the token it is over, whatever is kept under that. */
function ofToken({ reads }: Container): readonly LimitFact[] {
  const asked = reads.filter(({ context }) => context.trigger === 'request')
  const ends = asked.every(({ key, facts }) => hasTag(key, 'claim') && facts.must.has('auth:expiring'))
  return ends ? asked.slice(0, 1).map(({ site }) => ({ kind: 'absolute', at: locate(site), optional: false })) : []
}

function isLogin({ key, context, facts, store }: EventOf<'store-write'>): boolean {
  if (context.trigger !== 'request' || !hasTag(key, 'mint')) return false
  return facts.must.has('login') || !facts.must.has('auth') || isNamedAfterSessions(store.name)
}

/**
 * With each request, in a header or cookie; as it was made, or as its digest was kept. What is found by who the caller is,
 * is theirs, and outlives their login.
 */
function isPresentedLater({ key, context }: EventOf<'store-read'>, writes: Container['writes']): boolean {
  if (context.trigger !== 'request' || !hasTag(key, 'cred')) return false
  if (hasTag(key, 'claim:person') && !hasTag(key, 'claim:token')) return false
  if (!hasTag(key, 'header') && !hasTag(key, 'cookie')) return false
  return !hasTag(key, 'hash') || writes.some(keepsDigest)
}

function keepsDigest({ key, value }: EventOf<'store-write'>): boolean {
  return (
    hasTag(key, 'hash') ||
    value.objects.some(({ properties }) => [...properties.values()].some((cell) => hasTag(cell.value, 'hash')))
  )
}

function isByCredential({ key, context }: EventOf<'store-read'>): boolean {
  return context.trigger === 'request' && hasTag(key, 'cred') && !hasTag(key, 'hash')
}

function saysWhen(value: Value, except?: RegExp): boolean {
  return value.objects.some(
    (item) =>
      item.partial ||
      [...item.properties].some(
        ([name, cell]) =>
          (hasTag(cell.value, 'clock') && except?.test(name) !== true) || /expir|ttl|until|valid/i.test(name),
      ),
  )
}

/** When it began or was used last says nothing of its end. */
const BEGUN = /creat|made|open|start|begun|began|seen|used|activ|updat|issued|login|signed|since/i

/** Containers of sessions: they hold transports, or records found by an ID that a header or cookie presents. */
export function sessionStores(
  machine: Machine,
  containers: readonly Container[] = containersIn(machine),
): readonly StoreEvents[] {
  const candidates = containers
    .filter(({ ref }) => ref.kind !== 'web-session' && !isOfDomain(ref))
    .map(withoutAuthorizations)
  const holding = candidates.flatMap((entry) => {
    const holds = transportKind(entry.writes)
    return holds === undefined ? [] : [{ ...entry, holds }]
  })
  const opened = holding.filter((entry) => !isUnderWay(machine, entry))
  const kept = opened.length > 0 ? opened : holding
  const named = kept.filter((entry) => entry.reads.some(isNamedByClient))
  const primary = kept.filter(
    (entry) =>
      (!isListOfServers(entry) || kept.every(isListOfServers)) && !named.some((other) => isWayBack(entry, other)),
  )
  const own = candidates
    .filter(
      (entry) =>
        !primary.some((other) => other.ref.id === entry.ref.id) &&
        isOwnStore(machine, entry.writes, entry.reads) &&
        !isOfClients(entry.reads) &&
        !isTally(entry.writes) &&
        !isCatchAll(machine, entry.ref.id),
    )
    .map((entry) => ({ ...entry, holds: 'own' as const }))
    .filter((entry, _, others) => !isAnnex(entry, [...primary, ...others]))
  return primary.length > 0
    ? [
        ...primary,
        ...own.filter((entry) =>
          entry.reads.some((read) => hasTag(read.key, 'cookie') || hasTag(read.key, 'header:cookie')),
        ),
      ]
    : own
}

/** Tables of people and of what they belong to: a session may say which, and is no such record. */
function isOfDomain({ kind, name }: StoreRef): boolean {
  return kind === 'database' && DOMAIN.test(name)
}

const DOMAIN =
  /^(?:table )?(?:user|account|workspace|organi[sz]ation|org|company|team|project|tenant|member(?:ship)?|profile)s?$/i

/** Everything that was seen to happen to each container. */
function containersIn(machine: Machine): readonly Container[] {
  const all = new Map<
    string,
    {
      ref: StoreRef
      writes: EventOf<'store-write'>[]
      reads: EventOf<'store-read'>[]
      removals: EventOf<'store-remove'>[]
    }
  >()
  for (const event of machine.events) {
    if (event.kind !== 'store-write' && event.kind !== 'store-read' && event.kind !== 'store-remove') continue
    const entry = all.get(event.store.id) ?? { ref: event.store, writes: [], reads: [], removals: [] }
    if (event.kind === 'store-write') entry.writes.push(event)
    else if (event.kind === 'store-read') entry.reads.push(event)
    else entry.removals.push(event)
    all.set(event.store.id, entry)
  }
  return [...all.values()]
}

/**
 * What a login through an authorization server has to remember until the caller comes back may lie among the sessions,
 * under the `state` that it comes back with. That it is taken out then ends no session.
 */
function withoutAuthorizations<T extends Pick<StoreEvents, 'reads' | 'removals'>>(entry: T): T {
  if (!entry.reads.some((read) => read.key.tags.some(isCalledSession))) return entry
  return { ...entry, removals: entry.removals.filter(({ key }) => !key.tags.includes('query:state')) }
}

/** What is being opened, so that nobody opens it twice: the request that put it in takes it out. */
function isUnderWay(machine: Machine, { writes, removals }: Container): boolean {
  const taken = removals.filter(({ context, facts }) => context.trigger === 'request' && !facts.must.has('verb:DELETE'))
  return writes.every((write) => taken.some((event) => isBefore(machine, write, event)))
}

/** Beside a store of sessions, a list of the servers connected to them: no client reaches a session through it. */
function isListOfServers({ ref, writes }: Pick<StoreEvents, 'ref' | 'writes'>): boolean {
  const isServer = (item: HeapObject): boolean => item instanceof LibraryObject && item.type === 'mcp-server'
  return (ref.kind === 'array' || ref.kind === 'set') && writes.every((write) => write.value.objects.every(isServer))
}

/** Where answers go: transports that another container keeps as sessions, beside the number of a request that no client names. */
function isWayBack({ ref, writes, reads }: StoreEvents, sessions: StoreEvents): boolean {
  if (ref.id === sessions.ref.id || reads.some(isNamedByClient)) return false
  if (reads.length === 0 && !writes.every(({ key }) => hasTag(key, 'counter') || isNumber(key))) return false
  const known = new Set(sessions.writes.flatMap(({ value }) => transportSites(value)))
  const led = writes.flatMap(({ value }) => transportSites(value))
  return (
    writes.every(({ value }) => value.objects.every(({ kind }) => kind === 'object')) &&
    led.every((site) => known.has(site))
  )
}

function isNamedByClient({ key }: EventOf<'store-read'>): boolean {
  return isPresentedHandle(key) || hasTag(key, 'sid')
}

function transportSites({ objects }: Value): readonly string[] {
  const held = objects.flatMap((item) => [item, ...[...item.properties.values()].flatMap(({ value }) => value.objects)])
  return held.filter((item) => transportOf(item) !== undefined).map(({ site }) => siteId(site))
}

function transportKind(writes: readonly EventOf<'store-write'>[]): 'streamable' | 'sse' | undefined {
  // A timer opens no session: what it fills is a list of those to end.
  const opening = writes.filter((write) => write.context.trigger !== 'timer')
  const kinds = opening.flatMap((write) => transportsIn(write.value))
  if (kinds.length === 0) return undefined
  return kinds.includes('streamable') ? 'streamable' : 'sse'
}

function transportsIn(value: Value): readonly ('streamable' | 'sse')[] {
  return value.objects.flatMap(
    (item) =>
      transportOf(item) ??
      [...item.properties.values()].flatMap((cell) => cell.value.objects.flatMap((inner) => transportOf(inner) ?? [])),
  )
}

function transportOf(item: HeapObject): readonly ('streamable' | 'sse')[] | undefined {
  const base = item instanceof LibraryObject ? item : item instanceof InstanceObject ? item.base : undefined
  if (base?.type !== 'mcp-transport' || base.data['stateful'] === false) return undefined
  return [base.data['kind'] === 'sse' ? 'sse' : 'streamable']
}

/** Found by an ID from a header or cookie, filled under IDs made here or taken from there. */
function isOwnStore(
  machine: Machine,
  allWrites: readonly EventOf<'store-write'>[],
  allReads: readonly EventOf<'store-read'>[],
): boolean {
  // A registry is asked for its entries by name, whatever else those names were put together of.
  const [writes, reads] = [allWrites.filter(isByOneKey), allReads.filter(isByOneKey)]
  const named = reads.filter(
    (read) =>
      (read.key.tags.some(isSessionOrigin) && !isOfUser(read.key)) ||
      isFoundAsSession(read) ||
      isNamedInMessage(machine, read),
  )
  const minted = writes.some((write) => hasTag(write.key, 'mint') || isDrawn(write.key))
  // Found by session and credential together, it holds sessions only where their IDs are made here.
  const presented = named.some((read) => minted || !hasTag(read.key, 'cred'))
  if (!presented && !isHandedOut(writes, reads) && !isOpenedUnderPresented(writes, reads)) return false
  return writes.some(
    (write) =>
      hasTag(write.key, 'mint') ||
      hasTag(write.key, 'sid') ||
      isDrawn(write.key) ||
      write.key.tags.some(isCalledSession),
  )
}

function isByOneKey({ key }: EventOf<'store-write' | 'store-read'>): boolean {
  return !isMixed(key)
}

/** `space:${user}:${name}`: a name that is put together of who the caller is and a fixed text names what is theirs. */
function isOfUser(key: Value): boolean {
  const prefixes = tagsOf(key, 'prefix')
  return hasTag(key, 'claim') && prefixes.length > 0 && !prefixes.some((text) => /sess|sid|token|login/i.test(text))
}

/** Counts and times, kept for whatever a client calls itself: how often it came, and no session that it could come back to. */
function isTally(writes: readonly EventOf<'store-write'>[]): boolean {
  return writes.every(
    ({ key, value }) =>
      !hasTag(key, 'mint') &&
      !hasTag(key, 'sid') &&
      !isDrawn(key) &&
      (isNumber(value) || (value.objects.length > 0 && value.objects.every(isCount))),
  )
}

/** A cache of everything: what its keys begin with tells many kinds of things apart, and none of them is a session. */
export function isCatchAll({ keyKinds }: Machine, id: string): boolean {
  const kinds = [...(keyKinds.get(id) ?? [])]
  const named = kinds.filter((kind) => kind !== '')
  // Where one of them is not known, it takes more of the others.
  const isMany = named.length >= MANY_KINDS && (named.length === kinds.length || named.length > MANY_KINDS)
  return isMany && !named.some((kind) => /sess|sid|token|login/i.test(kind))
}

const MANY_KINDS = 3

function isCount(item: HeapObject): boolean {
  const fields = [...item.properties.values()]
  return item.kind === 'object' && fields.length > 0 && fields.every(({ value }) => isNumber(value))
}

function isNumber({ primitives, objects, tags, open }: Value): boolean {
  // A record as a text may say when it was made, beside whose it is.
  const isTime =
    open &&
    tags.some((tag) => /^clock(?::|$)/.test(tag)) &&
    tags.every((tag) => /^(?:clock|counter|read:|entry:)/.test(tag))
  return (
    objects.length === 0 &&
    primitives.every((item) => typeof item === 'number') &&
    (isTime || (!open && primitives.length > 0))
  )
}

/** Opened under an ID that the client names or, where it names none, that is made here; nobody has come back for one yet. */
function isOpenedUnderPresented(
  writes: readonly EventOf<'store-write'>[],
  reads: readonly EventOf<'store-read'>[],
): boolean {
  if (reads.length > 0) return false
  return writes.some(
    ({ key, value }) => key.tags.some(isCalledSession) && hasTag(key, 'mint') && value.objects.length > 0,
  )
}

/** Asked only for sessions that another store has been asked for and holds: with the session there, this is over. */
function isAnnex(entry: StoreEvents, stores: readonly StoreEvents[]): boolean {
  const presented = entry.reads.filter((read) => read.key.tags.some(isSessionOrigin))
  return stores.some(
    ({ ref }) =>
      ref.id !== entry.ref.id &&
      presented.length > 0 &&
      presented.every(({ facts }) => facts.must.has(`exists:${ref.id}`)),
  )
}

/** IDs made up here at random and presented again in a header, whatever that header is called. */
function isHandedOut(writes: readonly EventOf<'store-write'>[], reads: readonly EventOf<'store-read'>[]): boolean {
  return (
    reads.some(isPresentedAgain) && writes.some(({ key, value }) => hasTag(key, 'mint') && value.objects.length > 0)
  )
}

/**
 * An ID that is made of a digest of what a header says, or else drawn, is new: nobody has come back with it. What several
 * headers narrow down together is named by none of them; what one of them brings where another does not, is.
 */
function isPresentedAgain({ key }: EventOf<'store-read'>): boolean {
  const isNew = hasTag(key, 'mint') && hasTag(key, 'hash')
  const isMeant = headersOf(key).length === 1 && !tagsOf(key, 'header').some(namesNoSession)
  return !isNew && !hasTag(key, 'cred') && isMeant
}

function namesNoSession(header: string): boolean {
  return NAMES_NO_SESSION.test(header) || NAMES_OWNER.test(header)
}

/** `x-tenant-id`: whose records are asked for. */
const NAMES_OWNER =
  /^header:(?:[\w-]*[-_])?(?:tenant|org|organi[sz]ation|project|workspace|team|account|company|user)(?:[-_]?(?:id|key|name|slug))?$/

/**
 * A header that shows that a request was made by a page of the server itself names no session, nor does one that says by
 * its standard what is wanted, sent, or where it comes from, or which request it is. What authorizes and is no credential is
 * the name beside one: of a user, or of a client.
 */
const NAMES_NO_SESSION =
  /csrf|xsrf|^header:(?:accept(?:-\w+)*|authorization|content-[\w-]+|user-agent|host|origin|referer|forwarded|x-(?:forwarded-[\w-]+|real-ip)|if-[\w-]+|traceparent|(?:x-)?(?:idempotency-key|(?:request|correlation|trace)-id))$/

function isSessionOrigin(tag: string): boolean {
  return tag.startsWith('cookie:') || tag === 'header:cookie' || isCalledSession(tag)
}

/** In a protocol of its own, a server that answers MCP by hand may want the ID of the session in the message. */
function isNamedInMessage(machine: Machine, { key, context }: EventOf<'store-read'>): boolean {
  if (context.trigger !== 'request' || !hasTag(key, 'body:sessionid')) return false
  return eventsOf(machine, 'transport').length === 0 && eventsOf(machine, 'rpc').length > 0
}

/** What a client chooses is the ID of a session only where it says so: visitors are counted by cookie, too. */
function isCalledSession(tag: string): boolean {
  return /^(?:header|cookie|query|param):/.test(tag) && /sess|sid/.test(tag)
}

/** `session:${req.params.id}`: what it is looked up under is called so, whatever the parameter is. */
function isFoundAsSession({ key }: EventOf<'store-read'>): boolean {
  return isPresentedHandle(key) && tagsOf(key, 'prefix').some((tag) => /sess|sid/i.test(tag))
}

function storeFact(machine: Machine, store: StoreEvents, all: readonly StoreEvents[]): StoreFact {
  const removals = removalsOf(machine, store)
  return {
    id: store.ref.id,
    name: store.ref.name,
    at: locate(store.ref.site),
    kind: store.ref.kind,
    holds: store.holds,
    insertions: distinct(store.writes, (event) => siteId(event.site)).map((event) => locate(event.site)),
    openings: openingsOf(store.writes),
    removals,
    limits: limitsOf(machine, store, all),
    boundToConnection:
      (store.holds === 'sse' || holdsStreams(store)) &&
      removals.some((removal) => (removal.trigger === 'disconnect' || removal.trigger === 'close') && removal.rightKey),
    remembersOwner: store.writes.some(remembersOwner),
    deadHandlers: deadHandlers(machine),
    endsOnRequest: endsOnRequest(machine, store),
    ...(isKeptElsewhere(store.ref) ? { isElsewhere: true } : {}),
  }
}

function remembersOwner({ value }: EventOf<'store-write'>): boolean {
  return value.objects.some((item) =>
    [...item.properties].some(
      ([name, cell]) => isOwnerName(name) && (isOfCaller(cell.value) || isUnseenAnswer(cell.value)),
    ),
  )
}

/** Each has the connection that it was opened with: an answer that is still being written, a socket. With that it is gone. */
function holdsStreams({ holds, writes }: StoreEvents): boolean {
  return (
    holds === 'own' &&
    writes.length > 0 &&
    writes.every(({ value }) => value.objects.some((item) => isStream(item) || holdsStream(item)))
  )
}

const STREAMS: ReadonlySet<string> = new Set(['response', 'stream', 'socket', 'io-socket'])

function isStream(item: HeapObject): boolean {
  return item instanceof LibraryObject && STREAMS.has(item.type)
}

function holdsStream({ properties }: HeapObject): boolean {
  return [...properties.values()].some((cell) => cell.value.objects.some(isStream))
}

/** A store of its own file is opened from elsewhere. */
function openingsOf(writes: StoreEvents['writes']): readonly Location[] {
  const calls = writes.flatMap(({ site, calledFrom: call }) => (call?.path === site.path ? [] : (call ?? [])))
  return distinct(calls, siteId).map(locate)
}

function removalsOf(machine: Machine, store: StoreEvents): readonly RemovalFact[] {
  const counted = store.removals.filter(
    (event) =>
      // With the process all sessions end: that is no way to end one.
      event.context.trigger !== 'shutdown' &&
      (event.context.trigger !== 'request' || endsOnPurpose(event, store.holds)) &&
      !isOfOtherKind(event, store),
  )
  const back = puttingBack(machine, store)
  const facts = counted.map((event): RemovalFact => {
    const trigger = triggerOf(event)
    return {
      at: locate(event.site),
      trigger,
      rightKey: isRightKey(event.key, store),
      closes: !isLeftOpen(machine, store, event),
      ...(trigger === 'close' && back !== undefined ? { undone: locate(back.site) } : {}),
    }
  })
  const all = store.holds === 'own' ? [...facts, ...marksOf(machine, store.ref.id)] : facts
  return distinct(all, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.at.startColumn}:${fact.trigger}`)
}

/** A DELETE is served by the transport that was found, whose end takes it out, and after that it is put in once more. */
function puttingBack(machine: Machine, store: StoreEvents): EventOf<'store-write'> | undefined {
  const served = eventsOf(machine, 'dispatch').filter((event) => event.how === 'transport' && servesDelete(event))
  return store.writes.find(
    (write) =>
      servesDelete(write) &&
      isFound(write, store) &&
      !write.facts.must.has('init') &&
      !write.facts.must.has('unpresented') &&
      served.some((event) => isBefore(machine, event, write)) &&
      !store.removals.some((event) => event.context.trigger === 'request' && isBefore(machine, write, event)),
  )
}

function isFound({ value, context }: EventOf<'store-write'>, { ref }: StoreEvents): boolean {
  return (
    context.trigger === 'request' &&
    value.tags.includes(`entry:${ref.id}`) &&
    value.objects.some((item) => item instanceof LibraryObject && item.type === 'mcp-transport')
  )
}

/** In the same request. */
function isBefore(machine: Machine, first: Event, then: Event): boolean {
  return (
    first.context.activation === then.context.activation && machine.events.indexOf(first) < machine.events.indexOf(then)
  )
}

/** Among sessions of both kinds, the end of a connection ends those that are one. */
function isOfOtherKind(event: EventOf<'store-remove'>, store: StoreEvents): boolean {
  return store.holds === 'streamable' && triggerOf(event) === 'disconnect' && hasTag(event.key, 'sse')
}

/** A sweep that has the session at hand, takes it out of the container, and closes nothing; or a DELETE that does. */
function isLeftOpen(machine: Machine, store: StoreEvents, event: EventOf<'store-remove'>): boolean {
  if (store.holds === 'own') return false
  if (event.context.trigger !== 'timer') return isLeftOpenByDelete(machine, store, event)
  const atHand = event.key.tags.includes(`key:${store.ref.id}`) && !hasTag(event.key, 'entry')
  const closes = eventsOf(machine, 'entry-close').some(
    (close) =>
      closesEntryOf(close, store) &&
      close.context.trigger === 'timer' &&
      (close.site.path === event.site.path || close.context === event.context),
  )
  return atHand && !closes
}

/** The answer to a DELETE, on whose way nothing is closed, handed to the transport, or asked of code that cannot be seen. */
function isLeftOpenByDelete(machine: Machine, store: StoreEvents, event: EventOf<'store-remove'>): boolean {
  const { context, facts } = event
  if (context.trigger !== 'request' || store.holds !== 'streamable' || !facts.must.has('verb:DELETE')) return false
  const isHere = (other: Event): boolean => other.context.activation === context.activation
  const closes = eventsOf(machine, 'entry-close').some((close) => isHere(close) && closesEntryOf(close, store))
  const serves = eventsOf(machine, 'dispatch').some(isHere)
  return !closes && !serves && !machine.mayHaveEnded.has(context, facts)
}

export function triggerOf(event: Event): RemovalFact['trigger'] {
  switch (event.context.trigger) {
    case 'onclose':
    case 'onsessionclosed':
      return 'close'
    case 'disconnect':
      return 'disconnect'
    case 'timer':
      return isGrace(event) ? 'disconnect' : 'timer'
    default:
      // Noticed by a request to be over, a session was ended by time all the same.
      if (event.kind === 'store-remove' && event.facts.must.has(`expired:${event.store.id}`)) return 'timer'
      return event.facts.must.has('verb:DELETE') ? 'delete' : 'request'
  }
}

/** Begun when a connection ended, for a client that comes back soon: with the connection the session ends, a little later. */
export function isGrace({ context: { timer } }: Event): boolean {
  return timer?.data['after'] === 'disconnect' && timer.data['interval'] !== true
}

/** Cleaning up after a request that failed is no way to end a session on purpose. */
function endsOnPurpose(event: Event, holds: StoreFact['holds']): boolean {
  if (event.context.trigger !== 'request') return false
  return (holds !== 'streamable' && holds !== 'sse') || servesDelete(event) || isUnseen(event)
}

/** Taken out under the presented handle without a look at the session: there is no failure to clean up after. */
function isUnseen(event: Event): boolean {
  if (event.kind !== 'store-remove' || !isPresentedHandle(event.key)) return false
  return !event.facts.may.has(`looked:${event.store.id}`)
}

/** Keys of sessions: made here, given by the transport, presented by the client, or read off the container itself. */
export function isRightKey(key: Value, store: StoreEvents): boolean {
  if (store.ref.kind === 'array' || store.ref.kind === 'set') return true
  if (isCertainlyObject(key) && !store.writes.some((write) => write.key.objects.length > 0)) return false
  if (isMadeOtherwise(key, store)) return false
  const isField = key.tags.some((tag) => tag.startsWith(`entry:${store.ref.id}:`))
  // A row is found by its token and taken out by another of its columns.
  if (isField && store.ref.kind === 'database') return true
  const names = (value: Value): boolean => hasTag(value, 'cred') || hasTag(value, 'principal')
  if (isField && names(key) && !store.writes.some((write) => names(write.key))) return false
  const known = new Set(['mint', 'sid', `key:${store.ref.id}`, ...store.writes.flatMap((write) => write.key.tags)])
  if (
    key.tags.some((tag) => known.has(tag) || tag.startsWith('key:') || /^(?:header|cookie|query|param|body)/.test(tag))
  )
    return true
  return key.tags.length === 0
}

/** What a request names is looked up as it is, and taken out by its digest, or the other way round; so with a beginning. */
function isMadeOtherwise(key: Value, { ref, reads }: StoreEvents): boolean {
  if (!isPresentedHandle(key) || ref.kind === 'database') return false
  const shape = shapeOf(key)
  const shapes = reads.filter((read) => isPresentedHandle(read.key)).map((read) => shapeOf(read.key))
  return shapes.length > 0 && !shapes.includes(shape)
}

function shapeOf(key: Value): string {
  const isDigest = hasTag(key, 'hash') || hasTag(key, 'mac')
  return [isDigest, ...tagsOf(key, 'prefix').toSorted()].join()
}

function isCertainlyObject(key: Value): boolean {
  return key.objects.length > 0 && key.primitives.length === 0 && !key.open
}

function deadHandlers(machine: Machine): StoreFact['deadHandlers'] {
  const dead = eventsOf(machine, 'connect').flatMap((event) =>
    event.transport.objects
      .filter((item) => item instanceof LibraryObject && item.data['deadOnclose'] === true)
      .map(() => locate(event.site)),
  )
  return distinct(dead, (at) => `${at.path}:${at.startLine}`)
}

/** A DELETE request is handed to the transport, or to code that removes the session. */
function endsOnRequest(machine: Machine, store: StoreEvents): boolean {
  if (store.removals.some((event) => endsOnPurpose(event, store.holds))) return true
  if (store.holds === 'own' && marksOf(machine, store.ref.id).length > 0) return true
  const closed = eventsOf(machine, 'entry-close').some(
    (event) => event.store === store.ref.id && endsOnPurpose(event, store.holds),
  )
  if (closed) return true
  return eventsOf(machine, 'dispatch').some((event) => event.how === 'transport' && servesDelete(event))
}

function servesDelete(event: Event): boolean {
  const verbs = [...event.facts.must].filter((fact) => fact.startsWith('verb:'))
  if (verbs.length > 0) return verbs.includes('verb:DELETE')
  if (event.facts.must.has('not-verb:DELETE')) return false
  const verb = event.context.route?.verb
  return verb === undefined || verb === '*' || verb === 'DELETE'
}

function webStores(machine: Machine): readonly StoreFact[] {
  return distinct(eventsOf(machine, 'web-session'), (event) => event.store.id).map((event) => {
    const removals = eventsOf(machine, 'store-remove').filter((removal) => removal.store.id === event.store.id)
    const limits = eventsOf(machine, 'expiry').filter((limit) => limit.store === event.store.id)
    return {
      id: event.store.id,
      name: event.store.name,
      at: locate(event.site),
      kind: 'web-session' as const,
      holds: 'web' as const,
      insertions: [locate(event.site)],
      openings: [],
      removals: removals.map((removal) => ({
        at: locate(removal.site),
        trigger: 'request' as const,
        rightKey: true,
        closes: true,
      })),
      limits: [
        ...limits.map((limit): LimitFact => ({ kind: limit.limit, at: locate(limit.site), optional: !limit.enabled })),
        ...timeChecked(machine, event.store.id),
      ],
      remembersOwner: false,
      boundToConnection: false,
      deadHandlers: [],
      endsOnRequest: removals.length > 0,
    }
  })
}

/** A start time kept in the session and checked against the clock is an absolute limit. */
function timeChecked(machine: Machine, store: string): readonly LimitFact[] {
  const checks = eventsOf(machine, 'time-check').filter((event) => event.store === store)
  return checks.map((event) => ({ kind: 'absolute' as const, at: locate(event.site), optional: false }))
}

/** A transport with sessions that stands outside any container and is used by requests that did not make it. */
export function standingTransports(event: EventOf<'dispatch'>): readonly LibraryObject[] {
  const isEntry = event.receiver.tags.some((tag) => tag.startsWith('entry:') && !tag.includes('#variable'))
  if (event.how !== 'transport' || isEntry) return []
  return event.receiver.objects.filter(
    (item): item is LibraryObject => item instanceof LibraryObject && isStanding(item, event),
  )
}

function isStanding(item: LibraryObject, event: Event): boolean {
  const isSession = item.type === 'mcp-transport' && item.data['stateful'] === true
  return isSession && item.data['typed'] !== true && item.born !== event.context.activation
}

/** One variable for everybody's transport: a store of one. */
function variableStores(machine: Machine): readonly StoreFact[] {
  const used = eventsOf(machine, 'dispatch').flatMap((event) => standingTransports(event))
  return distinct(used, variableId).map((transport) => variableStore(machine, transport))
}

function variableStore(machine: Machine, transport: LibraryObject): StoreFact {
  const write = eventsOf(machine, 'shared-write').find((event) => holdsTransport(event.value, transport))
  const clears = eventsOf(machine, 'shared-clear').filter((event) => event.cell === write?.cell)
  const kind = transport.data['kind'] === 'sse' ? ('sse' as const) : ('streamable' as const)
  const site = write?.cell.site ?? transport.site
  const store: StoreEvents = {
    ref: { id: variableId(transport), site, name: write?.name ?? transport.name ?? 'transport', kind: 'variable' },
    writes: [],
    reads: [],
    removals: [],
    holds: kind,
  }
  const removals = clears.map((event): RemovalFact => ({
    at: locate(event.site),
    trigger: triggerOf(event),
    rightKey: true,
    closes: true,
  }))
  const ownEnd: RemovalFact = { at: locate(transport.site), trigger: 'close', rightKey: true, closes: true }
  const ended = standsFromStart(transport) ? [ownEnd, ...removals] : removals
  return {
    id: store.ref.id,
    name: store.ref.name,
    at: locate(site),
    kind: 'variable',
    holds: kind,
    insertions: [locate(write?.site ?? transport.site)],
    openings: [],
    removals: distinct(ended, (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.trigger}`),
    limits: limitsOf(machine, store, []),
    remembersOwner: false,
    boundToConnection: kind === 'sse' && ended.some(({ trigger }) => trigger === 'close' || trigger === 'disconnect'),
    deadHandlers: [],
    endsOnRequest: ended.some(({ trigger }) => trigger !== 'timer'),
  }
}

function holdsTransport(value: Value, transport: LibraryObject): boolean {
  const is = (item: HeapObject): boolean => siteId(item.site) === siteId(transport.site)
  return value.objects.some(
    (item) => is(item) || [...item.properties.values()].some((cell) => cell.value.objects.some(is)),
  )
}

/** Made at start-up, ended by the transport's own DELETE. */
function standsFromStart(transport: LibraryObject): boolean {
  return transport.born === 0 && transport.data['kind'] === 'streamable'
}
