/** Answers that send the caller elsewhere. */
import type { Call } from '../calls.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, derived, object, primitive } from '../value.ts'
import { noteStatus } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { asAddress } from './urls.ts'
import { REMIX } from './packages.ts'

/** The address stands in the bar of the browser, in logs, and in what it tells the next site that is asked for something. */
export function noteRedirect(machine: Machine, call: Call, state: State): void {
  machine.emit('handle-out', call.site, state, { value: derived(...call.args.map(asAddress)) })
}

/** The same, and the answer that does so. */
export function redirectAnswer(machine: Machine, call: Call, state: State): Value {
  noteRedirect(machine, call, state)
  return object(machine.library('fetch-response', call.site))
}

/** The same as a method of what frameworks give their handlers. */
export const redirected: MethodHandler = (machine, _target, call, state) => redirectAnswer(machine, call, state)

const redirect: ExternalHandler = (machine, call, state) => redirectAnswer(machine, call, state)

const NAMES = [
  'global:Response#redirect',
  'next/server#NextResponse.redirect',
  'next/navigation#redirect',
  '@sveltejs/kit#redirect',
  ...REMIX.map((path) => `${path}#redirect`),
]

/** `error(404)`, `notFound()`: functions that throw the refusal. */
const refuse: ExternalHandler = (_machine, call, state) => {
  noteStatus(state, call.args[0])
  state.dead = true
  return NEVER
}

/** `unauthorized()`: the status is in its name. */
function refuseWith(status: number): ExternalHandler {
  return (machine, call, state, path) => refuse(machine, { ...call, args: [primitive(status)] }, state, path)
}

const REFUSALS: Readonly<Record<string, ExternalHandler>> = {
  '@sveltejs/kit#error': refuse,
  'next/navigation#notFound': refuseWith(404),
  'next/navigation#unauthorized': refuseWith(401),
  'next/navigation#forbidden': refuseWith(403),
}

export const redirects: Model = {
  calls: {
    ...Object.fromEntries(NAMES.map((name) => [name, redirect])),
    ...REFUSALS,
  },
}
