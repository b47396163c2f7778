/** What sessions share: one server for all, a variable of the last caller, state written over across an await. */
import type {
  BroadcastFact,
  SharedServerFact,
  SharedVariableFact,
  StaleWriteFact,
  StoreFact,
} from '../../facts/facts.ts'
import type { EventOf, StoreRef } from '../events.ts'
import type { Node } from '../ast.ts'
import { children } from '../ast.ts'
import type { Environment, HeapObject } from '../heap.ts'
import { FunctionObject, InstanceObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { withFields } from '../shared.ts'
import { hasTag } from '../value.ts'
import { distinct, eventsOf, locate } from './collect.ts'

const SERVING = new Set(['request', 'initialized', 'tool'])

export function collectSharedServers(machine: Machine): readonly SharedServerFact[] {
  const connects = eventsOf(machine, 'connect')
  const servers = connects
    .filter((event) => SERVING.has(event.context.trigger) && outlives(event.server, event) && !event.viaEntry)
    .map((event): SharedServerFact => ({
      what: 'server',
      inOneMode: connects.some((other) => other.context === event.context && isOfSession(other)),
      created: locate(event.server.site),
      used: locate(event.site),
    }))
  const transports = eventsOf(machine, 'dispatch')
    .filter(
      (event) => event.how === 'transport' && event.context.trigger === 'request' && !hasTag(event.receiver, 'entry'),
    )
    .flatMap((event) =>
      event.receiver.objects
        .filter(
          (item) =>
            item instanceof LibraryObject &&
            item.data['typed'] !== true &&
            item.data['stateful'] === false &&
            item.born === 0,
        )
        .map((item): SharedServerFact => ({
          what: 'transport',
          inOneMode: false,
          created: locate(item.site),
          used: locate(event.site),
        })),
    )
  return distinct([...servers, ...transports], (fact) => `${fact.created.path}:${fact.created.startLine}:${fact.what}`)
}

/** A server made in a request, or found with its session. */
function isOfSession(event: EventOf<'connect'>): boolean {
  return event.viaEntry || event.server.born !== 0
}

function outlives(server: HeapObject, event: EventOf<'connect'>): boolean {
  return server.born === 0 || server.born !== event.context.activation
}

export function collectSharedVariables(machine: Machine): readonly SharedVariableFact[] {
  const reads = eventsOf(machine, 'shared-read').filter((event) => SERVING.has(event.context.trigger))
  const facts = eventsOf(machine, 'shared-write').flatMap((write): SharedVariableFact[] => {
    const holds = heldBy(write)
    const read = reads.find((event) => event.cell === write.cell && isElsewhere(event, write))
    if (holds === undefined || read === undefined) return []
    return [
      {
        name: write.name,
        holds,
        declared: write.cell.site === undefined ? undefined : locate(write.cell.site),
        written: locate(write.site),
        read: locate(read.site),
      },
    ]
  })
  return distinct(facts, (fact) => `${fact.written.path}:${fact.name}`)
}

/** Read by another run than the one that wrote it, or later in the same one. */
function isElsewhere(read: EventOf<'shared-read'>, write: EventOf<'shared-write'>): boolean {
  return read.context.activation !== write.context.activation || read.moment > write.moment
}

function heldBy(event: EventOf<'shared-write'>): SharedVariableFact['holds'] | undefined {
  for (const item of event.value.objects.flatMap(withFields)) {
    const held = item instanceof FunctionObject ? closedOver(item, event) : kindOf(item)
    if (held !== undefined) return held
  }
  if (event.value.objects.length > 0) return undefined
  return hasTag(event.value, 'cred') || hasTag(event.value, 'principal') || hasTag(event.value, 'sid')
    ? 'identity'
    : undefined
}

function kindOf(item: HeapObject): SharedVariableFact['holds'] | undefined {
  const type = item instanceof LibraryObject ? item.type : item instanceof InstanceObject ? item.base?.type : undefined
  if (type === 'mcp-transport') return 'transport'
  if (type === 'mcp-server') return 'server'
  return type === 'response' ? 'response' : undefined
}

/** A function made in this request speaks for whatever of the request it closes over. */
function closedOver(fn: FunctionObject, { context }: EventOf<'shared-write'>): SharedVariableFact['holds'] | undefined {
  if (fn.born === 0 || fn.born !== context.activation) return undefined
  for (let env: Environment | undefined = fn.env; env !== undefined; env = env.parent) {
    for (const cell of env.ownCells()) {
      if (cell.born !== context.activation || !mentions(fn.node, cell.name)) continue
      const held = cell.value.objects.filter((item) => item.born === context.activation).map(kindOf)
      const [first] = held.filter((kind) => kind !== undefined)
      if (first !== undefined) return first
    }
  }
  return undefined
}

function mentions(node: Node, name: string): boolean {
  const pending: Node[] = [node]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.type === 'Identifier' && next['name'] === name) return true
    pending.push(...children(next))
  }
  return false
}

export function collectStaleWrites(machine: Machine, stores: readonly StoreFact[]): readonly StaleWriteFact[] {
  const ids = new Map(stores.map((store) => [store.id, store]))
  const facts = eventsOf(machine, 'stale-write')
    .filter((event) => event.store === undefined || ids.has(event.store) || isPerCaller(machine, event.store))
    .map((event): StaleWriteFact => ({
      name: ids.get(event.target)?.name ?? event.target.split(/[.#]/).at(-1) ?? 'state',
      read: event.read === undefined ? undefined : locate(event.read),
      written: locate(event.site),
    }))
  return distinct(facts, (fact) => `${fact.written.path}:${fact.written.startLine}`)
}

/** Kept per session or per caller: the state of one agent, that two of its requests can reach. */
function isPerCaller(machine: Machine, store: string): boolean {
  const seen = [...eventsOf(machine, 'store-read'), ...eventsOf(machine, 'store-write')].filter(
    (event) => event.store.id === store,
  )
  return seen.some((event) => hasTag(event.key, 'sid') || hasTag(event.key, 'cred') || hasTag(event.key, 'principal'))
}

export function collectBroadcasts(machine: Machine, stores: readonly StoreFact[]): readonly BroadcastFact[] {
  const names = new Map(stores.map((store) => [store.id, store.name]))
  return distinct(
    eventsOf(machine, 'send-all')
      .filter((event) => names.has(event.store.id) || (event.reply && isFilledByRequests(machine, event.store)))
      .map((event) => ({
        store: names.get(event.store.id) ?? event.store.name,
        kept: locate(event.store.site),
        at: locate(event.site),
      })),
    (fact) => `${fact.at.path}:${fact.at.startLine}`,
  )
}

/** Connections and streams that clients have opened, by whatever ID or none. */
function isFilledByRequests(machine: Machine, store: StoreRef): boolean {
  return eventsOf(machine, 'store-write').some(
    (event) => event.store.id === store.id && SERVING.has(event.context.trigger) && event.value.objects.length > 0,
  )
}
