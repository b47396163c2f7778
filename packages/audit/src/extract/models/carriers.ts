/**
 * What frameworks of which nothing else is known hand to handlers: a context that carries the request, its answer and
 * their parts, which are called everywhere alike.
 */
import type { Asking } from './verifiers.ts'
import type { Call } from '../calls.ts'
import type { LibraryObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, tagged } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'
import { bag, keep, part, requestPart } from './requests.ts'
import { registerRoute } from './routing.ts'

/** Names of its parts, and which object each is. */
const OBJECTS: ReadonlyMap<string, string> = new Map([
  ['req', 'carried-request'],
  ['request', 'carried-request'],
  ['res', 'response'],
  ['response', 'response'],
  ['reply', 'response'],
  ['cookies', 'koa-cookies'],
  ...['ctx', 'context', 'event', 'http', 'meta', 'action', 'params'].map((name) => [name, 'carrier'] as const),
])
const BODIES: ReadonlySet<string> = new Set(['body', 'data', 'input', 'payload', 'args', 'values', 'formData'])

/** Whether what is called so may be part of a request that a handler is given. */
export function isCarried(name: string): boolean {
  return OBJECTS.has(name) || name === 'headers'
}

function carriedBy(
  machine: Machine,
  target: LibraryObject,
  name: string | undefined,
  key: Value,
  site: Site,
): Value | undefined {
  if (name === undefined) return undefined
  if (name === 'url') return object(machine.library('url', site, { source: tagged('url') }))
  if (name === 'session') return sessionOn(machine, target, site)
  const type = OBJECTS.get(name)
  if (type !== undefined) return keep(target, name, () => machine.library(type, site, { of: name }))
  if (BODIES.has(name) || target.data['of'] === 'params') return bag(machine, 'body', site)
  return requestPart(machine, name, key, site)
}

/** What sets sessions up is seen, or in a file that is not there. */
function sessionOn(machine: Machine, target: LibraryObject, site: Site): Value | undefined {
  if (machine.webSession === undefined && machine.listens) return undefined
  return keep(target, 'session', () =>
    machine.library('web-session', site, { store: machine.webSession?.store.id ?? 'web' }),
  )
}

const named =
  (origin: string): MethodHandler =>
  (machine, _target, call) =>
    call.args.length === 0 ? bag(machine, origin, call.site) : part(origin, call.args[0]!)

/** Code that is run for requests whoever leads them there: it is registered as what it is. */
export function registerRun(
  machine: Machine,
  app: LibraryObject,
  { verb, path, run }: { readonly verb: string; readonly path: string; readonly run: Asking },
  call: Call,
  state: State,
): void {
  const handlers = [object(machine.library('carried-handler', call.site, { run }))]
  registerRoute(machine, app, { verb, path, handlers, layer: false, flavour: 'express' }, call, state)
}

const whole: MethodHandler = (machine, _target, call) => bag(machine, 'body', call.site)

export const carriers: Model = {
  methods: {
    carrier: {
      get: named('header'),
      // Of a guard of NestJS that nobody here is seen to use.
      switchToHttp: (_machine, target) => object(target),
      getRequest: (machine, target, call) => carriedBy(machine, target, 'request', UNKNOWN, call.site) ?? UNKNOWN,
      getResponse: (machine, target, call) => carriedBy(machine, target, 'response', UNKNOWN, call.site) ?? UNKNOWN,
      '*': () => UNKNOWN,
    },
    'carried-handler': {
      '()': (_machine, target, call, state) => {
        ;(target.data['run'] as Asking)(state, call.args[0])
        return UNDEFINED
      },
    },
    'carried-request': {
      get: named('header'),
      header: named('header'),
      cookie: named('cookie'),
      plainCookie: named('cookie'),
      input: whole,
      all: whole,
      only: whole,
      json: whole,
      text: whole,
      formData: whole,
      qs: named('query'),
      param: named('param'),
      '*': () => UNKNOWN,
    },
  },
  properties: {
    carrier: (machine, target, name, key, site) => carriedBy(machine, target, name, key, site) ?? UNKNOWN,
    'carried-request': (machine, target, name, key, site) => {
      if (name === 'raw' || name === 'req' || name === 'request') return object(target)
      if (name === 'state') return bag(machine, 'cookie', site)
      if (name === 'payload') return tagged('body')
      if (name === 'session') return sessionOn(machine, target, site) ?? UNKNOWN.with({ primitives: [undefined] })
      return requestPart(machine, name, key, site) ?? UNKNOWN.with({ primitives: [undefined] })
    },
  },
}
