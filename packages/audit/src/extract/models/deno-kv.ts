/** Deno KV: what lies under a key that is a list, `['sessions', id]`, with a time to live where somebody says so. */
import type { Call } from '../calls.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object, onlyString } from '../value.ts'
import type { MethodHandler, Model } from './model.ts'
import { callOnContainer } from './unseen-stores.ts'

/** What the first parts of a key say is the container; the last names what is in it. */
function inContainer(machine: Machine, name: string, call: Call, state: State): Value | undefined {
  const parts = (call.args[0]?.objects ?? [])
    .filter(({ kind }) => kind === 'array')
    .map(({ properties }) => [...properties].filter(([at]) => /^\d+$/.test(at)).map(([, { value }]) => value))[0]
  const key = parts?.at(-1)
  if (parts === undefined || key === undefined) return undefined
  const container = parts.slice(0, -1).map((part) => onlyString(part) ?? '*')
  const args = [key, ...call.args.slice(1)]
  return callOnContainer(machine, { name: ['kv', ...container].join('/') }, name, { ...call, args }, state)
}

/** `{ key, value, versionstamp }` */
const get: MethodHandler = (machine, _target, call, state) => {
  const found = machine.allocate('object', call.site)
  found.property('value').write(inContainer(machine, 'get', call, state) ?? UNKNOWN)
  for (const name of ['key', 'versionstamp']) found.property(name).write(UNKNOWN)
  return object(found)
}

/** Of the store itself, or of a step of `kv.atomic()`, which gives itself back. */
const through =
  (name: string): MethodHandler =>
  (machine, target, call, state) => {
    inContainer(machine, name, call, state)
    return target.data['atomic'] === true ? object(target) : UNKNOWN
  }

export const denoKv: Model = {
  calls: { 'global:Deno#openKv': (machine, call) => object(machine.library('deno-kv', call.site)) },
  methods: {
    'deno-kv': {
      get,
      set: through('set'),
      delete: through('delete'),
      atomic: (machine, _target, call) => object(machine.library('deno-kv', call.site, { atomic: true })),
      check: (_machine, target) => object(target),
      '*': () => UNKNOWN,
    },
  },
}
