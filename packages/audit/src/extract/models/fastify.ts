/** Fastify: routes, hooks and plugins, each within its own context. */
import { noteBeside } from './beside.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { ExternalObject, LibraryObject } from '../heap.ts'
import { mayLack } from '../literals.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { tokensOfFastify } from './fastify-jwt.ts'
import { loggerOf, noteLogger, noteSerializer } from './request-logs.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, truthiness } from '../value.ts'
import { flat } from './express.ts'
import { noteFastifyCookies, runListenCallback } from './http.ts'
import { registerMcpPlugin } from './mcp-plugins.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { guardedApp } from './origin.ts'
import { keep, noteCallerRead, requestPart } from './requests.ts'
import {
  emitListen,
  isCertainlyOn,
  mountOn,
  optionOf,
  pathOf,
  registerRoute,
  verbOf,
  verbs,
  itself,
} from './routing.ts'
import { beside } from './frameworks.ts'

const fastifyRoute: MethodHandler = (machine, target, call, state, name) => {
  const [path, ...rest] = call.args
  const options = rest.length > 1 ? rest[0] : undefined
  const handler = rest.at(-1) ?? UNDEFINED
  const isOptionsOnly = optionOf(handler, 'handler') !== undefined
  const last = isOptionsOnly ? optionOf(handler, 'handler')! : handler
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name),
      path: pathOf(path),
      handlers: [...hooksOf(options ?? handler), last],
      layer: false,
      flavour: isSocketRoute(options ?? handler) ? 'fastify-socket' : 'fastify',
    },
    call,
    state,
  )
  return object(target)
}

/** `{ websocket: true }` of @fastify/websocket: hooks see a request, the handler a connection. */
function isSocketRoute(options: Value | undefined): boolean {
  return isCertainlyOn(optionOf(options, 'websocket'))
}

function hooksOf(options: Value | undefined): readonly Value[] {
  const names = ['onRequest', 'preParsing', 'preValidation', 'preHandler']
  return flat(names.flatMap((name) => optionOf(options, name) ?? []))
}

const fastifyFullRoute: MethodHandler = (machine, target, call, state) => {
  const [options] = call.args
  const method = optionOf(options, 'method')
  const names =
    method?.objects.flatMap((item) => [...item.properties.values()].map((cell) => onlyString(cell.value) ?? '*')) ?? []
  const single = method === undefined ? '*' : (onlyString(method) ?? '*')
  const path = pathOf(optionOf(options, 'url'))
  const register = (verb: string, last: Value, flavour: 'fastify' | 'fastify-socket'): void => {
    const handlers = [...hooksOf(options), last]
    registerRoute(machine, target, { verb, path, handlers, layer: false, flavour }, call, state)
  }
  const socketHandler = optionOf(options, 'wsHandler')
  if (socketHandler !== undefined) register('GET', socketHandler, 'fastify-socket')
  const flavour = isSocketRoute(options) ? 'fastify-socket' : 'fastify'
  for (const verb of names.length > 0 ? names : [single])
    register(verb, optionOf(options, 'handler') ?? UNKNOWN, flavour)
  return object(target)
}

const REQUEST_HOOKS = new Set(['onRequest', 'preParsing', 'preValidation', 'preHandler'])

const fastifyHook: MethodHandler = (machine, target, call, state) => {
  const name = onlyString(call.args[0] ?? UNKNOWN) ?? ''
  if (REQUEST_HOOKS.has(name)) {
    registerRoute(
      machine,
      target,
      { verb: '*', path: '*', handlers: call.args.slice(1), layer: true, flavour: 'fastify' },
      call,
      state,
    )
  } else if (LATER_HOOKS.has(name))
    noteBeside(machine, call.args[1], ['fastify-request', 'response', 'unknown', 'unknown'])
  else machine.defer(call.args[1] ?? UNDEFINED, [], state, machine.triggered('shutdown'))
  return object(target)
}

const LATER_HOOKS = new Set(['preSerialization', 'onError', 'onSend', 'onResponse', 'onTimeout', 'onRequestAbort'])

const fastifyRegister: MethodHandler = (machine, target, call, state) => {
  const [plugin = UNDEFINED, options = UNDEFINED] = call.args
  // What packages publish is meant for the app that it is registered with.
  if (plugin.objects.some((item) => item instanceof ExternalObject && item.path.startsWith('@fastify/cookie')))
    noteFastifyCookies(machine, target, options, call.site, state)
  registerMcpPlugin(machine, target, plugin, options, call, state)
  const isOpen = plugin.objects.some((item) => machine.openPlugins.has(item) || item instanceof ExternalObject)
  const context = isOpen ? target : innerContext(machine, target, options, call, state)
  const made = state.aside((fork) =>
    call_(machine, plugin, { ...call, args: [object(context), options, UNKNOWN] }, fork),
  )
  const handlers = checksIn(made)
  if (handlers.length > 0)
    registerRoute(machine, target, { verb: '*', path: '*', handlers, layer: true, flavour: 'fastify' }, call, state)
  return object(target)
}

