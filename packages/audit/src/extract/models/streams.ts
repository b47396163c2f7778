/** Streams that platforms and frameworks make: what writes to them, and what ends them. */
import { call_, callMethod } from '../calls.ts'
import { FunctionObject } from '../heap.ts'
import { EMITTED, noteEnding, noteOpened } from '../streams.ts'
import { noteTopic } from './sockets.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object } from '../value.ts'
import { isEndless } from './endless.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

/** `streamSSE(c, async (stream) => …)` of Hono: open until the callback is through. */
const streamed: ExternalHandler = (machine, call, state) => {
  const callback = call.args[1] ?? UNDEFINED
  const stream = object(machine.library('stream', call.site))
  if (lasts(callback)) noteOpened(machine, stream, call.site, state)
  const fork = state.fork()
  fork.learn(['streaming'])
  call_(machine, callback, { ...call, args: [stream] }, fork)
  if (fork.facts.may.has('endless')) noteOpened(machine, stream, call.site, state)
  return object(machine.library('fetch-response', call.site))
}

function lasts(callback: Value): boolean {
  return callback.objects.some((item) => item instanceof FunctionObject && isEndless(item.node))
}

/** `new ReadableStream({ start(controller) {} })`: the controller stands for the stream. */
const readable: ExternalHandler = (machine, call, state) => {
  const [source] = call.args
  const stream = object(machine.library('stream', call.site))
  for (const name of ['start', 'pull']) {
    if (source === undefined || optionOf(source, name) === undefined) continue
    const given = { ...call, args: [stream], argSites: [], self: source }
    whileOpen(state, (fork) => callMethod(machine, source, name, given, fork))
  }
  const cancel = optionOf(source, 'cancel')
  if (cancel !== undefined) machine.defer(cancel, [], state, machine.triggered('disconnect'))
  return stream
}

/** What is asked of the clock there is asked of an open stream. */
function whileOpen(state: State, run: (fork: State) => void): void {
  const wasOpen = state.holds('streaming')
  state.aside((fork) => {
    fork.learn(['streaming'])
    run(fork)
  })
  if (!wasOpen) state.forget('streaming')
}

/** `ReadableStream.from(feed())`: of what goes on for as long as somebody listens. */
const drawn: ExternalHandler = (machine, call, state) =>
  state.facts.may.has('endless') ? object(machine.library('stream', call.site)) : UNKNOWN

/** `AbortSignal.timeout(ms)`: something is over when it fires. */
const timeLimit: ExternalHandler = (machine, call, state) => {
  machine.within(machine.triggered('timer'), () => machine.emit('clock-check', call.site, state, {}))
  return UNKNOWN
}

/** `setTimeout(() => controller.abort(), …)`: whatever it was given to is over then. */
const abort: MethodHandler = (machine, _target, call, state) => {
  if (machine.context.trigger === 'timer') machine.emit('clock-check', call.site, state, {})
  return UNDEFINED
}

const onStream: MethodHandler = (machine, target, call, state, name) => {
  noteEnding(machine, name, target, call.site, state)
  return UNKNOWN
}

const onAbort: MethodHandler = (machine, _target, call, state) => {
  machine.defer(call.args[0] ?? UNDEFINED, [], state, machine.triggered('disconnect'))
  return UNKNOWN
}

const emitted: ExternalHandler = (machine, call, state) => {
  const [source = UNKNOWN, ...args] = call.args
  noteTopic(machine, 'topic-joined', source, { args, site: call.site }, state)
  return object(machine.library(EMITTED, call.site))
}

export const streams: Model = {
  calls: {
    'hono/streaming#streamSSE': streamed,
    'hono/streaming#stream': streamed,
    'hono/streaming#streamText': streamed,
    'global:ReadableStream#from': drawn,
    'global:AbortSignal#timeout': timeLimit,
    'node:events#on': emitted,
    'node:events#EventEmitter.on': emitted,
  },
  constructors: {
    'global:ReadableStream': readable,
    'global:AbortController': (machine, call) => object(machine.library('abort-controller', call.site)),
  },
  methods: { 'abort-controller': { abort }, stream: { onAbort, '*': onStream } },
}
