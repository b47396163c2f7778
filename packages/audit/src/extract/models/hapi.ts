/** Hapi: routes as objects, extension points before them, authentication by strategies. */
import { noteBeside } from './beside.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, derived, object, onlyString, primitive, strings, truthiness } from '../value.ts'
import { flat } from './express.ts'
import { noteAnswer, noteOwnHeader, noteStatus } from './http.ts'
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
  const strategies = target.data['strategies'] as ReadonlyMap<string, Strategy> | undefined
  const named = strategies?.get(onlyString(optionOf(auth, 'strategy') ?? auth) ?? '')
  const run = named?.asks && ((state: State) => named.asks?.(state.fork()))
  const facts = [...VERIFIED, ...(named?.expires === true ? ['auth:expiring'] : [])]
  return [object(machine.library('middleware', call.site, { facts, principal: true, run }))]
}

/** Who is asked about a request, and whether what it brings ends by itself. */
interface Strategy {
  readonly asks: Asking | undefined
  readonly expires: boolean
}

/** `jwt` of @hapi/jwt, unless it is told not to look. */
function expires(scheme: Value, options: Value): boolean {
  if (onlyString(scheme) !== 'jwt') return false
  const looks = optionOf(optionOf(options, 'verify') ?? optionOf(options, 'verifyOptions'), 'exp')
  return looks === undefined || truthiness(looks).canBeTrue
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
  const strategies = (app.data['strategies'] ??= new Map()) as Map<string, Strategy>
  for (const each of strings(name))
    strategies.set(each, { asks: run, expires: own === undefined && expires(scheme, options) })
  return UNDEFINED
}

const BEFORE_HANDLER = new Set(['onRequest', 'onPreAuth', 'onCredentials', 'onPostAuth', 'onPreHandler'])

/** `server.ext(event, method)` and `server.ext({ type, method })`, one or several. */
const extend: MethodHandler = (machine, target, call, state) => {
  const [first = UNKNOWN, second] = call.args
  for (const each of flat([first])) {
    const type = onlyString(optionOf(each, 'type') ?? each) ?? ''
    const method = optionOf(each, 'method') ?? second
    if (method !== undefined) extendAt(machine, target, type, method, call, state)
  }
  return UNDEFINED
}

function extendAt(
  machine: Machine,
  target: LibraryObject,
  type: string,
  method: Value,
  call: Call,
  state: State,
): void {
  const handlers = flat([method])
  if (BEFORE_HANDLER.has(type))
    registerRoute(machine, target, { verb: '*', path: '*', handlers, layer: true, flavour: 'hapi' }, call, state)
  else if (AFTER_HANDLER.has(type))
    for (const handler of handlers) noteBeside(machine, handler, ['hapi-request', 'hapi-toolkit'])
}

/** `server.events.on('response', (request) => …)`, of a request that is over or has something to tell. */
const onEvent: MethodHandler = (machine, target, call) => {
  const [what = UNKNOWN, listener] = call.args
  const name = onlyString(optionOf(what, 'name') ?? what) ?? ''
  if (TOLD_OF_REQUESTS.has(name)) noteBeside(machine, listener, ['hapi-request', 'unknown', 'unknown'])
  return object(target)
}

const AFTER_HANDLER = new Set(['onPostHandler', 'onPreResponse', 'onPostResponse'])
const TOLD_OF_REQUESTS = new Set(['response', 'request'])

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
  return object(machine.library('hapi-response', call.site, { body: call.args[0] ?? UNDEFINED }))
}

const sameResponse: MethodHandler = (_machine, target) => object(target)

const withStatus: MethodHandler = (_machine, target, call, state) => {
  noteStatus(state, call.args[0])
  return object(target)
}

/** `.type(text)`, `.header(name, text)` */
const withHeader: MethodHandler = (machine, target, call, state, name) => {
  const [first = UNKNOWN, second = UNKNOWN] = call.args
  const body = target.data['body'] as Value
  const site = { ...call, self: body }
  if (name === 'type') noteOwnHeader(machine, 'content-type', first, site, state)
  else for (const header of strings(first)) noteOwnHeader(machine, header, second, site, state)
  machine.emit('handle-out', call.site, state, { value: derived(second) })
  return object(target)
}

export const hapi: Model = {
  calls: { '@hapi/hapi#server': createServer, '@hapi/hapi#Server': createServer },
  constructors: { '@hapi/hapi#Server': createServer },
  methods: {
    'hapi-app': { route, ext: extend, register, start, initialize: start, '*': () => UNKNOWN },
    'hapi-events': { on: onEvent, once: onEvent, addListener: onEvent, '*': (_machine, target) => object(target) },
    'hapi-auth': { default: setDefaultAuth, scheme: addScheme, strategy: addStrategy, '*': () => UNKNOWN },
    'hapi-toolkit': { response: respond, redirect: respond, '*': () => UNKNOWN },
    'hapi-response': { code: withStatus, type: withHeader, header: withHeader, '*': sameResponse },
  },
  properties: {
    'hapi-app': (machine, target, name, _key, site) => {
      if (name === 'auth') return keep(target, name, () => machine.library('hapi-auth', site, { app: target }))
      if (name === 'events') return keep(target, name, () => machine.library('hapi-events', site))
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
