/**
 * @sallyport/session: what its guard asks of a request is known of whatever runs behind it, and of nothing else. Whether
 * a credential is verified is up to the application's `authenticate`, which is followed as any other code.
 */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { assume, flag, requestTags } from '../conditions.ts'
import type { StoreRef } from '../events.ts'
import type { HeapObject, Site } from '../heap.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteLookUp } from '../properties.ts'
import { noteSecret } from '../secrets.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, strings, tagged, truthiness, withTags } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model, PropertyHandler } from './model.ts'
import { part } from './requests.ts'
import { libraryIn, optionOf, registerRoute, textsIn } from './routing.ts'

const PACKAGE = '@sallyport/session'
const HANDLE_BITS = 256
/** A range of proxies that is the whole world: then anybody may claim that TLS was spoken. */
const EVERYWHERE = /\/0$/

// The core

const createSessions: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  const store: StoreRef = {
    id: `${call.site.path}#${call.site.start}`,
    site: call.site,
    name: 'the sessions of @sallyport/session',
    kind: 'database',
  }
  // Neither limit can be switched off. Two at one place are two events only on two paths.
  for (const limit of ['idle', 'absolute'] as const) {
    const told = state.fork()
    told.learn([`limit:${limit}`])
    machine.emit('expiry', call.site, told, { store: store.id, limit, enabled: true })
  }
  const open = optionOf(options, 'public')
  const isPublic = open !== undefined && truthiness(open).canBeTrue
  return object(machine.library('sallyport-sessions', call.site, { store, isPublic }))
}

function storeOf(target: LibraryObject): StoreRef {
  return target.data['store'] as StoreRef
}

/** A session as a handler holds it; the caller's, where a guard or a look-up with the caller gave it. */
function sessionValue(machine: Machine, store: StoreRef, site: Site): Value {
  return withTags(object(machine.library('sallyport-session', site, { store })), [`entry:${store.id}`])
}

function noteOpened(machine: Machine, store: StoreRef, call: Call, state: State): Value {
  const label = '32 random bytes'
  const handle: Value = tagged('mint').with({
    entropy: { sources: [{ kind: 'csprng', label, bits: HANDLE_BITS, site: call.site }] },
  })
  machine.emit('store-write', call.site, state, {
    store,
    key: handle,
    value: object(machine.allocate('object', call.site)),
  })
  return handle
}

function record(machine: Machine, site: Site, fields: Readonly<Record<string, Value>>): Value {
  const target = machine.allocate('object', site)
  for (const [name, value] of Object.entries(fields)) target.property(name).write(value)
  return object(target)
}

const open: MethodHandler = (machine, target, call, state) => {
  const store = storeOf(target)
  const handle = noteOpened(machine, store, call, state)
  return record(machine, call.site, { session: sessionValue(machine, store, call.site), handle })
}

/** Login: a new handle, and the one from before is dead. */
const authenticate: MethodHandler = (machine, target, call, state) => {
  noteLogin(machine, call, state)
  return open(machine, target, call, state, 'open')
}

function noteLogin(machine: Machine, call: Call, state: State): void {
  machine.emit('login', call.site, state, { regenerates: true, library: PACKAGE })
}

/** The session is live only for the principal that it is asked for with; a caller without one proves nothing. */
const resume: MethodHandler = (machine, target, call, state) => {
  const [handle = UNKNOWN, presenter] = call.args
  const store = storeOf(target)
  noteLookUp(machine, store, handle, call.site, state)
  const isBound = optionOf(presenter, 'principal') !== undefined
  return record(machine, call.site, {
    live: flag(isBound ? settled(store, handle) : []),
    session: sessionValue(machine, store, call.site),
  })
}

const end: MethodHandler = (machine, target, call, state) => {
  machine.emit('store-remove', call.site, state, { store: storeOf(target), key: tagged('sid') })
  return UNDEFINED
}

