/** Express and what copies its interface: apps, routers, middleware. */
import { isErrorHandler, noteBeside } from './beside.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { HeapObject, type LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object, onlyString } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { noteUnseenHandler } from '../unseen-servers.ts'
import { runListenCallback } from './http.ts'
import { emitListen, isApp, isHandler, isPathBefore, mountOn, pathOf, registerRoute, verbOf, verbs } from './routing.ts'

const createApp: ExternalHandler = (machine, call, _state, path) => {
  const app = machine.library('express-app', call.site)
  if (!path.endsWith('#Router')) machine.expressApps.add(app)
  return object(app)
}

/** Middleware that neither authenticates nor touches sessions. */
export function plain(machine: Machine, call: Call): Value {
  return object(machine.library('middleware', call.site, { facts: [] }))
}

const route: MethodHandler = (machine, target, call, state, name) => {
  const [path, ...handlers] = call.args
  if (handlers.length === 0) return UNKNOWN
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name),
      path: pathOf(path),
      handlers: flat(handlers),
      layer: false,
      flavour: 'express',
    },
    call,
    state,
  )
  return object(target)
}

/** Handlers may come in arrays. */
export function flat(handlers: readonly Value[]): readonly Value[] {
  return handlers.flatMap((handler) => {
    const lists = handler.objects.filter((item) => item.kind === 'array')
    if (lists.length === 0) return [handler]
    return lists.flatMap((list) => [...list.properties.values()].map((cell) => cell.value))
  })
}

const use: MethodHandler = (machine, target, call, state) => {
  const [first] = call.args
  const hasPath = isPathBefore(call.args)
  const path = hasPath ? pathOf(first) : '/'
  const handlers = flat(hasPath ? call.args.slice(1) : call.args)
  if (handlers.length === 0) noteUnseenHandler(machine, target, first, call, state)
  const functions: Value[] = []
  for (const handler of handlers) {
    const app = isApp(handler)
    if (isErrorHandler(handler)) noteBeside(machine, handler, ['error', 'request', 'response', 'next'])
    else if (app === undefined) functions.push(handler)
    else mountOn(machine, target, app, path, [...functions], state)
  }
  if (functions.length > 0)
    registerRoute(
      machine,
      target,
      { verb: '*', path, handlers: functions, layer: true, flavour: 'express' },
      call,
      state,
    )
  return object(target)
}

/** `router.param('id', (req, res, next, id) => …)`: before every route with that part in its path. */
const onParameter: MethodHandler = (machine, target, call, state) => {
  const [name = UNKNOWN, code = UNKNOWN] = call.args
  const param = onlyString(name)
  if (param === undefined || !isHandler(code)) return object(target)
  const handlers = [object(machine.library('hook', call.site, { code, param }))]
  registerRoute(machine, target, { verb: '*', path: '/', handlers, layer: true, flavour: 'express' }, call, state)
  return object(target)
}

const chained: MethodHandler = (machine, target, call) =>
  object(machine.library('express-route', call.site, { app: target, path: pathOf(call.args[0]) }))

const onRoute: MethodHandler = (machine, target, call, state, name) => {
  const app = target.data['app'] as LibraryObject
  registerRoute(
    machine,
    app,
    {
      verb: verbOf(name),
      path: String(target.data['path']),
      handlers: flat(call.args),
      layer: false,
      flavour: 'express',
    },
    call,
    state,
  )
  return object(target)
}

/** `app.listen(port)` of Express and Koa, which make the server of Node themselves. */
export const listen: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, { tls: false, defaultHost: '::', what: 'app.listen', app: target })
  runListenCallback(machine, call, state)
  return object(machine.library('http-server', call.site, { app: target }))
}

const setting: MethodHandler = (_machine, target) => object(target)

/** `app.configure('production', fn)` of Express 3: at start-up, in that environment. */
const configure: MethodHandler = (machine, target, call, state) => {
  const callback = call.args.at(-1) ?? UNKNOWN
  const run = (fork: State): Value => call_(machine, callback, { ...call, args: [] }, fork)
  if (call.args.length > 1) state.perhaps(run)
  else run(state)
  return object(target)
}

export const express: Model = {
  calls: {
    express: createApp,
    polka: createApp,
    connect: createApp,
    'express.io': createApp,
    'restify#createServer': createApp,
    'express#Router': createApp,
    'express#json': plain,
    'express#urlencoded': plain,
    'express#static': plain,
    'express#raw': plain,
    'express#text': plain,
    'body-parser#json': plain,
    'body-parser#urlencoded': plain,
    helmet: plain,
    compression: plain,
    'express-rate-limit': plain,
    'express-rate-limit#rateLimit': plain,
    'sdk#mcpAuthMetadataRouter': plain,
    'express-sslify#HTTPS': tlsEnforcer,
    'express-enforces-ssl': tlsEnforcer,
    'express-http-to-https#redirectToHTTPS': tlsEnforcer,
  },
  constructors: { 'express#Router': createApp, '@tinyhttp/app#App': createApp },
  methods: {
    'express-app': {
      ...verbs(route),
      del: (machine, target, call, state) => route(machine, target, call, state, 'delete'),
      use,
      route: chained,
      listen,
      set: setting,
      enable: setting,
      disable: setting,
      configure,
      // Of express.io, which serves by them.
      http: setting,
      https: setting,
      io: setting,
      param: onParameter,
      '()': (_machine, target) => object(target),
      '*': () => UNKNOWN,
    },
    'express-route': verbs(onRoute),
  },
  properties: {
    'express-app': (_machine, target, name) => (name === 'locals' ? localsOf(target) : UNKNOWN),
  },
}

/** What the app has for whoever handles its requests: as old as the app itself. */
function localsOf(app: LibraryObject): Value {
  const cell = app.property('.locals')
  if (cell.value.objects.length > 0) return cell.value
  const locals = new HeapObject('object', app.site, app.born)
  locals.partial = true
  cell.write(object(locals))
  return cell.value
}

function tlsEnforcer(machine: Machine, call: Call, _state: State): Value {
  return object(machine.library('middleware', call.site, { facts: ['tls'] }))
}
