/** Middleware of libraries: what a request has passed when it is behind, whether a framework calls it or own code does. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, tagged } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'
import type { Asking } from './verifiers.ts'
import { passportLogin } from './web-sessions.ts'

const PRINCIPAL = tagged('cred', 'principal', 'verdict')

/** Takes the request on this path through it. */
export function applyMiddleware(machine: Machine, target: LibraryObject, request: LibraryObject, state: State): void {
  const run = target.data['run'] as Asking | undefined
  run?.(state, object(request))
  state.learn((target.data['facts'] ?? []) as string[])
  if (state.holds('auth:expiring')) machine.emit('expiring-auth', target.site, state, {})
  if (target.data['principal'] !== true) return
  for (const name of ['auth', 'user']) request.property(name).write(PRINCIPAL)
  const callback = target.data['callback'] as Value | undefined
  const call: Call = { site: target.site, args: [], argSites: [], self: UNDEFINED, env: undefined as never }
  if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED, PRINCIPAL, UNKNOWN] }, state)
  if (target.data['passport'] === true && callback === undefined) passportLogin(machine, call, state)
}

/** `limit(req, res, next)`, by hand in middleware of one's own: what lets the request pass calls what was given to go on with. */
const calledByHand: MethodHandler = (machine, target, call, state) => {
  const next = continuationOf(call)
  if (next === undefined) return gate(machine, target, call, state)
  const request = requestIn(call)
  if (request === undefined) return undefined
  const passed = state.fork()
  applyMiddleware(machine, target, request, passed)
  // A callback has been told instead, and goes on if it likes.
  if (!passed.dead && target.data['callback'] === undefined) call_(machine, next, { ...call, args: [] }, passed)
  return UNDEFINED
}

/** `const auth = await gate(request)` of SDK v2: who it is, or the answer that refuses them, which goes no further. */
function gate(machine: Machine, target: LibraryObject, call: Call, state: State): Value | undefined {
  if (call.args.length !== 1 || target.data['principal'] !== true) return undefined
  applyMiddleware(machine, target, requestIn(call) ?? machine.library('fetch-request', call.site), state)
  return PRINCIPAL
}

/** What code that cannot be seen is given to go on with, it may call. */
export function mayGoOn(machine: Machine, call: Call, state: State): void {
  const next = call.args.find(isNext)
  if (next === undefined || requestIn(call) === undefined) return
  const passed = state.fork()
  passed.note('opaque-middleware')
  call_(machine, next, { ...call, args: [] }, passed)
}

function continuationOf({ args }: Call): Value | undefined {
  return args.slice(1).find((arg) => isNext(arg) || arg.objects.some((item) => item.kind === 'function'))
}

function isNext(value: Value): boolean {
  return value.objects.some((item) => item instanceof LibraryObject && item.type === 'next')
}

const REQUEST = /(?:^|-)request$|-context$|-event$/

function requestIn({ args }: Call): LibraryObject | undefined {
  const [first = UNKNOWN] = args
  return first.objects.find((item): item is LibraryObject => item instanceof LibraryObject && REQUEST.test(item.type))
}

export const middleware: Model = { methods: { middleware: { '()': calledByHand } } }
