/** Cloudflare Workers: `agents`, which keeps MCP sessions in durable objects, and the OAuth provider in front of it. */
import type { Call } from '../calls.ts'
import { callMethod, call_ } from '../calls.ts'
import { instantiate } from '../construct.ts'
import { noteServedBehind } from '../opaque.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { ClassObject, ExternalObject, FunctionObject, LibraryObject as Library } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { getProperty, noteLookUp } from '../properties.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object, onlyString, primitive, strings, tagged } from '../value.ts'
import { agentContext, watchAgent } from './agent-timers.ts'
import { mcp } from './mcp.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { part } from './requests.ts'
import { isApp, mountOn, optionOf } from './routing.ts'
import { dispatchTo, serveSseSessions, transportAt } from './sse-sessions.ts'
import { isBelow } from '../../source/version.ts'

/** From here on DELETE destroys the object of the session that it names. */
const ENDS_ON_DELETE = '0.1.3'

/** Where the settings and bindings of a worker are: what its host calls its environment. */
export function workerEnvironment(site: Site): Value {
  return object(new ExternalObject('global:process#env', site))
}

/** `MyAgent.serve('/mcp')`: a handler that makes one object of the class for each session. */
function endpointOver(byDefault: 'streamable' | 'sse'): ExternalHandler {
  return (machine, call, state) => {
    machine.servesMcp = true
    const [of] = call.self.objects.filter((item) => item instanceof ClassObject)
    const [, options] = call.args
    machine.emit('cors', call.site, state, { allows: allowedBy(options), credentials: false })
    const transport = onlyString(optionOf(options, 'transport') ?? UNKNOWN)
    const overSse = transport === undefined ? byDefault === 'sse' : transport !== 'streamable-http'
    const overHttp = transport === undefined ? byDefault === 'streamable' : transport !== 'sse'
    return object(machine.library('agent-endpoint', call.site, { of, overSse, overHttp }))
  }
}

/** Any page may read the answers unless `corsOptions` names one. */
function allowedBy(options: Value | undefined): 'any' | 'listed' {
  const named = optionOf(optionOf(options, 'corsOptions'), 'origin')
  return named === undefined || strings(named).includes('*') ? 'any' : 'listed'
}

/** One request: the session that it names, or a new one; nobody asks whose it is. */
const serve: MethodHandler = (machine, target, call, state) => {
  const { of } = target.data
  const store = storeOf(target)
  machine.emit('endpoint', call.site, state, { check: 'never' })
  if (of instanceof ClassObject) runAgent(machine, of, store, call, state)
  if (target.data['overHttp'] === true) serveHttp(machine, store, call, state.fork())
  if (target.data['overSse'] === true)
    serveSseSessions(machine, { store, id: 'adopted', ends: 'never' }, call.site, state.fork())
  return object(machine.library('fetch-response', call.site))
}

function storeOf({ data, site }: LibraryObject): StoreRef {
  const { of } = data
  const { site: made, name } = of instanceof ClassObject ? of : { site, name: undefined }
  return { id: `${made.path}#${made.start}`, site: made, name: name ?? 'the durable objects', kind: 'database' }
}

/** The ID travels in a header and is made by the library. */
function serveHttp(machine: Machine, store: StoreRef, call: Call, state: State): void {
  const opening = state.fork()
  opening.learn([`absent:${store.id}`, 'init', 'verb:POST'])
  const transport = transportAt(machine, 'streamable', call.site)
  machine.emit('store-write', call.site, opening, { store, key: tagged('mint', 'sid'), value: transport })
  const presented = part('header', primitive('mcp-session-id'))
  noteLookUp(machine, store, presented, call.site, state)
  if (endsOnDelete(machine, call.site)) {
    const ending = state.fork()
    ending.learn(['verb:DELETE'])
    machine.emit('store-remove', call.site, ending, { store, key: presented })
  } else state.learn(['not-verb:DELETE'])
  dispatchTo(machine, store, transport, call.site, state)
}

function endsOnDelete(machine: Machine, site: Site): boolean {
  const found = machine.tree.versionOf('agents', site.path)
  return found === undefined || found.from !== 'locked' || !isBelow(found.version, ENDS_ON_DELETE)
}

/** What an agent does besides `init` when it wakes, and when somebody connects or says something. */
const WAKES = ['onStart', 'onConnect', 'onMessage']

/** The object of one session: made, woken, and its server connected. */
function runAgent(machine: Machine, of: ClassObject, store: StoreRef, call: Call, state: State): void {
  state.aside((fork) => {
    const made = instantiate(machine, of, { ...call, args: [UNKNOWN, workerEnvironment(call.site)] }, fork)
    watchAgent(machine, made, store)
    const agent = object(made)
    for (const name of WAKES.filter((method) => of.methods.has(method)))
      fork.aside((woken) => callMethod(machine, agent, name, { ...call, args: [], self: agent }, woken))
    callMethod(machine, agent, 'init', { ...call, args: [], self: agent }, fork)
    const server = getProperty(machine, agent, primitive('server'), call.site, fork)
    const transport = transportAt(machine, 'streamable', call.site)
    if (server.objects.length > 0)
      callMethod(machine, server, 'connect', { ...call, args: [transport], self: server }, fork)
  })
}

