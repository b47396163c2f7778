/** `mcp-handler`: MCP in the route modules of a web framework, without sessions of the protocol but for those over SSE. */
import { noteVerdict } from '../audiences.ts'
import { call_ } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { isFunction } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, truthiness } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { isOn, optionOf } from './routing.ts'
import { serveSseSessions } from './sse-sessions.ts'
import { BEARER } from './verifiers.ts'
import { isBelow } from '../../source/version.ts'

/** Tools are added by a function that is given the server. */
const createHandler: ExternalHandler = (machine, call, state) => {
  machine.servesMcp = true
  const [initialize = UNDEFINED] = call.args
  const server = machine.library('mcp-server', call.site)
  state.aside((fork) => call_(machine, initialize, { ...call, args: [object(server)] }, fork))
  const config = call.args[2]
  const overSse = optionOf(config, 'redisUrl') !== undefined && !isOn(config, 'disableSse')
  return object(machine.library('mcp-handler', call.site, { adapted: server, overSse }))
}

/** From here on each request has a server of its own; under its older name it is whichever was installed for that. */
const SERVER_PER_REQUEST = '1.1.0'

function sharesServer(machine: Machine, { path }: Site): boolean {
  if (machine.tree.versionOf(OLDER_NAME, path) !== undefined) {
    const inner = machine.tree.versionWithin(OLDER_NAME, 'mcp-handler', path)
    return inner === undefined || isBelow(inner, SERVER_PER_REQUEST)
  }
  const found = machine.tree.versionOf('mcp-handler', path)
  return found?.from === 'locked' && isBelow(found.version, SERVER_PER_REQUEST)
}

const OLDER_NAME = '@vercel/mcp-adapter'

/** What the adapter does with a request: one server for all in older versions, and sessions over SSE where Redis carries them. */
export function noteAdapted(machine: Machine, target: LibraryObject, state: State): void {
  const server = target.data['adapted'] as LibraryObject | undefined
  if (server === undefined) return
  const { site } = target
  if (sharesServer(machine, site)) machine.emit('connect', site, state, { server, transport: UNKNOWN, stores: [] })
  if (target.data['overSse'] !== true) return
  const store: StoreRef = {
    id: `${site.path}#${site.start}#sse`,
    site,
    name: 'the adapter’s SSE sessions',
    kind: 'map',
  }
  serveSseSessions(machine, { store, id: 'minted', ends: 'with the connection' }, site, state.fork())
}

/** `withMcpAuth(handler, verify, { required })`. */
const withAuth: ExternalHandler = (machine, call) => {
  const [handler = UNKNOWN, verify = UNKNOWN, options] = call.args
  const required = optionOf(options, 'required')
  const isRequired = required !== undefined && !truthiness(required).canBeFalse
  return object(machine.library('mcp-authed-handler', call.site, { handler, verify, isRequired }))
}

/** Who has no token is refused where one is required; what `verify` makes of it is the caller. */
const authenticated: MethodHandler = (machine, target, call, state) => {
  const [request = UNKNOWN] = call.args
  const verify = target.data['verify'] as Value
  const given = [request, BEARER]
  if (isFunction(verify))
    noteVerdict(
      machine,
      state.aside((fork) => call_(machine, verify, { ...call, args: given }, fork)),
    )
  if (target.data['isRequired'] === true) state.learn(VERIFIED)
  call_(machine, target.data['handler'] as Value, call, state)
  return UNKNOWN
}

/** Whether a value is a handler that this adapter made. */
export function isAdapterHandler(value: Value): boolean {
  return value.objects.some((item) => 'type' in item && HANDLERS.has((item as LibraryObject).type))
}

const HANDLERS = new Set(['mcp-handler', 'mcp-authed-handler'])

export const mcpAdapter: Model = {
  calls: {
    'mcp-handler#createMcpHandler': createHandler,
    'mcp-handler#withMcpAuth': withAuth,
    'mcp-handler#experimental_withMcpAuth': withAuth,
    '@vercel/mcp-adapter#createMcpHandler': createHandler,
    '@vercel/mcp-adapter#withMcpAuth': withAuth,
    '@vercel/mcp-adapter#experimental_withMcpAuth': withAuth,
  },
  methods: { 'mcp-authed-handler': { '()': authenticated, '*': () => UNKNOWN } },
}
