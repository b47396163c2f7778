/** How frameworks register handlers, listeners and middleware; `routes.ts` runs what is registered here. */
import type { Call } from '../calls.ts'
import type { HeapObject, LibraryObject, Site } from '../heap.ts'
import { FunctionObject, LibraryObject as Library, isWithin, isFunction } from '../heap.ts'
import type { Flavour, Machine } from '../machine.ts'
import type { Facts, State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, strings, truthiness } from '../value.ts'
import { noteUnseenHandler } from '../unseen-servers.ts'
import type { MethodHandler } from './model.ts'

/** Methods by which apps register handlers, named after the verbs that these answer. */
const VERBS = ['get', 'post', 'put', 'patch', 'delete', 'options', 'head', 'all'] as const

export function verbs(handler: MethodHandler): Readonly<Record<string, MethodHandler>> {
  return Object.fromEntries(VERBS.map((verb) => [verb, handler]))
}

export function verbOf(method: string): string {
  return method === 'all' ? '*' : method.toUpperCase()
}

export interface Mount {
  readonly app: LibraryObject
  readonly path: string
  readonly order: number
  readonly before: readonly Value[]
  /** Which settings are on where it is mounted. */
  readonly facts: Facts
}

export interface Registration {
  readonly verb: string
  readonly path: string
  readonly handlers: readonly Value[]
  readonly layer: boolean
  readonly flavour: Flavour
}

export function registerRoute(
  machine: Machine,
  app: LibraryObject,
  given: Registration,
  call: Call,
  state: State,
): void {
  if (machine.routes.length > 5_000) return
  machine.order += 1
  const route = { ...given, site: call.site, facts: settingsOnly(state.facts), order: machine.order }
  machine.routes.push({ app, route })
  machine.news += 1
  if (route.layer) machine.layers.set(app, [...(machine.layers.get(app) ?? []), route])
  machine.emit('route', call.site, state, { route: { site: call.site, verb: given.verb, path: given.path } })
  noteUnseenHandler(machine, app, given.handlers.at(-1), call, state)
}

/** What start-up code learned on its way is not known of any request, save which settings are on. */
function settingsOnly(facts: Facts): Facts {
  return { must: new Set([...facts.must].filter((fact) => fact.startsWith('optional:'))), may: new Set() }
}

/** The parent's middleware so far applies to everything mounted. */
export function mountOn(
  machine: Machine,
  app: LibraryObject,
  child: LibraryObject,
  path: string,
  before: readonly Value[],
  state: State,
): void {
  machine.order += 1
  const mounts = (child.data['mounts'] ??= []) as Mount[]
  mounts.push({ app, path, order: machine.order, before, facts: settingsOnly(state.facts) })
}

export function pathOf(value: Value | undefined): string {
  if (value === undefined) return '*'
  return onlyString(value) ?? strings(value)[0] ?? '*'
}

/** `use('/mcp', handler)`: whether a path comes first. Alone, what is not known is a handler: a path would do nothing there. */
export function isPathBefore(args: readonly Value[]): boolean {
  const [first] = args
  if (first === undefined || isHandler(first)) return false
  return strings(first).length > 0 || (args.length > 1 && first.open && first.objects.length === 0)
}

export function isApp(value: Value): LibraryObject | undefined {
  return value.objects.find((item): item is LibraryObject => item instanceof Library && item.type.endsWith('-app'))
}

/** What a value is of this type of library object, or undefined where it is none. */
export function libraryIn(value: Value | undefined, type: string): LibraryObject | undefined {
  return value?.objects.find((item): item is LibraryObject => item instanceof Library && item.type === type)
}

export function isHandler(value: Value): boolean {
  return value.objects.some((item) => item instanceof FunctionObject || item instanceof Library)
}

/** A method that gives back what it is called on. */
export const itself: MethodHandler = (_machine, target) => object(target)

/** `app.route('/notes', child)`: all of another app, below a path. */
export const mountChild: MethodHandler = (machine, target, call, state) => {
  const child = isApp(call.args[1] ?? UNKNOWN)
  if (child !== undefined) mountOn(machine, target, child, pathOf(call.args[0]), [], state)
  return object(target)
}

/** `listen(port, host?)` and `listen({ port, host })`. */
export function emitListen(
  machine: Machine,
  call: Call,
  state: State,
  options: { tls: boolean; defaultHost: string; what: string; app?: Library },
): void {
  const [first, second] = call.args
  const record = first?.objects.find((item) => item.kind === 'object')
  const named = record?.properties.get('host') ?? record?.properties.get('hostname')
  let host: Value | undefined
  if (record !== undefined) host = named === undefined ? undefined : state.read(named)
  else if (second !== undefined && !isFunction(second))
    host = second.objects.length > 0 ? second.with({ open: true }) : second
  if (first !== undefined && strings(first).some((text) => text.includes('/'))) return
  if (record?.properties.has('path') === true && !record.properties.has('port')) return
  machine.emit('listen', call.site, state, { host: host ?? UNDEFINED, ...options, app: options.app?.site })
}

/** The value of an option in a call's options object, or undefined when it is not written. */
export function optionOf(options: Value | undefined, name: string): Value | undefined {
  for (const target of options?.objects ?? []) {
    const cell = target.properties.get(name)
    if (cell !== undefined) return cell.value
  }
  return undefined
}

/** Where the options that set it begin. */
export function optionsAt(options: Value | undefined, name: string): Site | undefined {
  const at = options?.objects.find((target) => target.properties.has(name))?.site
  return at === undefined ? undefined : openingOf(at)
}

/** The same, if they are written elsewhere than in the call that is given them. */
export function writtenAt(options: Value | undefined, name: string, call: Site): Site | undefined {
  const at = optionsAt(options, name)
  return at === undefined || isWithin(at, call) ? undefined : at
}

/** The same of an object that sets whatever it sets. */
export function objectWrittenAt({ objects: [target] }: Value, call: Site): Site | undefined {
  return target?.kind !== 'object' || isWithin(target.site, call) ? undefined : openingOf(target.site)
}

/** The brace alone: a whole object is more than a reader is shown of one step. */
function openingOf(site: Site): Site {
  return { ...site, end: Math.min(site.end, site.start + 1) }
}

/** Whether a call's options set it to true. */
export function isOn(options: Value | undefined, name: string): boolean {
  return optionOf(options, name)?.primitives.includes(true) === true
}

/** The texts in a list that options give. */
export function textsIn(list: HeapObject): readonly string[] {
  return [...list.properties.values()].flatMap(({ value }) => strings(value))
}

export function isCertainlyOn(value: Value | undefined): boolean {
  return value !== undefined && !truthiness(value).canBeFalse
}
