/** Elysia: routes whose handlers get one context, hooks before them, a server of Bun beneath. */
import { noteBeside } from './beside.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { type LibraryObject, isFunction } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, truthiness } from '../value.ts'
import { flat } from './express.ts'
import { noteCookieDefaults, noteCookieSchema } from './elysia-answers.ts'
import { noteStatus, runListenCallback } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { keep, requestPart } from './requests.ts'
import { emitListen, isApp, mountOn, optionOf, pathOf, registerRoute, verbOf, verbs, itself } from './routing.ts'
import { BEARER } from './verifiers.ts'

const create: ExternalHandler = (machine, call, state) => {
  const app = machine.library('elysia-app', call.site, { prefix: pathOf(optionOf(call.args[0], 'prefix')) })
  noteCookieDefaults(machine, app, call, state)
  return object(app)
}

const route: MethodHandler = (machine, target, call, state, name) => {
  const [path, handler = UNKNOWN, hooks] = call.args
  noteCookieSchema(machine, target, hooks, call.site, call.site)
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name),
      path: pathOf(path),
      handlers: [...hooksIn(machine, target, hooks, call), handler],
      layer: false,
      flavour: 'elysia',
    },
    call,
    state,
  )
  return object(target)
}

/** What the options of a route or a guard have run before a handler, those that a macro of the app stands for among it. */
function hooksIn(machine: Machine, target: LibraryObject, options: Value | undefined, call: Call): readonly Value[] {
  const own = [...hooksOf(machine, options, call)]
  for (const [name, macro] of macrosOf(target)) {
    const asked = optionOf(options, name)
    if (asked === undefined || !truthiness(asked).canBeTrue) continue
    const isMade = isFunction(macro)
    const made = isMade
      ? State.beginning().aside((fork) => call_(machine, macro, { ...call, args: [asked] }, fork))
      : macro
    own.unshift(...hooksOf(machine, made, call))
  }
  return own
}

function hooksOf(machine: Machine, options: Value | undefined, call: Call): readonly Value[] {
  const deriving = ['derive', 'resolve'].flatMap((name) => optionOf(options, name) ?? [])
  const before = optionOf(options, 'beforeHandle')
  return [...flat(deriving).map((fn) => derivation(machine, fn, call)), ...(before === undefined ? [] : flat([before]))]
}

/** What it gives is found on the context from then on. */
function derivation(machine: Machine, code: Value, { site }: Call): Value {
  return object(machine.library('hook', site, { code, derives: true }))
}

function macrosOf({ data }: LibraryObject): Map<string, Value> {
  return (data['macros'] ??= new Map()) as Map<string, Value>
}

/** `macro({ signedIn: { resolve } })`, `macro('signedIn', { resolve })` */
const macro: MethodHandler = (_machine, target, call) => {
  const [first = UNKNOWN, second] = call.args
  const name = onlyString(first)
  if (name !== undefined && second !== undefined) macrosOf(target).set(name, second)
  else
    for (const [each, { value }] of first.objects.flatMap(({ properties }) => [...properties]))
      macrosOf(target).set(each, value)
  return object(target)
}

/** Runs before every handler; what it returns is the answer. */
const hook: MethodHandler = (machine, target, call, state, name) => {
  const handlers = call.args.filter(isFunction)
  const added = /^(?:derive|resolve)$/.test(name) ? handlers.map((fn) => derivation(machine, fn, call)) : handlers
  const scope = onlyString(optionOf(call.args[0], 'as') ?? UNKNOWN)
  addLayer(machine, target, { handlers: added, shared: name === 'onRequest' || SHARED.has(scope ?? '') }, call, state)
  return object(target)
}

const SHARED: ReadonlySet<string> = new Set(['scoped', 'global'])

interface Layer {
  readonly handlers: readonly Value[]
  /** It holds for the apps that use this one as well. */
  readonly shared: boolean
}

function addLayer(machine: Machine, target: LibraryObject, layer: Layer, call: Call, state: State): void {
  const known = layersOf(target)
  // Apps that use each other have each layer once.
  if (layer.handlers.length === 0 || known.some(({ handlers }) => handlers === layer.handlers)) return
  known.push(layer)
  const { handlers } = layer
  registerRoute(machine, target, { verb: '*', path: '*', handlers, layer: true, flavour: 'elysia' }, call, state)
}

function layersOf({ data }: LibraryObject): Layer[] {
  return (data['layers'] ??= []) as Layer[]
}

/** `as('scoped')`: all of it holds for the app that uses this one. */
const share: MethodHandler = (_machine, target) => {
  target.data['layers'] = layersOf(target).map((layer) => ({ ...layer, shared: true }))
  return object(target)
}

