/** Stores outside the process or with a clock of their own: Redis, LRU caches, SQL. */
import { storeId, valuesIn } from '../heap.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { isFresh } from '../conditions.ts'
import { foundTags, noteLookUp } from '../properties.ts'
import { noteRemoteWrite, readRemote } from '../shared.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteUrlCredential } from '../secrets.ts'
import { noteAct } from '../request-state.ts'
import { askedForLater } from '../replays.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import {
  NEVER,
  UNDEFINED,
  UNKNOWN,
  derived,
  object,
  strings,
  tagged,
  tagsOf,
  truthiness,
  withTags,
  hasTag,
} from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { isCertainlyOn, optionOf } from './routing.ts'
import { TIMES, noteForgetful, noteTimeToLive } from './times-to-live.ts'

const redisClient: ExternalHandler = (machine, call) => object(machine.library('redis', call.site))

/** One Redis holds many stores; the fixed beginning of the key tells them apart. */
function redisStore(machine: Machine, target: LibraryObject, key: Value): StoreRef {
  const start = strings(key)[0] ?? tagsOf(key, 'prefix')[0]?.slice('prefix:'.length)
  const prefix = start?.replaceAll(':', '_') ?? onlyPrefix(machine, target)
  return {
    id: `${target.site.path}#${target.site.start}#${prefix}`,
    site: target.site,
    name: prefix === '' ? 'Redis' : `Redis ${prefix}*`,
    kind: 'database',
  }
}

/** A handle may bring the beginning of its key with it: `sess_…` as it was given out. */
function onlyPrefix(machine: Machine, { site }: LibraryObject): string {
  const container = `${site.path}#${site.start}`
  const [only, ...others] = machine.databasesIn(container)
  return only === undefined || others.length > 0 ? '' : only.slice(container.length + 1)
}

function redisCell(machine: Machine, store: StoreRef): { value: Value; write(value: Value): void } {
  return machine.databaseCell(store.id)
}

const redisRead: MethodHandler = (machine, target, call, state) => {
  const [key = UNKNOWN] = call.args
  const store = redisStore(machine, target, key)
  noteLookUp(machine, store, key, call.site, state)
  const stored = redisCell(machine, store).value
  const kept = (stored === NEVER ? UNKNOWN : stored.with({ objects: [] })).with({ primitives: [null], open: true })
  return readRemote(machine, store.id, withTags(kept, foundTags(store, key)), call.site)
}

const redisWrite: MethodHandler = (machine, target, call, state, name) => {
  const [key = UNKNOWN, ...values] = call.args
  const store = redisStore(machine, target, key)
  redisCell(machine, store).write(derived(...values))
  machine.emit('store-write', call.site, state, { store, key, value: derived(...values) })
  noteRemoteWrite(machine, store.id, derived(...values), call.site, state)
  if (/ex$/i.test(name) || values.some(hasExpiry)) noteExpiry(machine, store, call, state, name)
  return UNKNOWN
}

function hasExpiry(value: Value): boolean {
  if (strings(value).some((text) => /^(?:EX|PX|EXAT|PXAT)$/i.test(text))) return true
  return TIMES.some((name) => optionOf(value, name) !== undefined)
}

function noteExpiry(machine: Machine, store: StoreRef, call: Call, state: State, name: string): void {
  const given = /ex$|^p?expire/i.test(name) ? call.args.slice(1, 2) : call.args.slice(2)
  const [key = UNKNOWN] = call.args
  const isOfKnown = !isFresh(key) && (state.facts.may.has('looked') || isBrought(key))
  noteTimeToLive(machine, store, { given, site: call.site }, isOfKnown, state)
}

/** A token that the request has come with: what is kept under that was made before. */
function isBrought(key: Value): boolean {
  return hasTag(key, 'header') || hasTag(key, 'cookie')
}

/** With no time to live it is gone. */
const redisExpire: MethodHandler = (machine, target, call, state, name) => {
  if (call.args[1]?.primitives[0] === 0) return redisDelete(machine, target, call, state, name)
  noteExpiry(machine, redisStore(machine, target, call.args[0] ?? UNKNOWN), call, state, name)
  return UNKNOWN
}

const redisDelete: MethodHandler = (machine, target, call, state) => {
  const [key = UNKNOWN] = call.args
  machine.emit('store-remove', call.site, state, { store: redisStore(machine, target, key), key })
  return UNKNOWN
}

/** `getex(key, 'EX', 60)`: found, and given more time. */
const redisRenew: MethodHandler = (machine, target, call, state, name) => {
  const found = redisRead(machine, target, call, state, name)
  const [key = UNKNOWN, ...given] = call.args
  if (given.length > 0)
    noteTimeToLive(machine, redisStore(machine, target, key), { given, site: call.site }, true, state)
  return found
}

const redisTake: MethodHandler = (machine, target, call, state, name) => {
  const found = redisRead(machine, target, call, state, name)
  redisDelete(machine, target, call, state, name)
  return found
}

/** Channels have names of their own: what is stored under the same name is something else. */
function channelStore(machine: Machine, target: LibraryObject, channel: Value): StoreRef {
  const { id, name, ...rest } = redisStore(machine, target, channel)
  return { ...rest, id: `${id}@`, name: name.replace('Redis', 'Redis channel') }
}

const countListeners: MethodHandler = (machine, target, call, state) => {
  const channel = call.args.at(-1) ?? UNKNOWN
  const store = channelStore(machine, target, channel)
  noteLookUp(machine, store, channel, call.site, state)
  return tagged(`entry:${store.id}`)
}

