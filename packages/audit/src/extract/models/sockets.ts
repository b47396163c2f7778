/** Emitters, whose listeners run where something is emitted, and the connections of `ws`, which begin as requests. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { callOpaque, noteReceiver } from '../opaque.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { LibraryObject as Library } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { admit, answerAdmission, listenToMessages, noteRelayed, noteSocket } from '../messages.ts'
import type { State } from '../state.ts'
import { noteEnding, noteOpened } from '../streams.ts'
import type { Value } from '../value.ts'
import { NEVER, UNDEFINED, UNKNOWN, join, object, onlyString, tagged } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf, registerRoute } from './routing.ts'

const emitter: ExternalHandler = (machine, call) => object(machine.library('emitter', call.site))

/** Who emits may be elsewhere: a listener runs where it is registered, with arguments that nothing is known of, as well. */
const listen: MethodHandler = (machine, target, call, state, name) => {
  keepListener(target, call)
  noteTopic(machine, 'topic-joined', object(target), call, state)
  if (target.born === 0 && onlyString(call.args[0] ?? UNKNOWN) !== undefined)
    machine.hearingAll.add(machine.context.activation)
  callOpaque(machine, name, call, state, NEVER)
  return call.self
}

/** A name that is written down tells nobody apart. */
export function noteTopic(
  machine: Machine,
  kind: 'topic-joined' | 'topic-told',
  { objects }: Value,
  { args, site }: { readonly args: readonly Value[]; readonly site: Site },
  state: State,
): void {
  const [topic = UNKNOWN] = args
  if (onlyString(topic) !== undefined) return
  for (const item of objects)
    if (item instanceof Library && item.type === 'emitter')
      machine.emit(kind, site, state, { emitter: item.site, topic })
}

function keepListener(target: LibraryObject, call: Call): void {
  const [event = UNKNOWN, listener = UNDEFINED] = call.args
  const name = onlyString(event) ?? ANY_EVENT
  const known = listenersOf(target)
  known.set(name, join(known.get(name) ?? NEVER, listener))
}

const ANY_EVENT = '*'

function listenersOf(target: LibraryObject): Map<string, Value> {
  return (target.data['listeners'] ??= new Map<string, Value>()) as Map<string, Value>
}

const emit: MethodHandler = (machine, target, call, state, method) => {
  const [event = UNKNOWN, ...args] = call.args
  noteReceiver(machine, call, state, method)
  noteTopic(machine, 'topic-told', object(target), call, state)
  const name = onlyString(event)
  for (const [known, listener] of listenersOf(target)) {
    if (name !== undefined && known !== name && known !== ANY_EVENT) continue
    const given = { ...call, args, argSites: call.argSites.slice(1) }
    state.aside((fork) => call_(machine, listener, given, fork))
  }
  return UNKNOWN
}

/** `new WebSocketServer({ server })`, `({ port, host })`, or `({ noServer: true })`, which is fed by hand. */
const socketServer: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  const byHand = optionOf(options, 'noServer') !== undefined
  if (optionOf(options, 'port') !== undefined)
    machine.emit('listen', call.site, state, {
      host: optionOf(options, 'host') ?? UNDEFINED,
      tls: false,
      defaultHost: '::',
      what: 'WebSocketServer',
      app: undefined,
    })
  const verifier = optionOf(options, 'verifyClient')
  return object(machine.library('socket-server', call.site, { byHand, verifier, server: serverIn(options) }))
}

function serverIn(options: Value | undefined): LibraryObject | undefined {
  return optionOf(options, 'server')?.objects.find((item): item is LibraryObject => item instanceof Library)
}

/** A connection is a request that goes on: its listener is given the socket and the request that asked for it. */
const onSocketServer: MethodHandler = (machine, target, call, state) => {
  const [event = UNKNOWN, listener = UNDEFINED] = call.args
  keepListener(target, call)
  if (onlyString(event) !== 'connection' || target.data['byHand'] === true) return object(target)
  const before = verifierOf(machine, target, call)
  registerRoute(
    machine,
    target,
    { verb: '*', path: '*', handlers: [...before, listener], layer: false, flavour: 'socket' },
    call,
    state,
  )
  return object(target)
}

