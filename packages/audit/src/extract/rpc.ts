/** MCP that is answered by hand: the `method` of a message in the body is told apart. */
import type { Site } from './heap.ts'
import type { Machine } from './machine.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { hasTag, onlyString } from './value.ts'

const METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'tools/list',
  'tools/call',
  'resources/read',
  'prompts/get',
])

/** `handlers[message.method]`: a table of what answers which method. */
export function noteTable(machine: Machine, names: Iterable<unknown>, key: Value, site: Site, state: State): void {
  if (!hasTag(key, 'body')) return
  for (const name of names) if (METHODS.has(String(name))) return machine.emit('rpc', site, state, {})
}

/** `message.method === 'tools/call'`, or a case of a switch over it. */
export function noteMethod(machine: Machine, a: Value, b: Value, site: Site, state: State): void {
  const [name, message] = METHODS.has(onlyString(b) ?? '') ? [b, a] : [a, b]
  if (METHODS.has(onlyString(name) ?? '') && hasTag(message, 'body')) machine.emit('rpc', site, state, {})
}

/** `/mcp/tools/call`: a route for each method. What answers it, and refuses nothing, is MCP. */
export function noteRoute(machine: Machine, site: Site, state: State): void {
  const { trigger, route } = machine.context
  if (trigger !== 'request' || route === undefined || state.facts.may.has('denied')) return
  const method = route.path.split('/').slice(-2).join('/')
  if (METHODS.has(method)) machine.emit('rpc', site, state, {})
}
