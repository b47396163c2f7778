/** Hono, Fastify, Koa: how each registers handlers and what each hands to them. */
import { type Given, noteBeside } from './beside.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { assume } from '../conditions.ts'
import { ExternalObject, LibraryObject } from '../heap.ts'
import { mayLack } from '../literals.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { noteQueryRead, noteSecret } from '../secrets.ts'
import { workerEnvironment } from './cloudflare.ts'
import { cookieIn, noteCookie, noteCookieText } from './cookies.ts'
import { tokensOfFastify } from './fastify-jwt.ts'
import { loggerOf, noteLogger, noteSerializer } from './request-logs.ts'
import { noteCookieCleared } from '../logouts.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, tagged, truthiness } from '../value.ts'
import { flat, plain } from './express.ts'
import { noteAnswer, noteStatus, runListenCallback, setHeader } from './http.ts'
import { noteBody } from './node-streams.ts'
import { noteContentType } from '../streams.ts'
import { redirectAnswer } from './redirects.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { guardedApp } from './origin.ts'
import { bag, keep, noteCallerRead, part, requestPart } from './requests.ts'
import {
  emitListen,
  isApp,
  isCertainlyOn,
  isHandler,
  isPathBefore,
  mountOn,
  optionOf,
  pathOf,
  registerRoute,
  verbOf,
  verbs,
} from './routing.ts'

function app(type: string): ExternalHandler {
  return (machine, call) => object(machine.library(type, call.site))
}

// Hono

const honoRoute: MethodHandler = (machine, target, call, state, name) => {
  const [path, ...rest] = call.args
  const hasPath = isPathBefore(call.args)
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name),
      path: hasPath ? pathOf(path) : '*',
      handlers: hasPath ? rest : call.args,
      layer: false,
      flavour: 'hono',
    },
    call,
    state,
  )
  return object(target)
}

const honoOn: MethodHandler = (machine, target, call, state) => {
  const [methods, path, ...handlers] = call.args
  const names =
    methods?.objects.flatMap((item) => [...item.properties.values()].map((cell) => onlyString(cell.value) ?? '*')) ?? []
  const single = methods === undefined ? undefined : onlyString(methods)
  for (const verb of names.length > 0 ? names : [single ?? '*']) {
    registerRoute(
      machine,
      target,
      { verb: verbOf(verb), path: pathOf(path), handlers, layer: false, flavour: 'hono' },
      call,
      state,
    )
  }
  return object(target)
}

/** `app.openapi(createRoute({ method, path, middleware }), handler)` of @hono/zod-openapi; its paths say `{id}`. */
const honoDescribed: MethodHandler = (machine, target, call, state) => {
  const [route, handler = UNDEFINED] = call.args
  const method = optionOf(route, 'method')
  const before = optionOf(route, 'middleware')
  registerRoute(
    machine,
    target,
    {
      verb: verbOf((method === undefined ? undefined : onlyString(method)) ?? '*'),
      path: pathOf(optionOf(route, 'path')).replaceAll(/\{(\w+)\}/g, ':$1'),
      handlers: [...(before === undefined ? [] : flat([before])), handler],
      layer: false,
      flavour: 'hono',
    },
    call,
    state,
  )
  return object(target)
}

const honoUse: MethodHandler = (machine, target, call, state) => {
  const [first] = call.args
  const hasPath = isPathBefore(call.args)
  registerRoute(
    machine,
    target,
    {
      verb: '*',
      path: hasPath ? pathOf(first) : '*',
      handlers: hasPath ? call.args.slice(1) : call.args,
      layer: true,
      flavour: 'hono',
    },
    call,
    state,
  )
  return object(target)
}

const honoMount: MethodHandler = (machine, target, call, state) => {
  const child = isApp(call.args[1] ?? UNKNOWN)
  if (child !== undefined) mountOn(machine, target, child, pathOf(call.args[0]), [], state)
  return object(target)
}

/** `app.mount('/mcp', handler.fetch)`: whatever takes a request serves all below that path. */
const honoMountHandler: MethodHandler = (machine, target, call, state) => {
  const [path, handler = UNKNOWN] = call.args
  const below = `${pathOf(path).replace(/\/$/, '')}/*`
  registerRoute(
    machine,
    target,
    { verb: '*', path: below, handlers: [handler], layer: false, flavour: 'hono-mount' },
    call,
    state,
  )
  return object(target)
}

