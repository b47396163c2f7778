/** Code we cannot see, told by how it is called: apps that somebody else made, visitors of collections. */
import type { Call } from './calls.ts'
import { parametersOf } from './invoke.ts'
import { runCallbacks } from './opaque.ts'
import type { Node } from './ast.ts'
import type { HeapObject } from './heap.ts'
import { FunctionObject } from './heap.ts'
import type { Flavour, Machine } from './machine.ts'
import { callLibrary } from './models/index.ts'
import { pathOf, registerRoute } from './models/routing.ts'
import { State } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, object, strings } from './value.ts'

const REGISTERS = /^(?:get|post|put|patch|delete|del|all|head|options|use|route)$/
const ANY_VERB = new Set(['all', 'use', 'route'])

/**
 * `app.post('/login', (req, res) => …)` on an app whose making we did not see, `io.route('account', { login(req, res) {} })`:
 * a function of a request and a response, given to what registers handlers, serves requests.
 */
export function registerOnUnseen(machine: Machine, name: string, call: Call, state: State): boolean {
  if (!REGISTERS.test(name) || machine.context.trigger !== 'startup') return false
  const [first, ...rest] = call.args
  if (first === undefined || !isPath(first)) return false
  const handlers = rest.filter((arg) => arg.objects.some(isHandler))
  const grouped = rest.flatMap((arg) => arg.objects).flatMap(handlersIn)
  if (handlers.length === 0 && grouped.length === 0) return false
  const verb = ANY_VERB.has(name) ? '*' : name === 'del' ? 'DELETE' : name.toUpperCase()
  const register = (chain: readonly Value[], layer: boolean): void =>
    registerRoute(
      machine,
      unseenApp(machine, call),
      { verb, path: pathOf(first), handlers: chain, layer, flavour: flavourOfChain(chain) },
      call,
      state,
    )
  if (handlers.length > 0) register(rest, name === 'use')
  for (const handler of grouped) register([object(handler)], false)
  return true
}

/** Text, or what a function that is not in the tree has made of one: `app.post(withBase('/mcp'), …)`. */
function isPath(value: Value): boolean {
  return strings(value).length > 0 || (value.open && value.objects.length === 0)
}

/** A handler of web sessions that no route here leads to: it is put on the app whose making we did not see. */
export function registerLeft(machine: Machine, fn: FunctionObject, path: string): void {
  const { site, env } = fn
  const call: Call = { site, args: [], argSites: [], self: UNDEFINED, env }
  const route = { verb: '*', path, handlers: [object(fn)], layer: false, flavour: 'express' } as const
  if (!machine.leftHandlers.has(fn.node))
    registerRoute(machine, unseenApp(machine, call), route, call, State.beginning())
  machine.leftHandlers.add(fn.node)
}

function flavourOfChain(chain: readonly Value[]): Flavour {
  const flavours = chain.flatMap(({ objects }) =>
    objects.flatMap((item) => (item instanceof FunctionObject ? (flavourOf(item) ?? []) : [])),
  )
  return flavours[0] ?? 'express'
}

function unseenApp(machine: Machine, call: Call): ReturnType<Machine['library']> {
  machine.unseenApp ??= machine.library('express-app', call.site)
  return machine.unseenApp
}

function isHandler(item: HeapObject): item is FunctionObject {
  if (!(item instanceof FunctionObject)) return false
  return flavourOf(item) !== undefined
}

/** Whose handlers look like this one: they are given a request and an answer, or a context of both. */
function flavourOf({ node }: FunctionObject): Flavour | undefined {
  const [first, second] = parametersOf(node)
  if (isNamed(first, /^_?req(?:uest)?$/)) return isNamed(second, /^_?res(?:p|ponse)?$|^reply$/) ? 'express' : undefined
  return isNamed(first, /^c$/) ? 'hono' : isNamed(first, /^ctx$/) ? 'koa' : undefined
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

/** `context.run({ token }, () => …)`, of a storage that another file makes: what runs has what it was given. */
export function runInContext(machine: Machine, call: Call, state: State): Value | undefined {
  const [given, run] = call.args
  const isLater = run?.objects.some((item) => item instanceof FunctionObject && parametersOf(item.node).length === 0)
  if (!isUnknown(call.self) || given === undefined || isLater !== true) return undefined
  return callLibrary(machine, machine.library('async-storage', call.site), 'run', call, state)
}

/** `server.on('upgrade', (request, socket, head) => …)`, on a server that somebody else made. */
export function isForUpgrades({ context }: Machine, { args: [event, listener], self }: Call): boolean {
  return (
    context.trigger === 'startup' && isUnknown(self) && event?.primitives[0] === 'upgrade' && listener !== undefined
  )
}

export function onUnseenServer(machine: Machine, name: string, call: Call, state: State): Value {
  const server = machine.library('http-server', call.site, { tls: false })
  return callLibrary(machine, server, name, call, state) ?? call.self
}

/** Nothing is known of it: it is made in no file of the tree. */
function isUnknown({ objects, tags }: Value): boolean {
  return objects.length === 0 && tags.length === 0
}
