/** The platform: containers, timers, processes, text. */
import { noteMade } from '../filled-lists.ts'
import { posix } from 'node:path'
import type { Call } from '../calls.ts'
import { callMethod, call_ } from '../calls.ts'
import { runCallbacks, callOpaque } from '../opaque.ts'
import { view } from '../builtins.ts'
import { equality, flag, negate } from '../conditions.ts'
import { pickEntropy } from '../entropy.ts'
import { itemValue } from '../literals.ts'
import type { HeapKind, HeapObject } from '../heap.ts'
import type { Site } from '../heap.ts'
import { LibraryObject, siteKey, storeId } from '../heap.ts'
import { requireModule } from '../modules.ts'
import { leaveOpen, getProperty, insert, remove, setProperty, takeIn } from '../properties.ts'
import { noteFieldWrite, noteSharedWrite } from '../shared.ts'
import { runModule } from '../statements.ts'
import { listingTags } from '../listings.ts'
import { newsIn } from '../protocol.ts'
import {
  asTold,
  contentOf,
  isCredentialPart,
  noteBlinded,
  noteComparison,
  noteSafeComparison,
  signedOn,
} from '../secrets.ts'
import type { State } from '../state.ts'
import type { Machine } from '../machine.ts'
import { noteSettled } from '../messages.ts'
import {
  Value,
  NEVER,
  UNDEFINED,
  UNKNOWN,
  derived,
  join,
  joinAll,
  object,
  onlyString,
  hasTag,
  primitive,
  tagged,
  withTags,
} from '../value.ts'
import { bagsIn } from './forms.ts'
import { entriesIn } from './http.ts'
import { bag, bagProperty } from './requests.ts'
import type { ExternalHandler, Model } from './model.ts'
import { optionOf } from './routing.ts'
import { entropyOfAll } from './surroundings.ts'
import { madeOfEach, noteSize } from './typed-arrays.ts'

function container(kind: HeapKind): ExternalHandler {
  return (machine, call, state) => {
    const created = machine.allocate(kind, call.site)
    for (const from of call.args[0]?.objects ?? []) {
      if (kind === 'map' && from.kind !== 'map') fillWithPairs(created, from)
      else fillLike(created, from)
    }
    void state
    return object(created)
  }
}

/** `new Uint8Array(digest)`: bytes of whatever that was made of. */
const bytesOf: ExternalHandler = (machine, call, state, path) => {
  const made = container('array')(machine, call, state, path)
  const [source] = call.args
  noteSize(made, path, source?.primitives[0])
  const bytes = source?.objects.some(isBody) === true ? tagged('body') : source
  if (bytes === undefined || bytes.objects.length > 0 || bytes.tags.length === 0) return made
  for (const list of made.objects) {
    list.elements.write(bytes)
    list.transient = true
  }
  return made
}

/** `new Map(other)`, `new Set(list)`. */
function fillLike(created: HeapObject, from: HeapObject): void {
  created.elements.write(from.item)
  created.keys.write(from.key)
  noteMade(created, from)
}

/** `new Map(list)`, `Object.fromEntries(list)`: each item is a key and what stands under it. */
function fillWithPairs(created: HeapObject, list: HeapObject): void {
  if (list.kind === 'map') {
    created.keys.write(tagged(`key:${storeId(list)}`))
    created.elements.write(list.item)
  }
  for (const pair of list.item.objects) {
    created.keys.write(partOfPair(pair, '0'))
    created.elements.write(partOfPair(pair, '1'))
  }
}

/** Of a text that was cut in two, either half. */
function partOfPair(pair: HeapObject, place: string): Value {
  return pair.properties.get(place)?.value ?? (pair.kind === 'array' && pair.item !== NEVER ? pair.item : UNKNOWN)
}

const promise: ExternalHandler = (machine, call, state) => {
  const settle = machine.library('settle', call.site)
  const [executor = UNDEFINED] = call.args
  state.aside((fork) => call_(machine, executor, { ...call, args: [object(settle), object(settle)] }, fork))
  state.learn(whenSettled(settle))
  return settle.item === NEVER ? UNKNOWN : settle.item
}