const makeAgent: ExternalHandler = (machine, call, state) =>
  object(machine.library('mcp-agent', call.site, { isVerified: state.holds('auth') }))

/** `createMcpHandler(server)`: without sessions unless it is given a transport that has them. */
const createHandler: ExternalHandler = (machine, call, state) => {
  machine.servesMcp = true
  const [server = UNKNOWN, options] = call.args
  const transport = optionOf(options, 'transport')
  machine.emit('cors', call.site, state, { allows: allowedBy(options), credentials: false })
  return object(machine.library('agent-handler', call.site, { server, transport }))
}

const handle: MethodHandler = (machine, target, call, state) => {
  machine.emit('endpoint', call.site, state, { check: 'never' })
  noteServedBehind(machine, call.site, state)
  const { server, transport } = target.data as { readonly server: Value; readonly transport: Value | undefined }
  if (transport !== undefined) {
    if (server.objects.length > 0)
      callMethod(machine, server, 'connect', { ...call, args: [transport], self: server }, state)
    callMethod(machine, transport, 'handleRequest', { ...call, self: transport }, state)
  }
  return object(machine.library('fetch-response', call.site))
}

/** `new OAuthProvider({ apiRoute, apiHandler, defaultHandler })` */
const createProvider: ExternalHandler = (machine, call, state) => {
  const provider = machine.library('oauth-provider', call.site, { options: call.args[0] })
  for (const app of guarded(call.args[0]).flatMap((handler) => isApp(handler) ?? []))
    mountOn(machine, provider, app, '/', [verifying(machine, call.site)], state)
  return object(provider)
}

function verifying(machine: Machine, site: Site): Value {
  return object(machine.library('middleware', site, { facts: [...VERIFIED, 'auth:expiring'], principal: true }))
}

/** What only requests with an access token of this provider reach. */
function guarded(options: Value | undefined): readonly Value[] {
  const single = optionOf(options, 'apiHandler')
  const several = optionOf(options, 'apiHandlers')?.objects.flatMap((item) => [...item.properties.values()]) ?? []
  return [...(single === undefined ? [] : [single]), ...several.map(({ value }) => value)]
}

/** A request goes to one of the handlers: with a token that was verified, or as it came. */
const provide: MethodHandler = (machine, target, call, state) => {
  const options = target.data['options'] as Value | undefined
  for (const handler of guarded(options)) {
    const fork = state.fork()
    fork.learn([...VERIFIED, 'auth:expiring'])
    machine.emit('expiring-auth', call.site, fork, {})
    handOver(machine, handler, call, fork)
  }
  const rest = optionOf(options, 'defaultHandler')
  if (rest !== undefined) handOver(machine, rest, call, state.fork())
  return object(machine.library('fetch-response', call.site))
}

/** To `{ fetch }`, a class that has it, or what a library made. Apps have routes of their own. */
function handOver(machine: Machine, handler: Value, call: Call, state: State): void {
  if (isApp(handler) !== undefined) return
  for (const item of handler.objects) {
    const target = item instanceof ClassObject ? object(instantiate(machine, item, call, state)) : object(item)
    if (item instanceof FunctionObject) call_(machine, target, call, state)
    else callMethod(machine, target, 'fetch', { ...call, self: target }, state)
  }
}

/** Whether a worker may export it as it is. */
export function isWorker(value: Value): boolean {
  return value.objects.some((item) => item instanceof Library && WORKERS.has(item.type))
}

const WORKERS = new Set(['agent-endpoint', 'agent-handler', 'oauth-provider'])

const PROVIDER = '@cloudflare/workers-oauth-provider'

export const cloudflare: Model = {
  calls: {
    'agents/mcp#McpAgent.serve': endpointOver('streamable'),
    'agents/mcp#McpAgent.serveSSE': endpointOver('sse'),
    'agents/mcp#McpAgent.mount': endpointOver('sse'),
    'agents/mcp#createMcpHandler': createHandler,
    'agents/mcp#experimental_createMcpHandler': createHandler,
  },
  constructors: {
    'agents/mcp#McpAgent': makeAgent,
    'agents/mcp#WorkerTransport': (...given) => mcp.constructors!['sdk#StreamableHTTPServerTransport']!(...given),
    [PROVIDER]: createProvider,
    [`${PROVIDER}#default`]: createProvider,
    [`${PROVIDER}#OAuthProvider`]: createProvider,
  },
  methods: {
    'agent-endpoint': { '()': serve, fetch: serve, '*': () => UNKNOWN },
    'agent-handler': { '()': handle, '*': () => UNKNOWN },
    'oauth-provider': { '()': provide, fetch: provide, '*': () => UNKNOWN },
  },
  properties: {
    'mcp-agent': (machine, target, name, _key, site) => {
      if (name === 'env') return workerEnvironment(site)
      if (name === 'ctx') return agentContext(machine, target, site)
      if (name !== 'props') return UNKNOWN
      return target.data['isVerified'] === true ? tagged('cred', 'principal', 'verdict') : UNKNOWN
    },
  },
}
