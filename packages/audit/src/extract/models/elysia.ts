/** Elysia: routes whose handlers get one context, hooks before them, a server of Bun beneath. */
import { noteBeside } from './beside.ts'
import { call_ } from '../calls.ts'
import { FunctionObject, type LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { UNKNOWN, object, onlyString } from '../value.ts'
import { noteStatus, runListenCallback } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, keep, requestPart } from './requests.ts'
import { emitListen, isApp, mountOn, optionOf, pathOf, registerRoute, verbOf, verbs } from './routing.ts'
import { BEARER } from './verifiers.ts'

const create: ExternalHandler = (machine, call) =>
  object(machine.library('elysia-app', call.site, { prefix: pathOf(optionOf(call.args[0], 'prefix')) }))

const route: MethodHandler = (machine, target, call, state, name) => {
  const [path, handler = UNKNOWN, hooks] = call.args
  const before = optionOf(hooks, 'beforeHandle')
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name),
      path: pathOf(path),
      handlers: before === undefined ? [handler] : [before, handler],
      layer: false,
      flavour: 'elysia',
    },
    call,
    state,
  )
  return object(target)
}

/** Runs before every handler; what it returns is the answer. */
const hook: MethodHandler = (machine, target, call, state) => {
  const handlers = call.args.filter((arg) => arg.objects.some((item) => item instanceof FunctionObject))
  if (handlers.length > 0)
    registerRoute(machine, target, { verb: '*', path: '*', handlers, layer: true, flavour: 'elysia' }, call, state)
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
    if (child !== undefined && child !== target) mountOn(machine, target, child, '/', [], state)
    if (arg.objects.some((item) => item instanceof FunctionObject))
      addTo(machine, target, { ...call, args: [arg] }, state, 'guard')
  }
  return object(target)
}

/** `group(prefix, add)`, `guard(hooks, add)`: what `add` puts on the app it is given. */
const addTo: MethodHandler = (machine, target, call, state) => {
  const add = call.args.findLast((arg) => arg.objects.some((item) => item instanceof FunctionObject))
  if (add === undefined) return object(target)
  const inner = machine.library('elysia-app', call.site)
  mountOn(machine, target, inner, call.args.length > 1 ? pathOf(call.args[0]) : '/', [], state)
  const before = optionOf(call.args[0], 'beforeHandle')
  if (before !== undefined) hook(machine, inner, { ...call, args: [before] }, state, 'onBeforeHandle')
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

const self: MethodHandler = (_machine, target) => object(target)

const answer: MethodHandler = (machine, _target, call, state) => {
  noteStatus(state, call.args[0])
  return object(machine.library('fetch-response', call.site))
}

function partOf(machine: Machine, target: LibraryObject, name: string | undefined, site: LibraryObject['site']) {
  if (name === 'request') return keep(target, name, () => machine.library('fetch-request', site))
  if (name === 'cookie') return bag(machine, 'cookie', site)
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
      use,
      group: addTo,
      guard: addTo,
      mount,
      listen,
      '*': self,
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
