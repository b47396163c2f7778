/** h3, and Nitro and Nuxt upon it: handlers of one event, and functions that are asked about it. */
import type { Call } from '../calls.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteQueryRead, noteSecret } from '../secrets.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNDEFINED, UNKNOWN, object, onlyString, tagged, withTags } from '../value.ts'
import { noteCookieCleared } from '../logouts.ts'
import { cookieIn, noteCookie } from './cookies.ts'
import { noteAnswer, noteStatus } from './http.ts'
import { flat } from './express.ts'
import { callLibrary } from './index.ts'
import type { ExternalHandler, MethodHandler, Model, PropertyHandler } from './model.ts'
import { runModule } from '../statements.ts'
import { bag, keep, part, requestPart } from './requests.ts'
import {
  emitListen,
  isApp,
  isHandler,
  isPathBefore,
  mountOn,
  optionOf,
  pathOf,
  registerRoute,
  verbOf,
  verbs,
} from './routing.ts'

/** What Nitro adds to the scope of every file of a server, whether or not it is imported. */
const SOURCES = [
  'h3#',
  'global:',
  '#imports#',
  'nitro/h3#',
  'nitropack/runtime#',
  'nitropack/config#',
  'nitro/config#',
  'nitro#',
  'nuxt/config#',
  'nitro/runtime-config#',
]

const create: ExternalHandler = (machine, call) => object(machine.library('h3-app', call.site))

const route: MethodHandler = (machine, target, call, state, name) => {
  const [path, handler = UNKNOWN] = call.args
  registerRoute(
    machine,
    target,
    { verb: verbOf(name), path: pathOf(path), handlers: flat([handler]), layer: false, flavour: 'h3' },
    call,
    state,
  )
  return object(target)
}

const on: MethodHandler = (machine, target, call, state) => {
  const verb = onlyString(call.args[0] ?? UNKNOWN)?.toLowerCase() ?? 'all'
  return route(machine, target, { ...call, args: call.args.slice(1) }, state, verb)
}

/** `app.use(handler)`, `app.use('/path', handler)`, `app.use(router)`. */
const use: MethodHandler = (machine, target, call, state) => {
  const [first] = call.args
  const hasPath = isPathBefore(call.args)
  const path = hasPath ? pathOf(first) : '/'
  for (const arg of hasPath ? call.args.slice(1) : call.args) {
    const child = isApp(arg)
    if (child !== undefined) mountOn(machine, target, child, path, [], state)
    else if (flat([arg]).some(isHandler))
      registerRoute(
        machine,
        target,
        { verb: '*', path, handlers: flat([arg]), layer: true, flavour: 'h3' },
        call,
        state,
      )
  }
  return object(target)
}

/** `serve(app, options)` of h3 2. */
const serve: ExternalHandler = (machine, call, state) => {
  const [app = UNKNOWN, options] = call.args
  const listening = { ...call, args: options === undefined ? [] : [options] }
  const tls = optionOf(options, 'tls') !== undefined
  const served = isApp(app)
  const of = served === undefined ? {} : { app: served }
  emitListen(machine, listening, state, { tls, defaultHost: '::', what: 'serve', ...of })
  return app
}

/** `defineEventHandler(fn)`, `defineEventHandler({ onRequest, handler })`: what runs before the handler comes before it in a list. */
const define: ExternalHandler = (machine, call) => {
  const [given = UNKNOWN] = call.args
  const handler = optionOf(given, 'handler')
  const hooks = flat(['onRequest', 'middleware'].flatMap((name) => optionOf(given, name) ?? []))
  if (handler === undefined || hooks.length === 0) return handler ?? given
  const chain = machine.allocate('array', call.site)
  for (const [index, item] of [...hooks, handler].entries()) {
    chain.property(String(index)).write(item)
    chain.elements.write(item)
  }
  return object(chain)
}

const same: ExternalHandler = (_machine, call) => call.args[0] ?? UNKNOWN

function whole(origin: string): ExternalHandler {
  return (machine, call) => bag(machine, origin, call.site)
}

function named(origin: string): ExternalHandler {
  return (machine, call, state) => {
    const [, name = UNKNOWN] = call.args
    if (origin === 'query') noteQueryRead(machine, onlyString(name) ?? '', call.site, state)
    return part(origin, name)
  }
}

/** `setResponseHeader(event, name, value)` is `response.setHeader(name, value)`. */
function onResponse(method: string): ExternalHandler {
  return (machine, call, state) => {
    const event = call.args[0]?.objects.find((item): item is LibraryObject => item instanceof LibraryObject)
    const response = event === undefined ? machine.library('response', call.site) : responseOf(machine, event, call)
    const asked = { ...call, self: object(response), args: call.args.slice(1) }
    return callLibrary(machine, response, method, asked, state) ?? UNKNOWN
  }
}

function responseOf(machine: Machine, event: LibraryObject, call: Call): LibraryObject {
  const kept = keep(event, 'res', () => machine.library('response', call.site))
  return kept.objects[0] as LibraryObject
}

const deleteCookie: ExternalHandler = (machine, call, state) => {
  noteCookieCleared(machine, call.args[1], call.argSites[1], call.site, state)
  return UNDEFINED
}

const setCookie: ExternalHandler = (machine, call, state) => {
  noteCookie(machine, cookieIn(call, 1), 'h3', call.site, state)
  machine.emit('handle-out', call.site, state, { value: call.args[2] ?? UNKNOWN })
  return UNDEFINED
}

/** `throw createError({ statusCode: 401 })`. */
const createError: ExternalHandler = (_machine, call, state) => {
  noteStatus(state, optionOf(call.args[0], 'statusCode') ?? optionOf(call.args[0], 'status'))
  return tagged('error')
}

