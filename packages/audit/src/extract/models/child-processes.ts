/** Programs that start-up runs once: what clients say goes to their input, and what they answer comes from their output. */
import type { Call } from '../calls.ts'
import { fromRequest } from '../conditions.ts'
import { LibraryObject, isFunction } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { callOpaque } from '../opaque.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, object, onlyString, tagged } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'

/** One that a request starts is that client's own. */
const run: ExternalHandler = (machine, call, state, path) => {
  const started = callOpaque(machine, path.split('#').at(-1), call, state, NEVER, 'library')
  if (machine.context.activation !== 0) return started
  return object(machine.library('child-process', call.site, { listeners: [] }))
}

function listenersOf(target: LibraryObject): Value[] {
  return target.data['listeners'] as Value[]
}

/** `child.stdout.on('data', answer)`, `child.on('message', answer)`: kept until somebody asks something. */
const listen: MethodHandler = (machine, target, call, state, name) => {
  const [event, listener] = call.args
  const isAnswer = /^(?:data|line|message)$/.test(onlyString(event ?? UNKNOWN) ?? '')
  if (isAnswer && listener !== undefined && isFunction(listener)) listenersOf(target).push(listener)
  callOpaque(machine, name, call, state, NEVER, 'library')
  return object(target)
}

/** `child.stdin.write(message)`: what the program says next may be the answer. */
const ask: MethodHandler = (machine, target, call, state, name) => {
  if (call.args.some(brings)) for (const listener of listenersOf(target)) answer(machine, listener, state)
  return callOpaque(machine, name, call, state, NEVER, 'library')
}

/** What a client sent, as it came, taken apart, or as a part of something else. */
function brings(value: Value): boolean {
  if (fromRequest(value)) return true
  return value.objects.some(
    (item) =>
      (item instanceof LibraryObject && item.type === 'bag') ||
      [...item.properties.values()].some((cell) => fromRequest(cell.value)),
  )
}

function answer(machine: Machine, listener: Value, state: State): void {
  machine.deferTool(listener, [tagged('reply')], state)
}

/** `readline.createInterface({ input: child.stdout })`, `child.stdout.pipe(split())`: the same, line by line. */
const byLine: ExternalHandler = (machine, call, state, path) => {
  const input = outputIn(optionOf(call.args[0] ?? UNKNOWN, 'input') ?? UNKNOWN)
  return input === undefined
    ? callOpaque(machine, path.split('#').at(-1), call, state, NEVER, 'library')
    : object(input)
}

function outputIn({ objects }: Value): LibraryObject | undefined {
  return objects.find((item): item is LibraryObject => item instanceof LibraryObject && item.type === 'child-output')
}

const other: MethodHandler = (machine, _target, call: Call, state, name) =>
  callOpaque(machine, name, call, state, NEVER, 'library')
const LISTEN = { on: listen, once: listen, addListener: listen }
const RUNS = ['spawn', 'fork', 'exec', 'execFile']

export const childProcesses: Model = {
  calls: {
    ...Object.fromEntries(RUNS.map((name) => [`node:child_process#${name}`, run])),
    'cross-spawn': run,
    'cross-spawn#default': run,
    'node:readline#createInterface': byLine,
  },
  methods: {
    'child-process': { ...LISTEN, send: ask, '*': other },
    'child-output': {
      ...LISTEN,
      setEncoding: (_machine, target) => object(target),
      pipe: (_machine, target) => object(target),
      '*': other,
    },
    'child-input': { write: ask, '*': other },
  },
  properties: {
    'child-process': (machine, target, name, _key, site) => {
      if (name === 'stdout') return object(machine.library('child-output', site, target.data))
      return name === 'stdin' ? object(machine.library('child-input', site, target.data)) : UNKNOWN
    },
  },
}
