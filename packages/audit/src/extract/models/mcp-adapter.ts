/** `mcp-handler`: MCP in the route modules of a web framework, without sessions of the protocol. */
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import { FunctionObject } from '../heap.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, truthiness } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'
import { BEARER } from './verifiers.ts'

/** Tools are added by a function that is given the server. */
const createHandler: ExternalHandler = (machine, call, state) => {
  machine.servesMcp = true
  const [initialize = UNDEFINED] = call.args
  const server = object(machine.library('mcp-server', call.site))
  state.aside((fork) => call_(machine, initialize, { ...call, args: [server] }, fork))
  return object(machine.library('mcp-handler', call.site))
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
  if (verify.objects.some((item) => item instanceof FunctionObject))
    state.aside((fork) => call_(machine, verify, { ...call, args: given }, fork))
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
