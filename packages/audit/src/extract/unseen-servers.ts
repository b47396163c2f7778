/** Servers of which we see that they are there, and not what answers: its source is in no file of the tree. */
import type { ServerFacts } from '../facts/facts.ts'
import type { Gap } from '../finding/finding.ts'
import type { Call } from './calls.ts'
import { distinct, eventsOf, locate, siteId } from './collect/collect.ts'
import type { RouteFact } from './events.ts'
import type { HeapObject, Site } from './heap.ts'
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

/** The handler of a route of MCP is in a file that is not in this part of a tree: it is served there, by whatever way. */
export function noteAbsentHandler(machine: Machine, handler: Value, route: RouteFact, state: State): void {
  if (!machine.lacksFiles || !isUnseen(handler) || handler.objects.length > 0 || !SPEAKS_OF_MCP.test(route.path)) return
  emitAbsent(machine, route.site, state)
}

/** `handleMcp(req, res)`: the same, from a handler that tells paths apart. */
export function noteHandedToAbsent(machine: Machine, name: string | undefined, call: Call, state: State): void {
  if (!machine.lacksFiles || machine.context.trigger !== 'request') return
  const types = new Set(call.args.flatMap(({ objects }) => objects.map((item) => (item as { type?: unknown }).type)))
  if (!types.has('request') || !types.has('response')) return
  const isOfPath = [...state.facts.must].some((fact) => fact.startsWith('path:') && SPEAKS_OF_MCP.test(fact))
  if (isOfPath || (name !== undefined && SPEAKS_OF_MCP.test(name))) emitAbsent(machine, call.site, state)
}

function emitAbsent(machine: Machine, site: Site, state: State): void {
  const { path, startLine } = locate(site)
  machine.absentHandlers.add(`${path}:${startLine}`)
  const fork = state.fork()
  fork.note('opaque-middleware')
  machine.emit('endpoint', site, fork, { check: 'never' })
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
  if (endpoints.some(({ at }) => !machine.absentHandlers.has(`${at.path}:${at.startLine}`))) return []
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