/** Of tokens: what was verified on every way that settles a promise, whoever waits for it knows. */
function whenSettled({ data }: LibraryObject, otherwise: readonly string[] = []): readonly string[] {
  return (data['signed'] as readonly string[] | undefined) ?? otherwise
}

/** `setTimeout(fn, ms)`: the callback runs later, on its own path. */
const timer: ExternalHandler = (machine, call, state, path) => {
  const [callback = UNDEFINED, , ...rest] = call.args
  const handle = machine.library('timer', call.site, {
    interval: path.endsWith('setInterval'),
    after: machine.context.trigger,
    facts: state.facts,
    callback: callback.objects[0] === undefined ? undefined : siteKey(callback.objects[0].site),
  })
  const context = { ...machine.context, trigger: 'timer' as const, timer: handle }
  machine.defer(callback, rest, state, context)
  return object(handle)
}

const immediate: ExternalHandler = (machine, call, state) => {
  runCallbacks(machine, call, state, UNKNOWN)
  return UNKNOWN
}

/** What a credential says once it is taken apart, as a token says who issued it, is no secret. */
const parsedText: ExternalHandler = (machine, call, state, path) => {
  const value = sameValue(machine, call, state, path)
  if (isBodyText(value)) return value.with({ objects: bag(machine, 'body', call.site).objects })
  return hasTag(value, 'cred') ? withTags(value, ['decoded']) : value
}

/** What a request brings as text, and nothing else: taken apart, it has the parts of a body. */
function isBodyText({ tags, objects }: Value): boolean {
  return objects.length === 0 && tags.length === 1 && tags[0] === 'body'
}

export const sameValue: ExternalHandler = (_machine, call) => {
  const [value = UNKNOWN] = call.args
  return value.objects.length > 0
    ? value
    : derived(value).with({
        primitives: value.primitives,
        open: value.open || value.tags.length > 0,
        ...(value.entropy === undefined ? {} : { entropy: value.entropy }),
      })
}

/** `Buffer.compare(a, b)` is 0 where they are equal. */
const compareBytes: ExternalHandler = (machine, call, state) => {
  const [a = UNKNOWN, b = UNKNOWN] = call.args
  noteComparison(machine, a, b, 'compare', call.site, state)
  return negate(equality(machine, a, b))
}

const number: ExternalHandler = (_machine, call) => {
  const [value = UNKNOWN] = call.args
  const primitives = value.primitives.map((item) => (item === undefined || item === null ? item : Number(item)))
  return new Value(primitives, [], value.tags, value.open)
}

/** `String.fromCharCode(...bytes)`: those bytes, as text. */
const fromCodes: ExternalHandler = (_machine, call) => {
  const entropy = entropyOfAll(call.args)
  const text = derived(...call.args)
  return entropy === undefined ? text : text.with({ entropy: pickEntropy(entropy) })
}

/** `Object.assign(this, { server })` is a write to each of these fields. */
function lay(
  machine: Machine,
  target: Value,
  to: HeapObject,
  name: string,
  value: Value,
  site: Site,
  state: State,
): void {
  const cell = to.property(name)
  noteSharedWrite(machine, cell, value, site, state, to)
  noteFieldWrite(machine, target, name, value, site, state)
  cell.write(value)
}

const assign: ExternalHandler = (machine, call, state) => {
  const [target = UNKNOWN, ...sources] = call.args
  for (const to of target.objects) {
    for (const from of sources.flatMap((source) => source.objects)) {
      for (const [name, cell] of from.properties)
        if (to instanceof LibraryObject)
          setProperty(machine, object(to), primitive(name), state.read(cell), call.site, state)
        else lay(machine, target, to, name, state.read(cell), call.site, state)
      if (from.item !== NEVER) insert(machine, to, from.key, from.item, call.site, state)
      takeIn(to, from)
    }
    if (sources.some(({ open }) => open)) {
      to.partial = true
      leaveOpen(to)
    }
  }
  return target
}

function listOf(pick: (machine: Machine, target: HeapObject) => Value): ExternalHandler {
  return (machine, call) => {
    const [source = UNKNOWN] = call.args
    const lists = source.objects.map((target) => view(machine, target, pick(machine, target), call.site))
    return lists.length === 0 ? derived(source) : object(...lists)
  }
}

