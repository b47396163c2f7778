/** The MCP SDKs (v1, v2) and @hono/mcp: transports, servers, handlers. Version-aware where it decides. */
import { noteExecution } from '../asked.ts'
import { noteVerdict } from '../audiences.ts'
import { callersInScope } from '../callers.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { noteSendAll, noteServedBehind } from '../opaque.ts'
import { parametersOf } from '../invoke.ts'
import { noteToolName } from '../request-state.ts'
import { noteStdio, stateVerifier } from './request-state.ts'
import { flag, requestTags } from '../conditions.ts'
import type { Node } from '../ast.ts'
import type { Cell, HeapObject, Site } from '../heap.ts'
import { FunctionObject, LibraryObject as Library } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, hasTag, object, onlyString, storesIn, tagged, withTags } from '../value.ts'
import { noteAdapted } from './mcp-adapter.ts'
import type { ExternalHandler, MethodHandler, Model, PropertySetter } from './model.ts'
import { connectOwn } from './own-transports.ts'
import { bag } from './requests.ts'
import { checkedInVain, transportCheck } from './origin.ts'
import { protocolFacts } from '../protocol.ts'
import { type TaskKeeping, taskStoreOf } from './notices.ts'
import { optionOf, registerRoute } from './routing.ts'
import { isBelow } from '../../source/version.ts'

const SDK = '@modelcontextprotocol/sdk'
/** From here on `connect()` keeps an `onclose` that was set before it. */
const KEEPS_ONCLOSE = '1.13.2'
/** From here on DELETE calls `onsessionclosed`. */
const HAS_ONSESSIONCLOSED = '1.15.1'

const streamable: ExternalHandler = (machine, call, state) => {
  const options = call.args.find((arg) => arg.objects.some((item) => item.kind === 'object'))
  const generator = optionOf(options, 'sessionIdGenerator')
  const stateful = statefulness(generator, options)
  const check = transportCheck(machine, options)
  const vain = checkedInVain(machine, options)
  const transport = machine.library('mcp-transport', call.site, { stateful, kind: 'streamable', check, vain })
  transport.name = 'transport'
  const id = stateful === false ? UNDEFINED : mintId(machine, generator, call, state)
  transport.property('sessionId').write(id)
  machine.emit('transport', call.site, state, { object: transport, type: 'streamable', stateful })
  const eventStore = optionOf(options, 'eventStore')
  if (stateful === true && eventStore !== undefined)
    machine.emit('event-store', call.site, state, { value: eventStore })
  scheduleCallbacks(machine, options, id, call, state)
  return object(transport)
}

/** Undefined, whether written or left out, means a transport without sessions. */
function statefulness(generator: Value | undefined, options: Value | undefined): boolean | undefined {
  if (generator === undefined)
    return options === undefined || options.objects.some((item) => item.kind === 'object') ? false : undefined
  const canBeFunction = generator.objects.length > 0
  if (canBeFunction) return true
  return generator.open ? undefined : false
}

function mintId(machine: Machine, generator: Value | undefined, call: Call, state: State): Value {
  if (generator === undefined || generator.objects.length === 0) return tagged('mint', 'sid')
  const fork = state.fork()
  const value = call_(machine, generator.with({ tags: [], open: false, primitives: [] }), { ...call, args: [] }, fork)
  machine.emit('mint', siteOfGenerator(generator) ?? call.site, state, { value, what: 'session ID' })
  return withTags(value.with({ open: true, primitives: [] }), ['mint', 'sid'])
}

function siteOfGenerator(generator: Value): Site | undefined {
  return generator.objects.find((item) => item instanceof FunctionObject)?.site
}

function scheduleCallbacks(machine: Machine, options: Value | undefined, id: Value, call: Call, state: State): void {
  const initialized = optionOf(options, 'onsessioninitialized')
  if (initialized !== undefined) machine.defer(initialized, [id], state, machine.triggered('initialized'))
  const closed = optionOf(options, 'onsessionclosed')
  if (closed !== undefined && !olderThan(machine, HAS_ONSESSIONCLOSED, call.site)) {
    machine.defer(closed, [id], state, machine.triggered('onsessionclosed'))
  }
}

