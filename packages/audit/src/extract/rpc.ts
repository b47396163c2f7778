/** MCP that is answered by hand: the `method` of a message in the body is told apart. */
import type { Node } from './ast.ts'
import { staticKey } from './ast.ts'
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

/** `child.stdin.write(JSON.stringify(req.body) + '\n')`: a program that speaks MCP over stdio is served to whoever asks. */
export function noteHandedToProgram(
  machine: Machine,
  callee: Node,
  given: readonly Value[],
  site: Site,
  state: State,
): void {
  const { trigger, route } = machine.context
  if (trigger !== 'request' || staticKey(callee) !== 'write') return
  const stream = callee['object'] as Node
  if (stream.type !== 'MemberExpression' || staticKey(stream) !== 'stdin') return
  if (!given.some((value) => hasTag(value, 'body'))) return
  if ([site, route?.site].some((place) => place !== undefined && SPEAKS_OF_MCP.test(place.file.text)))
    machine.emit('rpc', site, state, {})
}

/** `mcp`, `mcpServer`, `runMcp`, and no longer word that has these letters in it. */
export const SPEAKS_OF_MCP = /(?:^|[^a-z])mcp(?![a-z])|M(?:CP|cp)(?![a-z])/
