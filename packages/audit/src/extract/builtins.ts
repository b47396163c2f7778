/** Methods of the language's own values: Map, Set, Array, String, Promise. */
import { chosenByName, keptByName } from './asked.ts'
import { ASKS_BY_METHOD, noteAudienceAsked } from './audiences.ts'
import type { Call } from './calls.ts'
import { call_ } from './calls.ts'
import { invoke } from './invoke.ts'
import {
  UPGRADED,
  conditionOf,
  equality,
  flag,
  fromRequest,
  namesOrigin,
  namesUpgrade,
  pathFacts,
  requestTags,
  switchFacts,
  wildcardFacts,
} from './conditions.ts'

import type { Entropy } from './entropy.ts'
import { concatEntropy, cutEntropy, pickEntropy } from './entropy.ts'
import { nameIn, noteLeftOut } from './copies.ts'
import { noteFiltered, noteMapped, noteSplit } from './empty-lists.ts'
import { elsewhere, noteMade } from './filled-lists.ts'
import { itemValue } from './literals.ts'
import type { Site } from './heap.ts'
import { FunctionObject, HeapObject, isFunction, siteKey, storeId } from './heap.ts'
import type { Machine } from './machine.ts'
import { OWN } from './listings.ts'
import { LOOSELY, NAMES_TLS, isLooselyTested } from './origins.ts'
import { partsOf } from './request-state.ts'
import { segmentsIn } from './segments.ts'
import { entropyOfAll } from './models/surroundings.ts'
import { noteEventLookUp } from './replays.ts'
import { madeOfEach, writtenBytes } from './models/typed-arrays.ts'
import { noteOwnLifetime } from './models/times-to-live.ts'
import { runAwaited } from './models/query-chains.ts'
import { position } from './positions.ts'
import { groupFacts } from './protocol.ts'
import {
  SIFTED,
  asPicked,
  noteGathered,
  foundTags,
  insert,
  lookUp,
  noteLookUp,
  remove,
  storeRef,
} from './properties.ts'
import { attributesIn } from './models/cookies.ts'
import { asTold, isNamedSecret, noteComparison, noteUrlCredential } from './secrets.ts'
import type { State } from './state.ts'
import { OF_CALLER, VERIFIED } from './state.ts'
import type { Parts, Primitive, Value } from './value.ts'
import {
  NEVER,
  UNDEFINED,
  UNKNOWN,
  derived,
  hasTag,
  isDrawn,
  join,
  joinAll,
  object,
  onlyString,
  strings,
  tagsOf,
  withTags,
} from './value.ts'

/** The result of `self.name(...)` where the language defines it; undefined where it does not. */
export function callBuiltin(machine: Machine, self: Value, name: string, call: Call, state: State): Value | undefined {
  const [target] = self.objects
  if (ASKS_BY_METHOD.has(name)) noteAudienceAsked(machine, self, ...call.args, ...self.objects.map(({ item }) => item))
  if (target !== undefined && self.objects.length === 1) {
    if (target.kind === 'map' || target.kind === 'set') return callMap(machine, target, name, call, state)
    if (target.kind === 'array') return callArray(machine, target, name, call, state)
  }
  if (self.objects.length > 0) return undefined
  if ((name === 'replace' || name === 'replaceAll') && call.args[1]?.objects.some(({ kind }) => kind === 'function'))
    return replaceText(machine, self, call, state)
  const text = callText(machine, self, name, call, state)
  if (text !== undefined) return TAKES_APART.test(name) ? segmentsIn(self, partsOf(self, text, state)) : text
  return callUnknownList(machine, self, name, call, state)
}

const TAKES_APART = /^(?:split|slice|substring|substr|subarray|match|charAt)$/

