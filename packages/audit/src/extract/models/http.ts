/** node:http and friends: servers, plain requests and responses, fetch-style serving. */
import { noteDenied, noteExecution } from '../asked.ts'
import { call_ } from '../calls.ts'
import type { Call } from '../calls.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, derived, hasTag, object, onlyString, primitive, strings, tagged } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { cookieDefaults, keepCookieDefaults } from './cookie-defaults.ts'
import { BARE, cookieIn, flagsOf, noteCookie, noteCookieHeader, noteCookieHeaders } from './cookies.ts'
import { noteCorsHeader, origin } from './origin.ts'
import { sharedInstance } from '../types.ts'
import { libraryOfType } from './types.ts'
import { bag, bagProperty, keep, noteCallerRead, part, requestPart } from './requests.ts'
import { emitListen, isApp, optionOf, registerRoute } from './routing.ts'
import { noteUnseenHandler } from '../unseen-servers.ts'
import { noteAnswered } from '../handles.ts'
import { noteCookieCleared, noteLoggedOut } from '../logouts.ts'
import { noteQueryRead } from '../secrets.ts'
import { listedIn } from '../listings.ts'
import { noteRoute } from '../rpc.ts'
import { noteRedirect } from './redirects.ts'
import { noteBody } from './node-streams.ts'
import { noteModule } from './nest.ts'
import { noteContentType, noteEnding, noteEventStream } from '../streams.ts'
import type { HeapObject, Site } from '../heap.ts'
import { ClassObject, ExternalObject, FunctionObject, InstanceObject, LibraryObject, isFunction } from '../heap.ts'

function createServer(tls: boolean): ExternalHandler {
  return (machine, call, state) => {
    const server = machine.library('http-server', call.site, { tls })
    const handler = call.args.find((arg) => arg.objects.some(isRequestHandler))
    if (handler !== undefined) registerHandler(machine, server, handler, call, state)
    for (const arg of call.args) if (isApp(arg) !== undefined) server.data['app'] = isApp(arg)
    if (handler === undefined && server.data['app'] === undefined)
      noteUnseenHandler(machine, server, call.args.at(-1), call, state)
    return object(server)
  }
}

function registerHandler(machine: Machine, server: LibraryObject, handler: Value, call: Call, state: State): void {
  registerRoute(
    machine,
    server,
    { verb: '*', path: '*', handlers: [handler], layer: false, flavour: 'node' },
    call,
    state,
  )
}

const onServer: MethodHandler = (machine, target, call, state) => {
  if (HANDLED.has(onlyString(call.args[0] ?? UNKNOWN) ?? ''))
    registerHandler(machine, target, call.args[1] ?? UNKNOWN, call, state)
  return object(target)
}

/** Each is given the request first; an upgrade's second argument is the socket to answer on. */
const HANDLED = new Set(['request', 'upgrade', 'connect'])

const listen: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, {
    tls: target.data['tls'] === true,
    defaultHost: '::',
    what: 'server.listen',
    app: (target.data['app'] as LibraryObject | undefined) ?? target,
  })
  runListenCallback(machine, call, state)
  return object(target)
}

/** The callback of `listen` runs at start-up. */
export function runListenCallback(machine: Machine, call: Call, state: State): void {
  const callback = call.args.find(isFunction)
  if (callback !== undefined) state.aside((fork) => call_(machine, callback, { ...call, args: [] }, fork))
}

/** Bun.serve, Deno.serve, `serve` of @hono/node-server: one object with `fetch`, `port` and `hostname`. */
function serve(defaultHost: string): ExternalHandler {
  return (machine, call, state) => {
    const server = machine.library('http-server', call.site, { tls: false })
    const options = call.args.find((arg) => arg.objects.some((item) => item.kind === 'object')) ?? UNDEFINED
    const websocket = optionOf(options, 'websocket')
    if (websocket !== undefined) server.data['websocket'] = websocket
    const routed = registerTable(machine, server, optionOf(options, 'routes'), call, state)
    const handler = optionOf(options, 'fetch') ?? call.args.find(isFunction)
    if (handler !== undefined && handler.objects.some(isRequestHandler)) {
      registerRoute(
        machine,
        server,
        { verb: '*', path: '*', handlers: [handler], layer: false, flavour: 'fetch' },
        call,
        state,
      )
    } else if (!routed) noteUnseenHandler(machine, server, handler, call, state)
    const tls =
      optionOf(options, 'tls') !== undefined ||
      optionOf(options, 'cert') !== undefined ||
      optionOf(options, 'createServer')?.objects.some(isSecureFactory) === true
    machine.emit('listen', call.site, state, {
      host: optionOf(options, 'hostname') ?? optionOf(options, 'host') ?? UNDEFINED,
      tls,
      defaultHost,
      what: 'serve',
      app: undefined,
    })
    return object(server)
  }
}

