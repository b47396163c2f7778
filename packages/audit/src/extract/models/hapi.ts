/** Hapi: routes as objects, extension points before them, authentication by strategies. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, primitive, strings, truthiness } from '../value.ts'
import { flat } from './express.ts'
import { noteAnswer, noteStatus } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, keep, requestPart } from './requests.ts'
import { emitListen, optionOf, pathOf, registerRoute, textsIn } from './routing.ts'
import type { Asking } from './verifiers.ts'
import { BEARER, OFFERED, asking } from './verifiers.ts'

const createServer: ExternalHandler = (machine, call) =>
  object(machine.library('hapi-app', call.site, { options: call.args[0] }))

const route: MethodHandler = (machine, target, call, state) => {
  for (const options of flat(call.args)) {
    for (const verb of verbsOf(optionOf(options, 'method'))) {
      const handlers = [...authOf(machine, target, options, call), handlerOf(options)]
      registerRoute(
        machine,
        target,
        { verb, path: pathOf(optionOf(options, 'path')), handlers, layer: false, flavour: 'hapi' },
        call,
        state,
      )
    }
  }
  return UNDEFINED
}

function verbsOf(method: Value | undefined): readonly string[] {
  const listed = method?.objects.flatMap(textsIn)
  const names = listed?.length ? listed : strings(method ?? UNKNOWN)
  return names.length === 0 ? ['*'] : names.map((name) => name.toUpperCase())
}

function handlerOf(options: Value): Value {
  return optionOf(options, 'handler') ?? optionOf(settingsOf(options), 'handler') ?? UNKNOWN
}

function settingsOf(options: Value): Value | undefined {
  return optionOf(options, 'options') ?? optionOf(options, 'config')
}

/** The route's own strategy, else the server's default one; `auth: false` is neither. */
function authOf(machine: Machine, target: LibraryObject, options: Value, call: Call): readonly Value[] {
  const own = optionOf(settingsOf(options), 'auth')
  const auth = own ?? (target.data['auth'] as Value | undefined)
  if (auth === undefined || !truthiness(auth).canBeTrue) return []
  const mode = onlyString(optionOf(auth, 'mode') ?? UNKNOWN)
  if (mode === 'try' || mode === 'optional') return []
  const strategies = target.data['strategies'] as ReadonlyMap<string, Asking> | undefined
  const named = strategies?.get(onlyString(optionOf(auth, 'strategy') ?? auth) ?? '')
  const run = named === undefined ? undefined : (state: State) => named(state.fork())
  return [object(machine.library('middleware', call.site, { facts: [...VERIFIED], principal: true, run }))]
}

/** `server.auth.scheme(name, (server, options) => ({ authenticate(request, h) }))` */
const addScheme: MethodHandler = (machine, target, call, state) => {
  const [name = UNKNOWN, make = UNDEFINED] = call.args
  const app = target.data['app'] as LibraryObject
  const asks = (options: Value): Value =>
    optionOf(
      state.aside((fork) => call_(machine, make, { ...call, args: [object(app), options] }, fork)),
      'authenticate',
    ) ?? UNDEFINED
  const schemes = (app.data['schemes'] ??= new Map()) as Map<string, typeof asks>
  for (const each of strings(name)) schemes.set(each, asks)
  return UNDEFINED
}

/** `server.auth.strategy(name, scheme, { validate })`: asked by the scheme, be it the program's own or a plugin's. */
const addStrategy: MethodHandler = (machine, target, call) => {
  const [name = UNKNOWN, scheme = UNKNOWN, options = UNDEFINED] = call.args
  const app = target.data['app'] as LibraryObject
  const own = (app.data['schemes'] as ReadonlyMap<string, (options: Value) => Value> | undefined)?.get(
    onlyString(scheme) ?? '',
  )
  const request = object(machine.library('hapi-request', call.site))
  const toolkit = object(machine.library('hapi-toolkit', call.site))
  const isBasic = onlyString(scheme) === 'basic'
  const asks = own?.(options) ?? optionOf(options, 'validate') ?? UNDEFINED
  const args = own ? [request, toolkit] : [request, ...(isBasic ? [OFFERED, OFFERED] : [BEARER]), toolkit]
  const run = asking(machine, { asks, args, refuses: 'by-throwing' }, call.site)
  const strategies = (app.data['strategies'] ??= new Map()) as Map<string, Asking>
  if (run !== undefined) for (const each of strings(name)) strategies.set(each, run)
  return UNDEFINED
}

