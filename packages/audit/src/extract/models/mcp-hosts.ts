/**
 * Libraries that are a whole MCP server, told by what they are called: whoever uses one makes an object, gives it tools
 * and starts it. What it does with sessions is behind its door; where it listens is not.
 */
import type { Call } from '../calls.ts'
import { callOpaque } from '../opaque.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, object, onlyString, strings } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

/** The path of a package that is called after the protocol; SDKs have models of their own. */
const OF_PROTOCOL = /^(?!@modelcontextprotocol\/)[^#]*\bmcp\b[^#]*#/i
const MAKES_SERVER = /^(?:create|make|new|define|build)?[A-Za-z]*(?:Mcp|MCP)?(?:Server|App|MCP|Mcp)$/
const NO_SERVER = /client|transport|proxy|inspector|test|error|config|type|schema/i

/** `new McpApp(…)`, `createMCPServer(…)` of a package that we do not see. */
export function mcpHost(machine: Machine, path: string, call: Call): Value | undefined {
  const name = path.split(/[#.]/).at(-1) ?? ''
  if (!OF_PROTOCOL.test(path) || !MAKES_SERVER.test(name) || NO_SERVER.test(name)) return undefined
  machine.servesMcp = true
  return object(machine.library('mcp-host', call.site, { options: call.args, name }))
}

const STARTS = /^(?:start|listen|serve|run)(?=$|[A-Z\d])/
const OVER_HTTP = /http|sse|web|stream/i
const PLACES = ['host', 'hostname', 'address', 'bindAddress'] as const
/** Where options of a transport lie within those of the server. */
const INNER = ['transport', 'options', 'http', 'httpStream', 'sse', 'server'] as const

const callHost: MethodHandler = (machine, target, call, state, name) => {
  if (STARTS.test(name)) start(machine, target, call, state, name)
  return callOpaque(machine, name, call, state, NEVER)
}

/** Where neither the method nor what it is given speaks of HTTP, it is started on standard input and output. */
function start(machine: Machine, target: LibraryObject, call: Call, state: State, name: string): void {
  const given = call.args.concat(call.args.length === 0 ? (target.data['options'] as readonly Value[]) : [])
  const options = given.flatMap((item) => withInner(item, 3))
  const isHttp =
    OVER_HTTP.test(name) ||
    name === 'listen' ||
    options.some((item) => optionOf(item, 'port') !== undefined) ||
    options.some(namesHttp)
  if (!isHttp) return
  const { file, start: from, end } = call.site
  machine.gaps.push({
    path: file.path,
    reason: `What serves MCP over HTTP here, ${String(target.data['name'])}, is a library whose source is not in this tree.`,
    location: file.locate(from, end),
    total: true,
  })
  const hosts = options.flatMap((item) => PLACES.flatMap((place) => optionOf(item, place) ?? []))
  machine.emit('listen', call.site, state, {
    host: hosts[0] ?? positional(name, call) ?? UNKNOWN,
    tls: options.some((item) => optionOf(item, 'cert') !== undefined || optionOf(item, 'tls') !== undefined),
    defaultHost: '::',
    what: `${String(target.data['name'])}.${name}`,
    app: undefined,
  })
}

/** `listen(port, host)`. */
function positional(name: string, { args }: Call): Value | undefined {
  const [, host] = args
  return name === 'listen' && host !== undefined && strings(host).length > 0 ? host : undefined
}

function namesHttp(options: Value): boolean {
  return ['transport', 'transportType', 'type', 'mode'].some((name) =>
    OVER_HTTP.test(onlyString(optionOf(options, name) ?? UNKNOWN) ?? ''),
  )
}

function withInner(options: Value, depth: number): readonly Value[] {
  if (depth === 0) return [options]
  return [options, ...INNER.flatMap((name) => withInner(optionOf(options, name) ?? NEVER, depth - 1))]
}

export const mcpHosts: Model = { methods: { 'mcp-host': { '*': callHost } } }