/** `verifyClient: ({ origin, req, secure }) => …`, or `(info, done) => …`. */
function verifierOf(machine: Machine, target: LibraryObject, call: Call): readonly Value[] {
  const verifier = target.data['verifier'] as Value | undefined
  return verifier === undefined ? [] : [verifiedBy(machine, verifier, call)]
}

/** What stands before a connection where a function decides whether it may be made. */
export function verifiedBy(machine: Machine, verifier: Value, call: Call): Value {
  const request = machine.library('request', call.site)
  const info = machine.allocate('object', call.site)
  info.property('origin').write(tagged('origin'))
  info.property('secure').write(tagged('secure'))
  info.property('req').write(object(request))
  const run = (state: State): void => admit(machine, verifier, call, state, { args: [object(info)], answer: 0 })
  return object(machine.library('middleware', call.site, { facts: [], run }))
}

/** All that are connected, whoever they are. */
function clientsOf(machine: Machine, target: LibraryObject): Value {
  const cell = target.property('.clients')
  if (cell.value.objects.length === 0) {
    const all = machine.allocate('set', target.site)
    all.name ??= 'clients'
    all.elements.write(object(machine.library('socket', target.site)))
    cell.write(object(all))
  }
  return cell.value
}

/** `wss.handleUpgrade(request, socket, head, (socket, request) => …)` */
const handleUpgrade: MethodHandler = (machine, _target, call, state) => {
  const [request = UNKNOWN, , , callback = UNDEFINED] = call.args
  const socket = object(machine.library('socket', call.site))
  if (callback.objects.length === 0) noteSocket(machine, call.site, state, true)
  call_(machine, callback, { ...call, args: [socket, request], argSites: [] }, state)
  return UNDEFINED
}

const onSocket: MethodHandler = (machine, target, call, state, name) => {
  noteOpened(machine, object(target), call.site, state)
  const [event = UNKNOWN, listener = UNDEFINED] = call.args
  const kind = onlyString(event)
  if (kind === 'close' || kind === 'error') machine.defer(listener, [], state, machine.triggered('disconnect'))
  else if (kind === 'message') listenToMessages(machine, listener, call, state)
  else callOpaque(machine, name, call, state, NEVER)
  return object(target)
}

export const sockets: Model = {
  constructors: {
    'node:events': emitter,
    'node:events#EventEmitter': emitter,
    eventemitter3: emitter,
    'eventemitter3#EventEmitter': emitter,
    'ws#WebSocketServer': socketServer,
    'ws#Server': socketServer,
  },
  methods: {
    emitter: {
      on: listen,
      once: listen,
      addListener: listen,
      prependListener: listen,
      emit,
    },
    'socket-server': {
      on: onSocketServer,
      once: onSocketServer,
      addListener: onSocketServer,
      emit,
      handleUpgrade,
      '*': () => UNKNOWN,
    },
    admission: { '()': answerAdmission },
    socket: {
      on: onSocket,
      once: onSocket,
      addListener: onSocket,
      addEventListener: onSocket,
      '*': (machine, target, call, state, name) => {
        if (name === 'send') noteRelayed(machine, call, state)
        else noteEnding(machine, name, target, call.site, state)
        return UNKNOWN
      },
    },
  },
  setters: {
    // `socket.onmessage = (event) => …`
    socket: (machine, _target, name, value, site, state) => {
      const call: Call = { site, args: [value], argSites: [], self: UNDEFINED, env: undefined as never }
      if (name === 'onmessage') listenToMessages(machine, value, call, state)
    },
  },
  properties: {
    'socket-server': (machine, target, name) => (name === 'clients' ? clientsOf(machine, target) : UNKNOWN),
    // Older plugins hand over a stream that holds the socket.
    socket: (_machine, target, name) => (name === 'socket' ? object(target) : UNKNOWN),
  },
}