function valuesOf(machine: Machine, target: HeapObject): Value {
  if (target instanceof LibraryObject && target.type === 'bag') return bagProperty(target, UNKNOWN)
  const named = joinAll([...target.properties.values()].map((cell) => cell.value))
  return target.item === NEVER ? named : join(named, itemValue(machine, target))
}

function keysOf(_machine: Machine, target: HeapObject): Value {
  const keys = target.key === NEVER ? UNKNOWN : target.key.with({ open: true })
  return withTags(keys, [`key:${storeId(target)}`])
}

const entries: ExternalHandler = (machine, call) => {
  const [source = UNKNOWN] = call.args
  const lists = source.objects.map((target) => {
    const pair = pairOf(machine, keysOf(machine, target), valuesOf(machine, target), call)
    const list = view(machine, target, pair, call.site)
    list.transient = true
    return list
  })
  if (lists.length > 0) return object(...lists)
  if (!hasTag(source, 'cred')) return derived(source)
  return listOfOne(machine, pairOf(machine, nameIn(source), derived(source), call), call)
}

function pairOf(machine: Machine, key: Value, value: Value, call: Call): Value {
  const pair = machine.allocate('array', call.site)
  pair.property('0').write(key)
  pair.property('1').write(value)
  return object(pair)
}

/** Who brings a record of credentials chooses their names as well, but a name is no credential. */
function nameIn(record: Value): Value {
  const name = derived(record)
  return name.with({ tags: name.tags.filter((tag) => tag !== 'cred') })
}

/** What asks whether something is a number asks for nobody. */
const NUMBER_TESTS = [
  'global:isNaN',
  'global:isFinite',
  ...['isInteger', 'isSafeInteger', 'isFinite', 'isNaN'].map((name) => `global:Number#${name}`),
]

const fromEntries: ExternalHandler = (machine, call) => {
  const [source = UNKNOWN] = call.args
  // The parts of a request are not written down: whatever is asked of the record, it is asked of them.
  const given = bagsIn(source)
  if (given.length > 0) return object(...given)
  const created = machine.allocate('object', call.site)
  created.partial = source.open
  for (const list of source.objects) fillWithPairs(created, list)
  return object(created)
}

const exit: ExternalHandler = (_machine, _call, state) => {
  state.dead = true
  return NEVER
}

const processOn: ExternalHandler = (machine, call, state) => {
  machine.defer(call.args[1] ?? UNDEFINED, [], state, machine.triggered('shutdown'))
  return UNKNOWN
}

/** One property per module of a folder. */
const requireFolder: ExternalHandler = (machine, call) => {
  const folder = onlyString(call.args[0] ?? UNKNOWN) ?? onlyString(optionOf(call.args[0], 'dirname') ?? UNKNOWN)
  const created = machine.allocate('object', call.site)
  if (folder === undefined) return object(created)
  const { file } = call.env
  const prefix = `${posix.join(posix.dirname(file.path), folder)}/`
  for (const path of machine.modules.keys()) {
    if (!path.startsWith(prefix)) continue
    const name = path.slice(prefix.length).replace(/(?:\/index)?\.[cm]?[jt]sx?$/, '')
    const specifier = `./${posix.relative(posix.dirname(file.path), path)}`
    created.property(name).write(requireModule(machine, specifier, file, (module) => runModule(machine, module)))
  }
  return object(created)
}

/** `Array.from(source, (item) => …)` */
function mappedFrom(machine: Machine, source: Value, mapper: Value, call: Call, state: State): Value {
  const lists = source.objects.filter((item) => item.kind !== 'function')
  if (lists.some((item) => item.kind === 'map')) {
    const pairs = entries(machine, { ...call, args: [source] }, state, '')
    return callMethod(machine, pairs, 'map', { ...call, args: [mapper], self: pairs }, state)
  }
  const items = lists.map((item) => item.item)
  const given = joinAll([...items, ...(source.entropy === undefined ? [] : [source])])
  const args = [given === NEVER ? derived(source) : given, UNKNOWN]
  const result = state.perhaps((fork) => call_(machine, mapper, { ...call, args }, fork))
  return listOfOne(machine, madeOfEach(given, result), call)
}

function listOfOne(machine: Machine, item: Value, call: Call): Value {
  const list = machine.allocate('array', call.site)
  list.elements.write(item)
  return object(list)
}

