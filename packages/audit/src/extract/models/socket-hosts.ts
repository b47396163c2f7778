/** WebSockets as hosts and frameworks offer them: a request is upgraded by a call, and what comes over it goes to a listener. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { Site } from '../heap.ts'
import { ExternalObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { admit, listenToMessages, noteSocket } from '../messages.ts'
import type { State } from '../state.ts'
import { ASKS_UPGRADE } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, tagged } from '../value.ts'
import { flat } from './express.ts'
import { http } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag } from './requests.ts'
import { libraryIn, optionOf, pathOf, registerRoute } from './routing.ts'
import { verifiedBy } from './sockets.ts'

/** `{ open, message, close }`: what a host calls with what comes over a connection. */
function listenBy(machine: Machine, listeners: Value | undefined, name: string, call: Call, state: State): void {
  const listener = optionOf(listeners, name)
  if (listener === undefined) noteSocket(machine, call.site, state, listeners?.open !== false)
  else listenToMessages(machine, listener, call, state)
}

// express-ws

const expressSockets: ExternalHandler = (machine, call) => {
  const made = machine.allocate('object', call.site)
  made.property('app').write(call.args[0] ?? UNKNOWN)
  return object(made)
}

const expressRoute: MethodHandler = (machine, target, call, state) => {
  const [path, ...handlers] = call.args
  const route = {
    verb: 'GET',
    path: pathOf(path),
    handlers: flat(handlers),
    layer: false,
    flavour: 'express-socket',
  } as const
  registerRoute(machine, target, route, call, state)
  return object(target)
}

// @fastify/websocket

/** `{ options: { verifyClient } }` stands before every connection. */
const fastifySockets: ExternalHandler = (machine, call) => {
  const [, given] = call.args
  const verifier = optionOf(optionOf(given, 'options') ?? given, 'verifyClient')
  return verifier === undefined ? UNDEFINED : verifiedBy(machine, verifier, call)
}

// Hono

const UPGRADE = 'hono/ws#upgradeWebSocket'

/** `createNodeWebSocket({ app })`, `createBunWebSocket()` */
const honoSockets: ExternalHandler = (machine, call) => {
  const made = machine.allocate('object', call.site)
  made.property('upgradeWebSocket').write(object(new ExternalObject(UPGRADE, call.site)))
  return object(made)
}

/** `upgradeWebSocket((c) => ({ onMessage }))` is a handler. */
const honoUpgrade: ExternalHandler = (machine, call) =>
  object(machine.library('hono-upgrade', call.site, { listeners: call.args[0] ?? UNKNOWN }))

const upgradeHono: MethodHandler = (machine, target, call, state) => {
  state.learn([ASKS_UPGRADE])
  const listeners = call_(machine, target.data['listeners'] as Value, { ...call, site: target.site }, state)
  listenBy(machine, listeners, 'onMessage', { ...call, site: target.site }, state)
  return object(machine.library('fetch-response', call.site))
}

// Bun, Deno, Workers

const upgradeBun: MethodHandler = (machine, target, call, state) => {
  state.learn([ASKS_UPGRADE])
  listenBy(machine, target.data['websocket'] as Value, 'message', call, state)
  return UNKNOWN
}

const upgradeDeno: ExternalHandler = (machine, call, state) => {
  state.learn([ASKS_UPGRADE])
  const made = machine.allocate('object', call.site)
  made.property('socket').write(object(machine.library('socket', call.site)))
  made.property('response').write(object(machine.library('fetch-response', call.site)))
  return object(made)
}

const cookies: ExternalHandler = (machine, call) => bag(machine, 'cookie', call.site)

/** The first end is sent to the client, the second is the server's own. */
const socketPair: ExternalHandler = (machine, call, state) => {
  state.learn([ASKS_UPGRADE])
  const made = machine.allocate('object', call.site)
  for (const end of ['0', '1']) made.property(end).write(object(machine.library('socket', call.site)))
  return object(made)
}

// uWebSockets.js

const uwsApp =
  (tls: boolean): ExternalHandler =>
  (machine, call) =>
    object(machine.library('uws-app', call.site, { tls }))

const uwsRoute: MethodHandler = (machine, target, call, state) => {
  const [path, behaviour = UNKNOWN] = call.args
  const handler = object(machine.library('uws-upgrade', call.site, { behaviour }))
  const route = { verb: 'GET', path: pathOf(path), handlers: [handler], layer: false, flavour: 'node' } as const
  registerRoute(machine, target, route, call, state)
  return object(target)
}

/** Given the request: `upgrade(res, req, context)` accepts it by `res.upgrade(…)`; without that, everybody is accepted. */
const upgradeUws: MethodHandler = (machine, target, call, state) => {
  const behaviour = target.data['behaviour'] as Value
  const upgrade = optionOf(behaviour, 'upgrade')
  const here = { ...call, site: target.site }
  if (upgrade === undefined) {
    listenBy(machine, behaviour, 'message', here, state)
    return UNDEFINED
  }
  const answer = object(machine.library('uws-response', target.site, { behaviour }))
  const request = object(machine.library('uws-request', target.site))
  call_(machine, upgrade, { ...here, args: [answer, request, UNKNOWN] }, state)
  return UNDEFINED
}

const acceptUws: MethodHandler = (machine, target, call, state) => {
  listenBy(machine, target.data['behaviour'] as Value, 'message', call, state)
  return UNDEFINED
}

