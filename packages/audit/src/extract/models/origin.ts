/** Who may call: checks of Origin and Host, and what cross-origin pages are told. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { flag } from '../conditions.ts'
import { isBare, isEmptyUnlessSet } from '../empty-lists.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { FunctionObject } from '../heap.ts'
import type { Flavour, Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { joinFacts } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, hasTag, object, strings, tagged, truthiness } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { isCertainlyOn, optionOf, optionsAt, registerRoute, writtenAt } from './routing.ts'

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|::1|\[::1\])$/

/** Middleware that answers 403 to a foreign Origin or Host. */
const guard: ExternalHandler = (machine, call) =>
  object(machine.library('middleware', call.site, { facts: ['origin'], guards: true }))

/** `guard(req, res)`, which has answered where it says no; `guard(req, res, next)`, which goes on by itself. */
const callGuard: MethodHandler = (machine, target, call, state) => {
  if (target.data['guards'] !== true) return undefined
  const [, , next] = call.args
  if (next === undefined) return flag(['origin'], [], ...call.args)
  const fork = state.fork()
  fork.learn(['origin'])
  call_(machine, next, { ...call, args: [] }, fork)
  return UNDEFINED
}

/** `createMcpExpressApp({ host, allowedHosts, allowedOrigins })`: guarded on loopback names, which is the default, and where lists are given. */
export function guardedApp(type: string, flavour: Flavour): ExternalHandler {
  return (machine, call, state) => {
    const app = machine.library(type, call.site)
    if (isGuarded(call.args[0]))
      registerRoute(
        machine,
        app,
        {
          verb: '*',
          path: flavour === 'express' ? '/' : '*',
          handlers: [guard(machine, call, state, '')],
          layer: true,
          flavour,
        },
        call,
        state,
      )
    return object(app)
  }
}

function isGuarded(options: Value | undefined): boolean {
  if (isList(optionOf(options, 'allowedHosts')) || isList(optionOf(options, 'allowedOrigins'))) return true
  const host = optionOf(options, 'host')
  if (host === undefined) return true
  const named = strings(host)
  const isAbsent = host.primitives.every((item) => item === undefined) && host.objects.length === 0
  return isAbsent || (named.length > 0 && named.every((name) => LOOPBACK.test(name)))
}

/** A list for certain: one that is there only where a setting brings it checks nothing as the server is shipped. */
function isList(value: Value | undefined): boolean {
  if (value === undefined || !value.objects.some((item) => item.kind === 'array' || item.kind === 'set')) return false
  return value.open || value.primitives.every((item) => item !== undefined && item !== null)
}

/** The options of the SDK's transports: the switch does nothing without a list. */
export function transportCheck(machine: Machine, options: Value | undefined): 'always' | 'optional' | 'never' {
  const isOn = optionOf(options, 'enableDnsRebindingProtection')
  if (isOn === undefined) return options?.objects.some((item) => item.partial) === true ? 'optional' : 'never'
  if (!truthiness(isOn).canBeTrue) return 'never'
  const given = listsIn(options)
  if (given.length === 0) return 'never'
  const checks = given.some((list) => !truthiness(list).canBeFalse && !isEmptyUnlessSet(machine, list))
  return isOnByDefault(isOn) && checks ? 'always' : 'optional'
}

/** What there is to check by. */
function listsIn(options: Value | undefined): readonly Value[] {
  const lists = ['allowedHosts', 'allowedOrigins'].flatMap((name) => optionOf(options, name) ?? [])
  return lists.filter((list) => truthiness(list).canBeTrue && !isEmptyList(list))
}

/** Where it is asked to check and given nothing to check by, unless a setting brings it. */
export function checkedInVain(machine: Machine, options: Value | undefined): Site | undefined {
  const isOn = optionOf(options, 'enableDnsRebindingProtection')
  const isAsked = isOn !== undefined && truthiness(isOn).canBeTrue
  const isVain = isAsked && listsIn(options).every((list) => isEmptyUnlessSet(machine, list))
  return isVain ? optionsAt(options, 'enableDnsRebindingProtection') : undefined
}

/** On, unless somebody has set what switches it off. */
function isOnByDefault(value: Value): boolean {
  return isCertainlyOn(value) || value.condition?.whenFalse.some((fact) => fact.startsWith('optional:')) === true
}

function isEmptyList(list: Value): boolean {
  return !list.open && list.objects.length > 0 && list.objects.every(isBare)
}

/** Which pages may read the answers, by a CORS library; its own default where nothing is written. */
function cors(byDefault: 'any' | 'reflected' | 'listed', pick: (call: Call) => Value | undefined): ExternalHandler {
  return (machine, call, state) => {
    const options = pick(call)
    const origin = optionOf(options, 'origin') ?? optionOf(options, 'delegator')
    const middleware = machine.library('middleware', call.site, { facts: [] })
    const allows =
      origin === undefined || isOnlyUndefined(origin) ? byDefault : allowedBy(machine, origin, middleware, call, state)
    const isCertain = options === undefined || options.objects.every((item) => !item.partial)
    machine.emit('cors', call.site, state, {
      allows,
      credentials: isCertain && isCertainlyOn(optionOf(options, 'credentials')),
      written: writtenAt(options, 'origin', call.site),
    })
    return object(middleware)
  }
}