function olderThan(machine: Machine, version: string, site: Site): boolean {
  const found = machine.tree.versionOf(SDK, site.path)
  return found !== undefined && found.from === 'locked' && isBelow(found.version, version)
}

const sse: ExternalHandler = (machine, call, state) => {
  const check = transportCheck(machine, call.args[2])
  const transport = machine.library('mcp-transport', call.site, { stateful: true, kind: 'sse', check })
  machine.emit('endpoint', call.site, state, { check })
  transport.name = 'transport'
  transport.property('sessionId').write(tagged('mint', 'sid', 'sse').with({ filled: true }))
  machine.emit('transport', call.site, state, { object: transport, type: 'sse', stateful: true })
  return object(transport)
}

const stdio: ExternalHandler = (machine, call) => {
  noteStdio(machine, call.site)
  return object(machine.library('stdio-transport', call.site))
}
const createMcpServer: ExternalHandler = (machine, call) => {
  machine.servesMcp = true
  return object(
    machine.library('mcp-server', call.site, {
      verifyState: stateVerifier(call.args[1]),
      tasks: taskStoreOf(machine, call.args[1]),
    }),
  )
}

const connect: MethodHandler = (machine, target, call, state) => {
  const [transport = UNKNOWN] = call.args
  if (transport.objects.some((item) => item instanceof Library && item.type === 'stdio-transport')) return UNKNOWN
  for (const item of transport.objects) {
    if (item instanceof Library && item.properties.has('onclose') && olderThan(machine, KEEPS_ONCLOSE, call.site))
      item.data['deadOnclose'] = true
  }
  if (!hasTag(call.self, 'entry')) target.property('transport').write(transport)
  const stores = storesIn(call.self)
  machine.emit('connect', call.site, state, { server: target, transport, stores })
  noteTasks(machine, target, transport, call, state)
  connectOwn(machine, transport, call, state)
  machine.wait()
  return UNKNOWN
}

/** `server.connect(transport)` on a variable from start-up that code which is not in the tree has filled: one for all requests. */
export function connectUnseen(machine: Machine, receiver: Node, call: Call, state: State): void {
  const cell = receiver.type === 'Identifier' ? call.env.find(String(receiver['name'])) : undefined
  const [transport] = call.args
  const isTransport = transport?.objects.some((item) => item instanceof Library && item.type === 'mcp-transport')
  if (isTransport !== true || cell === undefined || cell.born !== 0 || machine.context.activation === 0) return
  if (storesIn(call.self).length > 0) return
  let server = unseen.get(cell)
  if (server === undefined) unseen.set(cell, (server = new Library('mcp-server', cell.site ?? call.site, 0)))
  machine.emit('connect', call.site, state, { server, transport: transport!, stores: [] })
}

const unseen = new WeakMap<Cell, Library>()

/** Without a session the SDK's store gives every caller the tasks of all. */
function noteTasks(machine: Machine, server: Library, transport: Value, call: Call, state: State): void {
  const kept = server.data['tasks'] as TaskKeeping | undefined
  if (kept === undefined) return
  const { store, own } = kept
  const isStateless = transport.objects.some((item) => item instanceof Library && item.data['stateful'] === false)
  const isBlind = own === undefined ? store instanceof Library && store.data['isOld'] === true : !own.asksSession
  machine.emit('task-store', call.site, state, { store, blind: isStateless || isBlind, answers: own?.answers })
}

const dispatch: MethodHandler = (machine, target, call, state) => {
  noteExecution(machine, call.site, state)
  machine.emit('dispatch', call.site, state, {
    receiver: call.self.with({ objects: [target] }),
    how: 'transport',
    callers: callersInScope(call.env, state),
  })
  if (target.data['stateful'] === false && target.born === machine.context.activation)
    noteServedBehind(machine, call.site, state)
  machine.wait()
  return UNKNOWN
}