/** `update(session, change)` and `exclusive(session, work)`: one step, whatever happens beside it. */
const within: MethodHandler = (machine, target, call, state, name) => {
  const [, work] = call.args
  const store = storeOf(target)
  const given = name === 'update' ? dataOf(store) : sessionValue(machine, store, call.site)
  return work === undefined ? UNKNOWN : call_(machine, work, { ...call, args: [given, UNKNOWN] }, state)
}

const read: MethodHandler = (machine, target, call) => sessionValue(machine, storeOf(target), call.site)

function dataOf(store: StoreRef): Value {
  return tagged(`entry:${store.id}:data`)
}

const sessionField: PropertyHandler = (_machine, target, name) => {
  const store = storeOf(target)
  if (name === 'data') return dataOf(store)
  const isOwner = name === 'principal' || name === 'agent'
  return isOwner ? tagged(`entry:${store.id}:${name}`, 'owner', 'principal') : UNKNOWN
}

// The guard

interface Guard {
  readonly sessions: LibraryObject | undefined
  readonly authenticate: Value
  /** Where the handle travels. */
  readonly handle: Value
  readonly trustsAll: boolean
}

const guards = new WeakMap<Machine, LibraryObject[]>()

const createGuard: ExternalHandler = (machine, call) => {
  const [options] = call.args
  const carrier = optionOf(options, 'carrier')
  const cookie = optionOf(carrier, 'cookie')
  const proxies = optionOf(optionOf(options, 'transport'), 'trustedProxies')?.objects ?? []
  const listed = proxies.flatMap(textsIn)
  const data: Guard = {
    sessions: libraryIn(optionOf(options, 'sessions'), 'sallyport-sessions'),
    authenticate: optionOf(options, 'authenticate') ?? UNKNOWN,
    handle: cookie ? part('cookie', cookie) : part('header', optionOf(carrier, 'header') ?? mcpSessionId),
    trustsAll: listed.some((entry) => EVERYWHERE.test(entry)),
  }
  const guard = machine.library('sallyport-guard', call.site, { ...data, store: data.sessions?.data['store'] })
  const known = guards.get(machine) ?? []
  guards.set(machine, known.includes(guard) ? known : [...known, guard])
  return object(guard)
}

const mcpSessionId: Value = UNKNOWN.with({ primitives: ['mcp-session-id'], open: false })

/** What is known of a request once the guard let it pass. */
function admit(machine: Machine, guard: LibraryObject, looks: boolean, call: Call, state: State): void {
  const data = guard.data as unknown as Guard
  state.learn([...(data.trustsAll ? [] : ['tls']), 'origin', admittedBy(guard)])
  const isKnown = identify(machine, data, call, state)
  const store = data.sessions === undefined ? undefined : storeOf(data.sessions)
  if (!looks || store === undefined) return
  noteLookUp(machine, store, data.handle, call.site, state)
  if (isKnown) state.learn(settled(store, data.handle))
}

function admittedBy(guard: LibraryObject): string {
  return `admitted:${guard.site.path}#${guard.site.start}`
}

/** The session is the caller's own, and so is whatever else is kept under the handle that named it. */
function settled(store: StoreRef, handle: Value): readonly string[] {
  return [`cleared:${store.id}`, ...requestTags(handle).map((tag) => `owned:${tag}`)]
}

/** Whether the caller is somebody: then the session has been compared with who it is. */
function identify(machine: Machine, { authenticate: verifier, sessions }: Guard, call: Call, state: State): boolean {
  if (strings(verifier).includes('by-cookie')) {
    // The session is the login, unless sessions are opened for nobody.
    if (sessions === undefined || sessions.data['isPublic'] === true) return false
    state.learn(VERIFIED)
    return true
  }
  const view = object(machine.library('sallyport-request', call.site))
  const verdict = call_(machine, verifier, { ...call, args: [view], argSites: [], self: UNDEFINED }, state)
  state.dead = false
  assume(machine, state, verdict)
  return state.holds('auth') && !strings(verdict).includes('anonymous')
}