function callMap(machine: Machine, map: HeapObject, name: string, call: Call, state: State): Value | undefined {
  const [key = UNKNOWN, value = UNKNOWN] = call.args
  switch (name) {
    case 'get':
    case 'peek':
      return lookUp(machine, map, key, call.site, state)
    // Of caches, which are maps that forget.
    case 'take': {
      const found = lookUp(machine, map, key, call.site, state)
      remove(machine, map, key, call.site, state)
      return found
    }
    case 'has':
      return has(machine, map, key, call.site, state)
    case 'set':
      insert(machine, map, key, value, call.site, state)
      noteOwnLifetime(machine, map, call, state)
      return object(map)
    case 'add':
      insert(machine, map, key, key, call.site, state)
      return object(map)
    case 'delete':
    case 'del':
      remove(machine, map, key, call.site, state)
      return flag([`exists:${storeId(map)}`], [`absent:${storeId(map)}`])
    case 'clear':
      remove(machine, map, keyOfAny(map), call.site, state)
      return UNDEFINED
    case 'keys':
      return object(view(machine, map, keyOfAny(map), call.site))
    case 'values':
      return object(view(machine, map, itemValue(machine, map), call.site))
    case 'entries':
      return object(map)
    case 'forEach':
      runForEach(machine, call, [itemValue(machine, map), keyOfAny(map), object(map)], state)
      return UNDEFINED
    default:
      return UNKNOWN
  }
}

function keyOfAny(map: HeapObject): Value {
  const keys = map.key === NEVER ? UNKNOWN : map.key
  return withTags(keys.with({ open: true }), [`key:${storeId(map)}`])
}

function has(machine: Machine, map: HeapObject, key: Value, site: Site, state: State): Value {
  noteUrlCredential(machine, key, site, state)
  const store = storeRef(map)
  noteEventLookUp(machine, key, store.id, map.kind === 'set')
  noteLookUp(machine, store, key, site, state)
  machine.onlyAsked.add(siteKey(site))
  const whenTrue = [
    `exists:${store.id}`,
    ...(hasTag(key, 'cred') ? VERIFIED : []),
    ...(namesOrigin(key) ? ['origin'] : []),
    ...(hasTag(key, 'proto') && isEncryptedOnly(strings(join(keyOfAny(map), map.item))) ? ['tls'] : []),
    ...(map.kind === 'set' && onlyString(key) === '*' ? wildcardFacts(join(keyOfAny(map), map.item), '*') : []),
  ]
  const whenFalse = [`absent:${store.id}`, ...(map.kind === 'set' ? elsewhere(map, key) : [])]
  return flag(whenTrue, whenFalse, key)
}

/** Names of protocols, none of which goes without TLS. */
function isEncryptedOnly(names: readonly string[]): boolean {
  return names.includes('https') && !names.some((name) => /^(?:http|ws):?$/.test(name))
}

/** A list made from a container: its items are still the container's. */
export function view(machine: Machine, of: HeapObject, item: Value, site: Site): HeapObject {
  const list = machine.allocate('array', site)
  list.elements.write(item)
  list.origin = of.origin ?? of
  return list
}

function runForEach(machine: Machine, call: Call, args: readonly Value[], state: State): Value {
  const results: Value[] = []
  for (const arg of call.args) {
    for (const target of arg.objects) {
      if (!(target instanceof FunctionObject)) continue
      results.push(state.perhaps((fork) => invoke(machine, target, UNDEFINED, args, fork)))
    }
  }
  return joinAll(results)
}

/** Where a list is filtered because something ended, what it leaves out is gone. */
const ENDING_TRIGGERS = new Set(['disconnect', 'onclose', 'onsessionclosed'])

const VISITORS = new Set([
  'forEach',
  'map',
  'filter',
  'some',
  'every',
  'find',
  'findIndex',
  'findLast',
  'flatMap',
  'reduce',
  'sort',
])