/** Bun: `routes: { '/mcp': { POST: handler }, '/health': handler }`. Whether there are any. */
function registerTable(
  machine: Machine,
  server: LibraryObject,
  routes: Value | undefined,
  call: Call,
  state: State,
): boolean {
  const paths = (routes?.objects ?? []).flatMap(({ properties }) => [...properties])
  for (const [path, { value }] of paths) {
    const verbs = value.objects.flatMap((item) => (item.kind === 'object' ? [...item.properties] : []))
    const all = value.objects.some(isRequestHandler) ? [['*', value] as const] : []
    for (const [verb, handler] of [...all, ...verbs.map(([name, cell]) => [name, cell.value] as const)])
      if (handler.objects.some(isRequestHandler))
        registerRoute(machine, server, { verb, path, handlers: [handler], layer: false, flavour: 'fetch' }, call, state)
  }
  return paths.length > 0
}

/** A function, or a handler that a library made. */
function isRequestHandler(item: HeapObject): boolean {
  if (item instanceof FunctionObject) return true
  return (
    item instanceof LibraryObject &&
    (item.type === 'mcp-handler' || item.type === 'method' || item.type === 'middleware')
  )
}

function isSecureFactory(item: unknown): boolean {
  return (
    typeof (item as { path?: unknown }).path === 'string' &&
    /^node:(?:https|http2)#/.test((item as { path: string }).path)
  )
}

/** Answers that refuse: seen so that a catch around a verification counts as a check. */
export function noteStatus(state: State, status: Value | undefined): void {
  const code = status?.primitives[0]
  if (typeof code === 'number' && code >= 400) noteDenied(state)
  if (code === 401 || code === 403) state.note('refused')
}

/** What follows the body of `c.json(body, 405, headers)` and `c.json(body, { status: 405, headers })`. */
export function noteAnswerOptions(machine: Machine, options: readonly Value[], call: Call, state: State): void {
  for (const option of options) {
    noteStatus(state, option)
    noteStatus(state, optionOf(option, 'status'))
  }
  const [init, listed] = options
  for (const headers of [listed, optionOf(init, 'headers')])
    if (headers !== undefined) noteHeaders(machine, headers, call, state)
}

/** An answer with what a session remembers serves that session to the caller. */
export function noteAnswer(machine: Machine, call: Call, state: State): void {
  noteAnswered(machine, call.args, call.site, state)
  noteRoute(machine, call.site, state)
  noteLoggedOut(machine, call.site, state)
  const listed = listedIn(call.args, state)
  if (listed.length > 0) machine.emit('answer-body', call.site, state, { value: tagged(...listed) })
  const sessions = entriesIn(call.args)
  if (sessions.length === 0) return
  machine.emit('dispatch', call.site, state, { receiver: tagged(...new Set(sessions)), how: 'answer' })
}

/** Origins in sessions of what an answer is made of, as deep as the result of a tool lies in one. */
export function entriesIn(values: readonly Value[]): readonly string[] {
  const tags: string[] = []
  const pending = values.map((value) => ({ value, depth: 5 }))
  for (let seen = 0, next = pending.pop(); next !== undefined && seen < MOST_PARTS; seen += 1, next = pending.pop()) {
    const { value, depth } = next
    tags.push(...value.tags.filter((tag) => tag.startsWith('entry:')))
    if (depth === 0) continue
    for (const item of value.objects)
      if (item.kind === 'object' || item.kind === 'array')
        for (const cell of [...item.properties.values()].slice(0, MOST_FIELDS))
          pending.push({ value: cell.value, depth: depth - 1 })
  }
  return tags
}

const MOST_FIELDS = 20
const MOST_PARTS = 200
const WRITES = new Set(['write', 'send', 'json'])
const ANSWERS = new Set(['send', 'json', 'end', 'render', 'sendFile'])

const status: MethodHandler = (_machine, target, call, state) => {
  noteStatus(state, call.args[0])
  return object(target)
}

const writeHead: MethodHandler = (machine, target, call, state) => {
  noteStatus(state, call.args[0])
  for (const headers of call.args.slice(1)) noteHeaders(machine, headers, call, state)
  return object(target)
}

