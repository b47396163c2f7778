/** Socket.IO: middleware of a namespace is given each connection, then its listeners are. */
import { callOpaque, runCallbacks } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import { NEVER, UNDEFINED, UNKNOWN, object, onlyString, tagged } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, keep, requestPart } from './requests.ts'
import { emitListen, registerRoute } from './routing.ts'

const create: ExternalHandler = (machine, call, state) => {
  const server = machine.library('io-server', call.site)
  if (typeof call.args[0]?.primitives[0] === 'number') listenOn(machine, server, call, state, 'new Server')
  return object(server)
}

const listenOn: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, { tls: false, defaultHost: '::', what: 'Socket.IO' })
  return object(target)
}

/** Given to an HTTP server, it listens where that does. */
const attach: MethodHandler = (machine, target, call, state, name) => {
  const [on] = call.args
  return on?.primitives.some((item) => typeof item === 'number') === true
    ? listenOn(machine, target, call, state, name)
    : object(target)
}

/** Each namespace has middleware of its own. */
const namespace: MethodHandler = (machine, _target, call) => object(machine.library('io-server', call.site))

const use: MethodHandler = (machine, target, call, state) => {
  const [middleware = UNDEFINED] = call.args
  const route = { verb: '*', path: '*', handlers: [middleware], layer: true, flavour: 'socket-io' } as const
  registerRoute(machine, target, route, call, state)
  return object(target)
}

const onConnection: MethodHandler = (machine, target, call, state, name) => {
  const [event = UNKNOWN, listener = UNDEFINED] = call.args
  if (!CONNECTS.has(onlyString(event) ?? '')) return callOpaque(machine, name, call, state, NEVER)
  const route = { verb: '*', path: '*', handlers: [listener], layer: false, flavour: 'socket-io' } as const
  registerRoute(machine, target, route, call, state)
  return object(target)
}

const CONNECTS: ReadonlySet<string> = new Set(['connection', 'connect'])

/** What a client emits is for the listener to judge, as the body of a request is. */
const onEvent: MethodHandler = (machine, target, call, state) => {
  const [event = UNKNOWN, listener = UNDEFINED] = call.args
  if (ENDS.has(onlyString(event) ?? '')) machine.defer(listener, [], state, machine.triggered('disconnect'))
  else runCallbacks(machine, { ...call, args: [listener] }, state, tagged('body'))
  return object(target)
}

const ENDS: ReadonlySet<string> = new Set(['disconnect', 'disconnecting', 'error'])

/** `socket.handshake`: what the client sent when it connected. `auth` is what it chose to send with it. */
function handshakeOf(target: LibraryObject, machine: Parameters<MethodHandler>[0]): ReturnType<typeof object> {
  return keep(target, 'handshake', () => machine.library('io-handshake', target.site))
}

export const socketIo: Model = {
  constructors: { 'socket.io#Server': create, 'socket.io': create, 'socket.io#default': create },
  calls: { 'socket.io': create, 'socket.io#default': create },
  methods: {
    'io-server': {
      use,
      on: onConnection,
      once: onConnection,
      addListener: onConnection,
      of: namespace,
      listen: attach,
      attach,
      '*': (_machine, target) => object(target),
    },
    'io-socket': {
      on: onEvent,
      once: onEvent,
      addListener: onEvent,
      '*': (_machine, target) => object(target),
    },
  },
  properties: {
    'io-server': (_machine, target, name) => (name === 'sockets' ? object(target) : UNKNOWN),
    'io-socket': (machine, target, name) => {
      if (name === 'handshake') return handshakeOf(target, machine)
      if (name === 'request') return keep(target, 'request', () => machine.library('request', target.site))
      return name === 'data' ? keep(target, 'data', () => machine.library('locals', target.site)) : UNKNOWN
    },
    'io-handshake': (machine, _target, name, key, site) =>
      name === 'auth' ? bag(machine, 'body', site) : (requestPart(machine, name, key, site) ?? UNKNOWN),
  },
}
