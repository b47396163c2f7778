/** What a handler of Elysia sets on its answer: `set.headers`, and cookies, whose attributes may be set one by one. */
import type { CookieFlags } from '../events.ts'
import type { Call } from '../calls.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { noteCookieCleared } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, derived, object, onlyString, primitive } from '../value.ts'
import { cookieDefaults, keepCookieDefaults } from './cookie-defaults.ts'
import { BARE, attributeOf, flagsOf, isAttribute, noteCookie } from './cookies.ts'
import { noteOwnHeader, noteStatus } from './http.ts'
import type { ExternalHandler, MethodHandler, Model, PropertySetter } from './model.ts'
import { keep, part } from './requests.ts'
import { libraryIn, optionOf } from './routing.ts'

/** `new Elysia({ cookie: { secure: true } })`: what every cookie has that does not say otherwise. */
export function noteCookieDefaults(machine: Machine, app: LibraryObject, { args, site }: Call, state: State): void {
  const given = optionOf(args[0], 'cookie')
  if (given !== undefined) keepCookieDefaults(machine, flagsOf(given, BARE, state), { app, site })
}

/** `t.Cookie(parts, { secure: true })`: the cookies that are described so have that as well. */
const cookieSchema: ExternalHandler = (machine, call, state) => {
  const [, options] = call.args
  if (options === undefined) return UNKNOWN
  const flags = flagsOf(options, BARE, state)
  keepCookieDefaults(machine, flags, { site: call.site })
  return object(machine.library(SCHEMA, call.site, { flags }))
}

const SCHEMA = 'elysia-cookie-schema'

/** `{ cookie: t.Cookie(…) }` of a route, or of all that an app has; by a name, it may be any that is described. */
export function noteCookieSchema(
  machine: Machine,
  app: LibraryObject,
  options: Value | undefined,
  site: Site,
  route?: Site,
): void {
  const given = optionOf(options, 'cookie')
  if (given === undefined) return
  const described = libraryIn(given, SCHEMA)?.data['flags'] ?? cookieDefaults(machine, undefined, site)
  if (described !== undefined)
    keepCookieDefaults(machine, described as CookieFlags, { app, site, ...(route && { route }) })
}

function defaultsOf(machine: Machine, { data }: LibraryObject): CookieFlags {
  const { app, route } = data as { readonly app?: LibraryObject; readonly route: Site }
  return cookieDefaults(machine, app, route) ?? BARE
}

/** `cookie.session`: there whether the request brought it or not. */
function cookieOf(machine: Machine, target: LibraryObject, key: Value, site: Site): Value {
  const name = onlyString(key) ?? ''
  return keep(target, `cookie ${name}`, () => machine.library('elysia-cookie', site, { ...target.data, key }))
}

/** `session.set({ value, httpOnly: true })`, `session.update(…)` */
const setAll: MethodHandler = (machine, target, call, state) => {
  const [options = UNKNOWN] = call.args
  noteSet(machine, target, optionOf(options, 'value'), options, call.site, state)
  return object(target)
}

function noteSet(
  machine: Machine,
  target: LibraryObject,
  value: Value | undefined,
  options: Value | undefined,
  site: Site,
  state: State,
): void {
  const write = { name: target.data['key'] as Value, value: value ?? UNKNOWN, options, named: undefined }
  const known = { ...defaultsOf(machine, target), ...(target.data['attributes'] as Partial<CookieFlags> | undefined) }
  target.data['flags'] = noteCookie(machine, write, known, site, state) ?? target.data['flags']
  machine.emit('handle-out', site, state, { value: value ?? UNKNOWN })
}

const remove: MethodHandler = (machine, target, call, state) => {
  noteCookieCleared(machine, target.data['key'] as Value, undefined, call.site, state)
  return object(target)
}

/** `session.value = token; session.secure = true`, in whatever order. */
const setPart: PropertySetter = (machine, target, name, value, site, state) => {
  if (name === 'value') return noteSet(machine, target, value, undefined, site, state)
  if (name === undefined || !isAttribute(name)) return
  const attribute = { [name]: attributeOf(name, value) }
  target.data['attributes'] = { ...(target.data['attributes'] as object | undefined), ...attribute }
  if (target.data['flags'] !== undefined) Object.assign(target.data['flags'] as object, attribute)
}

const setHeader: PropertySetter = (machine, _target, name, value, site, state) => {
  const call = { site, args: [value], argSites: [], self: UNKNOWN, env: undefined as never }
  if (name !== undefined) noteOwnHeader(machine, name, value, call, state)
  machine.emit('handle-out', site, state, { value: derived(value) })
}

const setOnAnswer: PropertySetter = (machine, target, name, value, site, state) => {
  if (name === 'status') noteStatus(state, value)
  if (name !== 'headers') return
  for (const { properties } of value.objects)
    for (const [header, cell] of properties) setHeader(machine, target, header, cell.value, site, state)
}

export const elysiaAnswers: Model = {
  calls: { 'elysia#t.Cookie': cookieSchema },
  methods: {
    'elysia-cookie': { set: setAll, update: setAll, add: setAll, remove, '*': (_machine, target) => object(target) },
  },
  properties: {
    'elysia-cookies': (machine, target, name, key, site) =>
      cookieOf(machine, target, name === undefined ? key : primitive(name), site),
    'elysia-cookie': (_machine, target, name) =>
      name === 'value' ? part('cookie', target.data['key'] as Value) : UNKNOWN,
    'elysia-set': (machine, target, name, _key, site) =>
      name === 'headers' ? keep(target, name, () => machine.library('elysia-headers', site)) : UNKNOWN,
  },
  setters: { 'elysia-cookie': setPart, 'elysia-headers': setHeader, 'elysia-set': setOnAnswer },
}