/** Whether the session that a request names is looked at. */
function looksFor(options: Value | undefined): boolean {
  const need = optionOf(options, 'session')
  return need === undefined || onlyString(need) !== 'none'
}

const guardOpen: MethodHandler = (machine, target, call, state) => {
  const store = target.data['store'] as StoreRef | undefined
  if (store === undefined) return UNKNOWN
  noteOpened(machine, store, call, state)
  return record(machine, call.site, { session: sessionValue(machine, store, call.site), headers: UNKNOWN })
}

const guardAuthenticate: MethodHandler = (machine, target, call, state) => {
  noteLogin(machine, call, state)
  return guardOpen(machine, target, call, state, 'open')
}

const guardEnd: MethodHandler = (machine, target, call, state) => {
  noteEnded(machine, target, call, state)
  return UNKNOWN
}

function noteEnded(machine: Machine, guard: LibraryObject, call: Call, state: State): void {
  const store = guard.data['store'] as StoreRef | undefined
  const { handle } = guard.data as unknown as Guard
  if (store !== undefined) machine.emit('store-remove', call.site, state, { store, key: handle })
}

/** `guard.admit(view)`: what it learned holds where its answer says `admitted`. */
const guardAdmit: MethodHandler = (machine, target, call, state) => {
  const before = state.facts.must
  const fork = state.fork()
  admit(machine, target, looksFor(call.args[1]), call, fork)
  for (const fact of fork.facts.may) state.note(fact)
  const learned = [...fork.facts.must].filter((fact) => !before.has(fact))
  const store = target.data['store'] as StoreRef | undefined
  return record(machine, call.site, {
    admitted: flag(learned),
    session: store === undefined ? UNKNOWN : sessionOrNone(machine, store, call.site),
    caller: caller(),
    answer: UNKNOWN,
    headers: UNKNOWN,
    finish: UNKNOWN,
  })
}

const viewHeader: MethodHandler = (machine, _target, call) => {
  const values = machine.allocate('array', call.site)
  const value = part('header', call.args[0] ?? UNKNOWN)
  values.property('0').write(value)
  values.elements.write(value)
  return object(values)
}

const viewField: PropertyHandler = (_machine, _target, name) => {
  if (name === 'method') return tagged('method')
  if (name === 'target') return tagged('url')
  return name === 'encrypted' ? tagged('secure') : UNKNOWN
}

// The adapters

/** Middleware of Express, Fastify and Hono. */
const protectLayer: ExternalHandler = (machine, call) => {
  const [guard, options] = call.args
  const known = libraryIn(guard, 'sallyport-guard')
  const looks = looksFor(options)
  const run = (state: State): void => {
    if (known === undefined) state.note('opaque-middleware')
    else admit(machine, known, looks, call, state)
  }
  return object(machine.library('middleware', call.site, { facts: [], run }))
}

/** `protect(guard, handler, options)` of node:http and of fetch: a handler again. */
function protectHandler(visitAt: number): ExternalHandler {
  return (machine, call) => {
    const [guard, handler, options] = call.args
    const data = { guard: libraryIn(guard, 'sallyport-guard'), handler, looks: looksFor(options), visitAt, made: call }
    const target = machine.library('sallyport-protected', call.site, data)
    return object(machine.library('method', call.site, { target, name: 'serve' }))
  }
}

const serveProtected: MethodHandler = (machine, target, call, state) => {
  const { guard, handler, looks, visitAt, made } = target.data as {
    guard: LibraryObject | undefined
    handler: Value | undefined
    looks: boolean
    visitAt: number
    made: Call
  }
  if (guard === undefined) state.note('opaque-middleware')
  else admit(machine, guard, looks, { ...made, args: [] }, state)
  if (handler === undefined) return UNKNOWN
  const args = [...call.args.slice(0, visitAt), visitValue(machine, guard, call.site), ...call.args.slice(visitAt)]
  return call_(machine, handler, { ...call, args, argSites: [] }, state)
}