function callArray(machine: Machine, list: HeapObject, name: string, call: Call, state: State): Value | undefined {
  if (VISITORS.has(name)) return visitArray(machine, list, name, call, state)
  const [first = UNKNOWN] = call.args
  switch (name) {
    case 'push':
    case 'unshift':
      noteGathered(list)
      for (const value of call.args) {
        if (machine.frame.made?.has(list) === false) machine.noteLeft(value)
        const kept = state.holds(OF_CALLER) ? withTags(value, [OWN]) : value
        insert(machine, list, nameIn(value), kept, call.site, state)
      }
      return UNKNOWN
    case 'fill':
      list.elements.write(first)
      return object(list)
    case 'splice':
    case 'pop':
    case 'shift':
      remove(machine, list, first, call.site, state)
      return itemValue(machine, list)
    case 'includes':
    case 'indexOf':
      noteUrlCredential(machine, first, call.site, state)
      noteComparison(machine, listedIn(list, call), first, name, call.site, state)
      return position(includes(list, first))
    case 'concat':
      return object(view(machine, list, joinAll([list.item, ...call.args.map(itemsOf)]), call.site))
    case 'slice':
    case 'reverse':
    case 'flat':
    case 'values':
    case 'entries':
      return object(view(machine, list, list.item, call.site))
    case 'at':
      return first.entropy === undefined
        ? asPicked(machine, list, itemValue(machine, list))
        : derived(list.item, first).with({ entropy: pickEntropy(first.entropy) })
    case 'toHex':
    case 'toBase64':
      return writtenBytes(name, object(list)) ?? UNKNOWN
    case 'join':
    case 'toString':
      return joinText(list, onlyString(call.args[0] ?? UNKNOWN) ?? ',')
    case 'keys':
      return derived(list.item)
    case 'next':
      return drawn(machine, asPicked(machine, list, itemValue(machine, list)), call.site)
    default:
      return UNKNOWN
  }
}

/** `generator.next()`, `list.values().next()`: one of what is gone through, unless that is over. */
function drawn(machine: Machine, item: Value, site: Site): Value {
  const result = machine.allocate('object', site)
  result.property('value').write(item)
  result.property('done').write(UNKNOWN.with({ primitives: [true, false] }))
  return object(result)
}

/** What a list is joined with: the members of another list, or a value as it is. */
function itemsOf(value: Value): Value {
  const lists = value.objects.filter(({ kind }) => kind === 'array')
  const single = value.with({ objects: value.objects.filter(({ kind }) => kind !== 'array') })
  const isList = lists.length > 0 && !value.open && single.objects.length === 0 && value.primitives.length === 0
  return joinAll([...lists.map(({ item }) => item), ...(isList ? [] : [single])])
}

function joinText(list: HeapObject, separator: string): Value {
  const parts = [...list.properties.values()].map((cell) => cell.value)
  const entropy = entropyOfAll(parts)
  const text = asTold(derived(list.item), parts)
  // Attributes of a cookie, each a text of its own.
  const attributes = separator.includes(';')
    ? [list.item, ...parts].flatMap(strings).flatMap((each) => attributesIn(`;${each}`))
    : []
  const value = attributes.length > 0 ? withTags(text, attributes) : text
  const own = entropy ?? (isDrawn(list.item) ? list.item.entropy : undefined)
  return own === undefined ? value : value.with({ entropy: own })
}

/** What a list holds: that of a setting, or one from the source where there is no setting. */
function listedIn(list: HeapObject, { self }: Call): Value {
  return self.open ? join(list.item, derived(self).with({ open: true })) : list.item
}

function includes(list: HeapObject, item: Value): Value {
  const facts = hasTag(item, 'cred')
    ? ['auth', 'auth:static']
    : hasTag(item, 'proto') || (hasTag(list.item, 'proto') && onlyString(item) === 'https')
      ? ['tls']
      : namesOrigin(item)
        ? ['origin']
        : wildcardFacts(list.item, item.primitives[0])
  return flag(facts, elsewhere(list, item), item, list.item)
}