/** `decorate('sessions', sessions)`, `state('sessions', sessions)` */
const decorate: MethodHandler = (machine, target, call, state) => {
  const [first = UNKNOWN, second] = call.args
  const name = onlyString(first)
  const code = machine.allocate('object', call.site)
  if (name !== undefined && second !== undefined) code.property(name).write(second)
  else
    for (const [each, { value }] of first.objects.flatMap(({ properties }) => [...properties]))
      code.property(each).write(value)
  const added = machine.library('hook', call.site, { code: UNDEFINED, adds: object(code) })
  addLayer(machine, target, { handlers: [object(added)], shared: true }, call, state)
  return object(target)
}

/** Runs after every handler, or where one has failed. */
const later: MethodHandler = (machine, target, call) => {
  noteBeside(machine, call.args.at(-1), ['elysia-context'])
  return object(target)
}

/** Another app, or a function that adds to this one. */
const use: MethodHandler = (machine, target, call, state) => {
  for (const arg of call.args) {
    const child = isApp(arg)
    if (child !== undefined && child !== target) {
      mountOn(machine, target, child, '/', [], state)
      for (const layer of layersOf(child)) if (layer.shared) addLayer(machine, target, layer, call, state)
      for (const [name, hooks] of macrosOf(child)) macrosOf(target).set(name, hooks)
    }
    if (isFunction(arg)) addTo(machine, target, { ...call, args: [arg] }, state, 'guard')
  }
  return object(target)
}

/** `group(prefix, add)`, `guard(hooks, add)`: what `add` puts on the app it is given. */
const addTo: MethodHandler = (machine, target, call, state) => {
  const add = call.args.findLast(isFunction)
  if (add === undefined) {
    noteCookieSchema(machine, target, call.args[0], call.site)
    addLayer(machine, target, { handlers: hooksIn(machine, target, call.args[0], call), shared: false }, call, state)
    return object(target)
  }
  const inner = machine.library('elysia-app', call.site, { macros: macrosOf(target) })
  mountOn(machine, target, inner, call.args.length > 1 ? pathOf(call.args[0]) : '/', [], state)
  for (const options of call.args) noteCookieSchema(machine, inner, options, call.site)
  for (const options of call.args)
    addLayer(machine, inner, { handlers: hooksIn(machine, target, options, call), shared: false }, call, state)
  state.aside((fork) => call_(machine, add, { ...call, args: [object(inner)] }, fork))
  return object(target)
}

/** A handler of the fetch kind under a path. */
const mount: MethodHandler = (machine, target, call, state) => {
  const handlers = call.args.slice(-1)
  const path = call.args.length > 1 ? pathOf(call.args[0]) : '*'
  registerRoute(machine, target, { verb: '*', path, handlers, layer: false, flavour: 'fetch' }, call, state)
  return object(target)
}

const listen: MethodHandler = (machine, target, call, state) => {
  const tls = optionOf(call.args[0], 'tls') !== undefined
  emitListen(machine, call, state, { tls, defaultHost: '0.0.0.0', what: 'app.listen', app: target })
  runListenCallback(machine, call, state)
  return object(target)
}

const answer: MethodHandler = (machine, _target, call, state) => {
  noteStatus(state, call.args[0])
  return object(machine.library('fetch-response', call.site))
}

function partOf(machine: Machine, target: LibraryObject, name: string | undefined, site: LibraryObject['site']) {
  if (name === 'request') return keep(target, name, () => machine.library('fetch-request', site))
  if (name === 'cookie')
    return keep(target, name, () => machine.library('elysia-cookies', site, { ...target.data, route: target.site }))
  if (name === 'set') return keep(target, name, () => machine.library('elysia-set', site))
  // Of @elysiajs/bearer.
  if (name === 'bearer') return BEARER.with({ primitives: [undefined] })
  if (name === 'status' || name === 'error' || name === 'redirect')
    return keep(target, name, () => machine.library('elysia-answer', site))
  return undefined
}

export const elysia: Model = {
  constructors: { 'elysia#Elysia': create, elysia: create },
  methods: {
    'elysia-app': {
      ...verbs(route),
      route: (machine, target, call, state) => {
        const verb = onlyString(call.args[0] ?? UNKNOWN)?.toLowerCase() ?? 'all'
        return route(machine, target, { ...call, args: call.args.slice(1) }, state, verb)
      },
      onRequest: hook,
      onBeforeHandle: hook,
      onAfterHandle: later,
      onAfterResponse: later,
      onError: later,
      onTransform: hook,
      derive: hook,
      resolve: hook,
      macro,
      decorate,
      as: share,
      use,
      group: addTo,
      guard: addTo,
      mount,
      listen,
      '*': itself,
    },
    'elysia-answer': { '()': answer, '*': () => UNKNOWN },
  },
  properties: {
    'elysia-app': (machine, target, name, _key, site) =>
      name === 'server' ? keep(target, name, () => machine.library('http-server', site)) : UNKNOWN,
    'elysia-context': (machine, target, name, key, site) =>
      partOf(machine, target, name, site) ?? requestPart(machine, name, key, site) ?? UNKNOWN,
  },
}