/** The visit of whichever guard let the request pass; where none did it throws, so what is known of it is worth nothing. */
const visitOf: ExternalHandler = (machine, call, state) => {
  const known = guards.get(machine) ?? []
  const guard = known.find((item) => state.holds(admittedBy(item))) ?? known.at(-1)
  return visitValue(machine, guard, call.site)
}

function visitValue(machine: Machine, guard: LibraryObject | undefined, site: Site): Value {
  return object(machine.library('sallyport-visit', site, { guard, store: guard?.data['store'] }))
}

function caller(): Value {
  return tagged('cred', 'principal', 'verdict')
}

function sessionOrNone(machine: Machine, store: StoreRef, site: Site): Value {
  return sessionValue(machine, store, site).with({ primitives: [undefined] })
}

const visitField: PropertyHandler = (machine, target, name, _key, site) => {
  const store = target.data['store'] as StoreRef | undefined
  if (name === 'caller') return caller()
  return name === 'session' && store !== undefined ? sessionOrNone(machine, store, site) : UNKNOWN
}

const visitOpen: MethodHandler = (machine, target, call, state) => {
  const store = target.data['store'] as StoreRef | undefined
  if (store === undefined) return UNKNOWN
  noteOpened(machine, store, call, state)
  return sessionValue(machine, store, call.site)
}

const visitAuthenticate: MethodHandler = (machine, target, call, state) => {
  noteLogin(machine, call, state)
  return visitOpen(machine, target, call, state, 'open')
}

const visitEnd: MethodHandler = (machine, target, call, state) => {
  const guard = target.data['guard'] as LibraryObject | undefined
  if (guard !== undefined) noteEnded(machine, guard, call, state)
  return UNDEFINED
}

// Routers for the SDKs

const createRouter: ExternalHandler = (machine, call) => {
  const [options] = call.args
  const data = {
    guard: libraryIn(optionOf(options, 'guard'), 'sallyport-guard'),
    make: optionOf(options, 'createServer'),
  }
  return object(machine.library('sallyport-router', call.site, data))
}

/** A whole endpoint: sessions are opened, used by their owner on every verb, and ended on request. */
const route: MethodHandler = (machine, target, call, state) => {
  const guard = target.data['guard'] as LibraryObject | undefined
  const store = guard?.data['store'] as StoreRef | undefined
  if (guard === undefined || store === undefined) state.note('opaque-middleware')
  else {
    const made = { ...call, site: target.site }
    admit(machine, guard, true, made, state)
    noteOpened(machine, store, made, state)
    noteEnded(machine, guard, made, state)
    machine.emit('dispatch', target.site, state, { receiver: tagged(`entry:${store.id}`), how: 'own' })
  }
  machine.emit('endpoint', target.site, state, { check: 'never' })
  const make = target.data['make'] as Value | undefined
  const context = record(machine, call.site, { caller: caller(), session: UNKNOWN, era: UNKNOWN })
  if (make !== undefined) call_(machine, make, { ...call, args: [context], argSites: [] }, state.fork())
  return UNKNOWN
}

// Login routes

const createLogin: ExternalHandler = (machine, call) =>
  object(
    machine.library('sallyport-login', call.site, {
      guard: libraryIn(optionOf(call.args[0], 'guard'), 'sallyport-guard'),
    }),
  )

/** Serves the login routes, and hands on what is for none of them. */
const serveLogin: ExternalHandler = (machine, call, state) => {
  const login = libraryIn(call.args[0], 'sallyport-login')
  if (login === undefined) return UNKNOWN
  if (call.args.length > 1 && !isOptions(call.args[1])) {
    answerLogin(machine, login, call, state)
    return UNKNOWN
  }
  return object(machine.library('sallyport-login-routes', call.site, { login }))
}

function isOptions(value: Value | undefined): boolean {
  return value?.objects.every((item: HeapObject) => item.kind === 'object') === true
}

function answerLogin(machine: Machine, login: LibraryObject, call: Call, state: State): void {
  const guard = login.data['guard'] as LibraryObject | undefined
  noteLogin(machine, call, state)
  if (guard === undefined) return
  const store = guard.data['store'] as StoreRef | undefined
  if (store !== undefined) noteOpened(machine, store, call, state)
  noteEnded(machine, guard, call, state)
}

