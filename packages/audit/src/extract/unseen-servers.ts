/** Servers of which we see that they are there, and not what answers: its source is in no file of the tree. */
import type { ServerFacts } from '../facts/facts.ts'
import type { Gap } from '../finding/finding.ts'
import type { Call } from './calls.ts'
import { distinct, eventsOf, locate, siteId } from './collect/collect.ts'
import type { HeapObject } from './heap.ts'
import { LibraryObject } from './heap.ts'
import type { Machine } from './machine.ts'
import type { Mount } from './models/routing.ts'
import { SPEAKS_OF_MCP } from './rpc.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'

/** Remembers where a server is given a handler of which nothing is known. */
export function noteUnseenHandler(
  machine: Machine,
  server: LibraryObject,
  handler: Value | undefined,
  call: Call,
  state: State,
): void {
  if (handler === undefined || !isUnseen(handler)) return
  const { file, start, end } = call.site
  const forMcp = isApp(server) && SPEAKS_OF_MCP.test(file.text.slice(start, Math.min(end, start + MOST_READ)))
  machine.emit('unseen-handler', call.site, state, { server, forMcp })
}

const MOST_READ = 400
const MOST_MOUNTS = 6

function isUnseen({ open, objects, primitives }: Value): boolean {
  return (open || objects.length > 0) && primitives.length === 0 && objects.every(isForeign)
}

function isForeign(item: HeapObject): boolean {
  return item.kind === 'external' || (item instanceof LibraryObject && item.type === 'mcp-host')
}

/**
 * One gap for each, where MCP was found nowhere else: then nobody knows whether it is served there. Middleware and pages
 * that are not seen say nothing against a server whose other routes are.
 */
export function unseenServers(machine: Machine, { endpoints }: ServerFacts): readonly Gap[] {
  if (endpoints.length > 0) return []
  const unseen = eventsOf(machine, 'unseen-handler')
  return distinct(
    unseen.filter(({ server, forMcp }) => forMcp || !isSeenOtherwise(machine, server)),
    ({ site }) => siteId(site),
  ).map(({ site }) => ({
    path: site.path,
    reason: 'What answers here is code whose source is not in this tree: it may serve MCP and keep sessions.',
    location: locate(site),
    total: true,
  }))
}

/** Some handler of it, or of what is mounted on it, is known; a bare server may be given any app, in whatever wrapping. */
function isSeenOtherwise(machine: Machine, server: LibraryObject): boolean {
  return machine.routes.some(({ app, route }) => {
    const last = route.handlers.at(-1)
    return last !== undefined && !isUnseen(last) && (!isApp(server) || isBelow(app, server, 0))
  })
}

function isApp({ type }: LibraryObject): boolean {
  return type.endsWith('-app')
}

function isBelow(app: LibraryObject, server: LibraryObject, depth: number): boolean {
  if (app === server) return true
  const mounts = (app.data['mounts'] ?? []) as Mount[]
  return depth <= MOST_MOUNTS && mounts.some((mount) => isBelow(mount.app, server, depth + 1))
}