const close: MethodHandler = (machine, target, call, state) => {
  const stores = storesIn(call.self)
  for (const store of stores.length === 0 ? [''] : stores)
    machine.emit('entry-close', call.site, state, { store, closed: target.site })
  return UNKNOWN
}

/** A message sent to a session that a loop over all of them yielded, not one that a request named. */
const send: MethodHandler = (machine, _target, call, state) => {
  noteSendAll(machine, call, state)
  return UNKNOWN
}

/** `transport.onclose = …`, `server.onclose = …`: runs when the transport closes, DELETE included. */
const setOnclose: PropertySetter = (machine, target, name, value, _site, state) => {
  if (name !== 'onclose' || value.objects.length === 0) return
  machine.deferOnclose(value, target, state)
}

/** `server.oninitialized = …`: runs when a client has said that it is there. */
const setListener: PropertySetter = (machine, target, name, value, site, state) => {
  if (name === 'oninitialized') machine.deferTool(value, [], state, [])
  else setOnclose(machine, target, name, value, site, state)
}

/** `transport.onmessage = …`: called with each message that a request brings; `transport.sessionId = …` opens a session under it. */
const setCallback: PropertySetter = (machine, target, name, value, site, state) => {
  if (name === 'sessionId') noteRestored(machine, value, site, state)
  else if (name === 'onmessage') machine.defer(value, [bag(machine, 'body', site)], state, machine.context)
  else setOnclose(machine, target, name, value, site, state)
}

function noteRestored(machine: Machine, value: Value, site: Site, state: State): void {
  if (requestTags(value).length > 0 || value.entropy !== undefined)
    machine.emit('mint', site, state, { value, what: 'session ID' })
}

const tool: MethodHandler = (machine, target, call, state, name) => {
  const known = protocolFacts(name, call)
  noteToolName(machine, onlyString(call.args[0] ?? UNDEFINED))
  for (const arg of call.args) {
    for (const handler of arg.objects) {
      if (handler instanceof FunctionObject)
        deferTool(machine, target, handler, { ...call, method: name, known }, state)
    }
  }
  return UNKNOWN
}

/** A request handler of the protocol: called with arguments from the client and what the transport knows of it. */
function deferTool(
  machine: Machine,
  server: Library,
  handler: FunctionObject,
  call: Call & { readonly method: string; readonly known: readonly string[] },
  state: State,
): void {
  const extra = object(machine.library('mcp-extra', call.site, { verifyState: server.data['verifyState'] }))
  const args =
    TAKES_SCHEMA.test(call.method) && takesNothing(handler, call) ? [extra] : [bag(machine, 'body', call.site), extra]
  machine.deferTool(object(handler), args, state, call.known)
}

const TAKES_SCHEMA = /^(?:register)?(?:tool|prompt)$/i

/** A tool or prompt that declares no arguments is called with the context alone. */
function takesNothing(handler: FunctionObject, call: Call): boolean {
  const settings = call.args.slice(1).find((arg) => arg.objects.some(({ kind }) => kind === 'object'))
  const isNamed = onlyString(call.args[0] ?? UNDEFINED) !== undefined
  const isPlain =
    settings === undefined
      ? call.args.slice(1).every((arg) => arg.objects.includes(handler) || onlyString(arg) !== undefined)
      : settings.objects.every(
          (item) =>
            !item.partial && (item.properties.has('description') || item.properties.has('title')) && !hasSchema(item),
        )
  return isNamed && isPlain && parametersOf(handler.node).length === 1
}

function hasSchema({ properties }: HeapObject): boolean {
  return ['inputSchema', 'argsSchema', 'parameters'].some((name) => properties.has(name))
}

const createHandler: ExternalHandler = (machine, call, state) => {
  const [factory = UNDEFINED] = call.args
  const legacy = optionOf(call.args[1], 'legacy')
  const app = machine.library('mcp-handler', call.site, {
    isModern: onlyString(legacy ?? UNKNOWN) === 'reject',
    hasOwnBus: optionOf(call.args[1], 'bus') !== undefined,
  })
  registerRoute(
    machine,
    app,
    { verb: '*', path: '*', handlers: [factory], layer: false, flavour: 'fetch' },
    call,
    state,
  )
  return object(app)
}

