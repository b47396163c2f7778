/** Who is told of what, and whether it was asked if they may know. */
import type { SubscriptionFact, TaskStoreFact } from '../../facts/facts.ts'
import { fromRequest, isPresentedHandle, requestTags } from '../conditions.ts'
import type { Event, EventOf } from '../events.ts'
import type { HeapObject } from '../heap.ts'
import { FunctionObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { LISTEN, methodsOf } from '../protocol.ts'
import type { Value } from '../value.ts'
import { isOwned } from '../ownership.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

export function collectSubscriptions(machine: Machine): readonly SubscriptionFact[] {
  const facts = [
    ...ofResources(machine),
    ...ofSessions(machine),
    ...ofOwn(machine),
    ...ofListeners(machine),
    ...ofStreams(machine),
  ]
  return distinct(facts, ({ at, told }) => `${at.path}:${at.startLine}:${told.path}:${told.startLine}`)
}

/** `resources/subscribe`: what the client names is kept, and others' changes are told to all who named it. */
function ofResources(machine: Machine): readonly SubscriptionFact[] {
  if (!isReadingRestricted(machine)) return []
  const told = eventsOf(machine, 'update-sent').filter((event) => hasTag(event.receiver, 'entry'))
  if (told.length === 0) return []
  return registrations(machine).flatMap((event) =>
    told.map((update) => ({
      how: 'subscribe' as const,
      at: locate(event.site),
      asked: askedAt(event),
      told: locate(update.site),
      permitted: isPermitted(event, namedIn(event)) || isPermitted(update, []),
    })),
  )
}

/**
 * The server of one session keeps what its client names, and hears of all that happens, whoever it is about: it tells
 * the client of what was named. A server that tells only of what its own client does has nothing of others' to tell.
 */
function ofSessions(machine: Machine): readonly SubscriptionFact[] {
  if (!isReadingRestricted(machine)) return []
  const told = eventsOf(machine, 'update-sent').filter((event) => isOfAllNews(machine, event))
  if (told.length === 0) return []
  return registrations(machine).flatMap((event) =>
    told
      .filter((update) => isFoundIn(machine, event.store.id, update))
      .map((update) => ({
        how: 'subscribe' as const,
        at: locate(event.site),
        asked: askedAt(event),
        told: locate(update.site),
        permitted: isPermitted(event, namedIn(event)),
      })),
  )
}

/** Heard where everybody's news come by, and not compared with the caller. */
function isOfAllNews(machine: Machine, { context, facts, handler }: EventOf<'update-sent'>): boolean {
  const isHeard = context.trigger === 'request' && machine.hearingAll.has(context.activation)
  return isHeard && handler === undefined && !['auth:static', 'bound', 'permitted'].some((fact) => facts.must.has(fact))
}

function isFoundIn(machine: Machine, store: string, { context }: Event): boolean {
  return eventsOf(machine, 'store-read').some(
    (read) =>
      read.store.id === store &&
      read.context.activation === context.activation &&
      read.context.trigger === context.trigger,
  )
}

function askedAt({ site, via, calledFrom }: Event): SubscriptionFact['asked'] {
  const asked = calledFrom ?? via
  return asked === undefined || sameSite(site, asked) ? undefined : locate(asked)
}

/**
 * Listeners that the server keeps itself, in a container or at an emitter, under what the client names, for either method.
 * Whatever looks there under such a name, or emits under it, tells them.
 */
function ofOwn(machine: Machine): readonly SubscriptionFact[] {
  if (!isReadingRestricted(machine)) return []
  const kept = registrations(machine, SUBSCRIBES).filter(({ value }) => keepsListener(value, 2))
  const facts = kept.flatMap((event) =>
    eventsOf(machine, 'store-read')
      .filter((read) => read.store.id === event.store.id && !isSubscribing(read) && !isConstant(read.key))
      .map((read) => ownFact(machine, event, namedIn(event), read)),
  )
  const joined = eventsOf(machine, 'topic-joined').filter(
    (event) => SUBSCRIBES.some((method) => methodsOf(event).includes(method)) && isNamedByClient(event.topic),
  )
  return [
    ...facts,
    ...joined.flatMap((event) =>
      eventsOf(machine, 'topic-told')
        .filter((told) => sameSite(told.emitter, event.emitter))
        .map((told) => ownFact(machine, event, [event.topic], told)),
    ),
  ]
}

const SUBSCRIBES: readonly string[] = ['resources/subscribe', LISTEN]

function ownFact(machine: Machine, event: Event, named: readonly Value[], told: Event): SubscriptionFact {
  const isListening = methodsOf(event).includes(LISTEN)
  return {
    how: isListening ? 'listen' : 'subscribe',
    at: locate(event.site),
    asked: askedAt(event),
    told: locate(told.site),
    permitted: isPermitted(event, named) || (isListening && machine.permissionAsked.has(LISTEN)),
  }
}

/** On a path that begins or ends a subscription, nobody is told. */
function isSubscribing(event: Event): boolean {
  return methodsOf(event).some((method) => SUBSCRIBES.includes(method) || method === 'resources/unsubscribe')
}

function isConstant({ tags, open, primitives }: Value): boolean {
  return tags.length === 0 && !open && primitives.length > 0
}

/** A function, or what holds functions or streams. */
function keepsListener({ objects }: Value, depth: number): boolean {
  return objects.some(
    (item) =>
      item instanceof FunctionObject ||
      isStream(item) ||
      (depth > 0 &&
        (keepsListener(item.item, depth - 1) ||
          (item.kind === 'object' &&
            [...item.properties.values()].some(({ value }) => keepsListener(value, depth - 1))))),
  )
}

function isNamedByClient(value: Value): boolean {
  return hasTag(value, 'body') && !hasTag(value, 'cred')
}

function registrations(
  machine: Machine,
  methods: readonly string[] = ['resources/subscribe'],
): readonly EventOf<'store-write'>[] {
  return eventsOf(machine, 'store-write').filter(
    (event) =>
      methods.some((method) => methodsOf(event).includes(method)) &&
      namedIn(event).length > 0 &&
      !hasTag(event.key, 'cred') &&
      !isOfOneServer(machine, event.store.id),
  )
}

/** What the client names to be told of. */
function namedIn({ key, value }: EventOf<'store-write'>): readonly Value[] {
  return [key, ...partsOf(value)].filter((part) => hasTag(part, 'body'))
}

function partsOf(value: Value): readonly Value[] {
  const records = value.objects.filter(({ kind }) => kind === 'object')
  return [value, ...records.flatMap((item) => [...item.properties.values()].map((cell) => cell.value))]
}

/** Kept by a server object that is made for each session or request. */
function isOfOneServer(machine: Machine, store: string): boolean {
  const container = machine.containers.get(store)
  return container !== undefined && container.born !== 0 && !container.retained
}

/** Who reads a resource, or lists them, is asked whether it is theirs, or finds them by who they are. */
function isReadingRestricted(machine: Machine): boolean {
  const asks = ['resources/read', 'resources/list']
  if (asks.some((method) => machine.permissionAsked.has(method))) return true
  return eventsOf(machine, 'store-read').some(
    (event) => hasTag(event.key, 'cred') && methodsOf(event).some((method) => asks.includes(method)),
  )
}

/** Asked before, on every way: whether the caller may have what they name, or whose the record is. */
function isPermitted({ facts }: Event, named: readonly Value[]): boolean {
  return facts.must.has('permitted') || isOwned(facts, named.flatMap(requestTags))
}

/** The SDK's handler lets every caller listen to what it names. */
function ofListeners(machine: Machine): readonly SubscriptionFact[] {
  return eventsOf(machine, 'handler-call').flatMap((event) => {
    if (!isPersonal(event) || !isForAll(event.handler)) return []
    const told = eventsOf(machine, 'update-sent').filter(
      ({ handler, topic }) => handler === event.handler && (hasTag(topic, 'cred') || isReadingRestricted(machine)),
    )
    return told.map(({ site }) => ({
      how: 'listen' as const,
      at: locate(event.site),
      handler: locate(event.handler.site),
      told: locate(site),
      permitted: machine.permitting.has(event.context.activation),
    }))
  })
}

/** Made once, and nothing of the server's own stands between it and those who listen. */
function isForAll(handler: HeapObject): boolean {
  return handler.born === 0 && handler instanceof LibraryObject && handler.data['hasOwnBus'] !== true
}

/** A stream is put under a name that the client gave, where others' news are sent by whose they are. */
function ofStreams(machine: Machine): readonly SubscriptionFact[] {
  const writes = eventsOf(machine, 'store-write').filter(
    (event) => isPersonal(event) && event.context.trigger === 'request',
  )
  return writes
    .filter((event) => isPresentedHandle(event.key) && !hasTag(event.key, 'sid') && keepsStream(event, writes))
    .flatMap((event) =>
      publications(machine, event.store.id).map((read) => ({
        how: 'stream' as const,
        at: locate(event.site),
        told: locate(read.site),
        permitted: isPermitted(event, [event.key]),
      })),
    )
}

/** The stream itself is put there, or into what is. */
function keepsStream(event: EventOf<'store-write'>, writes: readonly EventOf<'store-write'>[]): boolean {
  return writes.some(
    ({ context, value }) =>
      context.activation === event.context.activation && partsOf(value).some(({ objects }) => objects.some(isStream)),
  )
}

const STREAMS: ReadonlySet<string> = new Set(['response', 'socket', 'stream'])

function isStream(item: HeapObject): boolean {
  return item instanceof LibraryObject && STREAMS.has(item.type)
}

/** Looked up by whom the news are for, who is not the one who asks. */
function publications(machine: Machine, store: string): readonly EventOf<'store-read'>[] {
  return eventsOf(machine, 'store-read').filter(
    (event) => event.store.id === store && hasTag(event.key, 'cred') && !fromRequestOnly(event.key),
  )
}

function fromRequestOnly(key: Value): boolean {
  return fromRequest(key) && !hasTag(key, 'principal') && !hasTag(key, 'entry')
}

function isPersonal({ facts }: Event): boolean {
  return facts.must.has('auth:verified')
}

/** Stores of tasks that cannot tell callers apart, though the server can. */
export function collectTaskStores(machine: Machine): readonly TaskStoreFact[] {
  const facts = eventsOf(machine, 'task-store').map((event): TaskStoreFact => ({
    created: locate(event.store.site),
    ...(event.answers && { answers: locate(event.answers) }),
    used: locate(event.site),
    shared: event.store.born === 0 && event.context.activation !== 0,
    blind: event.blind && isPersonal(event),
  }))
  return distinct(facts, ({ created, used }) => `${created.path}:${created.startLine}:${used.path}:${used.startLine}`)
}
