/** Stores that are told once how long all of their records live: unstorage, cache-manager. */
import type { Call } from '../calls.ts'
import { nameBefore } from '../logouts.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, truthiness } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'
import { noteTimeToLive } from './times-to-live.ts'
import { callOnContainer } from './unseen-stores.ts'

function store(lifetime: (options: Value) => Value | undefined): ExternalHandler {
  return (machine, call) => {
    const ttl = lifetime(call.args[0] ?? UNDEFINED)
    const lives = ttl !== undefined && truthiness(ttl).canBeTrue ? ttl : undefined
    return object(machine.library('told-store', call.site, { name: nameBefore(call.site) || 'storage', lives }))
  }
}

/** A driver is what it is told. */
const driver: ExternalHandler = (_machine, call) => call.args[0] ?? UNDEFINED

const DRIVERS = [
  'redis',
  'upstash',
  'vercel-kv',
  'vercel-runtime-cache',
  'lru-cache',
  'mongodb',
  'netlify-blobs',
  'memory',
]

/** `prefixStorage(storage, 'sessions')` */
const within: ExternalHandler = (machine, call) => {
  const [of, prefix = UNKNOWN] = call.args
  const outer = of?.objects.find((item): item is LibraryObject => 'type' in item && item.type === 'told-store')
  if (outer === undefined) return UNKNOWN
  const name = `${String(outer.data['name'])}/${onlyString(prefix) ?? '*'}`
  return object(machine.library('told-store', call.site, { name, lives: outer.data['lives'] }))
}

const asked: MethodHandler = (machine, target, call, state, name) => {
  const usual = USUAL_NAMES.get(name) ?? name
  const container = { name: String(target.data['name']), at: target.site }
  const answer = callOnContainer(machine, container, usual, { ...call, self: UNDEFINED }, state)
  if (usual.startsWith('set')) noteTold(machine, target, call, state)
  return answer ?? UNKNOWN
}

const USUAL_NAMES: ReadonlyMap<string, string> = new Map([
  ['setItemRaw', 'setItem'],
  ['getItemRaw', 'getItem'],
  ['hasItem', 'has'],
  ['del', 'delete'],
])

/** A record that is put in again gets its time anew. */
function noteTold(machine: Machine, target: LibraryObject, call: Call, state: State): void {
  const lives = (target.data['lives'] as Value | undefined) ?? call.args[2]
  const id = `unseen#${String(target.data['name'])}`
  if (lives === undefined) return
  const [only] = machine.databasesIn(id)
  const ref = { id: only ?? id, site: target.site, name: String(target.data['name']), kind: 'database' as const }
  noteTimeToLive(machine, ref, { given: [lives], site: call.site }, state.facts.may.has(`looked:${ref.id}`), state)
}

export const caches: Model = {
  calls: {
    'unstorage#createStorage': store((options) => optionOf(optionOf(options, 'driver'), 'ttl')),
    'unstorage#prefixStorage': within,
    ...Object.fromEntries(DRIVERS.map((name) => [`unstorage/drivers/${name}`, driver])),
    'cache-manager#createCache': store((options) => optionOf(options, 'ttl')),
    'cache-manager#caching': store((options) => optionOf(options, 'ttl')),
  },
  methods: { 'told-store': { '*': asked } },
}