/**
 * The SDK's own handler checks neither Origin nor Host. What headers say is called it holds against the body of
 * modern requests; older ones, which it serves unless told to reject them, have no such headers to it.
 */
const handled: MethodHandler = (machine, target, call, state) => {
  noteExecution(machine, call.site, state, target.data['isModern'] === true || state.holds('modern-only'))
  machine.emit('endpoint', call.site, state, { check: 'never' })
  machine.emit('handler-call', call.site, state, { handler: target })
  const caller = optionOf(call.args[1], 'authInfo')
  if (caller !== undefined) noteVerdict(machine, caller)
  noteAdapted(machine, target, state)
  noteServedBehind(machine, call.site, state)
  return UNKNOWN
}

const isInitialize: ExternalHandler = (_machine, call) => flag(['init'], ['not-init'], ...call.args)

/** `isJSONRPCNotification(message)`, `isJSONRPCResponse(message)`: whether a message answers a request. */
const isUnasked: ExternalHandler = (_machine, call) => flag(['unasked'], [], ...call.args)
const isAnswer: ExternalHandler = (_machine, call) => flag([], ['unasked'], ...call.args)

export const mcp: Model = {
  constructors: {
    'sdk#StreamableHTTPServerTransport': streamable,
    'sdk#WebStandardStreamableHTTPServerTransport': streamable,
    'sdk#NodeStreamableHTTPServerTransport': streamable,
    'sdk#StreamableHTTPTransport': streamable,
    'sdk#SSEServerTransport': sse,
    'sdk#InMemoryEventStore': (machine, call) => object(machine.library('event-store', call.site)),
    'sdk#StdioServerTransport': stdio,
    'sdk#McpServer': createMcpServer,
    'sdk#Server': createMcpServer,
  },
  calls: {
    'sdk#isInitializeRequest': isInitialize,
    'sdk#isJSONRPCRequest': isUnasked,
    'sdk#isJSONRPCNotification': isUnasked,
    'sdk#isJSONRPCResponse': isAnswer,
    'sdk#createMcpHandler': createHandler,
    // A handler, or a record of how one answers: `{ fetch }`.
    'sdk#toNodeHandler': (_machine, call) => optionOf(call.args[0], 'fetch') ?? call.args[0] ?? UNKNOWN,
  },
  methods: {
    'mcp-transport': {
      handleRequest: dispatch,
      handlePostMessage: dispatch,
      send,
      close,
      '*': () => UNKNOWN,
    },
    'mcp-server': {
      connect,
      close,
      tool,
      registerTool: tool,
      resource: tool,
      registerResource: tool,
      prompt: tool,
      registerPrompt: tool,
      setRequestHandler: tool,
      setNotificationHandler: tool,
      '*': () => UNKNOWN,
    },
    'mcp-handler': { '()': handled, fetch: handled, '*': () => UNKNOWN },
  },
  properties: {
    'mcp-transport': (_machine, target, name) => {
      // For node:http it stands around another that keeps the ID.
      if (name === '_webStandardTransport') return object(target)
      return name === 'sessionId' && target.data['typed'] === true ? tagged('mint', 'sid') : UNKNOWN
    },
    'mcp-server': (_machine, target, name) => (name === 'server' ? object(target) : UNKNOWN),
    'mcp-extra': (machine, target, name, _key, site, state) => {
      if (name === 'sessionId') return tagged('sid')
      if (name === 'authInfo') machine.emit('caller-read', site, state, {})
      if (name === 'authInfo') return tagged('cred', 'principal', 'verdict').with({ primitives: [undefined] })
      if (name === 'http' || name === 'mcpReq') return object(target)
      if (name === 'req') return object(machine.library('fetch-request', site))
      if (name === 'requestInfo') return object(machine.library('request', site))
      return UNKNOWN
    },
  },
  setters: { 'mcp-transport': setCallback, 'mcp-server': setListener },
}
