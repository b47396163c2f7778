/** Plugins of Fastify that serve MCP: `app.register(streamableHttp, { stateful, mcpEndpoint, sessions, createServer })`. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import { ExternalObject, type LibraryObject, isFunction } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteLookUp } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { object, onlyString, primitive, tagged, truthiness, withTags, UNKNOWN } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'
import { part } from './requests.ts'
import { optionOf, registerRoute } from './routing.ts'
import { dispatchTo, serveSseSessions, transportAt } from './sse-sessions.ts'

/** A package that is called after the protocol and the framework, whatever its plugin is called. */
const OF_PACKAGE =
  /^(?!@modelcontextprotocol\/)(?:[^#]*\bfastify\b[^#]*\bmcp\b|[^#]*\bmcp\b[^#]*\bfastify\b|@platformatic\/mcp\b)[^#]*(?:#|$)/i
const NO_SERVER = /client|inspector|test/i

/** Whether such a plugin is registered here: what it serves is registered in its place. */
export function registerMcpPlugin(
  machine: Machine,
  app: LibraryObject,
  plugin: Value,
  options: Value,
  call: Call,
  state: State,
): void {
  const found = plugin.objects.find(
    (item): item is ExternalObject => item instanceof ExternalObject && isMcp(item.path),
  )
  if (found === undefined) return
  machine.servesMcp = true
  const factory = optionOf(options, 'createServer')
  if (factory !== undefined && isFunction(factory))
    state.aside((fork) => call_(machine, factory, { ...call, args: [] }, fork))
  const overSse = /sse/i.test(found.path.split('#')[1] ?? '')
  const served = (path: string): void => {
    const data = {
      overSse,
      known: found.path.startsWith('fastify-mcp#'),
      stateful: isStateful(options),
      place: call.site,
    }
    const handlers = [object(machine.library('mcp-plugin', call.site, data))]
    registerRoute(machine, app, { verb: '*', path, handlers, layer: false, flavour: 'fastify' }, call, state)
  }
  const path = ['mcpEndpoint', 'endpoint', 'path', 'sseEndpoint'].flatMap((name) => optionOf(options, name) ?? [])[0]
  served(onlyString(path ?? UNKNOWN) ?? (overSse ? '/sse' : '/mcp'))
}

function isMcp(path: string): boolean {
  return OF_PACKAGE.test(path) && !NO_SERVER.test(path)
}

/** It has no sessions where nobody asks for them. */
function isStateful(options: Value): boolean {
  const stateful = optionOf(options, 'stateful')
  return stateful !== undefined && truthiness(stateful).canBeTrue
}

/** A request to it: nothing is asked of where it comes from, and a session is found by its ID alone. */
const serve: MethodHandler = (machine, target, call, state) => {
  const { data, site } = target
  if (data['known'] !== true) state.note('opaque-middleware')
  machine.emit('endpoint', call.site, state, { check: 'never' })
  const store: StoreRef = {
    id: `${site.path}#${site.start}#sessions`,
    site,
    name: 'the sessions of the plugin',
    kind: 'map',
  }
  if (data['overSse'] === true) {
    serveSseSessions(machine, { store, id: 'minted', ends: 'with the connection' }, call.site, state.fork())
    return UNKNOWN
  }
  if (data['known'] !== true || data['stateful'] !== true) return UNKNOWN
  const transport = transportAt(machine, 'streamable', call.site)
  const opening = state.fork()
  opening.learn([`absent:${store.id}`, 'init'])
  machine.emit('store-write', call.site, opening, { store, key: tagged('mint', 'sid'), value: transport })
  machine.emit('store-remove', call.site, state, { store, key: withTags(tagged('sid'), [`key:${store.id}`]) })
  noteLookUp(machine, store, part('header', primitive('mcp-session-id')), call.site, state)
  dispatchTo(machine, store, transport, call.site, state)
  return UNKNOWN
}

export const mcpPlugins: Model = { methods: { 'mcp-plugin': { '()': serve, '*': () => UNKNOWN } } }
