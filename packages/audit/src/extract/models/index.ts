/** Everything known of libraries, by import path and by type. */
import type { Call } from '../calls.ts'
import { callOpaque } from '../opaque.ts'
import { spreadArguments } from '../calls.ts'
import type { HeapObject, LibraryObject, Site } from '../heap.ts'
import { ExternalObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, object } from '../value.ts'
import { writtenBytes } from './typed-arrays.ts'
import { authenticators } from './authenticators.ts'
import { browsers } from './browsers.ts'
import { caches } from './caches.ts'
import { carriers } from './carriers.ts'
import { agentTimers } from './agent-timers.ts'
import { childProcesses } from './child-processes.ts'
import { cloudflare } from './cloudflare.ts'
import { cookieWriters } from './cookie-writers.ts'
import { credentials } from './credentials.ts'
import { denoKv } from './deno-kv.ts'
import { declared, declaredAuthenticator, declaredStore } from './declared.ts'
import { documents } from './documents.ts'
import { drizzle } from './drizzle.ts'
import { durableObjects } from './durable-objects.ts'
import { elysia } from './elysia.ts'
import { elysiaAnswers } from './elysia-answers.ts'
import { entities } from './entities.ts'
import { express } from './express.ts'
import { fastify } from './fastify.ts'
import { fastifyJwt } from './fastify-jwt.ts'
import { fastmcp } from './fastmcp.ts'
import { frameworks } from './frameworks.ts'
import { fresh } from './fresh.ts'
import { h3 } from './h3.ts'
import { functions } from './functions.ts'
import { graphql } from './graphql.ts'
import { hapi } from './hapi.ts'
import { forms } from './forms.ts'
import { http } from './http.ts'
import { identity, readyGuard } from './identity.ts'
import { koa } from './koa.ts'
import { loginSessions } from './login-sessions.ts'
import { mcp } from './mcp.ts'
import { mcpAdapter } from './mcp-adapter.ts'
import { mcpHost, mcpHosts } from './mcp-hosts.ts'
import { mcpPlugins } from './mcp-plugins.ts'
import { merges } from './merges.ts'
import { mongoose } from './mongoose.ts'
import { middleware } from './middleware.ts'
import type { ExternalHandler, MethodHandler, Model, PropertyHandler, PropertySetter } from './model.ts'
import { nest } from './nest.ts'
import { nestJwt } from './nest-jwt.ts'
import { nestLayers } from './nest-layers.ts'
import { nodeStreams } from './node-streams.ts'
import { notices } from './notices.ts'
import { origin } from './origin.ts'
import { ownTransports } from './own-transports.ts'
import { oauthRouter } from './oauth-router.ts'
import { passport } from './passport.ts'
import { paths } from './paths.ts'
import { platform } from './platform.ts'
import { redirects } from './redirects.ts'
import { requestLogs } from './request-logs.ts'
import { requestState } from './request-state.ts'
import { randomness } from './randomness.ts'
import { rxjs } from './rxjs.ts'
import { sallyport } from './sallyport.ts'
import { queryChains } from './query-chains.ts'
import { settings } from './settings.ts'
import { sql } from './sql.ts'
import { socketIo } from './socket-io.ts'
import { socketHosts } from './socket-hosts.ts'
import { socketProxies } from './socket-proxies.ts'
import { sockets } from './sockets.ts'
import { stores } from './stores.ts'
import { streams } from './streams.ts'
import { surroundings } from './surroundings.ts'
import { urls } from './urls.ts'
import { verifiers } from './verifiers.ts'
import { xmcp } from './xmcp.ts'
import { noteVerdict } from '../audiences.ts'
import { callerOn, isCallerPart, noteCallerWritten } from './requests.ts'
import { keepsRecord, webSessions } from './web-sessions.ts'

interface Registry {
  readonly calls: ReadonlyMap<string, ExternalHandler>
  readonly constructors: ReadonlyMap<string, ExternalHandler>
  readonly properties: ReadonlyMap<string, PropertyHandler>
  readonly setters: ReadonlyMap<string, PropertySetter>
  readonly methods: ReadonlyMap<string, ReadonlyMap<string, MethodHandler>>
}

let built: Registry | undefined