/** Headers of an answer, as an object. */
export function noteHeaders(machine: Machine, headers: Value, call: Call, state: State): void {
  for (const { properties } of headers.objects) {
    for (const [name, cell] of properties) noteOwnHeader(machine, name, cell.value, call, state)
    const values = [...properties.values()].map((cell) => cell.value)
    machine.emit('handle-out', call.site, state, { value: derived(...values) })
  }
}

export function noteOwnHeader(machine: Machine, name: string, value: Value, call: Call, state: State): void {
  noteCorsHeader(machine, name, value, call, state)
  noteEventStream(machine, { name, value }, call.self, call.site, state)
  noteCookieHeader(machine, name, value, call.site, state)
}

/** `setHeader(name, value)`, `set({ name: value })`. */
export const setHeader: MethodHandler = (machine, target, call, state) => {
  const [name, value] = call.args
  for (const header of name === undefined ? [] : strings(name))
    noteOwnHeader(machine, header, value ?? UNKNOWN, call, state)
  for (const headers of (call.args[0]?.objects ?? []).filter((item) => item.kind === 'object')) {
    for (const [header, cell] of headers.properties) noteOwnHeader(machine, header, cell.value, call, state)
  }
  machine.emit('handle-out', call.site, state, { value: derived(...call.args) })
  return object(target)
}

const contentType: MethodHandler = (machine, target, call, state) => {
  noteContentType(machine, call.args[0], call.self, call.site, state)
  return object(target)
}

/** `register(cookie, { parseOptions })`: what every cookie has that does not say otherwise. */
export function noteFastifyCookies(
  machine: Machine,
  app: LibraryObject,
  options: Value,
  site: Site,
  state: State,
): void {
  const given = optionOf(options, 'parseOptions')
  if (given !== undefined) keepCookieDefaults(machine, flagsOf(given, BARE, state), { app, site })
}

/** `res.cookie(name, value, options)`, `reply.setCookie(name, value, options)`. */
const setCookie: MethodHandler = (machine, target, call, state, name) => {
  const app = target.data['app'] as LibraryObject | undefined
  const ofFastify = name === 'setCookie' ? cookieDefaults(machine, app, target.site) : undefined
  noteCookie(machine, cookieIn(call), ofFastify ?? 'express', call.site, state)
  machine.emit('handle-out', call.site, state, { value: derived(...call.args) })
  return object(target)
}

/** `res.clearCookie(name)`. */
const clearCookie: MethodHandler = (machine, target, call, state) => {
  noteCookieCleared(machine, call.args[0], call.argSites[0], call.site, state)
  return object(target)
}

const onClose: MethodHandler = (machine, target, call, state) => {
  const event = onlyString(call.args[0] ?? UNKNOWN)
  const context = machine.triggered(
    event === 'close' || event === 'finish' || event === 'abort' ? 'disconnect' : machine.context.trigger,
  )
  if (event === 'close' || event === 'finish' || event === 'abort' || event === 'error')
    machine.defer(call.args[1] ?? UNDEFINED, [], state, context)
  else if (event === 'data') runDataListener(machine, call, state)
  else runListenCallback(machine, { ...call, args: call.args.slice(1) }, state)
  return object(target)
}

/** `req.on('data', chunk => …)`: the body, in pieces. */
function runDataListener(machine: Machine, call: Call, state: State): void {
  const [, listener = UNDEFINED] = call.args
  state.aside((fork) => call_(machine, listener, { ...call, args: [tagged('body')] }, fork))
}

/** `request.pipe(upstream)`: whoever reads it there does what the body says. */
const passOn: MethodHandler = (machine, _target, call, state) => {
  noteExecution(machine, call.site, state)
  return call.args[0] ?? UNKNOWN
}

/** `await json(req)` of node:stream/consumers. */
const consume: ExternalHandler = (machine, call) => {
  const [source = UNKNOWN] = call.args
  const isRequest = source.objects.some((item) => item instanceof LibraryObject && item.type.endsWith('request'))
  return isRequest ? bag(machine, 'body', call.site) : derived(source)
}

const fetchResponse: ExternalHandler = (machine, call, state) => {
  noteStatus(state, optionOf(call.args[1], 'status'))
  noteAnswer(machine, call, state)
  for (const headers of optionOf(call.args[1], 'headers')?.objects ?? [])
    for (const [name, cell] of headers.properties) {
      noteEventStream(machine, { name, value: cell.value }, call.args[0] ?? UNKNOWN, call.site, state)
      // Where the caller is sent is part of the answer.
      if (name.toLowerCase() === 'location')
        machine.emit('handle-out', call.site, state, { value: derived(cell.value) })
    }
  noteCookieHeaders(machine, optionOf(call.args[1], 'headers'), call, state)
  return object(machine.library('fetch-response', call.site))
}

