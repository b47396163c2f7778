/** Runs handlers as requests: the middleware that stands before them, then the handler, on one path. */
import { noteGoneOn, noteSkipped } from './asked.ts'
import { wantsError } from './models/beside.ts'
import { noteAbsentHandler } from './unseen-servers.ts'
import type { Call } from './calls.ts'
import { call_ } from './calls.ts'
import { runHook } from './hooks.ts'
import { invoke } from './invoke.ts'
import type { Context } from './events.ts'
import { closedOver, objectsGivenTo } from './given.ts'
import type { HeapObject, Site } from './heap.ts'
import { FunctionObject, LibraryObject, siteKey } from './heap.ts'
import { noteHandlerBegins } from './logouts.ts'
import type { Deferred, Exit, Machine, Route } from './machine.ts'
import { workerEnvironment } from './models/cloudflare.ts'
import { noteEventAnswer } from './models/functions.ts'
import { noteAnswer } from './models/http.ts'
import { callLibrary } from './models/index.ts'
import { applyMiddleware } from './models/middleware.ts'
import type { ExchangeParts } from './models/nest.ts'
import type { Mount } from './models/routing.ts'
import { sessionObject } from './models/web-sessions.ts'
import { State, joinFacts } from './state.ts'
import type { Facts } from './state.ts'
import type { Value } from './value.ts'
import { UNDEFINED, UNKNOWN, object, tagged } from './value.ts'

/** Runs every route once. Called twice: the second time with everything that the first put into stores. */
export function runRoutes(machine: Machine, from = 0): void {
  const alike = new Map<string, Set<string>>()
  const places = timesEach(machine.routes.slice(from).map(({ route }) => siteKey(route.site)))
  const routed = new Set(machine.routes.flatMap(({ app, route }) => (route.layer ? [] : [app])))
  for (const { app, route } of inOrder(machine.routes.slice(from))) {
    // Hooks that stand before nothing here are a piece of an app: its routes are elsewhere.
    if (route.layer && routed.has(app) && !isRouteLike(app, route)) continue
    const key = `${siteKey(route.site)} ${route.verb} ${fullPath(app, route.path)}`
    const known = alike.get(key) ?? new Set()
    alike.set(key, known)
    // Most code registers one route, and nothing needs to be told apart.
    const made = places.get(siteKey(route.site)) === 1 ? '' : wayOf(machine, app, route)
    if (known.has(made) || known.size >= MOST_ALIKE) continue
    known.add(made)
    machine.guarded('a handler', () => runRoute(machine, app, route), route.site.path)
  }
}

type Registered = Machine['routes'][number]

/** Where there are so many that steps may not suffice for all, those of MCP and of sessions come first. */
function inOrder(routes: readonly Registered[]): readonly Registered[] {
  if (routes.length <= MANY_ROUTES) return routes
  const filesOf = ({ route }: Registered) =>
    route.handlers.flatMap(({ objects }) => objects.map(({ site }) => site.file))
  const files = [...new Set(routes.flatMap(filesOf))]
  const first = new Set(files.filter(({ text }) => OF_SESSIONS.test(text)))
  const rank = (item: Registered): number => (filesOf(item).some((file) => first.has(file)) ? 0 : 1)
  return routes.toSorted((a, b) => rank(a) - rank(b))
}

const MANY_ROUTES = 60

const OF_SESSIONS = /mcp-session-id|@modelcontextprotocol\/|\bStreamableHTTP\w*Transport\b/i

function timesEach(keys: readonly string[]): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const key of keys) times.set(key, (times.get(key) ?? 0) + 1)
  return times
}

/** What tells a route from one that the same code has registered: what stands before it, and what its handlers were given. */
function wayOf(machine: Machine, app: LibraryObject, route: Route): string {
  const chain = chainOf(machine, app, route).map(({ handler, optional }) => `${optional}:${givenTo(handler)}`)
  const settings = [...route.facts.must].toSorted()
  return [app.type, ...settings, ...chain, ...route.handlers.map(givenTo)].join('|')
}

function givenTo({ objects }: Value): string {
  return objects
    .map((item) => `${siteKey(item.site)}(${closedOver(item).join()};${objectsGivenTo(item).join()})`)
    .join('+')
}

/** A function that makes an app may be called with ever other settings. */
const MOST_ALIKE = 3