const safeEqual: ExternalHandler = (machine, call, state) => {
  const [left = UNKNOWN, right = UNKNOWN] = call.args
  noteSafeComparison(machine, left, right, call.site, state)
  noteBlinded(machine, left, right)
  return equality(machine, left, right)
}

const all: ExternalHandler = (_machine, call) => call.args[0] ?? UNKNOWN

const asyncStorage: ExternalHandler = (machine, call) => object(machine.library('async-storage', call.site))

/** What runs from here on finds this; where it holds what the caller brought, it acts with that. */
function setContext(target: LibraryObject, call: Call, state: State): void {
  const held = call.args[0] ?? UNKNOWN
  target.elements.write(held)
  const { tags } = contentOf([held])
  if (tags.includes('cred') && tags.some(isCredentialPart)) state.note('brings-credential')
}

const quiet: ExternalHandler = (_machine, call) => derived(...call.args.filter((arg) => arg.objects.length === 0))

const error: ExternalHandler = (machine, call, state, path) => withTags(quiet(machine, call, state, path), ['error'])

/** `new Proxy(target, { get })`: what is read off it is what the trap gives; without one, it is the target. */
const proxy: ExternalHandler = (machine, call) => {
  const [target = UNKNOWN, handler = UNKNOWN] = call.args
  const isTrapped = handler.objects.some(({ properties }) => TRAPS.some((name) => properties.has(name)))
  return isTrapped ? object(machine.library('proxy', call.site, { target, handler })) : target
}

const TRAPS = ['get', 'apply']

function readProxy(machine: Machine, from: LibraryObject, key: Value, call: Call, state: State): Value {
  const target = from.data['target'] as Value
  const trap = optionOf(from.data['handler'] as Value, 'get')
  if (trap === undefined) return getProperty(machine, target, key, call.site, state)
  return call_(machine, trap, { ...call, args: [target, key, object(from)] }, state)
}

function callProxy(machine: Machine, on: LibraryObject, call: Call, state: State, name: string): Value {
  const target = on.data['target'] as Value
  const trap = name === '()' ? optionOf(on.data['handler'] as Value, 'apply') : undefined
  if (trap !== undefined) {
    const list = machine.allocate('array', call.site)
    call.args.forEach((arg, index) => list.property(String(index)).write(arg))
    for (const arg of call.args) list.elements.write(arg)
    return call_(machine, trap, { ...call, args: [target, call.self, object(list)] }, state)
  }
  const callee = name === '()' ? target : readProxy(machine, on, primitive(name), call, state)
  // What is behind it is not seen, but what is asked of it is: `new Proxy({}, { get: (_, key) => connect()[key] })`.
  if (name !== '()' && callee.objects.length === 0)
    return callOpaque(machine, name, { ...call, self: callee }, state, callee)
  return call_(machine, callee, { ...call, self: target }, state)
}

function lockedRun(machine: Machine, call: Call, state: State): Value {
  machine.locks += 1
  const results = call.args
    .flatMap((arg) => arg.objects)
    .map((target) => call_(machine, object(target), { ...call, args: [] }, state))
  machine.locks -= 1
  return joinAll(results)
}

const lock: ExternalHandler = (machine, call) => object(machine.library('lock', call.site))

/** Lists of numbers: what is read from them was put there, or is part of what they were made from. */
const BYTES = ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'BigInt64', 'BigUint64']

