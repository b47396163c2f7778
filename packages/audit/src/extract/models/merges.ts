/** Packages that lay objects over each other, for settings above all: what one leaves out, another has. */
import type { Call } from '../calls.ts'
import type { HeapObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, join, object, withTags } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'
import { sameValue } from './platform.ts'

/** Settings are seldom nested deeper. */
const DEPTH = 4

/** `merge({}, defaults, loaded)`: the first is filled, and given back. */
const intoFirst: ExternalHandler = (machine, call, state) => {
  const [target = UNKNOWN, ...sources] = call.args
  const [to] = target.objects
  if (to === undefined) return merged(machine, call.args, call, state, DEPTH)
  if (target.open) to.partial = true
  for (const source of sources) layOver(machine, to, source, call, state, DEPTH)
  return target
}

/** `deepmerge(defaults, loaded)`, `defu(loaded, defaults)`: something new. */
const anew: ExternalHandler = (machine, call, state) => merged(machine, call.args, call, state, DEPTH)

/** `deepmerge.all([defaults, loaded])` */
const listed: ExternalHandler = (machine, call, state) => {
  const items = (call.args[0] ?? UNKNOWN).objects.flatMap((list) => [...list.properties.values()])
  const values = items.length > 0 ? items.map((cell) => state.read(cell)) : [call.args[0] ?? UNKNOWN]
  return merged(machine, values, call, state, DEPTH)
}

function merged(machine: Machine, sources: readonly Value[], call: Call, state: State, depth: number): Value {
  const to = machine.allocate('object', call.site)
  for (const source of sources) layOver(machine, to, source, call, state, depth)
  return object(to)
}

/** What is laid over what was there may be missing: then that stays. */
function layOver(machine: Machine, to: HeapObject, source: Value, call: Call, state: State, depth: number): void {
  if (source.open) to.partial = true
  for (const from of source.objects) {
    if (from === to) continue
    if (from.partial || from.kind !== 'object') to.partial = true
    for (const [name, cell] of from.properties) put(machine, to, name, state.read(cell), call, state, depth)
  }
}

function put(
  machine: Machine,
  to: HeapObject,
  name: string,
  value: Value,
  call: Call,
  state: State,
  depth: number,
): void {
  const cell = to.property(name)
  const before = cell.value
  const isNested = depth > 0 && [before, value].every(({ objects }) => objects.some(({ kind }) => kind === 'object'))
  state.write(cell, isNested ? merged(machine, [before, value], call, state, depth - 1) : either(before, value))
}

function either(before: Value, value: Value): Value {
  const all = join(before, value)
  const settings = value.tags.filter((tag) => tag.startsWith('env:')).map((tag) => `was-${tag}`)
  return before.primitives.length > 0 ? withTags(all, settings) : all
}

const INTO_FIRST = ['merge', 'mergeWith', 'assign', 'assignIn', 'extend', 'defaults', 'defaultsDeep']
const LODASH = ['lodash', 'lodash-es', 'underscore']

export const merges: Model = {
  calls: Object.fromEntries([
    ...LODASH.flatMap((name) => INTO_FIRST.map((of) => [`${name}#${of}`, intoFirst] as const)),
    ...INTO_FIRST.flatMap((of) => [
      [`lodash/${of}`, intoFirst] as const,
      [`lodash.${of.toLowerCase()}`, intoFirst] as const,
    ]),
    ...['object-assign', 'deep-extend', 'extend', 'xtend/mutable', 'assign-deep', 'merge-options'].map(
      (name) => [name, intoFirst] as const,
    ),
    ...['deepmerge', 'deepmerge#default', 'defu', 'defu#defu', 'defu#default', 'xtend', 'ts-deepmerge#merge'].map(
      (name) => [name, anew] as const,
    ),
    ['deepmerge#all', listed],
    ...['deep-freeze', 'deep-freeze-strict', 'deepfreeze', 'lodash#cloneDeep', 'lodash/cloneDeep', 'lodash#clone'].map(
      (name) => [name, sameValue] as const,
    ),
  ]),
}
