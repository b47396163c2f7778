/** Handles that tools give out and take: what is kept under them, and who is asked before it is used. */
import type { HandleUseFact, StateHandleFact } from '../../facts/handles.ts'
import { isPresentedHandle, requestTags } from '../conditions.ts'
import type { Event, EventOf, StoreRef } from '../events.ts'
import type { Machine } from '../machine.ts'
import { isAskedByMade } from '../models/sql.ts'
import { methodsOf } from '../protocol.ts'
import type { Value } from '../value.ts'
import { isOwned, isUnbound } from '../ownership.ts'
import { hasTag, isDrawn } from '../value.ts'
import { distinct, eventsOf, locate, writesTo } from './collect.ts'
import { surroundingsOf } from './programs.ts'

/** Below it a handle can be found by trying. */
const ENOUGH_BITS = 64

export function collectStateHandles(machine: Machine): readonly StateHandleFact[] {
  const named = [...lookUps(machine), ...removals(machine)]
  return [false, true].flatMap((isTask) => {
    const stores = distinct(
      named.filter((event) => asksForTask(event) === isTask),
      ({ store }) => store.id,
    )
    return stores.flatMap(({ store }) => handleFact(machine, store, isTask) ?? [])
  })
}

/** `tasks/get`, `tasks/result`, `tasks/cancel`: the client names a task beside the arguments of tools. */
function asksForTask(event: Event): boolean {
  return methodsOf(event).some((method) => method.startsWith('tasks/'))
}

function handleFact(machine: Machine, store: StoreRef, isTask: boolean): StateHandleFact | undefined {
  const minted = writesTo(machine, store.id).find((write) => isMinted(write))
  if (minted === undefined || isOfOneSession(machine, store)) return undefined
  return {
    store: store.id,
    name: store.name,
    minted: locate(minted.site),
    isTask,
    uses: usesOf(machine, store, isTask),
    callers: surroundingsOf(machine, minted.site).callers,
    guessable: isGuessable(keyOf(minted)),
  }
}

/** Kept by a server object that is made for each session or request. */
function isOfOneSession(machine: Machine, { id }: StoreRef): boolean {
  const container = machine.containers.get(id)
  return container !== undefined && container.born !== 0 && !container.retained
}

/** Put there under a name made here, by itself or as a field of the record. */
function isMinted(write: EventOf<'store-write'>): boolean {
  return inRequest(write) && isMade(keyOf(write))
}

function isMade(key: Value): boolean {
  return isDrawn(key) || hasTag(key, 'mint') || hasTag(key, 'counter')
}

function keyOf({ key, store, value }: EventOf<'store-write'>): Value {
  if (store.kind !== 'array' && store.kind !== 'set') return key
  const fields = value.objects.flatMap((item) => [...item.properties.values()].map((cell) => cell.value))
  return fields.find(isMade) ?? key
}

function isGuessable(key: Value): boolean {
  const sources = key.entropy?.sources ?? []
  if (sources.length === 0) return hasTag(key, 'counter')
  const sound = sources.filter(({ kind }) => kind === 'csprng').reduce((sum, { bits }) => sum + bits, 0)
  return sound < ENOUGH_BITS
}

function inRequest({ context }: Event): boolean {
  return context.trigger === 'tool' || context.trigger === 'request'
}

/** An argument of a tool, as the client gives it: not the caller's own name, session or state. */
function isArgument(key: Value, event: Event): boolean {
  if (!isPresentedHandle(key) || ['sid', 'rstate', 'principal'].some((tag) => hasTag(key, tag))) return false
  if (hasTag(key, 'body') && asksForTask(event)) return true
  return hasTag(key, 'body:arguments') || (event.context.trigger === 'tool' && hasTag(key, 'body'))
}

function lookUps(machine: Machine): readonly EventOf<'store-read'>[] {
  return eventsOf(machine, 'store-read').filter((event) => inRequest(event) && isHandle(machine, event))
}

function removals(machine: Machine): readonly EventOf<'store-remove'>[] {
  return eventsOf(machine, 'store-remove').filter(
    (event) => inRequest(event) && isHandle(machine, event) && !isOver(event),
  )
}

/** What has expired is nobody's any more, whoever comes upon it. */
function isOver({ facts, store }: EventOf<'store-remove'>): boolean {
  return facts.must.has(`expired:${store.id}`)
}

/** An argument, compared with what rows are kept under: what a tool only searches a table by names none of them. */
function isHandle(machine: Machine, event: EventOf<'store-read' | 'store-remove'>): boolean {
  return isArgument(event.key, event) && isAskedByMade(machine, event.store.id, event.site)
}

function usesOf(machine: Machine, store: StoreRef, isTask: boolean): readonly HandleUseFact[] {
  const isNamed = (event: EventOf<'store-read' | 'store-remove'>): boolean =>
    event.store.id === store.id && asksForTask(event) === isTask
  const reads = lookUps(machine).filter(isNamed)
  const uses = reads.flatMap((read) =>
    usesAfter(machine, store.id, read.context.activation).map((use) => factOf(use, read, store.id)),
  )
  const ended = removals(machine)
    .filter(isNamed)
    .map((event) => factOf({ event, how: 'removed' as const }, event, store.id))
  return distinct([...uses, ...ended], ({ at, bound }) => `${at.path}:${at.startLine}:${at.startColumn}:${bound}`)
}

interface Use {
  readonly event: Event
  readonly how: HandleUseFact['how']
}

function usesAfter(machine: Machine, store: string, activation: number): readonly Use[] {
  const isHere = ({ context }: Event): boolean => context.activation === activation
  const told = eventsOf(machine, 'handle-use').filter((event) => event.store === store && isHere(event))
  const written = eventsOf(machine, 'entry-write').filter((event) => event.store === store && isHere(event))
  const removed = eventsOf(machine, 'store-remove').filter(
    (event) => event.store.id === store && isHere(event) && hasTag(event.key, `key:${store}`) && !isOver(event),
  )
  return [
    ...told.map((event) => ({ event, how: event.how })),
    ...written.map((event) => ({ event, how: 'changed' as const })),
    ...removed.map((event) => ({ event, how: 'removed' as const })),
  ]
}

function factOf({ event, how }: Use, read: EventOf<'store-read' | 'store-remove'>, store: string): HandleUseFact {
  const { facts } = event
  const isSettled = facts.must.has(`cleared:${store}`) || isOwned(facts, requestTags(read.key))
  const bound = how === 'removed' ? isSettled : !isUnbound(facts, store)
  return { lookup: locate(read.site), at: locate(event.site), how, bound }
}
