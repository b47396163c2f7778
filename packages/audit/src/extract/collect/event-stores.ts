/** Stores of events, and whether sessions have their own. */
import type { EventStoreFact } from '../../facts/facts.ts'
import type { Machine } from '../machine.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectEventStores(machine: Machine): readonly EventStoreFact[] {
  const facts = eventsOf(machine, 'event-store').flatMap((event) =>
    event.value.objects
      .filter((item) => item.kind === 'instance' || item.kind === 'object' || item.kind === 'library')
      .map((item): EventStoreFact => ({
        created: locate(item.site),
        used: locate(event.site),
        shared: item.born === 0 && event.context.activation !== 0,
      })),
  )
  return distinct(facts, ({ created, used }) => `${created.path}:${created.startLine}:${used.path}:${used.startLine}`)
}
