/** Streams that credentials opened, and whether time ends them. */
import type { StreamFact } from '../../facts/facts.ts'
import type { Event, EventOf } from '../events.ts'
import type { HeapObject, Site } from '../heap.ts'
import { siteKey } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { hasTag, storesIn } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectStreams(machine: Machine): readonly StreamFact[] {
  const facts = [...ownStreams(machine), ...sessionStreams(machine), ...eventStreams(machine), ...listening(machine)]
  return distinct(
    facts,
    ({ how, opened, limited }) => `${how}:${opened.path}:${opened.startLine}:${opened.startColumn}:${limited}`,
  )
}

/** Answers and sockets that the server itself keeps open. */
function ownStreams(machine: Machine): readonly StreamFact[] {
  return eventsOf(machine, 'stream-open').flatMap((event) => {
    const verified = verificationOf(machine, event)
    if (verified === undefined || isOver(machine, event)) return []
    const how = event.stream.type === 'socket' ? ('socket' as const) : ('answer' as const)
    const limited = isTimed(machine, event) || isEndedByTime(machine, event.stream)
    return [{ how, verified: locate(verified), opened: locate(event.site), limited }]
  })
}

/** `GET` with a session ID: the transport that was found keeps the answer open. */
function sessionStreams(machine: Machine): readonly StreamFact[] {
  const events = eventsOf(machine, 'dispatch').filter((event) => event.how === 'transport' && opensStream(event))
  return events.flatMap((event) => {
    const verified = verificationOf(machine, event)
    const stores = storesIn(event.receiver)
    if (verified === undefined || stores.length === 0) return []
    const limited =
      isTimed(machine, event) ||
      stores.some((store) => isSwept(machine, store)) ||
      event.receiver.objects.some((item) => isClosedByTime(machine, item))
    return [{ how: 'session' as const, verified: locate(verified), opened: locate(event.site), limited }]
  })
}

function opensStream({ context, facts }: Event): boolean {
  const verb = context.route?.verb ?? ''
  if (!['GET', '*', 'ALL'].includes(verb)) return false
  return !['POST', 'DELETE', 'PUT'].some((other) => facts.must.has(`verb:${other}`)) && !facts.must.has('not-verb:GET')
}

/** The older transport: the connection is the session. */
function eventStreams(machine: Machine): readonly StreamFact[] {
  const events = eventsOf(machine, 'transport').filter(
    ({ type, context }) => type === 'sse' && context.activation !== 0,
  )
  return events.flatMap((event) => {
    const verified = verificationOf(machine, event)
    if (verified === undefined) return []
    const limited = isTimed(machine, event) || isClosedByTime(machine, event.object)
    return [{ how: 'session' as const, verified: locate(verified), opened: locate(event.site), limited }]
  })
}

/** `subscriptions/listen` at the SDK's handler, where there is something to be told. */
function listening(machine: Machine): readonly StreamFact[] {
  return eventsOf(machine, 'handler-call').flatMap((event) => {
    const verified = verificationOf(machine, event)
    const isTold = eventsOf(machine, 'update-sent').some(({ handler }) => handler === event.handler)
    if (verified === undefined || !isTold) return []
    const limited = isTimed(machine, event)
    return [{ how: 'listen' as const, verified: locate(verified), opened: locate(event.site), limited }]
  })
}

/** Where the credential that let this request in was verified, if it is one that ends by itself. */
function verificationOf(machine: Machine, event: Event): Site | undefined {
  if (event.facts.must.has('auth:expiring'))
    return eventsOf(machine, 'expiring-auth').find((other) => isOfSameRequest(other, event))?.site
  if (!event.facts.must.has('auth:verified')) return undefined
  return eventsOf(machine, 'time-check').find(
    (check) =>
      isOfSameRequest(check, event) &&
      event.facts.may.has(`timed:${check.store}:${check.field}`) &&
      isCredentialStore(machine, check),
  )?.site
}

/** Records of tokens are found by the token. */
function isCredentialStore(machine: Machine, { store, context }: EventOf<'time-check'>): boolean {
  return eventsOf(machine, 'store-read').some(
    (read) => read.store.id === store && read.context.activation === context.activation && hasTag(read.key, 'cred'),
  )
}

function isOfSameRequest(other: Event, event: Event): boolean {
  return other.context.activation === event.context.activation
}

/** The answer ends with its request, or is in hands that we cannot see. */
function isOver(machine: Machine, event: EventOf<'stream-open'>): boolean {
  if (event.stream.type === 'socket') return false
  return eventsOf(machine, 'stream-end').some(
    (end) =>
      end.stream === event.stream &&
      end.context.trigger === 'request' &&
      (event.stream.type === 'stream' || end.facts.must.has('streaming')),
  )
}

/** While it is open, a timer ends something of this request, or the clock or the credential is asked again. */
function isTimed(machine: Machine, event: Event): boolean {
  const ended = eventsOf(machine, 'stream-end').some((end) => isOfSameRequest(end, event) && isByTimer(end))
  const asked = [...eventsOf(machine, 'expiring-auth'), ...eventsOf(machine, 'clock-check')].some(
    (ask) => isOfSameRequest(ask, event) && (isByTimer(ask) || ask.facts.must.has('streaming')),
  )
  const closed = eventsOf(machine, 'entry-close').some((end) => isOfSameRequest(end, event) && isByTimer(end))
  return ended || asked || closed
}

function isEndedByTime(machine: Machine, stream: HeapObject): boolean {
  return eventsOf(machine, 'stream-end').some(
    (end) => isByTimer(end) && siteKey(end.stream.site) === siteKey(stream.site),
  )
}

function isClosedByTime(machine: Machine, transport: HeapObject): boolean {
  return eventsOf(machine, 'entry-close').some(
    (end) => isByTimer(end) && end.closed !== undefined && siteKey(end.closed) === siteKey(transport.site),
  )
}

/** A timer closes what the store has. */
function isSwept(machine: Machine, store: string): boolean {
  return eventsOf(machine, 'entry-close').some((end) => isByTimer(end) && end.store === store)
}

function isByTimer({ context }: Event): boolean {
  return context.trigger === 'timer'
}
