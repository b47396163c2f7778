/** RxJS: streams of events as values, what ends them after a time, and what is written to them. */
import { call_ } from '../calls.ts'
import { itemValue } from '../literals.ts'
import { noteReplayed } from '../replays.ts'
import { noteEnding } from '../streams.ts'
import { UNDEFINED, UNKNOWN, derived, object } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'

/** `new Observable((observer) => { …; return () => stop() })` */
const observable: ExternalHandler = (machine, call, state) => {
  const observer = object(machine.library('stream', call.site))
  const stop = state.aside((fork) => call_(machine, call.args[0] ?? UNDEFINED, { ...call, args: [observer] }, fork))
  if (stop.objects.length > 0) machine.defer(stop, [], state, machine.triggered('disconnect'))
  return UNKNOWN
}

const subject: ExternalHandler = (machine, call) => object(machine.library('subject', call.site))

const complete: MethodHandler = (machine, target, call, state, name) => {
  noteEnding(machine, name, target, call.site, state)
  return UNDEFINED
}

const same: MethodHandler = (_machine, target) => object(target)

/** `timer(milliseconds)`, once: what is taken until then is over. With a second number it beats. */
const timer: ExternalHandler = (machine, call, state) => {
  if (call.args.length === 1)
    machine.within(machine.triggered('timer'), () => machine.emit('clock-check', call.site, state, {}))
  return UNKNOWN
}

/** `takeWhile(() => expiresAt > Date.now())`: asked each time that something comes. */
const takeWhile: ExternalHandler = (machine, call, state) => {
  const asked = { ...call, args: [UNKNOWN, UNKNOWN] }
  machine.within(machine.triggered('timer'), () =>
    state.aside((fork) => call_(machine, call.args[0] ?? UNDEFINED, asked, fork)),
  )
  return UNKNOWN
}

/** `from(missed)`, `concat(missed, live)`: what a list holds is told to whoever listens. */
const told: ExternalHandler = (machine, call, state) => {
  const items = call.args.flatMap(({ objects }) =>
    objects.filter(({ kind }) => kind === 'array').map((list) => itemValue(machine, list)),
  )
  noteReplayed(machine, { ...call, args: items }, state)
  return derived(...call.args, ...items)
}

const TELLS = ['from', 'of', 'concat', 'merge']

const SUBJECTS = ['Subject', 'ReplaySubject', 'BehaviorSubject']

export const rxjs: Model = {
  calls: {
    ...Object.fromEntries(TELLS.map((name) => [`rxjs#${name}`, told])),
    'rxjs#timer': timer,
    'rxjs#takeWhile': takeWhile,
    'rxjs/operators#takeWhile': takeWhile,
  },
  constructors: {
    'rxjs#Observable': observable,
    ...Object.fromEntries(SUBJECTS.map((name) => [`rxjs#${name}`, subject])),
  },
  methods: { subject: { complete, error: complete, asObservable: same } },
}