/** What `c.req.valid(target)` gives, once a schema has let it pass. */
const PARTS_OF_SCHEMA: ReadonlyMap<string, string> = new Map([
  ['json', 'body'],
  ['form', 'body'],
  ['query', 'query'],
  ['param', 'param'],
  ['header', 'header'],
  ['cookie', 'cookie'],
])

const redirected: MethodHandler = (machine, _target, call, state) => redirectAnswer(machine, call, state)

const honoAnswer: MethodHandler = (machine, _target, call, state) => {
  for (const arg of call.args.slice(1)) noteStatus(state, arg)
  noteStatus(state, call.args[0])
  noteAnswer(machine, call, state)
  return object(machine.library('fetch-response', call.site))
}

// Fastify

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

/** What a framework is told to call where a request has failed or leads nowhere. */
function beside(...given: readonly Given[]): MethodHandler {
  return (machine, target, call) => {
    noteBeside(machine, call.args.at(-1), given)
    return object(target)
  }
}

/** A header of the answer may be set before its body or behind it. */
function koaOpened(machine: Machine, target: LibraryObject, set: () => void, call: Call, state: State): void {
  const before = state.holds('streaming')
  set()
  if (!before) noteBody(machine, (target.data['body'] as Value | undefined) ?? UNDEFINED, call, state)
}

/** `ctx.set(name, value)`, `ctx.set({ name: value })` */
const koaSet: MethodHandler = (machine, target, call, state, name) => {
  koaOpened(machine, target, () => void setHeader(machine, target, call, state, name), call, state)
  return UNDEFINED
}

/** `app.on('error', (error, ctx) => …)` */
const koaOn: MethodHandler = (machine, target, call) => {
  if (onlyString(call.args[0] ?? UNKNOWN) === 'error') noteBeside(machine, call.args[1], ['error', 'koa-context'])
  return object(target)
}

const fastifyRegister: MethodHandler = (machine, target, call, state) => {
  const [plugin = UNDEFINED, options = UNDEFINED] = call.args
  // What packages publish is meant for the app that it is registered with.
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

// Koa

const koaUse: MethodHandler = (machine, target, call, state) => {
  for (const arg of call.args) {
    const child = isApp(arg)
    if (child !== undefined) mountOn(machine, target, child, '/', [], state)
    else if (isHandler(arg))
      registerRoute(
        machine,
        target,
        { verb: '*', path: '*', handlers: [arg], layer: true, flavour: 'koa' },
        call,
        state,
      )
  }
  return object(target)
}

const koaRoute: MethodHandler = (machine, target, call, state, name) => {
  const handlers = call.args.filter(isHandler)
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name === 'del' ? 'delete' : name),
      path: pathOf(call.args[0]),
      handlers,
      layer: false,
      flavour: 'koa',
    },
    call,
    state,
  )
  return object(target)
}

const koaListen: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, { tls: false, defaultHost: '::', what: 'app.listen', app: target })
  runListenCallback(machine, call, state)
  return object(machine.library('http-server', call.site, { app: target }))
}

const self: MethodHandler = (_machine, target) => object(target)
const headerOf: MethodHandler = (_machine, _target, call) =>
  call.args.length === 0 ? UNKNOWN : part('header', call.args[0]!)

/** Wrappers that give back the handler they are given. */
const same: ExternalHandler = (_machine, call) => call.args[0] ?? UNKNOWN

/** `sequence(first, second)` of SvelteKit and Astro: one after the other. */
const sequence: ExternalHandler = (machine, call) => {
  const list = machine.allocate('array', call.site)
  for (const [index, item] of call.args.entries()) {
    list.property(String(index)).write(item)
    list.elements.write(item)
  }
  return object(list)
}

/** `getCookie(c, name)`. */
const cookie: ExternalHandler = (_machine, call) => part('cookie', call.args[1] ?? UNKNOWN)