/** Middleware that answers by itself (`app.use('/mcp', handler)`, a Koa app without a router) is a route as well. */
function isRouteLike(app: LibraryObject, route: Route): boolean {
  return app.type === 'koa-app' || app.type === 'h3-app' || route.path !== '/' || route.flavour === 'express'
}

function runRoute(machine: Machine, app: LibraryObject, route: Route): void {
  const activation = machine.newActivation()
  const path = fullPath(app, route.path)
  // A router of Express sees what is left of the path behind the place where it is mounted.
  const seen = route.flavour === 'express' && path !== route.path ? {} : { seen: { path, open: route.layer } }
  const fact = { site: route.site, verb: route.verb, path, app: outermost(app, 0).site, ...seen }
  const context: Context = { trigger: 'request', activation, route: fact }
  machine.root(context, () => {
    const state = new State(route.facts)
    if (route.verb !== '*') state.learn([`verb:${route.verb}`])
    const hooked = asItsMiddlewareSees(route)
    const exchange = makeExchange(machine, app, hooked)
    for (const { handler, optional } of chainOf(machine, app, route)) {
      if (state.dead) break
      const passed = optional ? state.fork() : state
      runMiddleware(machine, handler, hooked, exchange, passed)
      if (optional) state.merge([passed, state.fork()])
    }
    noteHandlerBegins(machine, state)
    const final = route.handlers.at(-1) ?? UNDEFINED
    const last = hooked === route ? exchange : asItIsServed(machine, app, exchange, route)
    const own = route.flavour === 'express-socket' ? last : exchange
    for (const handler of route.handlers.slice(0, -1)) {
      if (!state.dead) runMiddleware(machine, handler, hooked, own, state)
    }
    if (!state.dead) {
      if (!route.layer) noteAbsentHandler(machine, final, fact, state)
      const goesOn = runHandler(machine, final, route, last, state)
      // Middleware that hands on has served nothing, nor have hooks, which stand before what does.
      if (!route.layer || !(goesOn || isHook(route))) machine.emit('served', route.site, state, { route: fact })
    }
    runDeferred(machine)
    machine.noteCut('handler', route.site)
  })
}

/** Of frameworks in which a hook that just returns lets the request go on, and routes are registered otherwise. */
function isHook({ layer, flavour }: Route): boolean {
  return layer && (flavour === 'fastify' || flavour === 'hapi' || flavour === 'elysia')
}

/** What stands before a route may be given something else than the route. */
function asItsMiddlewareSees(route: Route): Route {
  if (route.flavour === 'fastify-socket') return { ...route, flavour: 'fastify' }
  if (route.flavour === 'express-socket') return { ...route, flavour: 'express' }
  return route.flavour === 'hono-mount' ? { ...route, flavour: 'hono' } : route
}

const SOCKETS_BEHIND: ReadonlySet<Route['flavour']> = new Set(['fastify-socket', 'express-socket'])

function asItIsServed(machine: Machine, app: LibraryObject, exchange: Exchange, route: Route): Exchange {
  if (SOCKETS_BEHIND.has(route.flavour)) return onSocket(machine, exchange, route)
  return makeExchange(machine, app, { ...route, flavour: 'worker' })
}

/** The app that a router is mounted on in the end. */
function outermost(app: LibraryObject, depth: number): LibraryObject {
  const [mount] = (app.data['mounts'] ?? []) as Mount[]
  return mount === undefined || depth > 6 ? app : outermost(mount.app, depth + 1)
}

function fullPath(app: LibraryObject, path: string): string {
  const [mount] = (app.data['mounts'] ?? []) as Mount[]
  if (mount === undefined || mount.path === '/' || mount.path === '*') return path
  return `${mount.path.replace(/\/$/, '')}${path === '/' ? '' : path}`
}

interface Standing {
  readonly handler: Value
  /** It is there only where somebody has set an option that the route does without. */
  readonly optional: boolean
}

/** What stands before a route: the middleware of its app and of the apps it is mounted on, registered earlier. */
function chainOf(machine: Machine, app: LibraryObject, route: Route): readonly Standing[] {
  const settings = new Set([...route.facts.must, ...settingsOf(app, 0)])
  return [...before(machine, app, settings, 0), ...layersBefore(machine, app, route, settings)]
}