/** Called by a framework: as middleware with a request, as a plugin of Fastify with an instance. */
const runLogin: MethodHandler = (machine, target, call, state) => {
  const login = target.data['login'] as LibraryObject
  const instance = libraryIn(call.args[0], 'fastify-app')
  if (instance === undefined) {
    const answered = state.fork()
    answerLogin(machine, login, call, answered)
    const next = call.args.find((arg) => libraryIn(arg, 'next') !== undefined)
    return next === undefined ? UNKNOWN : call_(machine, next, { ...call, args: [] }, state)
  }
  registerRoute(
    machine,
    instance,
    { verb: '*', path: '/session/*', handlers: [object(target)], layer: false, flavour: 'fastify' },
    call,
    state,
  )
  return UNDEFINED
}

// What is sealed

const createKeyRing: ExternalHandler = (machine, call, state) => {
  for (const list of call.args[0]?.objects ?? [])
    for (const cell of list.properties.values())
      noteSecret(
        machine,
        'the key that states and tokens are sealed with',
        optionOf(cell.value, 'secret'),
        call.site,
        state,
      )
  return object(machine.library('sallyport-keys', call.site))
}

const layered = ['express', 'fastify', 'hono']
const plainErrors: ExternalHandler = (machine, call) => object(machine.library('middleware', call.site, { facts: [] }))

export const sallyport: Model = {
  calls: {
    [`${PACKAGE}#createSessions`]: createSessions,
    [`${PACKAGE}#createGuard`]: createGuard,
    [`${PACKAGE}#createLoginRoutes`]: createLogin,
    [`${PACKAGE}#createKeyRing`]: createKeyRing,
    [`${PACKAGE}/mcp-v1#createMcpRouter`]: createRouter,
    [`${PACKAGE}/mcp-v2#createMcpRouter`]: createRouter,
    ...Object.fromEntries(
      layered.flatMap((name) => [
        [`${PACKAGE}/${name}#protect`, protectLayer],
        [`${PACKAGE}/${name}#visitOf`, visitOf],
        [`${PACKAGE}/${name}#serveLogin`, serveLogin],
        [`${PACKAGE}/${name}#answerErrors`, plainErrors],
      ]),
    ),
    [`${PACKAGE}/node-http#protect`]: protectHandler(2),
    [`${PACKAGE}/node-http#visitOf`]: visitOf,
    [`${PACKAGE}/node-http#serveLogin`]: serveLogin,
    [`${PACKAGE}/fetch#protect`]: protectHandler(1),
    [`${PACKAGE}/fetch#serveLogin`]: serveLogin,
  },
  methods: {
    'sallyport-sessions': {
      open,
      regenerate: authenticate,
      authenticate,
      resume,
      terminate: end,
      revoke: end,
      resetAgent: end,
      burn: end,
      read,
      update: within,
      exclusive: within,
      '*': () => UNKNOWN,
    },
    'sallyport-guard': {
      admit: guardAdmit,
      open: guardOpen,
      authenticate: guardAuthenticate,
      terminate: guardEnd,
      '*': () => UNKNOWN,
    },
    'sallyport-request': { header: viewHeader },
    'sallyport-protected': { serve: serveProtected },
    'sallyport-visit': { open: visitOpen, authenticate: visitAuthenticate, terminate: visitEnd },
    'sallyport-router': { handle: route, fetch: route, '*': () => UNKNOWN },
    'sallyport-login-routes': { '()': runLogin },
  },
  properties: {
    'sallyport-session': sessionField,
    'sallyport-request': viewField,
    'sallyport-visit': visitField,
    'sallyport-guard': (_machine, target, name) =>
      name === 'sessions' && target.data['sessions'] !== undefined
        ? object(target.data['sessions'] as LibraryObject)
        : UNKNOWN,
  },
}