const send: ExternalHandler = (machine, call, state) => {
  noteAnswer(machine, { ...call, args: call.args.slice(1) }, state)
  state.learn(['answered'])
  return UNDEFINED
}

/** Sessions sealed into a cookie; who has none gets an empty one. */
const useSession: ExternalHandler = (machine, call, state) => {
  noteSecret(machine, 'the secret of the session cookie', optionOf(call.args[1], 'password'), call.site, state)
  return UNKNOWN
}

/** `getUserSession(event)` of nuxt-auth-utils: somebody's, or an empty one. */
const userSession: ExternalHandler = () =>
  tagged('cred', 'principal', 'verdict', 'web-session').with({ primitives: [null] })

/** `requireUserSession(event)` throws a 401. */
const requireSession: ExternalHandler = (_machine, _call, state: State) => {
  state.learn([...VERIFIED, 'auth:cookie'])
  return tagged('cred', 'principal', 'web-session')
}

const CONFIG = /(?:^|\/)(?:nuxt|nitro)\.config\.[cm]?[jt]s$/

/**
 * `useRuntimeConfig()`: what the configuration beside or above this file has for it. Variables of the environment take its
 * place: `NUXT_SESSION_PASSWORD`, or in Nitro alone `NITRO_SESSION_PASSWORD`, that of `sessionPassword`.
 */
const runtimeConfig: ExternalHandler = (machine, call) => {
  const found = [...machine.modules.values()]
    .filter(({ file: { path } }) => CONFIG.test(path) && call.site.path.startsWith(path.replace(/[^/]*$/, '')))
    .toSorted((a, b) => b.file.path.length - a.file.path.length)[0]
  if (found === undefined) return UNKNOWN
  if (!found.started) runModule(machine, found)
  const config = found.exports.get('default')?.value
  const own = optionOf(config, 'runtimeConfig') ?? optionOf(optionOf(config, 'nitro'), 'runtimeConfig')
  const name = /(?:^|\/)nitro\.[^/]*$/.test(found.file.path) ? 'NITRO' : 'NUXT'
  return own === undefined ? UNKNOWN : object(machine.library('runtime-config', call.site, { own, name }))
}

const configured: PropertyHandler = (machine, target, name, _key, site) => {
  const value = name === undefined ? undefined : optionOf(target.data['own'] as Value, name)
  if (value === undefined || name === undefined) return UNKNOWN
  const variable = `${String(target.data['name'])}_${name.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}`
  if (value.objects.some(({ kind }) => kind === 'object'))
    return object(machine.library('runtime-config', site, { own: value, name: variable }))
  return withTags(value.with({ open: true }), [`env:${variable}`])
}

const FUNCTIONS: Readonly<Record<string, ExternalHandler>> = {
  createApp: create,
  createRouter: create,
  serve,
  defineEventHandler: define,
  eventHandler: define,
  defineHandler: define,
  defineRequestMiddleware: same,
  defineLazyEventHandler: same,
  toNodeListener: same,
  toNodeHandler: same,
  toWebHandler: same,
  getHeader: named('header'),
  getRequestHeader: named('header'),
  getHeaders: whole('header'),
  getRequestHeaders: whole('header'),
  readBody: whole('body'),
  readValidatedBody: whole('body'),
  readRawBody: whole('body'),
  readFormData: whole('body'),
  getQuery: whole('query'),
  getValidatedQuery: whole('query'),
  getRouterParam: named('param'),
  getRouterParams: whole('param'),
  getCookie: named('cookie'),
  parseCookies: whole('cookie'),
  getRequestHost: () => tagged('host'),
  getRequestProtocol: () => tagged('proto'),
  getRequestURL: (machine, call) => object(machine.library('url', call.site, { source: tagged('url') })),
  toWebRequest: (machine, call) => object(machine.library('fetch-request', call.site)),
  setHeader: onResponse('setHeader'),
  setResponseHeader: onResponse('setHeader'),
  appendHeader: onResponse('append'),
  appendResponseHeader: onResponse('append'),
  setHeaders: onResponse('set'),
  setResponseHeaders: onResponse('set'),
  setResponseStatus: onResponse('status'),
  setCookie,
  deleteCookie,
  createError,
  sendError: send,
  send,
  useSession,
  useRuntimeConfig: runtimeConfig,
  defineNuxtConfig: same,
  defineNitroConfig: same,
  getUserSession: userSession,
  requireUserSession: requireSession,
}

/** Only these are told from functions of the same name in the scope of a module that imports nothing of the kind. */
const EVERYWHERE = new Set(['serve', 'send', 'createApp', 'createRouter'])

function paths(): Readonly<Record<string, ExternalHandler>> {
  const all: Record<string, ExternalHandler> = {}
  for (const [name, handler] of Object.entries(FUNCTIONS))
    for (const source of SOURCES) if (source !== 'global:' || !EVERYWHERE.has(name)) all[source + name] = handler
  return all
}

export const h3: Model = {
  calls: paths(),
  constructors: { 'h3#H3': create, 'nitro/h3#H3': create },
  methods: {
    'h3-app': {
      ...verbs(route),
      on,
      add: on,
      use,
      '*': (_machine, target) => object(target),
    },
    'h3-event': { '*': () => NEVER },
  },
  properties: {
    'h3-app': (_machine, target) => object(target),
    'runtime-config': configured,
    'h3-event': (machine, target, name, key, site) => {
      if (name === 'node') return object(target)
      if (name === 'req' || name === 'request' || name === 'web')
        return keep(target, 'req', () => machine.library('request', site))
      if (name === 'res') return keep(target, name, () => machine.library('response', site))
      if (name === 'context') return keep(target, name, () => machine.library('locals', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
  },
}