/** Built on first use: the models and the interpreter import each other. */
function registry(): Registry {
  built ??= buildRegistry([
    platform,
    merges,
    paths,
    randomness,
    surroundings,
    http,
    redirects,
    forms,
    urls,
    sockets,
    socketProxies,
    socketHosts,
    socketIo,
    streams,
    express,
    requestLogs,
    oauthRouter,
    frameworks,
    fastify,
    koa,
    hapi,
    h3,
    elysia,
    elysiaAnswers,
    fresh,
    functions,
    graphql,
    carriers,
    mcp,
    mcpAdapter,
    mcpHosts,
    mcpPlugins,
    nest,
    nestJwt,
    nestLayers,
    nodeStreams,
    rxjs,
    notices,
    ownTransports,
    fastifyJwt,
    fastmcp,
    xmcp,
    agentTimers,
    childProcesses,
    cloudflare,
    durableObjects,
    webSessions,
    cookieWriters,
    browsers,
    queryChains,
    drizzle,
    credentials,
    authenticators,
    verifiers,
    passport,
    identity,
    loginSessions,
    stores,
    mongoose,
    caches,
    entities,
    documents,
    denoKv,
    sql,
    settings,
    // The more is known of one, the sooner it is asked.
    middleware,
    origin,
    sallyport,
    requestState,
    // What a team vouches for is asked first.
    declared,
    methods,
  ])
  return built
}

function buildRegistry(models: readonly Model[]): Registry {
  return {
    calls: collect(models, (model) => model.calls),
    constructors: collect(models, (model) => model.constructors),
    properties: collect(models, (model) => model.properties),
    setters: collect(models, (model) => model.setters),
    methods: collectMethods(models),
  }
}

function collect<T>(
  models: readonly Model[],
  pick: (model: Model) => Readonly<Record<string, T>> | undefined,
): Map<string, T> {
  const all = new Map<string, T>()
  for (const model of models) for (const [path, handler] of Object.entries(pick(model) ?? {})) all.set(path, handler)
  return all
}

function collectMethods(models: readonly Model[]): Map<string, Map<string, MethodHandler>> {
  const all = new Map<string, Map<string, MethodHandler>>()
  for (const [type, methods] of models.flatMap((model) => Object.entries(model.methods ?? {}))) {
    const known = all.get(type) ?? new Map<string, MethodHandler>()
    for (const [name, handler] of Object.entries(methods)) known.set(name, either(handler, known.get(name)))
    all.set(type, known)
  }
  return all
}

/** What one model leaves to others is asked of the one before it. */
function either(handler: MethodHandler, before: MethodHandler | undefined): MethodHandler {
  if (before === undefined) return handler
  return (...given) => handler(...given) ?? before(...given)
}