function before(machine: Machine, app: LibraryObject, settings: ReadonlySet<string>, depth: number): Standing[] {
  const [mount] = (app.data['mounts'] ?? []) as Mount[]
  if (mount === undefined || depth > 6) return []
  return [
    ...before(machine, mount.app, settings, depth + 1),
    ...layersBefore(machine, mount.app, mount, settings),
    ...mount.before.map((handler) => ({ handler, optional: false })),
  ]
}

/** The settings that are on wherever an app is mounted. */
function settingsOf(app: LibraryObject, depth: number): readonly string[] {
  const [mount] = (app.data['mounts'] ?? []) as Mount[]
  return mount === undefined || depth > 6 ? [] : [...mount.facts.must, ...settingsOf(mount.app, depth + 1)]
}

/** Middleware counts where it was registered earlier; hooks of Fastify count for their whole context. */
function layersBefore(
  machine: Machine,
  app: LibraryObject,
  what: { readonly path: string; readonly order: number },
  settings: ReadonlySet<string>,
): Standing[] {
  return (machine.layers.get(app) ?? [])
    .filter(
      (layer) =>
        layer !== what &&
        (layer.flavour === 'fastify' || layer.order < what.order) &&
        covers(layer.path, what.path) &&
        !machine.leftEarly.isInstead(layer, what),
    )
    .flatMap((layer) => {
      const optional = isOptional(machine, layer, settings)
      return layer.handlers.map((handler) => ({ handler, optional }))
    })
}

function isOptional(machine: Machine, layer: Route, settings: ReadonlySet<string>): boolean {
  return [...layer.facts.must].some(
    (fact) => !settings.has(fact) && !machine.requiredEnv.has(fact.slice('optional:'.length)),
  )
}

function covers(layer: string, path: string): boolean {
  if (layer === '/' || layer === '*' || layer === '/*' || path === '*')
    return layer === '/' || layer === '*' || layer === '/*' || path === layer
  const prefix = layer.replace(/\/?\*$/, '')
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)
}

export interface Exchange {
  readonly args: (next: LibraryObject) => readonly Value[]
  readonly request: LibraryObject
}

function makeExchange(machine: Machine, app: LibraryObject, route: Route): Exchange {
  const { site } = route
  const request = machine.library(requestType(route), site, { app })
  const response = machine.library('response', site, { app })
  response.property('req').write(object(request))
  furnish(machine, app, route, request)
  if (route.flavour === 'socket') return onSocket(machine, { request }, route)
  if (route.flavour === 'hapi')
    return { request, args: () => [object(request), object(machine.library('hapi-toolkit', site))] }
  if (route.flavour === 'worker') return { request, args: () => [object(request), workerEnvironment(site), UNKNOWN] }
  if (route.flavour === 'action') return { request, args: () => [tagged('body'), tagged('body'), tagged('body')] }
  const sockets = app.data['websocket'] as Value | undefined
  if (sockets !== undefined)
    return {
      request,
      args: () => [object(request), object(machine.library('bun-server', site, { websocket: sockets }))],
    }
  if (route.flavour === 'fresh')
    return {
      request,
      args: (next) => {
        request.data['next'] = next
        return [object(request)]
      },
    }
  const single = ['hono', 'koa', 'fetch', 'elysia', 'h3', 'socket-io', 'lambda'].includes(route.flavour)
  if (single) return { request, args: (next) => [object(request), object(next), UNKNOWN] }
  return { request, args: (next) => [object(request), object(response), object(next)] }
}

/** What frameworks and middleware of libraries put on a request. */
function furnish(machine: Machine, app: LibraryObject, route: Route, request: LibraryObject): void {
  const { site } = route
  if (
    (machine.webSession !== undefined || app === machine.unseenApp || !machine.listens) &&
    (route.flavour === 'express' ||
      route.flavour === 'fastify' ||
      route.flavour === 'koa' ||
      route.flavour === 'node' ||
      route.flavour === 'socket')
  ) {
    request.property('session').write(sessionObject(machine, site))
  }
  if (route.flavour === 'express') furnishPassport(machine, request)
}

function furnishPassport(machine: Machine, request: LibraryObject): void {
  for (const [type, names] of [
    ['passport-login', ['login', 'logIn']],
    ['passport-logout', ['logout', 'logOut']],
  ] as const)
    for (const name of names) request.property(name).write(object(machine.library(type, request.site)))
}

