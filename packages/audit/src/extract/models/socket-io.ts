/** Socket.IO: middleware of a namespace is given each connection, then its listeners are. */
import { callOpaque } from '../opaque.ts'
import type { Call } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import type { Machine } from '../machine.ts'
import { sessionObject } from './web-sessions.ts'
import { NEVER, UNDEFINED, UNKNOWN, object, onlyString } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { POLLING_CHECKED, admit, listenToMessages } from '../messages.ts'
import { bag, keep, requestPart } from './requests.ts'
import { emitListen, optionOf, registerRoute } from './routing.ts'

const create: ExternalHandler = (machine, call, state) => {
  const server = machine.library('io-server', call.site)
  const options = call.args.find((arg) => arg.objects.some((item) => item.kind === 'object'))
  const guard = object(machine.library('middleware', call.site, { facts: [], run: guardOf(machine, options, call) }))
  server.data['guard'] = guard
  guardBy(machine, server, guard, call, state)
  if (typeof call.args[0]?.primitives[0] === 'number') listenOn(machine, server, call, state, 'new Server')
  return object(server)
}

function guardBy(machine: Machine, server: LibraryObject, guard: Value, call: Call, state: State): void {
  const route = { verb: '*', path: '*', handlers: [guard], layer: true, flavour: 'socket-io' } as const
  registerRoute(machine, server, route, call, state)
}

/**
 * `allowRequest` refuses. What `cors` says holds for long polling only, and where it names no origins, or some, a page of
 * another site reads nothing that way; a WebSocket it may open all the same.
 */
export function guardOf(machine: Machine, options: Value | undefined, call: Call): (state: State) => void {
  const asks = optionOf(options, 'allowRequest')
  const origins = optionOf(optionOf(options, 'cors'), 'origin') ?? optionOf(options, 'origins')
  return (state) => {
    const request = machine.library('request', call.site)
    if (asks !== undefined) admit(machine, asks, call, state, { args: [object(request)], answer: 1 })
    else if (origins === undefined || !isForAll(origins)) state.note(POLLING_CHECKED)
  }
}

function isForAll({ primitives, open, objects }: Value): boolean {
  const names = objects.flatMap((item) => [...item.properties.values()].flatMap((cell) => cell.value.primitives))
  return [...primitives, ...names].some((item) => item === '*' || item === '*:*' || (item === true && !open))
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
const namespace: MethodHandler = (machine, target, call, state) => {
  const inner = machine.library('io-server', call.site)
  const guard = target.data['guard'] as Value | undefined
  if (guard !== undefined) guardBy(machine, inner, guard, call, state)
  return object(inner)
}

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
  else listenToMessages(machine, listener, call, state)
  return object(target)
}

const ENDS: ReadonlySet<string> = new Set(['disconnect', 'disconnecting', 'error'])

/** `socket.handshake`: what the client sent when it connected. `auth` is what it chose to send with it. */
function handshakeOf(target: LibraryObject, machine: Parameters<MethodHandler>[0]): ReturnType<typeof object> {
  return keep(target, 'handshake', () => machine.library('io-handshake', target.site))
}

/** `io.engine.use(session(…))` gives it the session of its cookie. */
function requestOf(machine: Machine, target: LibraryObject): LibraryObject {
  const request = machine.library('request', target.site)
  if (machine.webSession !== undefined) request.property('session').write(sessionObject(machine, target.site))
  return request
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
      if (name === 'request') return keep(target, 'request', () => requestOf(machine, target))
      return name === 'data' ? keep(target, 'data', () => machine.library('locals', target.site)) : UNKNOWN
    },
    'io-handshake': (machine, _target, name, key, site) =>
      name === 'session' && machine.webSession !== undefined
        ? sessionObject(machine, site)
        : name === 'auth'
          ? bag(machine, 'body', site)
          : (requestPart(machine, name, key, site) ?? UNKNOWN),
  },
}