function visitArray(machine: Machine, list: HeapObject, name: string, call: Call, state: State): Value {
  const item = withTags(itemValue(machine, list), requestTags(call.self))
  if (name === 'reduce')
    return madeOfEach(item, runForEach(machine, call, [call.args[1] ?? item, item, UNKNOWN], state))
  const result = madeOfEach(item, runForEach(machine, call, [item, UNKNOWN, object(list)], state))
  if (name === 'find' || name === 'findLast' || name === 'findIndex') {
    const key = derived(result)
    noteLookUp(machine, storeRef(list), key, call.site, state)
    if (name === 'findIndex') return UNKNOWN
    const found = withTags(item.with({ primitives: [undefined], open: true }), foundTags(storeRef(list), key))
    const chosen = chosenByName(found, result)
    return hasTag(result, 'cred') ? withTags(chosen, requestTags(result)) : chosen
  }
  if (name === 'filter' && ENDING_TRIGGERS.has(machine.context.trigger))
    remove(machine, list, itemValue(machine, list), call.site, state)
  if (name === 'some' || name === 'every')
    return result === NEVER ? UNKNOWN : result.with({ primitives: [true, false], objects: [], open: true })
  if (name === 'map' || name === 'flatMap') {
    const made = mapped(machine, list, result, call.site)
    if (name === 'map') noteMapped(made, list)
    noteMade(made, list, name === 'map' ? undefined : result)
    return object(made)
  }
  const isOwn = name === 'filter' && conditionOf(result).whenTrue.includes(OF_CALLER)
  const sifted = name === 'filter' ? withTags(list.item, isOwn ? [OWN, SIFTED] : [SIFTED]) : list.item
  const shown = view(machine, list, sifted, call.site)
  if (name === 'filter') {
    noteLeftOut(shown, list, derived(result))
    noteFiltered(shown, list)
  }
  return keptByName(object(shown), call.self)
}

/** Parts of a container's entries are still found through that container. */
function mapped(machine: Machine, list: HeapObject, result: Value, site: Site): HeapObject {
  const origin = list.origin ?? list
  const isPart = hasTag(result, `entry:${storeId(origin)}`)
  return view(machine, isPart ? origin : freshList(machine, site, result), result, site)
}

function freshList(machine: Machine, site: Site, item: Value): HeapObject {
  const list = machine.allocate('array', site)
  list.elements.write(item)
  return list
}

export function callPromise(machine: Machine, self: Value, name: string, call: Call, state: State): Value {
  const [callback = UNDEFINED, onError = UNDEFINED] = call.args
  if (name === 'then') return callThen(machine, runAwaited(machine, self, call, state), callback, onError, call, state)
  if (callback.objects.length > 0) state.perhaps((fork) => call_(machine, callback, { ...call, args: [UNKNOWN] }, fork))
  return self
}

/** `chain = chain.then(run)`: what is put behind its own last run takes turns with itself. */
function callThen(machine: Machine, self: Value, callback: Value, onError: Value, call: Call, state: State): Value {
  const turn = `turn:${call.site.path}#${call.site.start}`
  const { locks } = machine
  if (self.tags.includes(turn) || isShared(self)) machine.locks += 1
  const value = settle(machine, self, callback, onError, call, state)
  machine.locks = locks
  return machine.context.activation === 0 ? value : withTags(value, [turn])
}

function settle(machine: Machine, self: Value, callback: Value, onError: Value, call: Call, state: State): Value {
  return machine.later(() => {
    machine.wait()
    if (onError.objects.length > 0) state.perhaps((fork) => call_(machine, onError, { ...call, args: [UNKNOWN] }, fork))
    if (callback.objects.length === 0) return self
    return state.aside((fork) => call_(machine, callback, { ...call, args: [self] }, fork))
  })
}

/** A promise kept where later requests find it: what is chained to it waits its turn. */
function isShared(promise: Value): boolean {
  return promise.tags.some((tag) => tag.startsWith('read:') || /^entry:[^:]*$/.test(tag))
}

