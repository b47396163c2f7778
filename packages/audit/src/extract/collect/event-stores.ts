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
        shared: item.born === 0 && event.context.activation !== 0,
        ...replayedBy(machine, item),
      })),
  )
  return distinct(
    [...facts, ...replays(machine)],
    ({ created, used }) => `${created.path}:${created.startLine}:${used.path}:${used.startLine}`,
  )
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
    .filter(({ context, container }) => isReplayForAll(machine, context.activation, container))
    .map(({ site, container, handed }) => ({
      created: locate(container?.site ?? site),
      used: locate(site),
      how: handed ? 'handed' : 'by-hand',
      shared: true,
    }))
}
