/** FastMCP: a server that listens, keeps sessions and calls `authenticate` by itself. Version-aware where it decides. */
import { noteVerdict } from '../audiences.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { isFunction } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteLookUp } from '../properties.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, derived, object, onlyString, tagged, truthiness, withTags } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, part } from './requests.ts'
import { optionOf, registerRoute } from './routing.ts'
import { isBelow } from '../../source/version.ts'

/** From here on `start` listens on localhost unless told otherwise. */
const LOCAL_BY_DEFAULT = '3.15.0'
/** From here on sessions with nothing attached are closed after half an hour. */
const REAPS_IDLE = '4.20.0'

const create: ExternalHandler = (machine, call) => {
  machine.servesMcp = true
  return object(machine.library('fastmcp', call.site, { authenticate: optionOf(call.args[0], 'authenticate') }))
}

const start: MethodHandler = (machine, target, call, state) => {
  const [options] = call.args
  const kind = optionOf(options, 'transportType')
  const http = optionOf(options, 'httpStream') ?? optionOf(options, 'sse')
  if (http === undefined && (kind === undefined || onlyString(kind) === 'stdio')) return UNKNOWN
  machine.emit('listen', call.site, state, {
    host: optionOf(http, 'host') ?? UNDEFINED,
    tls: optionOf(http, 'sslCert') !== undefined,
    defaultHost: isOlder(machine, LOCAL_BY_DEFAULT, call.site) === true ? '::' : 'localhost',
    what: 'FastMCP start',
    app: undefined,
  })
  const stateless = optionOf(http, 'stateless')
  const isStateless = stateless !== undefined && !truthiness(stateless).canBeFalse
  machine.emit('endpoint', call.site, state, { check: 'never' })
  serve(machine, target, call, state, isStateless)
  return UNKNOWN
}

function isOlder(machine: Machine, version: string, site: Site): boolean | undefined {
  const found = machine.tree.versionOf('fastmcp', site.path)
  return found === undefined ? undefined : isBelow(found.version, version)
}

function serve(machine: Machine, server: LibraryObject, call: Call, state: State, isStateless: boolean): void {
  const endpoint = machine.library('fastmcp-endpoint', call.site, {
    authenticate: server.data['authenticate'],
    isStateless,
  })
  registerRoute(
    machine,
    machine.library('http-server', call.site, { tls: false }),
    { verb: '*', path: '*', handlers: [object(endpoint)], layer: false, flavour: 'node' },
    call,
    state,
  )
}

/** One request: `authenticate` first, then the session that the header names, or a new one. */
const endpoint: MethodHandler = (machine, target, call, state) => {
  const [request = UNKNOWN] = call.args
  authenticate(machine, target.data['authenticate'] as Value | undefined, request, call, state)
  if (state.dead || target.data['isStateless'] === true) return UNKNOWN
  const store = storeOf(target)
  const opening = state.fork()
  opening.learn([`absent:${store.id}`, 'init'])
  machine.emit('store-write', call.site, opening, {
    store,
    key: tagged('mint', 'sid'),
    value: sessionOf(machine, call),
  })
  machine.emit('store-remove', call.site, state, { store, key: tagged('sid') })
  if (isOlder(machine, REAPS_IDLE, call.site) === false)
    machine.emit('expiry', call.site, state, { store: store.id, limit: 'idle', enabled: true })
  noteLookUp(
    machine,
    store,
    part('header', UNKNOWN.with({ primitives: ['mcp-session-id'], open: false })),
    call.site,
    state,
  )
  machine.emit('dispatch', call.site, state, {
    receiver: withTags(sessionOf(machine, call), [`entry:${store.id}`, 'held']),
    how: 'transport',
  })
  return UNKNOWN
}

/** What `authenticate` throws ends the request; what it returns is the caller. */
function authenticate(machine: Machine, own: Value | undefined, request: Value, call: Call, state: State): void {
  if (own === undefined) return
  if (isFunction(own)) noteVerdict(machine, call_(machine, own, { ...call, args: [request] }, state))
  state.learn(VERIFIED)
}

function sessionOf(machine: Machine, call: Call): Value {
  return object(machine.library('mcp-transport', call.site, { stateful: true, kind: 'streamable' }))
}

function storeOf(target: LibraryObject): StoreRef {
  return { id: `${target.site.path}#${target.site.start}`, site: target.site, name: 'FastMCP’s sessions', kind: 'map' }
}

const addTool: MethodHandler = (machine, _target, call, state) => {
  const execute = optionOf(call.args[0], 'execute') ?? optionOf(call.args[0], 'load')
  if (execute === undefined) return UNKNOWN
  const context = machine.library('fastmcp-context', call.site)
  machine.deferTool(execute, [bag(machine, 'body', call.site), object(context)], state)
  return UNKNOWN
}

export const fastmcp: Model = {
  constructors: { 'fastmcp#FastMCP': create },
  methods: {
    fastmcp: {
      start,
      addTool,
      addResource: addTool,
      addResourceTemplate: addTool,
      addPrompt: addTool,
      '*': () => UNKNOWN,
    },
    'fastmcp-endpoint': { '()': endpoint },
    'fastmcp-context': { '*': (_machine, _target, call) => derived(...call.args) },
  },
  properties: {
    'fastmcp-context': (_machine, _target, name) => {
      if (name === 'session') return tagged('cred', 'principal', 'verdict').with({ primitives: [undefined] })
      return name === 'sessionId' ? tagged('sid') : UNKNOWN
    },
  },
}
