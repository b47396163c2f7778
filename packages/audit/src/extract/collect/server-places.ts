/** One server that sessions share is told of once, with every place that connects it. */
import type { SharedServerFact } from '../../facts/facts.ts'
import type { Location } from '../../finding/finding.ts'
import type { HeapObject } from '../heap.ts'

/** A server connected to another session at one place. */
export interface ServerUse {
  readonly server: HeapObject
  readonly fact: SharedServerFact
}

interface Group {
  readonly servers: Set<HeapObject>
  readonly fact: SharedServerFact
  readonly places: Location[]
}

/**
 * Uses of the same object belong together, wherever they are. Of objects that one factory makes, those that are connected in
 * different files are different servers, made by different callers: each is mended by itself.
 */
export function byServer(uses: readonly ServerUse[]): readonly SharedServerFact[] {
  const groups: Group[] = []
  for (const { server, fact } of uses) {
    const group = groups.find((known) => isSame(known, server, fact))
    if (group === undefined) groups.push({ servers: new Set([server]), fact, places: [fact.used] })
    else {
      group.servers.add(server)
      if (!group.places.some((place) => isAt(place, fact.used))) group.places.push(fact.used)
    }
  }
  return groups.map(({ fact, places: [, ...others] }) => (others.length === 0 ? fact : { ...fact, alsoUsed: others }))
}

function isSame({ servers, fact, places }: Group, server: HeapObject, { created, used }: SharedServerFact): boolean {
  if (!isAt(fact.created, created)) return false
  return servers.has(server) || places.some(({ path }) => path === used.path)
}

function isAt(one: Location, other: Location): boolean {
  return one.path === other.path && one.startLine === other.startLine
}
