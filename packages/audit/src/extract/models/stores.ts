/** Stores outside the process or with a clock of their own: Redis, LRU caches, SQL. */
import type { Call } from '../calls.ts'
import { noteLookUp } from '../properties.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, derived, hasTag, object, strings, tagsOf, truthiness, withTags } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { isCertainlyOn, optionOf } from './routing.ts'

const redisClient: ExternalHandler = (machine, call) => object(machine.library('redis', call.site))

/** One Redis holds many stores; the fixed beginning of the key tells them apart. */
function redisStore(target: LibraryObject, key: Value): StoreRef {
  const prefix = (strings(key)[0] ?? tagsOf(key, 'prefix')[0]?.slice('prefix:'.length) ?? '').replaceAll(':', '_')
  return {
    id: `${target.site.path}#${target.site.start}#${prefix}`,
    site: target.site,
    name: prefix === '' ? 'Redis' : `Redis ${prefix}*`,
    kind: 'database',
  }
}

function redisCell(machine: Machine, store: StoreRef): { value: Value; write(value: Value): void } {
  return machine.databaseCell(store.id)
}

const redisRead: MethodHandler = (machine, target, call, state) => {
  const [key = UNKNOWN] = call.args
  const store = redisStore(target, key)
  noteLookUp(machine, store, key, call.site, state)
  const stored = redisCell(machine, store).value
  return withTags({ ...(stored === NEVER ? UNKNOWN : { ...stored, objects: [] }), primitives: [null], open: true }, [
    `entry:${store.id}`,
    ...(hasTag(key, 'cred') ? ['cred', 'verdict'] : []),
  ])
}

const redisWrite: MethodHandler = (machine, target, call, state, name) => {
  const [key = UNKNOWN, ...values] = call.args
  const store = redisStore(target, key)
  redisCell(machine, store).write(derived(...values))
  machine.emit('store-write', call.site, state, { store, key, value: derived(...values) })
  if (/ex$/i.test(name) || values.some(hasExpiry)) noteExpiry(machine, store, call, state)
  return UNKNOWN
}

function hasExpiry(value: Value): boolean {
  if (strings(value).some((text) => /^(?:EX|PX|EXAT|PXAT)$/i.test(text))) return true
  return ['EX', 'PX', 'EXAT', 'PXAT', 'expiration', 'ttl'].some((name) => optionOf(value, name) !== undefined)
}

/** Set where a session is only created it is an absolute limit; renewed where one was looked up it is an idle one. */
function noteExpiry(machine: Machine, store: StoreRef, call: Call, state: State): void {
  const renewed = [...state.facts.may].some((fact) => fact === 'looked')
  machine.emit('expiry', call.site, state, { store: store.id, limit: renewed ? 'idle' : 'absolute', enabled: true })
}

const redisExpire: MethodHandler = (machine, target, call, state) => {
  noteExpiry(machine, redisStore(target, call.args[0] ?? UNKNOWN), call, state)
  return UNKNOWN
}

const redisDelete: MethodHandler = (machine, target, call, state) => {
  const [key = UNKNOWN] = call.args
  machine.emit('store-remove', call.site, state, { store: redisStore(target, key), key })
  return UNKNOWN
}

/** Map-like caches with a time to live. */
function cache(options: { ttl: readonly string[]; renewedBy: string }): ExternalHandler {
  return (machine, call, state) => {
    const created = machine.allocate('map', call.site)
    const settings = call.args.find((arg) => arg.objects.length > 0)
    const ttl = options.ttl
      .map((name) => optionOf(settings, name))
      .find((value) => value !== undefined && truthiness(value).canBeTrue)
    if (ttl !== undefined) {
      const idle = isCertainlyOn(optionOf(settings, options.renewedBy))
      machine.emit('expiry', call.site, state, {
        store: `${call.site.path}#${call.site.start}`,
        limit: idle ? 'idle' : 'absolute',
        enabled: true,
      })
    }
    return object(created)
  }
}

const lru = cache({ ttl: ['ttl', 'maxAge'], renewedBy: 'updateAgeOnGet' })
const nodeCache = cache({ ttl: ['stdTTL', 'ttl'], renewedBy: 'renewOnGet' })

export const stores: Model = {
  constructors: {
    ioredis: redisClient,
    'ioredis#Redis': redisClient,
    'ioredis#Cluster': redisClient,
    '@upstash/redis#Redis': redisClient,
    'lru-cache#LRUCache': lru,
    'lru-cache': lru,
    'quick-lru': lru,
    'node-cache': nodeCache,
    '@isaacs/ttlcache#TTLCache': nodeCache,
    keyv: nodeCache,
  },
  calls: {
    'redis#createClient': redisClient,
    'redis#createCluster': redisClient,
    ioredis: redisClient,
  },
  methods: {
    redis: {
      get: redisRead,
      getEx: redisRead,
      hGet: redisRead,
      hget: redisRead,
      hGetAll: redisRead,
      hgetall: redisRead,
      exists: redisRead,
      set: redisWrite,
      setEx: redisWrite,
      setex: redisWrite,
      psetex: redisWrite,
      hSet: redisWrite,
      hset: redisWrite,
      expire: redisExpire,
      pexpire: redisExpire,
      del: redisDelete,
      unlink: redisDelete,
      connect: () => UNKNOWN,
      duplicate: (_machine, target) => object(target),
      '*': (machine, target, call, state) => {
        void machine
        void state
        return derived(object(target), ...call.args)
      },
    },
  },
}