const uwsPart =
  (origin: string): MethodHandler =>
  (machine, _target, call, state) => {
    const from = machine.library('bag', call.site, { origin })
    return http.methods!['bag']!['get']!(machine, from, call, state, 'get')
  }

// graphql-ws

const GRAPHQL = ['graphql-ws/lib/use/ws', 'graphql-ws/use/ws', 'graphql-ws/lib/use/bun', 'graphql-ws/use/bun'] as const

/** `useServer({ onConnect, context }, server)`: both are asked with the request that the connection began with. */
const graphqlServer: ExternalHandler = (machine, call, state) => {
  const server = libraryIn(call.args[1], 'socket-server')
  if (server === undefined) return UNKNOWN
  const handler = object(machine.library('graphql-socket', call.site, { options: call.args[0] ?? UNKNOWN }))
  registerRoute(
    machine,
    server,
    { verb: '*', path: '*', handlers: [handler], layer: false, flavour: 'socket' },
    call,
    state,
  )
  return UNKNOWN
}

const connectGraphql: MethodHandler = (machine, target, call, state) => {
  const options = target.data['options'] as Value
  const here = { ...call, site: target.site }
  const context = graphqlContext(machine, call.args[1] ?? UNKNOWN, target.site)
  const onConnect = optionOf(options, 'onConnect')
  if (onConnect !== undefined) admit(machine, onConnect, here, state, { args: [context], answer: 0 })
  const own = optionOf(options, 'context')
  if (own !== undefined && !state.dead) state.aside((fork) => call_(machine, own, { ...here, args: [context] }, fork))
  if (!state.dead) noteSocket(machine, target.site, state, true)
  return UNDEFINED
}

function graphqlContext(machine: Machine, request: Value, site: Site): Value {
  const context = machine.allocate('object', site)
  const extra = machine.allocate('object', site)
  extra.property('request').write(request)
  context.property('extra').write(object(extra))
  context.property('connectionParams').write(bag(machine, 'body', site))
  return object(context)
}

// h3 and crossws

/** `defineWebSocketHandler({ upgrade, open, message })`: what `upgrade` does not refuse is accepted. */
const peerHandler: ExternalHandler = (machine, call, state) => {
  const hooks = call.args[0] ?? UNKNOWN
  const handler = object(machine.library('peer-upgrade', call.site, { hooks }))
  const app = machine.library('http-server', call.site, { tls: false })
  registerRoute(
    machine,
    app,
    { verb: 'GET', path: '*', handlers: [handler], layer: false, flavour: 'fetch' },
    call,
    state,
  )
  return UNKNOWN
}

const upgradePeer: MethodHandler = (machine, target, call, state) => {
  const hooks = target.data['hooks'] as Value
  const here = { ...call, site: target.site }
  const upgrade = optionOf(hooks, 'upgrade')
  if (upgrade !== undefined) call_(machine, upgrade, here, state)
  if (!state.dead) listenBy(machine, hooks, 'message', here, state)
  return UNDEFINED
}

const PEERS = ['h3', 'nitropack/runtime', 'nitro/h3', 'global:', '#imports'] as const

export const socketHosts: Model = {
  calls: {
    'express-ws': expressSockets,
    'express-ws#default': expressSockets,
    '@fastify/websocket': fastifySockets,
    '@fastify/websocket#default': fastifySockets,
    '@hono/node-ws#createNodeWebSocket': honoSockets,
    'hono/bun#createBunWebSocket': honoSockets,
    [UPGRADE]: honoUpgrade,
    'hono/bun#upgradeWebSocket': honoUpgrade,
    'hono/deno#upgradeWebSocket': honoUpgrade,
    'hono/cloudflare-workers#upgradeWebSocket': honoUpgrade,
    'global:Deno#upgradeWebSocket': upgradeDeno,
    'jsr:@std/http/cookie#getCookies': cookies,
    '@std/http/cookie#getCookies': cookies,
    '@std/http#getCookies': cookies,
    'uWebSockets.js#App': uwsApp(false),
    'uWebSockets.js#SSLApp': uwsApp(true),
    ...Object.fromEntries(GRAPHQL.map((path) => [`${path}#useServer`, graphqlServer])),
    ...Object.fromEntries(
      PEERS.map((from) => [`${from}${from.endsWith(':') ? '' : '#'}defineWebSocketHandler`, peerHandler]),
    ),
  },
  constructors: { 'global:WebSocketPair': socketPair },
  methods: {
    'express-app': { ws: expressRoute },
    'hono-upgrade': { '()': upgradeHono },
    'bun-server': { upgrade: upgradeBun, '*': () => UNKNOWN },
    'uws-app': {
      ws: uwsRoute,
      '*': (_machine, target) => object(target),
    },
    'uws-upgrade': { '()': upgradeUws },
    'uws-response': { upgrade: acceptUws, '*': (_machine, target) => object(target) },
    'uws-request': {
      getHeader: uwsPart('header'),
      getQuery: uwsPart('query'),
      getParameter: uwsPart('param'),
      getUrl: () => tagged('url'),
      '*': () => UNKNOWN,
    },
    'graphql-socket': { '()': connectGraphql },
    'peer-upgrade': { '()': upgradePeer },
    'nest-gateway': {
      '()': (_machine, target, call, state) => {
        ;(target.data['run'] as (args: readonly Value[], state: State) => void)(call.args, state)
        return UNDEFINED
      },
    },
  },
}