const SAME_TEXT = new Set([
  'toString',
  'toLowerCase',
  'toUpperCase',
  'trim',
  'trimStart',
  'trimEnd',
  'normalize',
  'valueOf',
  'replace',
  'replaceAll',
  'concat',
  'padStart',
  'padEnd',
  'toISOString',
  'getTime',
  'toJSON',
  'toFixed',
  'toLocaleLowerCase',
  'repeat',
  'charAt',
  'charCodeAt',
  'codePointAt',
  'readUInt32BE',
  'copy',
])
const CUTS = new Set(['slice', 'substring', 'substr', 'subarray'])
const TESTS = new Set([
  'startsWith',
  'endsWith',
  'includes',
  'match',
  'test',
  'equals',
  'compare',
  'localeCompare',
  'indexOf',
  'search',
])

function callText(machine: Machine, self: Value, name: string, call: Call, state: State): Value | undefined {
  if (SAME_TEXT.has(name)) return sameText(self, name, call)
  if (CUTS.has(name)) return cutText(self, name, call)
  if (TESTS.has(name)) return testText(machine, self, name, call, state)
  if (name === 'split') return splitText(machine, self, call)
  return undefined
}

/** `'xxxx'.replace(/x/g, () => …)`: what stands in the text afterwards comes from the callback. */
function replaceText(machine: Machine, self: Value, call: Call, state: State): Value {
  const result = runForEach(machine, { ...call, args: call.args.slice(1) }, [derived(self), UNKNOWN], state)
  const own = result.entropy === undefined ? undefined : pickEntropy(result.entropy)
  const entropy = concatEntropy(self.entropy, own)
  // What stands for a character was found by it: that proves nothing of the text.
  const put = result.with({ tags: result.tags.filter((tag) => tag !== 'verdict') })
  return derived(self, put).with({ entropy })
}

function sameText(self: Value, name: string, call: Call): Value {
  const index = name === 'charAt' || name === 'charCodeAt' ? call.args[0] : undefined
  if (index?.entropy !== undefined) return derived(self, index).with({ entropy: pickEntropy(index.entropy) })
  const sources = name === 'concat' || name === 'replace' ? [self, ...call.args] : [self]
  const inner = derived(...sources).with(mapText(self, name, call))
  const radix = call.args[0]?.primitives[0]
  const concat = name === 'concat' ? entropyOfAll([self, ...call.args]) : self.entropy
  if (concat === undefined) return inner
  const perChar = name === 'toString' ? bitsWritten(concat, radix) : undefined
  return inner.with({ entropy: { ...concat, ...(perChar === undefined ? {} : { bitsPerChar: perChar }) } })
}

/** How much a character says: of a number in so many digits, of bytes in an encoding. */
function bitsWritten({ bitsPerChar }: Entropy, how: Primitive): number | undefined {
  if (typeof how === 'number') return Math.log2(how)
  return bitsPerChar === 8 && typeof how === 'string' ? BITS_WRITTEN[how.toLowerCase()] : undefined
}

const BITS_WRITTEN: Readonly<Record<string, number>> = { hex: 4, base64: 6, base64url: 6 }

function mapText(self: Value, name: string, call: Call): Partial<Parts> {
  const texts = strings(self)
  const map = changed(name, call)
  if (map === undefined || texts.length === 0 || texts.length !== self.primitives.length) return {}
  return { primitives: texts.map(map), open: self.open }
}

