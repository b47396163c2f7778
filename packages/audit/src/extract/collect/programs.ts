/** Several programs may share a tree, such as a folder of examples: what is said of one is not said of the next. */
import type { Callers } from '../../facts/request-state.ts'
import type { Event } from '../events.ts'
import { importsOf } from '../imports.ts'
import type { Machine } from '../machine.ts'
import { stdioSites } from '../models/request-state.ts'
import type { Site } from '../heap.ts'

/** Whom the requests of a program can be told apart by, and how they come in. */
export interface Surroundings {
  readonly callers: Callers
  readonly contains: (path: string) => boolean
}

const OVER_HTTP: ReadonlySet<Event['kind']> = new Set(['listen', 'route', 'served', 'endpoint', 'transport'])

/** The program that a place belongs to. Where no way in is part of it, it is taken for the whole tree. */
export function surroundingsOf(machine: Machine, place: Site): Surroundings {
  const files = filesAround(machine, place.path)
  const isNear = (site: Site): boolean => files.has(site.path)
  const isEntered = machine.events.some(({ kind, site }) => OVER_HTTP.has(kind) && isNear(site))
  const pipes = stdioSites(machine)
  if (!isEntered && pipes.some(isNear)) return { callers: 'one', contains: (path) => files.has(path) }
  const near = isEntered ? machine.events.filter(({ site }) => isNear(site)) : machine.events
  const isAnywhere = isEntered || machine.events.some(({ kind }) => OVER_HTTP.has(kind)) || pipes.length === 0
  return {
    callers: isAnywhere ? callersIn(near) : 'one',
    contains: isEntered ? (path) => files.has(path) : () => true,
  }
}

function callersIn(events: readonly Event[]): Callers {
  const requests = events.filter(({ context }) => context.trigger === 'request')
  const isPersonal = requests.some(({ facts }) => facts.must.has('auth:verified') || facts.may.has('maybe-verified'))
  if (isPersonal || events.some(({ kind }) => kind === 'caller-read')) return 'people'
  return requests.some(({ facts }) => facts.must.has('auth') || facts.may.has('maybe-auth')) ? 'one-key' : 'nobody'
}

const graphs = new WeakMap<Machine, Imports>()

interface Imports {
  readonly from: ReadonlyMap<string, readonly string[]>
  readonly to: ReadonlyMap<string, readonly string[]>
}

/** What imports a file, directly or not, and all that these import. */
function filesAround(machine: Machine, path: string): ReadonlySet<string> {
  const graph = graphs.get(machine) ?? importsIn(machine)
  graphs.set(machine, graph)
  return reached(reached(new Set([path]), graph.to), graph.from)
}

function importsIn(machine: Machine): Imports {
  const from = new Map<string, readonly string[]>()
  const to = new Map<string, string[]>()
  for (const { file } of machine.modules.values()) {
    const targets = [...importsOf(file, machine.resolve)]
    from.set(file.path, targets)
    for (const target of targets) to.set(target, [...(to.get(target) ?? []), file.path])
  }
  return { from, to }
}

function reached(start: ReadonlySet<string>, next: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set(start)
  const pending = [...start]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const target of next.get(path) ?? []) {
      if (found.has(target)) continue
      found.add(target)
      pending.push(target)
    }
  }
  return found
}
