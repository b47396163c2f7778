/** Stores of events, and whether sessions have their own. */
import type { EventStoreFact } from '../../facts/facts.ts'
import { isNode } from '../ast.ts'
import type { HeapObject } from '../heap.ts'
import { FunctionObject, InstanceObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { REPLAYS, isReplayForAll } from '../replays.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectEventStores(machine: Machine): readonly EventStoreFact[] {
  const facts = eventsOf(machine, 'event-store').flatMap((event) =>
    event.value.objects
      .filter((item) => item.kind === 'instance' || item.kind === 'object' || item.kind === 'library')
      .map((item): EventStoreFact => ({
        created: locate(item.site),
        used: locate(event.site),
        how: 'given',
        shared: event.context.activation !== 0 && isFound(item, event.context.activation),
        ...replayedBy(machine, item),
      })),
  )
  return distinct(
    [...facts, ...replays(machine)].toSorted((a, b) => Number(b.shared) - Number(a.shared)),
    ({ created, used }) => `${created.path}:${created.startLine}:${used.path}:${used.startLine}`,
  )
}

/** Made at start-up, or by the request that was the first to ask for it and left it where others find it. */
function isFound({ born, retained }: HeapObject, activation: number): boolean {
  return born === 0 || (retained && born !== activation)
}

/** Where the program itself says what is sent again. */
function replayedBy(machine: Machine, item: HeapObject): Pick<EventStoreFact, 'replays'> {
  const [fn] = item.properties.get(REPLAYS)?.value.objects ?? []
  if (fn instanceof FunctionObject) return { replays: locate({ ...fn.site, end: fn.site.start + 1 }) }
  const member = item instanceof InstanceObject ? item.of.methods.get(REPLAYS) : undefined
  const key = member?.['key']
  return item instanceof InstanceObject && isNode(key) ? { replays: locate(machine.site(item.of.env.file, key)) } : {}
}

/** Streams that are taken up by hand, and nothing holds what is sent again against the session. */
function replays(machine: Machine): readonly EventStoreFact[] {
  return eventsOf(machine, 'replay')
    .filter((event) => isReplayForAll(machine, event.context.activation, event))
    .map(({ site, container, handed }) => ({
      created: locate(container?.site ?? site),
      used: locate(site),
      how: handed ? 'handed' : 'by-hand',
      shared: true,
    }))
}