/** What a method of a text makes of one that is written down. */
function changed(name: string, { args }: Call): ((text: string) => string) | undefined {
  const [first, second] = args.map(numberOf)
  const filler = args[1] === undefined ? ' ' : onlyString(args[1])
  if (name === 'toLowerCase') return (text) => text.toLowerCase()
  if (name === 'toUpperCase') return (text) => text.toUpperCase()
  if (name.startsWith('trim')) return (text) => text.trim()
  if (name === 'toString' && args.length === 0) return (text) => text
  if (first === undefined || first > MOST_PADDED) return undefined
  if (name === 'padEnd' && filler !== undefined) return (text) => text.padEnd(first, filler)
  if (name === 'padStart' && filler !== undefined) return (text) => text.padStart(first, filler)
  // Whether there is something to be cut off is not always known: what is left of an address without its brackets is.
  const isKey = first === 0 && second !== undefined && second >= SHORTEST_KEY
  return isKey && (name === 'slice' || name === 'substring') ? (text) => text.slice(0, second) : undefined
}

const SHORTEST_KEY = 16

const MOST_PADDED = 1024

/** What is left of a secret after a cut as short as this is an excerpt. */
const EXCERPT_LENGTH = 12

function cutText(self: Value, name: string, call: Call): Value {
  const cut = derived(self).with(mapText(self, name, call))
  const value = isExcerpt(call) ? withTags(cut, ['excerpt']) : cut
  if (isNameOfBasic(self, call)) return withoutCredential(value)
  if (self.entropy === undefined) return value
  const start = numberOf(call.args[0]) ?? 0
  const second = numberOf(call.args[1])
  if (second === undefined && start < 0) return value.with({ entropy: cutEntropy(self.entropy, -start) })
  if (second === undefined) return value.with({ entropy: self.entropy })
  return value.with({ entropy: cutEntropy(self.entropy, name === 'substr' ? second : second - start) })
}

function isExcerpt(call: Call): boolean {
  const start = numberOf(call.args[0]) ?? 0
  const end = numberOf(call.args[1])
  return end === undefined ? start < 0 && -start <= EXCERPT_LENGTH : end - start <= EXCERPT_LENGTH && end > 0
}

function numberOf(value: Value | undefined): number | undefined {
  const [only] = value?.primitives ?? []
  return typeof only === 'number' ? only : undefined
}

const COMPARES = new Set(['equals', 'compare', 'localeCompare'])
const IS_LISTED = new Set(['includes', 'indexOf'])

/** `note.key.includes(words)`: a field of a record that is called after one thing is a text, and is searched for a part of it. */
function isOneText(value: Value): boolean {
  const fields = tagsOf(value, 'entry').map((tag) => tag.split(':')[2] ?? '')
  return fields.length > 0 && fields.every((field) => /[^s]$/i.test(field))
}

/** `ALPHABET.includes(character)`: a text that stands in the source is no list of secrets; no other one is looked for in it. */
function isWrittenText({ primitives, objects, tags, open }: Value): boolean {
  return !open && tags.length + objects.length === 0 && primitives.every((item) => typeof item === 'string')
}

function testText(machine: Machine, self: Value, name: string, call: Call, state: State): Value {
  const answer = textTest(machine, self, name, call, state)
  return name === 'indexOf' || name === 'search' ? position(answer) : answer
}

function textTest(machine: Machine, self: Value, name: string, call: Call, state: State): Value {
  const [other = UNKNOWN] = call.args
  const subject = name === 'test' ? other : self
  const [text] = strings(other)
  if (COMPARES.has(name)) noteComparison(machine, self, other, name, call.site, state)
  // In a list of secrets one is looked for. What a text that a request brought begins with or holds is no guess at one, unless it begins with the secret itself.
  if (IS_LISTED.has(name) && !fromRequest(self) && !isOneText(self) && !isWrittenText(self))
    noteComparison(machine, self, other, name, call.site, state)
  if (name === 'startsWith' && isNamedSecret(other)) noteComparison(machine, self, other, name, call.site, state)
  if (name === 'equals') return equality(machine, self, other)
  if (namesOrigin(subject)) return originFlag(isLooselyTested(name, self, other), subject, state)
  if (name === 'includes' && namesOrigin(other)) return flag(['origin'], [], subject)
  if (namesUpgrade(subject)) return flag(UPGRADED.equal, UPGRADED.different, subject)
  if (
    hasTag(subject, 'proto') &&
    (hasTag(self, NAMES_TLS) || hasTag(other, NAMES_TLS) || text?.startsWith('https') === true)
  )
    return flag(['tls'], [], subject)
  if (hasTag(subject, 'url') && text !== undefined) return testPath(name, text, subject)
  if (hasTag(subject, 'cred') && text === undefined && name !== 'match' && name !== 'test')
    return equality(machine, self, other)
  if (name === 'startsWith' && hasTag(self, 'body'))
    return flag([...switchFacts(subject), ...groupFacts(text)], [], subject)
  return flag(name === 'includes' ? wildcardFacts(subject, text) : switchFacts(subject), [], subject)
}

