/** Everything known of libraries, by import path and by type. */
import type { Call } from '../calls.ts'
import { callOpaque } from '../calls.ts'
import type { LibraryObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN } from '../value.ts'
import { credentials } from './credentials.ts'
import { express } from './express.ts'
import { frameworks } from './frameworks.ts'
import { http } from './http.ts'
import { mcp } from './mcp.ts'
import type { ExternalHandler, MethodHandler, Model, PropertyHandler, PropertySetter } from './model.ts'
import { platform } from './platform.ts'
import { randomness } from './randomness.ts'
import { settings } from './settings.ts'
import { stores } from './stores.ts'
import { webSessions } from './web-sessions.ts'

const MODELS: readonly Model[] = [platform, randomness, http, express, frameworks, mcp, webSessions, credentials, stores, settings]

const CALLS = collect((model) => model.calls)
const CONSTRUCTORS = collect((model) => model.constructors)
const PROPERTIES = collect((model) => model.properties)
const SETTERS = collect((model) => model.setters)
const METHODS = new Map<string, Map<string, MethodHandler>>()
for (const model of MODELS) {
  for (const [type, methods] of Object.entries(model.methods ?? {})) {
    const known = METHODS.get(type) ?? new Map<string, MethodHandler>()
    for (const [name, handler] of Object.entries(methods)) known.set(name, handler)
    METHODS.set(type, known)
  }
}

function collect<T>(pick: (model: Model) => Readonly<Record<string, T>> | undefined): Map<string, T> {
  const all = new Map<string, T>()
  for (const model of MODELS) for (const [path, handler] of Object.entries(pick(model) ?? {})) all.set(path, handler)
  return all
}

export function callExternal(machine: Machine, path: string, call: Call, state: State): Value {
  const handler = CALLS.get(path) ?? sdkHandler(CALLS, path)
  if (handler !== undefined) return handler(machine, call, state, path)
  return callOpaque(machine, path.split(/[#.]/).at(-1), call, state, NEVER)
}

export function constructExternal(machine: Machine, path: string, call: Call, state: State): Value {
  const handler = CONSTRUCTORS.get(path) ?? sdkHandler(CONSTRUCTORS, path)
  if (handler !== undefined) return handler(machine, call, state, path)
  return callOpaque(machine, undefined, call, state, NEVER)
}

/** The SDK's names are found under whatever path or package of it exports them. */
function sdkHandler(handlers: ReadonlyMap<string, ExternalHandler>, path: string): ExternalHandler | undefined {
  if (!path.startsWith('@modelcontextprotocol/') && !path.startsWith('@hono/mcp')) return undefined
  return handlers.get(`sdk#${path.split('#').at(-1) ?? ''}`)
}

export function callLibrary(machine: Machine, target: LibraryObject, name: string, call: Call, state: State): Value | undefined {
  const own = target.properties.get(name)
  const methods = METHODS.get(target.type)
  const handler: MethodHandler | undefined = methods?.get(name) ?? methods?.get('*')
  if (handler === undefined || (own !== undefined && own.value.objects.length > 0 && methods?.get(name) === undefined)) return undefined
  return handler(machine, target, call, state, name)
}

export function libraryProperty(machine: Machine, target: LibraryObject, name: string | undefined, key: Value, site: Site, state: State): Value {
  const own = name === undefined ? undefined : target.properties.get(name)
  if (own !== undefined && own.value !== NEVER) return state.read(own)
  const handler: PropertyHandler | undefined = PROPERTIES.get(target.type)
  return handler?.(machine, target, name, key, site, state) ?? UNKNOWN
}

export function setLibraryProperty(machine: Machine, target: LibraryObject, name: string | undefined, value: Value, site: Site, state: State): void {
  const handler: PropertySetter | undefined = SETTERS.get(target.type)
  if (handler !== undefined) handler(machine, target, name, value, site, state)
  if (name !== undefined) state.write(target.property(name), value)
}