export const platform: Model = {
  constructors: {
    'global:Map': container('map'),
    'global:WeakMap': container('map'),
    'global:Set': container('set'),
    'global:WeakSet': container('set'),
    'global:Array': container('array'),
    ...Object.fromEntries(BYTES.map((of) => [`global:${of}Array`, bytesOf])),
    'global:Object': container('object'),
    // As older programs write `Buffer.from`.
    'global:Buffer': sameValue,
    'node:buffer#Buffer': sameValue,
    'global:Promise': promise,
    'global:Proxy': proxy,
    'global:Error': error,
    'global:TypeError': error,
    'global:RangeError': error,
    'http-errors': error,
    'http-errors#default': error,
    'global:TextEncoder': (machine, call) => object(machine.library('text-encoder', call.site)),
    'node:async_hooks#AsyncLocalStorage': asyncStorage,
    'async_hooks#AsyncLocalStorage': asyncStorage,
    'async-mutex#Mutex': lock,
    'async-mutex#Semaphore': lock,
    'async-lock': lock,
    'p-queue': lock,
    'await-lock': lock,
  },
  calls: {
    'global:Array': container('array'),
    'global:Error': error,
    'http-errors': error,
    'http-errors#default': error,
    'require-tree': requireFolder,
    'require-dir': requireFolder,
    'require-all': requireFolder,
    'global:setTimeout': timer,
    'global:setInterval': timer,
    'node:timers#setTimeout': timer,
    'node:timers#setInterval': timer,
    'global:setImmediate': immediate,
    'global:queueMicrotask': immediate,
    'global:process#nextTick': immediate,
    'global:process#exit': exit,
    'global:process#on': processOn,
    'global:process#once': processOn,
    'global:String': sameValue,
    'global:String#fromCharCode': fromCodes,
    'global:String#fromCodePoint': fromCodes,
    'global:BigInt': sameValue,
    'global:BigInt#asUintN': (machine, call, state, path) =>
      sameValue(machine, { ...call, args: call.args.slice(1) }, state, path),
    'global:Number': number,
    'global:parseInt': number,
    'global:Number#parseInt': number,
    ...Object.fromEntries(NUMBER_TESTS.map((path) => [path, () => UNKNOWN.with({ primitives: [true, false] })])),
    'global:parseFloat': number,
    'global:Boolean': (_machine, call) => withTags(negate(negate(call.args[0] ?? UNKNOWN)), ['excerpt']),
    'global:Object#assign': assign,
    'global:Object#freeze': sameValue,
    'global:Object#is': (machine, call, state) => {
      const [a = UNDEFINED, b = UNDEFINED] = call.args
      noteComparison(machine, a, b, 'Object.is', call.site, state)
      return equality(machine, a, b)
    },
    'global:Object#values': listOf(valuesOf),
    'global:Object#keys': listOf(keysOf),
    'global:Object#entries': entries,
    'global:Object#fromEntries': fromEntries,
    'global:Object#create': (machine, call) => object(machine.allocate('object', call.site)),
    'global:Array#from': (machine, call, state) => {
      const [source = UNKNOWN, mapper] = call.args
      if (mapper !== undefined && mapper.objects.some((item) => item.kind === 'function'))
        return mappedFrom(machine, source, mapper, call, state)
      const lists = source.objects.filter((item) => item.kind !== 'function')
      if (lists.length === 0) return source.entropy === undefined ? derived(source) : listOfOne(machine, source, call)
      return lists[0]!.kind === 'map'
        ? entries(machine, call, state, '')
        : object(...lists.map((item) => view(machine, item, item.item, call.site)))
    },
    'global:Array#isArray': (_machine, call) => flag([], [], ...call.args),
    'global:Reflect#get': (machine, call, state) =>
      getProperty(machine, call.args[0] ?? UNKNOWN, call.args[1] ?? UNKNOWN, call.site, state),
    'global:Reflect#deleteProperty': (machine, call, state) => {
      for (const target of call.args[0]?.objects ?? [])
        remove(machine, target, call.args[1] ?? UNKNOWN, call.site, state)
      return UNKNOWN
    },
    'global:Reflect#set': (machine, call, state) => {
      for (const target of call.args[0]?.objects ?? [])
        insert(machine, target, call.args[1] ?? UNKNOWN, call.args[2] ?? UNKNOWN, call.site, state)
      return UNKNOWN
    },
    'global:Promise#all': all,
    'global:Promise#resolve': all,
    'global:Promise#race': all,
    'global:Promise#allSettled': all,
    'global:Promise#reject': exit,
    'global:structuredClone': all,
    'global:Buffer#alloc': container('array'),
    'global:Buffer#allocUnsafe': container('array'),
    'node:buffer#Buffer.alloc': container('array'),
    'node:buffer#Buffer.allocUnsafe': container('array'),
    'global:Buffer#from': sameValue,
    'global:Buffer#concat': (_machine, call) => derived(...(call.args[0]?.objects ?? []).map((item) => item.item)),
    'node:buffer#Buffer.from': sameValue,
    'global:Buffer#compare': compareBytes,
    'node:buffer#Buffer.compare': compareBytes,
    'global:encodeURIComponent': sameValue,
    'global:decodeURIComponent': sameValue,
    'global:btoa': sameValue,
    'global:atob': sameValue,
    'global:JSON#stringify': sameJson,
    'global:JSON#parse': parsedText,
    'node:util#promisify': all,
    'node:crypto#timingSafeEqual': safeEqual,
    'node:crypto#subtle.timingSafeEqual': safeEqual,
    tsscmp: safeEqual,
    'safe-compare': safeEqual,
    'node:url#parse': (machine, call) => object(machine.library('url', call.site, { source: call.args[0] ?? UNKNOWN })),
  },
  methods: {
    proxy: { '()': callProxy, '*': callProxy },
    'text-encoder': { encode: (machine, _target, call, state) => sameValue(machine, call, state, '') },
    settle: {
      '()': (machine, target, call, state) => {
        noteSettled(machine, target, call, state)
        target.data['signed'] = whenSettled(target, signedOn(state)).filter((fact) => state.holds(fact))
        // Whoever waits for it gets it from here: a function that does no more than this is no quiet one.
        machine.eventCount += 1
        target.elements.write(call.args[0] ?? UNDEFINED)
        return UNDEFINED
      },
    },
    timer: {
      refresh: (machine, target) => {
        machine.refreshedTimers.add(String(target.data['field']))
        return object(target)
      },
      '*': (_machine, target) => object(target),
    },
    'async-storage': {
      run: (machine, target, call, state) => {
        setContext(target, call, state)
        return call_(machine, call.args[1] ?? UNDEFINED, { ...call, args: call.args.slice(2) }, state)
      },
      getStore: (_machine, target) => (target.item === NEVER ? UNKNOWN : join(target.item, UNDEFINED)),
      enterWith: (_machine, target, call, state) => {
        setContext(target, call, state)
        return UNDEFINED
      },
    },
    lock: {
      runExclusive: (machine, _target, call, state) => lockedRun(machine, call, state),
      add: (machine, _target, call, state) => lockedRun(machine, call, state),
      acquire: (machine, _target, call, state) => {
        if (call.args.some((arg) => arg.objects.length > 0)) return lockedRun(machine, call, state)
        state.learn(['locked'])
        return UNKNOWN
      },
      acquireAsync: (_machine, _target, _call, state) => {
        state.learn(['locked'])
        return UNKNOWN
      },
    },
  },
  properties: {
    proxy: (machine, target, name, key, site, state) => {
      const asked = name === undefined ? key : primitive(name)
      const call = { site, args: [], argSites: [], self: object(target), env: undefined as never }
      return readProxy(machine, target, asked, call, state)
    },
  },
}