/** A request to a handler that is found by how it is written: what sets sessions up is seen, or in a file that is not there. */
export function furnished(machine: Machine, request: LibraryObject): LibraryObject {
  if ((machine.webSession !== undefined || !machine.listens) && /^(?:request|koa-context)$/.test(request.type))
    request.property('session').write(sessionObject(machine, request.site))
  if (request.type === 'request' && !machine.listens) furnishPassport(machine, request)
  return request
}

/** The request has become a connection: its handler is given the socket first. */
function onSocket(machine: Machine, { request }: Pick<Exchange, 'request'>, { site }: Route): Exchange {
  return { request, args: (next) => [object(machine.library('socket', site)), object(request), object(next)] }
}

function requestType(route: Route): string {
  switch (route.flavour) {
    case 'hono':
      return 'hono-context'
    case 'koa':
      return 'koa-context'
    case 'fetch':
    case 'action':
    case 'worker':
      return 'fetch-request'
    case 'fastify':
      return 'fastify-request'
    case 'hapi':
      return 'hapi-request'
    case 'elysia':
      return 'elysia-context'
    case 'fresh':
      return 'fresh-context'
    case 'h3':
      return 'h3-event'
    case 'lambda':
      return 'lambda-event'
    case 'socket-io':
      return 'io-socket'
    default:
      return 'request'
  }
}

/** Runs one middleware; the path goes on where it called `next` (or, in Fastify, returned without answering). */
function runMiddleware(machine: Machine, handler: Value, route: Route, exchange: Exchange, state: State): void {
  const next = machine.library('next', route.site)
  // Several are what it may be, one or the other.
  const ways: State[] = []
  for (const target of handler.objects) {
    const way = state.fork()
    if (target instanceof LibraryObject && target.type === 'middleware')
      applyMiddleware(machine, target, exchange.request, way)
    else if (target instanceof FunctionObject && !isErrorHandler(target, route))
      runOwnMiddleware(machine, target, next, route, exchange, way)
    else if (target instanceof LibraryObject && target.type === 'hook')
      runHook(machine, target, next, route, exchange, way)
    else continue
    ways.push(way)
  }
  // A container of services gives all that it has where what is asked of it cannot be told.
  if (ways.length > 0) state.merge(ways)
  else if (handler.objects.length === 0 || handler.open) state.note('opaque-middleware')
}

/** What an app has its requests pass before it looks who serves them, for what is no route of its own. */
export function runLayers(
  machine: Machine,
  { app, layers, exchange }: { app: LibraryObject; layers: readonly Value[]; exchange: ExchangeParts },
  site: Site,
  state: State,
): void {
  const { request, response } = exchange
  const route: Route = {
    site,
    verb: '*',
    path: '/',
    handlers: [],
    layer: true,
    flavour: 'express',
    facts: state.facts,
    order: 0,
  }
  const seen: Exchange = { request, args: (next) => [object(request), object(response), object(next)] }
  furnish(machine, app, route, request)
  for (const layer of layers) if (!state.dead) runMiddleware(machine, layer, route, seen, state)
}

function isErrorHandler(fn: FunctionObject, route: Route): boolean {
  return route.flavour === 'express' && wantsError(fn)
}

export function runOwnMiddleware(
  machine: Machine,
  fn: FunctionObject,
  next: LibraryObject,
  route: Route,
  exchange: Exchange,
  state: State,
): void {
  const fork = state.fork()
  const byReturn = GO_ON_BY_RETURNING.has(route.flavour)
  const goesOn = byReturn ? (exit: Exit): boolean => !answers(exit, route) : undefined
  invoke(machine, fn, UNDEFINED, exchange.args(next), fork, goesOn)
  const continued = (next.data['states'] ?? []) as State[]
  next.data['states'] = []
  if (continued.length === 0 && byReturn) return state.merge([fork])
  if (continued.length === 0) {
    state.dead = fork.dead || route.layer || machine.context.trigger === 'request'
    return
  }
  for (const item of continued) item.dead = false
  const ways = continued.map((item) => item.facts)
  state.facts = ways.reduce((a: Facts, b: Facts) => joinFacts(a, b))
  noteSkipped(state, ways)
  noteGoneOn(state, ways, fork.facts)
}