const BEFORE_HANDLER = new Set(['onRequest', 'onPreAuth', 'onCredentials', 'onPostAuth', 'onPreHandler'])

/** `server.ext(event, method)` and `server.ext({ type, method })`. */
const extend: MethodHandler = (machine, target, call, state) => {
  const [first = UNKNOWN, second] = call.args
  const type = onlyString(optionOf(first, 'type') ?? first)
  const method = optionOf(first, 'method') ?? second
  if (method !== undefined && BEFORE_HANDLER.has(type ?? ''))
    registerRoute(
      machine,
      target,
      { verb: '*', path: '*', handlers: [method], layer: true, flavour: 'hapi' },
      call,
      state,
    )
  return UNDEFINED
}

/** A plugin is told the server, and adds to it. */
const register: MethodHandler = (machine, target, call, state) => {
  for (const given of flat(call.args)) {
    const plugin = optionOf(given, 'plugin') ?? given
    const start = optionOf(plugin, 'register') ?? optionOf(optionOf(plugin, 'plugin'), 'register')
    if (start === undefined) continue
    const args = [object(target), optionOf(given, 'options') ?? UNKNOWN]
    state.aside((fork) => call_(machine, start, { ...call, args }, fork))
  }
  return UNDEFINED
}

const start: MethodHandler = (machine, target, call, state) => {
  const options = (target.data['options'] as Value | undefined) ?? UNDEFINED
  const tls = optionOf(options, 'tls')
  emitListen(machine, { ...call, args: [options] }, state, {
    tls: tls !== undefined && truthiness(tls).canBeTrue,
    defaultHost: '0.0.0.0',
    what: 'server.start',
    app: target,
  })
  return UNDEFINED
}

const setDefaultAuth: MethodHandler = (_machine, target, call) => {
  const app = target.data['app'] as LibraryObject
  app.data['auth'] = call.args[0]
  return UNDEFINED
}

const respond: MethodHandler = (machine, _target, call, state) => {
  noteAnswer(machine, call, state)
  return object(machine.library('hapi-response', call.site))
}

const sameResponse: MethodHandler = (_machine, target) => object(target)

const withStatus: MethodHandler = (_machine, target, call, state) => {
  noteStatus(state, call.args[0])
  return object(target)
}

export const hapi: Model = {
  calls: { '@hapi/hapi#server': createServer, '@hapi/hapi#Server': createServer },
  constructors: { '@hapi/hapi#Server': createServer },
  methods: {
    'hapi-app': { route, ext: extend, register, start, initialize: start, '*': () => UNKNOWN },
    'hapi-auth': { default: setDefaultAuth, scheme: addScheme, strategy: addStrategy, '*': () => UNKNOWN },
    'hapi-toolkit': { response: respond, redirect: respond, '*': () => UNKNOWN },
    'hapi-response': { code: withStatus, '*': sameResponse },
  },
  properties: {
    'hapi-app': (machine, target, name, _key, site) => {
      if (name === 'auth') return keep(target, name, () => machine.library('hapi-auth', site, { app: target }))
      return name === 'listener' ? keep(target, name, () => machine.library('http-server', site)) : UNKNOWN
    },
    'hapi-toolkit': () => primitive('continue'),
    'hapi-request': (machine, target, name, key, site) => {
      if (name === 'payload') return bag(machine, 'body', site)
      if (name === 'raw') return keep(target, name, () => machine.library('hapi-raw', site))
      if (name === 'auth') return keep(target, name, () => machine.library('hapi-credentials', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN.with({ primitives: [undefined] })
    },
    'hapi-raw': (machine, target, name, _key, site) => {
      if (name === 'req') return keep(target, name, () => machine.library('request', site))
      return name === 'res' ? keep(target, name, () => machine.library('response', site)) : UNKNOWN
    },
    'hapi-credentials': () => UNKNOWN.with({ tags: ['cred', 'principal', 'verdict'], primitives: [undefined] }),
  },
}