export function callExternal(machine: Machine, path: string, call: Call, state: State): Value {
  const handler = registry().calls.get(path) ?? sdkHandler(registry().calls, path)
  if (handler !== undefined) return handler(machine, call, state, path)
  const store = declaredStore(machine, path, call, state)
  if (store !== undefined) return store
  const written = writtenBytes(path, call.args[0] ?? UNKNOWN)
  if (written !== undefined) return written
  const whose = /^node:(?:fs|path)\b/.test(path) ? 'files' : 'library'
  return mcpHost(machine, path, call) ?? callOpaque(machine, path.split(/[#.]/).at(-1), call, state, NEVER, whose)
}

export function constructExternal(machine: Machine, path: string, call: Call, state: State): Value {
  const handler = registry().constructors.get(path) ?? sdkHandler(registry().constructors, path)
  if (handler !== undefined) return handler(machine, call, state, path)
  return (
    declaredStore(machine, path, call, state) ??
    mcpHost(machine, path, call) ??
    callOpaque(machine, undefined, call, state, NEVER)
  )
}

/** The SDK's names are found under whatever path or package of it exports them. */
function sdkHandler(handlers: ReadonlyMap<string, ExternalHandler>, path: string): ExternalHandler | undefined {
  if (!path.startsWith('@modelcontextprotocol/') && !path.startsWith('@hono/mcp')) return undefined
  return handlers.get(`sdk#${path.split('#').at(-1) ?? ''}`)
}

/** Whether a call or construction of this path has a model. */
export function isModelled(path: string): boolean {
  return registry().calls.has(path) || registry().constructors.has(path)
}

/** Objects that packages export ready-made: one for the whole program. */
const READY_MADE = new Map([
  ['commander#program', 'commander'],
  ['@vercel/kv#kv', 'redis'],
])

/** What an import of this path is. */
export function externalValue(machine: Machine, path: string, site: Site): HeapObject {
  const type = READY_MADE.get(path)
  if (type === undefined)
    return (
      declaredAuthenticator(machine, path, site) ?? readyGuard(machine, path, site) ?? new ExternalObject(path, site)
    )
  let known = machine.readyMade.get(path)
  if (known === undefined) {
    known = machine.library(type, site)
    machine.readyMade.set(path, known)
  }
  return known
}

/** `new Model(…)`, where a library has made the class. */
export function constructLibrary(machine: Machine, target: LibraryObject, call: Call, state: State): Value | undefined {
  return registry().methods.get(target.type)?.get('new')?.(machine, target, call, state, 'new')
}

export function callLibrary(
  machine: Machine,
  target: LibraryObject,
  name: string,
  call: Call,
  state: State,
): Value | undefined {
  const own = target.properties.get(name)
  const methods = registry().methods.get(target.type)
  const handler: MethodHandler | undefined = methods?.get(name) ?? methods?.get('*') ?? asFunction(methods, name)
  if (handler === undefined || (own !== undefined && own.value.objects.length > 0 && methods?.get(name) === undefined))
    return undefined
  return handler(machine, target, call, state, name)
}

/** `login.bind(req)`, `next.call(this)`: what every function can do, of those that a library hands out. */
function asFunction(methods: ReadonlyMap<string, MethodHandler> | undefined, name: string): MethodHandler | undefined {
  const called = methods?.get('()')
  if (called === undefined) return undefined
  switch (name) {
    case 'bind':
      // With arguments of its own it is another function: `next.bind(null, error)`.
      return (_machine, target, call) => (call.args.length > 1 ? UNKNOWN : object(target))
    case 'call':
      return (machine, target, call, state) =>
        called(machine, target, { ...call, args: call.args.slice(1), argSites: call.argSites.slice(1) }, state, '()')
    case 'apply':
      return (machine, target, call, state) =>
        called(machine, target, { ...call, args: spreadArguments(call.args[1] ?? UNKNOWN) }, state, '()')
    default:
      return undefined
  }
}

export function libraryProperty(
  machine: Machine,
  target: LibraryObject,
  name: string | undefined,
  key: Value,
  site: Site,
  state: State,
): Value {
  const own = name === undefined ? undefined : target.properties.get(name)
  if (own !== undefined && own.value !== NEVER) return callerOn(target, own.name, state.read(own))
  if (name !== undefined && isMethod(target, name)) return methodValue(machine, target, name, site)
  const handler: PropertyHandler | undefined = registry().properties.get(target.type)
  return handler?.(machine, target, name, key, site, state) ?? UNKNOWN
}

function isMethod(target: LibraryObject, name: string): boolean {
  return name !== '()' && name !== '*' && registry().methods.get(target.type)?.has(name) === true
}

/**
 * A method that is passed on instead of called: it stays bound to its object. An old version may lack it, but for what sessions
 * with a record have always had: `if (req.session.regenerate)` asks which kind of session it is.
 */
function methodValue(machine: Machine, target: LibraryObject, name: string, site: Site): Value {
  const isSure = target.type === 'web-session' && keepsRecord(machine.webSession?.library ?? '')
  return object(machine.library('method', site, { target, name })).with({ open: !isSure })
}

/** Calls of such a method, however it gets its arguments. */
const methods: Model = {
  methods: {
    method: {
      '()': callMethodValue,
      bind: (_machine, method) => object(method),
    },
  },
}

function callMethodValue(machine: Machine, method: LibraryObject, call: Call, state: State): Value {
  const target = method.data['target'] as LibraryObject
  const name = String(method.data['name'])
  const own = { ...call, self: object(target) }
  return callLibrary(machine, target, name, own, state) ?? callOpaque(machine, name, own, state, NEVER)
}

export function setLibraryProperty(
  machine: Machine,
  target: LibraryObject,
  name: string | undefined,
  value: Value,
  site: Site,
  state: State,
): void {
  const handler: PropertySetter | undefined = registry().setters.get(target.type)
  if (handler !== undefined) handler(machine, target, name, value, site, state)
  if (name === undefined) return
  noteCallerWritten(target, name, value, state)
  // What stands there of the token as it came is what handlers and tools are given of it.
  if (target.type.endsWith('request') && isCallerPart(name)) noteVerdict(machine, value)
  state.write(target.property(name), value)
}