/** NestJS: what `create` gives listens; its controllers are found by their classes. */
const nestApp: ExternalHandler = (machine, call, state) => {
  noteModule(machine, call, state)
  const app = machine.library('nest-server', call.site, { tls: optionOf(call.args[1], 'httpsOptions') !== undefined })
  machine.readyMade.set('nest-server', app)
  return object(app)
}

const nestListen: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, {
    tls: target.data['tls'] === true,
    defaultHost: '::',
    what: 'app.listen',
    app: target,
  })
  return object(target)
}

/** `app.get(Service)`: the one instance that the container of the framework has. */
const nestProvided: MethodHandler = (machine, target, call) => {
  const provided = (call.args[0]?.objects ?? []).flatMap((item): readonly HeapObject[] => {
    if (item instanceof ClassObject) return [sharedInstance(machine, item)]
    const library = item instanceof ExternalObject ? libraryOfType(item.path, call.site, 0) : undefined
    return library === undefined ? [] : [library]
  })
  return object(...(provided.length > 0 ? provided : [target]))
}

/** `app.enableCors(options)`: what the middleware of the same options would tell other origins. */
const nestCors: MethodHandler = (machine, target, call, state) => {
  addLayers(target, [origin.calls!['cors']!(machine, call, state, 'cors')])
  return object(target)
}

/** `app.use(middleware)`: what stands before every controller, as far as it can be seen. */
const nestUse: MethodHandler = (_machine, target, call) => {
  addLayers(target, call.args.filter(isSeen))
  return object(target)
}

function isSeen({ objects }: Value): boolean {
  return objects.some(
    (item) => item instanceof FunctionObject || (item instanceof LibraryObject && item.type === 'middleware'),
  )
}

function addLayers(app: LibraryObject, layers: readonly Value[]): void {
  const known = (app.data['layers'] ??= []) as Value[]
  known.push(...layers)
}

const header: MethodHandler = (_machine, _target, call, state) => {
  noteCookieRead('header', onlyString(call.args[0] ?? UNKNOWN), state)
  return part('header', call.args[0] ?? UNKNOWN)
}

/** What a browser sends along whichever page asks is looked at. */
function noteCookieRead(from: unknown, name: string | undefined, state: State): void {
  if (from === 'cookie' || (from === 'header' && name?.toLowerCase() === 'cookie')) state.note('asks-cookie')
}

function noteRead(machine: Machine, target: LibraryObject, key: Value, site: Site, state: State): void {
  noteCookieRead(target.data['origin'], onlyString(key), state)
  const name = target.data['origin'] === 'query' ? onlyString(key) : undefined
  const taken = target.data['taken'] as Site | undefined
  if (name !== undefined) noteQueryRead(machine, name, taken ?? site, state, taken !== undefined)
}

/** `next(new Error(…))` hands the request to whatever answers errors: what stands behind is not reached. */
function isError(given: Value | undefined): boolean {
  return given !== undefined && (hasTag(given, 'error') || given.objects.some((item) => item instanceof InstanceObject))
}