function isOnlyUndefined(value: Value): boolean {
  return (
    value.primitives.length > 0 && value.primitives.every((item) => item === undefined) && value.objects.length === 0
  )
}

function allowedBy(
  machine: Machine,
  origin: Value,
  middleware: LibraryObject,
  call: Call,
  state: State,
): 'any' | 'reflected' | 'listed' {
  const fn = origin.objects.find((item): item is FunctionObject => item instanceof FunctionObject)
  if (fn !== undefined) return decidedBy(machine, fn, middleware, call, state)
  const isPlain = !origin.open && origin.objects.length === 0 && origin.tags.length === 0
  if (isPlain && origin.primitives.every((item) => item === true)) return 'reflected'
  return isPlain && origin.primitives.every((item) => item === '*') ? 'any' : 'listed'
}

/** `origin: (origin, done) => …`: what it lets pass, and whether all that it lets pass was checked. An error refuses the request. */
function decidedBy(
  machine: Machine,
  fn: FunctionObject,
  middleware: LibraryObject,
  call: Call,
  state: State,
): 'reflected' | 'listed' {
  const done = machine.library('cors-answer', call.site)
  const fork = state.fork()
  const result = call_(machine, object(fn), { ...call, args: [tagged('origin'), object(done)] }, fork)
  const passed = (done.data['passed'] ?? []) as State[]
  const facts = passed.length === 0 ? undefined : passed.map((item) => item.facts).reduce(joinFacts)
  if (facts?.must.has('origin') === true) middleware.data['facts'] = ['origin']
  const isEcho = !fork.dead && !fork.holds('origin') && result.tags.includes('origin') && result.condition === undefined
  const isFree = ((done.data['allowed'] ?? []) as State[]).some((item) => !item.holds('origin'))
  return isEcho || isFree ? 'reflected' : 'listed'
}

export const origin: Model = {
  calls: {
    'sdk#hostHeaderValidation': guard,
    'sdk#localhostHostValidation': guard,
    'sdk#originValidation': guard,
    'sdk#localhostOriginValidation': guard,
    'sdk#hostHeaderValidationResponse': (_machine, call) => flag([], ['origin'], ...call.args),
    'sdk#originValidationResponse': (_machine, call) => flag([], ['origin'], ...call.args),
    'sdk#validateHostHeader': validated,
    'sdk#validateOriginHeader': validated,
    cors: cors('any', (call) => call.args[0]),
    'cors#default': cors('any', (call) => call.args[0]),
    'hono/cors#cors': cors('any', (call) => call.args[0]),
    '@fastify/cors': cors('any', (call) => call.args[1]),
    '@fastify/cors#default': cors('any', (call) => call.args[1]),
    '@koa/cors': cors('reflected', (call) => call.args[0]),
    'sdk#createMcpExpressApp': guardedApp('express-app', 'express'),
    'sdk#createMcpHonoApp': guardedApp('hono-app', 'hono'),
  },
  methods: {
    middleware: { '()': callGuard },
    'cors-answer': {
      '()': (_machine, target, call, state) => {
        const [error = UNDEFINED, allowed = UNKNOWN] = call.args
        if (refuses(error)) return UNKNOWN
        ;((target.data['passed'] ??= []) as State[]).push(state.fork())
        const isFree =
          allowed.primitives.every(Boolean) && allowed.condition === undefined && allowed.objects.length === 0
        if (isFree && (allowed.primitives.length > 0 || hasTag(allowed, 'origin')))
          ((target.data['allowed'] ??= []) as State[]).push(state.fork())
        return UNKNOWN
      },
    },
  },
}

/** An error that may be none lets pass. */
function refuses(error: Value): boolean {
  const isMade = hasTag(error, 'error') && error.primitives.every(Boolean)
  return isMade || !truthiness(error).canBeFalse
}

function validated(machine: Machine, call: Call): Value {
  const result = machine.allocate('object', call.site)
  for (const name of ['ok', 'valid', 'allowed']) result.property(name).write(flag(['origin'], [], ...call.args))
  return object(result)
}

/** `Access-Control-Allow-Origin` and its companion, set by hand. */
export function noteCorsHeader(machine: Machine, header: string, value: Value, call: Call, state: State): void {
  const key = header.toLowerCase()
  if (key === 'access-control-allow-credentials' && strings(value).includes('true')) state.note('cors-credentials')
  if (key !== 'access-control-allow-origin') return
  const isEcho = value.tags.includes('origin') && !state.holds('origin')
  if (isEcho) state.note('cors-reflected')
  const isAny = strings(value).includes('*')
  const allows = isEcho ? 'reflected' : isAny ? 'any' : 'listed'
  machine.emit('cors', call.site, state, { allows, credentials: false })
}