export const frameworks: Model = {
  calls: {
    'hono/factory#createMiddleware': same,
    '@sveltejs/kit/hooks#sequence': sequence,
    'astro:middleware#sequence': sequence,
    'astro/middleware#sequence': sequence,
    'astro:middleware#defineMiddleware': same,
    'astro/middleware#defineMiddleware': same,
    '@hono/zod-openapi#createRoute': same,
    'fastify-plugin': openPlugin,
    'fastify-plugin#default': openPlugin,
    'fastify-plugin#fastifyPlugin': openPlugin,
    'express-async-handler': same,
    fastify: createFastify,
    'fastify#fastify': createFastify,
    'fastify#default': createFastify,
    'sdk#createMcpFastifyApp': guardedApp('fastify-app', 'fastify'),
    'hono/logger#logger': plain,
    'hono/secure-headers#secureHeaders': plain,
    'hono/cookie#getCookie': cookie,
    'hono/cookie#getSignedCookie': cookie,
    'hono/cookie#setCookie': (machine, call, state) => {
      noteCookie(machine, cookieIn(call, 1), 'hono', call.site, state)
      return UNDEFINED
    },
    'hono/cookie#deleteCookie': (machine, call, state) => {
      noteCookieCleared(machine, call.args[1], call.argSites[1], call.site, state)
      return UNKNOWN
    },
    'hono/cookie#setSignedCookie': (machine, call, state) => {
      const [, name, value, secret, options] = call.args
      noteSecret(machine, 'the secret that cookies are signed with', secret, call.argSites[3] ?? call.site, state)
      noteCookie(machine, { name, value, options, named: call.argSites[1] }, 'hono', call.site, state)
      return UNDEFINED
    },
    'koa-bodyparser': plain,
    'koa-router': app('koa-router-app'),
    '@koa/router': app('koa-router-app'),
  },
  constructors: {
    'hono#Hono': app('hono-app'),
    'hono/tiny#Hono': app('hono-app'),
    '@hono/zod-openapi#OpenAPIHono': app('hono-app'),
    koa: app('koa-app'),
    '@oak/oak#Application': app('koa-app'),
    '@oak/oak#Router': app('koa-router-app'),
    'oak#Application': app('koa-app'),
    'oak#Router': app('koa-router-app'),
    'koa-router': app('koa-router-app'),
    '@koa/router': app('koa-router-app'),
    '@koa/router#Router': app('koa-router-app'),
  },
  methods: {
    'hono-app': {
      ...verbs(honoRoute),
      openapi: honoDescribed,
      on: honoOn,
      use: honoUse,
      route: honoMount,
      mount: honoMountHandler,
      basePath: self,
      onError: beside('error', 'hono-context'),
      notFound: beside('hono-context'),
      '*': () => UNKNOWN,
    },
    'hono-context': {
      header: (machine, _target, call, state) => {
        const [name = UNKNOWN, value = UNKNOWN] = call.args
        if (/^set-cookie$/i.test(onlyString(name) ?? '')) noteCookieText(machine, value, call.site, state)
        return UNDEFINED
      },
      json: honoAnswer,
      text: honoAnswer,
      body: honoAnswer,
      html: honoAnswer,
      status: honoAnswer,
      redirect: redirected,
      get: (_machine, target, call) =>
        target.properties.get(onlyString(call.args[0] ?? UNKNOWN) ?? '')?.value ??
        requestPart(_machine, onlyString(call.args[0] ?? UNKNOWN), UNKNOWN, call.site) ??
        UNKNOWN,
      set: (_machine, target, call, state) => {
        const name = onlyString(call.args[0] ?? UNKNOWN)
        if (name !== undefined) state.write(target.property(name), call.args[1] ?? UNKNOWN)
        return UNDEFINED
      },
      '*': () => UNKNOWN,
    },
    'hono-request': {
      header: (machine, _target, call) =>
        call.args.length === 0 ? bag(machine, 'header', call.site) : part('header', call.args[0]!),
      query: (machine, _target, call, state) => {
        const [name] = call.args
        if (name === undefined) return bag(machine, 'query', call.site)
        noteQueryRead(machine, onlyString(name) ?? '', call.site, state)
        return part('query', name)
      },
      param: (machine, _target, call) =>
        call.args.length === 0 ? bag(machine, 'param', call.site) : part('param', call.args[0]!),
      json: (machine, _target, call) => bag(machine, 'body', call.site),
      parseBody: (machine, _target, call) => bag(machine, 'body', call.site),
      valid: (machine, _target, call) => {
        const origin = PARTS_OF_SCHEMA.get(onlyString(call.args[0] ?? UNKNOWN) ?? '')
        return origin === undefined ? UNKNOWN : bag(machine, origin, call.site)
      },
      text: (machine, _target, call) => bag(machine, 'body', call.site),
      '*': () => UNKNOWN,
    },
    'fastify-app': {
      ...verbs(fastifyRoute),
      route: fastifyFullRoute,
      addHook: fastifyHook,
      register: fastifyRegister,
      listen: fastifyListen,
      ...Object.fromEntries(FASTIFY_SETTINGS.map((name) => [name, self])),
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
    'koa-app': { use: koaUse, listen: koaListen, callback: self, on: koaOn, '*': () => UNKNOWN },
    'koa-router-app': {
      ...verbs(koaRoute),
      del: koaRoute,
      use: koaUse,
      routes: self,
      allowedMethods: plainMethod,
      prefix: self,
      '*': () => UNKNOWN,
    },
    'koa-context': {
      get: headerOf,
      set: koaSet,
      append: koaSet,
      redirect: redirected,
      // `ctx.assert(trusted.has(origin), 403)` throws where that is not so.
      assert: (machine, _target, call, state) => {
        if (call.args[0] !== undefined) assume(machine, state, call.args[0])
        return UNDEFINED
      },
      throw: (_machine, _target, call, state) => {
        noteStatus(state, call.args[0])
        state.dead = true
        return UNKNOWN
      },
      '*': () => UNKNOWN,
    },
    'koa-cookies': {
      get: (_machine, _target, call) => part('cookie', call.args[0] ?? UNKNOWN),
      set: (machine, target, call, state) => {
        noteCookie(machine, cookieIn(call), 'koa', call.site, state)
        return object(target)
      },
      delete: (machine, target, call, state) => {
        noteCookieCleared(machine, call.args[0], call.argSites[0], call.site, state)
        return object(target)
      },
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'hono-context': (machine, target, name, key, site) => {
      if (name === 'req') return keep(target, name, () => machine.library('hono-request', site))
      if (name === 'var') return object(target)
      if (name === 'env') return workerEnvironment(site)
      if (name === 'res') return UNKNOWN
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
    'hono-request': (machine, target, name, key, site) => {
      if (name === 'raw') return keep(target, name, () => machine.library('fetch-request', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
    'koa-context': (machine, target, name, key, site) => {
      if (name === 'request' || name === 'req') return keep(target, name, () => machine.library('request', site))
      if (name === 'res' || name === 'response') return keep(target, name, () => machine.library('response', site))
      if (name === 'cookies') return keep(target, name, () => machine.library('koa-cookies', site))
      if (name === 'state') return keep(target, name, () => machine.library('locals', site))
      if (name === 'meta' || name === 'action') return keep(target, name, () => machine.library('carrier', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
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
    // What middleware that cannot be seen has left there for handlers is who the caller is, above all.
    locals: (_machine, target, name, _key, _site, state) => {
      noteCallerRead(target, name, state)
      return state.facts.may.has('opaque-middleware') ? tagged('principal').with({ primitives: [undefined] }) : UNKNOWN
    },
  },
  setters: {
    'koa-app': (machine, _target, name, value, site, state) => {
      if (name === 'keys') noteSecret(machine, 'the secret that cookies are signed with', value, site, state)
    },
    'koa-context': (machine, target, name, value, site, state) => {
      const call = { site, args: [value], argSites: [], self: UNKNOWN, env: undefined as never }
      if (name === 'status') noteStatus(state, value)
      if (name === 'type')
        koaOpened(machine, target, () => noteContentType(machine, value, UNKNOWN, site, state), call, state)
      if (name === 'body') {
        target.data['body'] = value
        noteBody(machine, value, call, state)
        noteAnswer(machine, call, state)
      }
    },
  },
}

function plainMethod(machine: Machine, _target: LibraryObject, call: Call): Value {
  return object(machine.library('middleware', call.site, { facts: [] }))
}