/**
 * `subscribe(channel, listener)`: a channel named after a session holds it as a record would.
 * It is there while somebody listens, and what is published on it reaches the listener.
 */
const subscribe: MethodHandler = (machine, target, call, state) => {
  const [channel = UNKNOWN, listener = UNDEFINED] = call.args
  const store = channelStore(machine, target, channel)
  target.elements.write(channel)
  machine.listenTo(store.id, listener)
  machine.emit('store-write', call.site, state, { store, key: channel, value: listener })
  return UNKNOWN
}

/** Leaving a channel; without a name, and when the connection ends, all of them. */
const unsubscribe: MethodHandler = (machine, target, call, state) => {
  const [channel = target.item] = call.args
  if (channel !== NEVER && channel.objects.length === 0)
    machine.emit('store-remove', call.site, state, { store: channelStore(machine, target, channel), key: channel })
  return UNKNOWN
}

/** A message on a channel is served by whoever listens there, session or not. */
const publish: MethodHandler = (machine, target, call, state) => {
  const [channel = UNKNOWN, message = UNKNOWN] = call.args
  const store = channelStore(machine, target, channel)
  noteLookUp(machine, store, channel, call.site, state)
  machine.emit('dispatch', call.site, state, { receiver: tagged(`entry:${store.id}`), how: 'own' })
  for (const listener of machine.listenersOf(store.id)) {
    const fork = state.fork()
    call_(machine, listener, { ...call, args: [message, channel], argSites: [], self: UNDEFINED }, fork)
  }
  return UNKNOWN
}

/** `multi()`, `pipeline()`: what is asked is done by and by, and each step gives the batch back. */
const batch: MethodHandler = (machine, target, call, state) => {
  const begun = machine.library('redis-batch', call.site, { client: target })
  // `multi([['hset', key, …], …])`
  for (const step of call.args[0]?.objects.flatMap(({ properties }) => [...properties.values()]) ?? [])
    for (const list of step.value.objects) {
      const [name = UNKNOWN, ...args] = valuesIn(list)
      inBatch(machine, begun, { ...call, args }, state, strings(name)[0] ?? '')
    }
  return object(begun)
}

const inBatch: MethodHandler = (machine, target, call, state, name) => {
  const client = target.data['client'] as LibraryObject
  const found = (REDIS[name] ?? REDIS[name.toLowerCase()])?.(machine, client, call, state, name)
  if (found !== undefined) target.elements.write(found)
  return object(target)
}

/** What each step has found, as a list; of ioredis each in a pair with an error. */
const runBatch: MethodHandler = (_machine, target) =>
  target.item === NEVER ? UNKNOWN : derived(target.item).with({ open: true })

const duplicate: MethodHandler = (machine, target) => {
  const other = machine.library('redis', target.site)
  return object(other)
}

const REDIS: Readonly<Record<string, MethodHandler>> = {
  get: redisRead,
  getEx: redisRenew,
  getex: redisRenew,
  getDel: redisTake,
  getdel: redisTake,
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
  pubSubNumSub: countListeners,
  pubSubShardNumSub: countListeners,
  pubsub: countListeners,
  subscribe,
  pSubscribe: subscribe,
  psubscribe: subscribe,
  sSubscribe: subscribe,
  unsubscribe,
  pUnsubscribe: unsubscribe,
  disconnect: unsubscribe,
  quit: unsubscribe,
  close: unsubscribe,
  destroy: unsubscribe,
  publish,
  sPublish: publish,
  spublish: publish,
  multi: batch,
  pipeline: batch,
  hMSet: redisWrite,
  hmset: redisWrite,
  hMGet: redisRead,
  hmget: redisRead,
  hmGet: redisRead,
  pExpire: redisExpire,
  expireAt: redisExpire,
  expireat: redisExpire,
  connect: (_machine, target) => object(target),
  duplicate,
  '*': (machine, target, call, state, name) => {
    for (const arg of call.args) noteUrlCredential(machine, arg, call.site, state)
    noteAct(machine, name, call.args, call.site, state)
    return askedForLater(machine, name, call, derived(object(target), ...call.args), state)
  },
}

/** Map-like caches with a time to live. */
function cache(options: { ttl: readonly string[]; renewedBy: string }): ExternalHandler {
  return (machine, call, state) => {
    const created = machine.allocate('map', call.site)
    noteForgetful(created)
    const settings = call.args.find((arg) => arg.objects.length > 0)
    const ttl = options.ttl
      .map((name) => optionOf(settings, name))
      .find((value) => value !== undefined && truthiness(value).canBeTrue)
    if (ttl !== undefined) {
      const idle = isCertainlyOn(optionOf(settings, options.renewedBy))
      machine.emit('expiry', call.site, state, {
        store: storeId(created),
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
    iovalkey: redisClient,
    'iovalkey#Redis': redisClient,
    'ioredis#Redis': redisClient,
    'ioredis#Cluster': redisClient,
    '@upstash/redis#Redis': redisClient,
    '@upstash/redis/cloudflare#Redis': redisClient,
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
    '@redis/client#createClient': redisClient,
    '@redis/client#createCluster': redisClient,
    '@upstash/redis#Redis.fromEnv': redisClient,
    '@upstash/redis/cloudflare#Redis.fromEnv': redisClient,
    '@vercel/kv#createClient': redisClient,
    ioredis: redisClient,
  },
  methods: {
    redis: REDIS,
    'redis-batch': { exec: runBatch, execAsPipeline: runBatch, execTyped: runBatch, '*': inBatch },
  },
}