export const http: Model = {
  calls: {
    'node:http#createServer': createServer(false),
    'node:https#createServer': createServer(true),
    'node:http2#createSecureServer': createServer(true),
    'node:http2#createServer': createServer(false),
    'node:stream/consumers#json': consume,
    'node:stream/consumers#text': consume,
    'node:stream/consumers#buffer': consume,
    '@hono/node-server#serve': serve('::'),
    'srvx#serve': serve('::'),
    'srvx/node#serve': serve('::'),
    '@hono/node-server#getRequestListener': (_machine, call) => call.args[0] ?? UNKNOWN,
    'global:Bun#serve': serve('0.0.0.0'),
    'bun#serve': serve('0.0.0.0'),
    'global:Deno#serve': serve('0.0.0.0'),
    '@nestjs/core#NestFactory.create': nestApp,
    'global:Response#json': fetchResponse,
    'next/server#NextResponse.json': fetchResponse,
    'next/headers#headers': (machine, call) => bag(machine, 'header', call.site),
    'next/headers#cookies': (machine, call) =>
      object(machine.library('bag', call.site, { origin: 'cookie', jar: 'cookie' })),
  },
  constructors: {
    'node:http#Server': createServer(false),
    'node:https#Server': createServer(true),
    'global:Response': fetchResponse,
    'next/server#NextResponse': fetchResponse,
  },
  methods: {
    'http-server': {
      listen,
      on: onServer,
      once: onServer,
      addListener: onServer,
      '*': (_machine, target) => object(target),
    },
    'nest-server': {
      listen: nestListen,
      get: nestProvided,
      enableCors: nestCors,
      use: nestUse,
      '*': (_machine, target) => object(target),
    },
    request: {
      get: header,
      header,
      on: onClose,
      once: onClose,
      pipe: passOn,
      json: (machine, _target, call) => bag(machine, 'body', call.site),
    },
    'fetch-request': {
      json: (machine, _target, call) => bag(machine, 'body', call.site),
      text: (machine, _target, call) => bag(machine, 'body', call.site),
      clone: (_machine, target) => object(target),
    },
    response: {
      status,
      code: status,
      sendStatus: (machine, target, call, state) => {
        noteStatus(state, call.args[0])
        noteLoggedOut(machine, call.site, state)
        return object(target)
      },
      writeHead,
      cookie: setCookie,
      setCookie,
      clearCookie,
      setHeader,
      header: setHeader,
      set: setHeader,
      append: setHeader,
      type: contentType,
      contentType,
      on: onClose,
      once: onClose,
      redirect: (machine, target, call, state) => {
        noteRedirect(machine, call, state)
        state.learn(['answered'])
        noteAnswer(machine, call, state)
        return object(target)
      },
      '*': (machine, target, call, state, name) => {
        if (ANSWERS.has(name)) state.learn(['answered'])
        // The stream of a session that the caller's handle named: whoever names it is answered there.
        if (WRITES.has(name) && hasTag(call.self, 'held'))
          machine.emit('dispatch', call.site, state, { receiver: call.self, how: 'own' })
        noteEnding(machine, name, target, call.site, state)
        if (name === 'send') noteBody(machine, call.args[0] ?? UNDEFINED, call, state)
        noteAnswer(machine, call, state)
        return object(target)
      },
    },
    bag: {
      get: (machine, target, call, state) => {
        noteRead(machine, target, call.args[0] ?? UNKNOWN, call.site, state)
        return bagProperty(target, call.args[0] ?? UNKNOWN)
      },
      has: (_machine, target, call) => bagProperty(target, call.args[0] ?? UNKNOWN),
      entries: (_machine, target) => object(target),
      set: (machine, target, call, state) => {
        if (target.data['origin'] === 'cookie')
          noteCookie(machine, cookieIn(call), String(target.data['jar'] ?? 'unseen'), call.site, state)
        return UNKNOWN
      },
      delete: (machine, target, call, state) => {
        if (target.data['origin'] === 'cookie')
          noteCookieCleared(machine, call.args[0], call.argSites[0], call.site, state)
        return UNKNOWN
      },
      '*': (_machine, target) => part(String(target.data['origin']), UNKNOWN),
    },
    next: {
      '()': (machine, target, call, state) => {
        const continuations = (target.data['states'] ??= []) as State[]
        if (!isError(call.args[0])) {
          const passed = state.fork()
          continuations.push(passed)
          machine.passed.push(passed)
        }
        return UNKNOWN
      },
    },
  },
  properties: {
    request: (machine, target, name, key, site, state) => {
      noteCallerRead(target, name, state)
      if (name === 'app' && machine.expressApps.size === 1) return object(...machine.expressApps)
      return (
        requestPart(machine, name, key, site) ??
        (name === 'raw' || name === 'req' ? object(target) : UNKNOWN.with({ primitives: [undefined] }))
      )
    },
    'fetch-request': (machine, target, name, key, site) => {
      // Of SvelteKit and Astro, whose contexts are asked as requests are.
      if (name === 'locals') return keep(target, name, () => machine.library('locals', site))
      return requestPart(machine, name, key, site) ?? (name === 'raw' || name === 'request' ? object(target) : UNKNOWN)
    },
    response: (machine, target, name, _key, site) => {
      if (name === 'locals') return keep(target, name, () => machine.library('locals', site))
      return name === 'raw' || name === 'res' ? object(target) : UNKNOWN
    },
    bag: (machine, target, name, key, site, state) => {
      const asked = name === undefined ? key : primitive(name)
      noteRead(machine, target, asked, site, state)
      return bagProperty(target, asked)
    },
  },
  setters: {
    response: (_machine, _target, name, value, _site, state) => {
      if (name === 'statusCode' || name === 'status') noteStatus(state, value)
    },
  },
}