/** Where middleware has no `next`: what does not answer lets the request go on. */
const GO_ON_BY_RETURNING: ReadonlySet<Route['flavour']> = new Set(['fastify', 'hapi', 'elysia', 'h3'])
export const ANSWERS = new Set(['response', 'fetch-response', 'hapi-response'])

/** A hook that has answered, or returns the answer, ends the request. */
function answers(exit: Exit, { flavour }: Route): boolean {
  if ((flavour === 'h3' || flavour === 'elysia') && isSomething(exit.value)) return true
  return (
    exit.state.holds('answered') ||
    exit.value.objects.some((item) => item instanceof LibraryObject && ANSWERS.has(item.type))
  )
}

/** Whatever a handler of h3 or a hook of Elysia returns is the answer. */
function isSomething({ objects, primitives }: Value): boolean {
  return objects.length > 0 || primitives.some((item) => item !== undefined)
}

/** Runs what answers the request; true where it calls `next` instead. */
function runHandler(machine: Machine, handler: Value, route: Route, exchange: Exchange, state: State): boolean {
  const next = machine.library('next', route.site)
  for (const target of handler.objects) {
    const fork = state.fork()
    if (target instanceof FunctionObject) {
      invoke(machine, target, UNDEFINED, exchange.args(next), fork, answering(machine, route, target))
    } else if (target instanceof LibraryObject) {
      if (target.type === 'middleware') applyMiddleware(machine, target, exchange.request, fork)
      else callLibrary(machine, target, '()', { ...callOf(route, exchange.args(next)), self: object(target) }, fork)
    }
  }
  return handler.objects.every(isPassing) || ((next.data['states'] ?? []) as State[]).length > 0
}

/** `express.json()`, `cors()`: what a library makes to stand before handlers hands on. */
function isPassing(item: HeapObject): boolean {
  return item.kind === 'external' || (item instanceof LibraryObject && item.type === 'middleware')
}

/** Where a handler answers by what it returns: each way out with what it knows. */
function answering(machine: Machine, route: Route, { site }: FunctionObject): ((exit: Exit) => boolean) | undefined {
  if (route.flavour !== 'lambda' && !GO_ON_BY_RETURNING.has(route.flavour)) return undefined
  return ({ value, state, site: at = site }) => {
    const call = { ...callOf(route, [value]), site: at }
    if (state.dead) return true
    if (route.flavour === 'lambda') noteEventAnswer(machine, value, call, state)
    else noteAnswer(machine, call, state)
    return true
  }
}

/** What a host calls stands nowhere in the program. */
function callOf(route: Route, args: readonly Value[]): Call {
  return { site: route.site, args, argSites: [], self: UNDEFINED, env: undefined as never }
}

/** Runs what was put off: timers, close listeners, transport callbacks. They may put off more. */
export function runDeferred(machine: Machine): void {
  for (let round = 0; round < 4 && machine.deferred.length > 0; round += 1) {
    const queue = machine.deferred
    machine.deferred = []
    for (const item of queue) {
      if (item.unless?.data['deadOnclose'] === true) continue
      machine.within(item.context, () => callPutOff(machine, item, new State(item.facts)))
    }
  }
  machine.deferred = []
}

/** Of a callee that nothing is known of, there is nothing to run. */
function callPutOff(machine: Machine, { callee, args }: Deferred, state: State): Site | undefined {
  const site = callee.objects[0]?.site
  if (site !== undefined)
    call_(machine, callee, { site, args, argSites: [], self: UNDEFINED, env: undefined as never }, state)
  return site
}

/** Runs the handlers of tools and resources, each as a request of its own. */
export function runTools(machine: Machine): void {
  for (const item of machine.tools.values()) {
    const context: Context = {
      trigger: 'tool',
      activation: machine.newActivation(),
      ...(item.context.route === undefined ? {} : { route: item.context.route }),
    }
    machine.root(context, () => machine.guarded('a tool', () => runTool(machine, item)))
  }
}

function runTool(machine: Machine, item: Deferred): void {
  const state = State.beginning()
  state.learn(item.known ?? [])
  const site = callPutOff(machine, item, state)
  runDeferred(machine)
  if (site !== undefined) machine.noteCut('tool', site)
}
