/** Code we cannot see, told by how it is called: apps that somebody else made, visitors of collections. */
import type { Call } from './calls.ts'
import { parametersOf, runCallbacks } from './calls.ts'
import type { Node } from './ast.ts'
import type { HeapObject } from './heap.ts'
import { FunctionObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { pathOf, registerRoute } from './models/routing.ts'
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { object, strings } from './value.ts'

const REGISTERS = /^(?:get|post|put|patch|delete|del|all|head|options|use|route)$/
const ANY_VERB = new Set(['all', 'use', 'route'])

/**
 * `app.post('/login', (req, res) => …)` on an app whose making we did not see, `io.route('account', { login(req, res) {} })`:
 * a function of a request and a response, given to what registers handlers, serves requests.
 */
export function registerOnUnseen(machine: Machine, name: string, call: Call, state: State): boolean {
  if (!REGISTERS.test(name) || machine.context.trigger !== 'startup') return false
  const [first, ...rest] = call.args
  if (first === undefined || strings(first).length === 0) return false
  const handlers = rest.filter((arg) => arg.objects.some(isHandler))
  const grouped = rest.flatMap((arg) => arg.objects).flatMap(handlersIn)
  if (handlers.length === 0 && grouped.length === 0) return false
  const verb = ANY_VERB.has(name) ? '*' : name === 'del' ? 'DELETE' : name.toUpperCase()
  const register = (chain: readonly Value[], layer: boolean): void =>
    registerRoute(
      machine,
      unseenApp(machine, call),
      { verb, path: pathOf(first), handlers: chain, layer, flavour: 'express' },
      call,
      state,
    )
  if (handlers.length > 0) register(rest, name === 'use')
  for (const handler of grouped) register([object(handler)], false)
  return true
}

function unseenApp(machine: Machine, call: Call): ReturnType<Machine['library']> {
  machine.unseenApp ??= machine.library('express-app', call.site)
  return machine.unseenApp
}

function isHandler(item: HeapObject): item is FunctionObject {
  if (!(item instanceof FunctionObject)) return false
  const [request, response] = parametersOf(item.node)
  return isNamed(request, /^_?req(?:uest)?$/) && isNamed(response, /^_?res(?:p|ponse)?$|^reply$/)
}

function isNamed(param: Node | undefined, name: RegExp): boolean {
  return param?.type === 'Identifier' && name.test(String(param['name']))
}

function handlersIn(item: HeapObject): readonly FunctionObject[] {
  if (item.kind !== 'object') return []
  return [...item.properties.values()].flatMap((cell) => cell.value.objects.filter(isHandler))
}

const VISITS =
  /^(?:each|forEach|eachSeries|forEachSeries|eachOf|map|mapSeries|mapValues|forOwn|forIn|filter|some|every|find)$/
const MOST_VISITED = 40

/** `_.each(list, fn)`: the callback gets what is in the list, one after the other. */
export function visitUnseen(machine: Machine, name: string | undefined, call: Call, state: State): boolean {
  if (name === undefined || !VISITS.test(name)) return false
  const collections = call.args[0]?.objects.filter(({ kind }) => kind === 'object' || kind === 'array') ?? []
  const items = collections.flatMap((item) => [...item.properties.values()].map((cell) => state.read(cell)))
  if (items.length === 0) return false
  for (const item of items.slice(0, MOST_VISITED))
    runCallbacks(machine, { ...call, args: call.args.slice(1) }, state, item)
  return true
}