/** What a library stands before all routes, where that refuses anything. */
function checksIn(made: Value): readonly Value[] {
  return made.objects
    .filter((item) => item instanceof LibraryObject && item.type === 'middleware' && listsFacts(item))
    .map((item) => object(item))
}

function listsFacts({ data }: LibraryObject): boolean {
  return (Array.isArray(data['facts']) && data['facts'].length > 0) || data['run'] !== undefined
}

/** What a plugin adds stays within it; what its parent has it has as well. */
function innerContext(
  machine: Machine,
  parent: LibraryObject,
  options: Value,
  call: Call,
  state: State,
): LibraryObject {
  const inner = machine.library('fastify-app', call.site, { tls: parent.data['tls'] })
  for (const [name, cell] of parent.properties) inner.define(name, cell)
  mountOn(machine, parent, inner, pathOf(optionOf(options, 'prefix')), [], state)
  return inner
}

/** `fastify-plugin` breaks that encapsulation. */
const openPlugin: ExternalHandler = (machine, call) => {
  const [plugin = UNKNOWN] = call.args
  for (const target of plugin.objects) machine.openPlugins.add(target)
  return plugin
}

const fastifyListen: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, {
    tls: target.data['tls'] === true,
    defaultHost: 'localhost',
    what: 'fastify.listen',
    app: target,
  })
  runListenCallback(machine, call, state)
  return UNKNOWN
}

/** What only sets the app up, and gives it back. */
const FASTIFY_SETTINGS = [
  'addConstraintStrategy',
  'addContentTypeParser',
  'addHttpMethod',
  'addSchema',
  'after',
  'decorateReply',
  'decorateRequest',
  'ready',
  'removeAllContentTypeParsers',
  'removeContentTypeParser',
  'setGenReqId',
  'setReplySerializer',
  'setSchemaController',
  'setSchemaErrorFormatter',
  'setSerializerCompiler',
  'setValidatorCompiler',
  'withTypeProvider',
]

/** By every way that the options are put together. */
function isEncrypted(options: Value | undefined): boolean {
  const https = optionOf(options, 'https')
  if (https === undefined || options!.objects.some((item) => mayLack(item, 'https'))) return false
  return https.objects.length === 0 || !truthiness(https).canBeFalse
}

const createFastify: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  noteSerializer(
    machine,
    optionOf(options, 'logger'),
    object(machine.library('fastify-request', call.site)),
    call,
    state,
  )
  noteLogger(machine, options, call)
  return object(machine.library('fastify-app', call.site, { tls: isEncrypted(options) }))
}

export const fastify: Model = {
  calls: {
    'fastify-plugin': openPlugin,
    'fastify-plugin#default': openPlugin,
    'fastify-plugin#fastifyPlugin': openPlugin,
    fastify: createFastify,
    'fastify#fastify': createFastify,
    'fastify#default': createFastify,
    'sdk#createMcpFastifyApp': guardedApp('fastify-app', 'fastify'),
  },
  methods: {
    'fastify-app': {
      ...verbs(fastifyRoute),
      route: fastifyFullRoute,
      addHook: fastifyHook,
      register: fastifyRegister,
      listen: fastifyListen,
      ...Object.fromEntries(FASTIFY_SETTINGS.map((name) => [name, itself])),
      setErrorHandler: beside('error', 'fastify-request', 'response'),
      setNotFoundHandler: beside('fastify-request', 'response'),
      decorate: (_machine, target, call, state) => {
        const name = onlyString(call.args[0] ?? UNKNOWN)
        if (name !== undefined) state.write(target.property(name), call.args[1] ?? UNKNOWN)
        return object(target)
      },
      // Of @fastify/auth: functions to stand before a route, one after the other.
      auth: (_machine, _target, call) => call.args[0] ?? UNKNOWN,
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'fastify-app': (machine, target, name, _key, site) => {
      if (name === 'jwt') return tokensOfFastify(machine) ?? UNKNOWN
      if (name === 'log') return loggerOf(machine)
      return name === 'server' ? keep(target, name, () => machine.library('http-server', site)) : UNKNOWN
    },
    'fastify-request': (machine, target, name, key, site, state) => {
      noteCallerRead(target, name, state)
      if (name === 'log') return loggerOf(machine)
      if (name === 'raw') return keep(target, name, () => machine.library('request', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN.with({ primitives: [undefined] })
    },
  },
}