/** What lets foreign hosts pass teaches nothing but that it was there. */
function originFlag(isLoose: boolean, subject: Value, state: State): Value {
  if (isLoose) state.note(LOOSELY)
  return flag(isLoose ? [] : ['origin'], [], subject)
}

function testPath(name: string, text: string, subject: Value): Value {
  if (name !== 'startsWith') return flag([`path:${name}:${text}`], [], subject)
  const { equal, different } = pathFacts('starts', text)
  return flag(equal, different, subject)
}

function splitText(machine: Machine, self: Value, call: Call): Value {
  const list = machine.allocate('array', call.site)
  const piece = self.tags.length > 0 ? derived(self) : UNKNOWN
  const item = hasWildcard(self, call.args[0]) ? piece.with({ primitives: [...piece.primitives, '*'] }) : piece
  list.elements.write(self.entropy === undefined ? item : item.with({ entropy: self.entropy }))
  if (self.entropy !== undefined && self.entropy.length === 36)
    list.property('0').write(item.with({ entropy: cutEntropy(self.entropy, 8) }))
  if (hasTag(self, 'header:authorization') && call.args[0]?.primitives[0] === ':') nameOfBasic(list, item)
  noteSplit(list, self)
  return object(list)
}

/** `(process.env.ORIGINS ?? '*').split(',')`: open to everyone by default. */
function hasWildcard(text: Value, separator: Value | undefined): boolean {
  const by = separator === undefined ? undefined : onlyString(separator)
  return by !== undefined && strings(text).some((known) => known.split(by, MOST_PIECES).some((it) => it.trim() === '*'))
}

const MOST_PIECES = 20

/** `name:password`: the name proves nothing. */
function nameOfBasic(list: HeapObject, item: Value): void {
  list.property('0').write(withoutCredential(item))
  list.property('1').write(item)
}

/** `decoded.slice(0, decoded.indexOf(':'))`: up to a place that was looked for, what Basic authentication sends is the name. */
function isNameOfBasic(self: Value, { args: [start, end] }: Call): boolean {
  if (!hasTag(self, 'header:authorization') || !hasTag(self, 'cred')) return false
  return numberOf(start) === 0 && end !== undefined && (end.open || numberOf(end) === undefined)
}

function withoutCredential(value: Value): Value {
  return value.with({ tags: value.tags.filter((tag) => tag !== 'cred') })
}

/** A list we know nothing of but its name of method: callbacks get an item with the list's origins. */
function callUnknownList(machine: Machine, self: Value, name: string, call: Call, state: State): Value | undefined {
  if (!VISITORS.has(name) || !call.args.some(isFunction)) return undefined
  const item = self.tags.length > 0 ? derived(self) : UNKNOWN
  const result = runForEach(machine, call, [item, UNKNOWN, self], state)
  if (name === 'map') return join(derived(self), result)
  if ((name === 'some' || name === 'every') && result.condition !== undefined)
    return result.with({ primitives: [true, false], objects: [], open: true })
  const found = derived(self, result)
  return name.startsWith('find') && hasTag(result, 'cred') ? withTags(found, ['verdict']) : found
}
