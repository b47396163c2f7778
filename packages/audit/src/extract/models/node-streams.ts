/** Streams of Node that a program writes to and hands to a framework as the body of an answer. */
import { noteExecution } from '../asked.ts'
import type { Call } from '../calls.ts'
import { FunctionObject, type HeapObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { elementsOf } from '../literals.ts'
import { noteReplayed } from '../replays.ts'
import { noteEnding, noteOpened } from '../streams.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'

const made: ExternalHandler = (machine, call) => object(machine.library('stream', call.site, { body: true }))

function isRequest(item: HeapObject): boolean {
  return item instanceof LibraryObject && item.type.endsWith('request')
}

function isBody(item: HeapObject): item is LibraryObject {
  return item instanceof LibraryObject && item.type === 'stream' && item.data['body'] === true
}

/** The answer, as far as a header says that it is a stream of events, is open for as long as its body is. */
export function noteBody(machine: Machine, body: Value, call: Call, state: State): void {
  const streams = body.objects.filter(isBody)
  if (streams.length > 0 && state.holds('streaming')) noteOpened(machine, object(...streams), call.site, state)
}

/** `out.pipe(response)`: what is open from here on is what is written to. */
const pipe: MethodHandler = (machine, target, call, state) => {
  const [to] = call.args
  const responses = (to?.objects ?? []).filter((item) => item instanceof LibraryObject && item.type === 'response')
  if (isBody(target) && state.holds('streaming'))
    for (const response of responses) noteEnding(machine, 'end', response as LibraryObject, call.site, state)
  noteBody(machine, object(target), call, state)
  const items = target.data['items'] as Value | undefined
  if (items !== undefined && responses.length > 0) noteReplayed(machine, { ...call, args: [items] }, state)
  return to ?? object(target)
}

/** `Readable.from(missed(last))`: what a list or generator gives. */
const from: ExternalHandler = (machine, call) => {
  const [source = UNKNOWN] = call.args
  return object(machine.library('stream', call.site, { body: true, items: elementsOf(machine, source, call.site) }))
}

/** `await pipeline(missed(last), response)`: what the first gives is written to the last. */
const pipeline: ExternalHandler = (machine, call, state) => {
  const [source = UNKNOWN] = call.args
  const items = source.objects.flatMap((item) =>
    isBody(item) && item.data['items'] !== undefined ? [item.data['items'] as Value] : [],
  )
  if (source.objects.some(isRequest)) noteExecution(machine, call.site, state)
  noteReplayed(machine, { ...call, args: [...items, elementsOf(machine, source, call.site)] }, state)
  return UNKNOWN
}

/** `out.on('close', () => …)`: when the client has gone. */
const on: MethodHandler = (machine, target, call, state) => {
  const listener = call.args[1]
  if (listener?.objects.some((item) => item instanceof FunctionObject) === true)
    machine.defer(listener, [], state, machine.triggered('disconnect'))
  return object(target)
}

const NAMES = ['PassThrough', 'Transform', 'Readable', 'Duplex']

/** `Readable.toWeb(request)`: the same bytes. */
const same: ExternalHandler = (_machine, call) => call.args[0] ?? UNKNOWN

export const nodeStreams: Model = {
  calls: {
    'node:stream#Readable.from': from,
    'node:stream#pipeline': pipeline,
    'node:stream/promises#pipeline': pipeline,
    'node:stream#Readable.toWeb': same,
    'node:stream#Readable.fromWeb': same,
  },
  constructors: Object.fromEntries(NAMES.map((name) => [`node:stream#${name}`, made])),
  methods: { stream: { pipe, on, once: on } },
}
