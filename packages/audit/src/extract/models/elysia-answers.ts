/** What a handler of Elysia sets on its answer: `set.headers`, and cookies, whose attributes may be set one by one. */
import type { CookieFlags } from '../events.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { noteCookieCleared } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, derived, object, onlyString, primitive } from '../value.ts'
import { BARE, attributeOf, flagsOf, isAttribute, noteCookie } from './cookies.ts'
import { noteOwnHeader, noteStatus } from './http.ts'
import type { ExternalHandler, MethodHandler, Model, PropertySetter } from './model.ts'
import { keep, part } from './requests.ts'
import { optionOf } from './routing.ts'

const DEFAULTS = 'elysia-cookie-defaults'

/** `new Elysia({ cookie: { secure: true } })`: what every cookie has that does not say otherwise. */
export function noteCookieDefaults(machine: Machine, options: Value | undefined, site: Site, state: State): void {
  noteDefaults(machine, optionOf(options, 'cookie'), site, state)
}

function noteDefaults(machine: Machine, given: Value | undefined, site: Site, state: State): void {
  if (given === undefined) return
  const flags = flagsOf(given, defaultsOf(machine), state)
  machine.readyMade.set(DEFAULTS, machine.library(DEFAULTS, site, { flags }))
}

function defaultsOf(machine: Machine): CookieFlags {
  return (machine.readyMade.get(DEFAULTS)?.data['flags'] ?? BARE) as CookieFlags
}

/** `t.Cookie(parts, { secure: true })`: the cookies that are described so have that as well. */
const cookieSchema: ExternalHandler = (machine, call, state) => {
  noteDefaults(machine, call.args[1], call.site, state)
  return UNKNOWN
}

/** `cookie.session`: there whether the request brought it or not. */
function cookieOf(machine: Machine, target: LibraryObject, key: Value, site: Site): Value {
  const name = onlyString(key) ?? ''
  return keep(target, `cookie ${name}`, () => machine.library('elysia-cookie', site, { key }))
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
  const known = { ...defaultsOf(machine), ...(target.data['attributes'] as Partial<CookieFlags> | undefined) }
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