function sameJson(_machine: Machine, call: Call, state: State): Value {
  const [value = UNKNOWN] = call.args
  const inner = value.objects.flatMap((item) =>
    isBody(item) ? [tagged('body')] : [...item.properties.values()].map((cell) => cell.value),
  )
  const sessions = [...entriesIn([value]), ...listingTags([value], state), ...newsIn(value)]
  const parts = inner.filter((item) => item.tags.length > 0)
  const content = contentOf([value])
  const plain = asTold(parts.length === 0 ? derived(value) : derived(value, ...parts), [value, content])
  // A function that is asked for each part may leave some out.
  const text = call.args[1]?.objects.length || !hasTag(content, 'headers') ? plain : withTags(plain, ['headers'])
  return withTags(text, [...sessions, ...timesIn(value)])
}

/** `anew:<field>`: the text has a time there that was taken now. `anew` alone: it says of all its times whether they were. */
function timesIn(value: Value): readonly string[] {
  const fields = value.objects.flatMap(({ properties }) => [...properties])
  const times = fields.filter(([, cell]) => hasTag(cell.value, 'clock') && !hasTag(cell.value, 'entry'))
  const isOfRecord = hasTag(value, 'entry') || fields.some(([, cell]) => hasTag(cell.value, 'entry'))
  return times.length > 0 || isOfRecord ? ['anew', ...times.map(([name]) => `anew:${name}`)] : []
}

function isBody(item: HeapObject): boolean {
  return item instanceof LibraryObject && item.type === 'bag' && item.data['origin'] === 'body'
}
