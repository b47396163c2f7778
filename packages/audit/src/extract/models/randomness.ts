/** Where unpredictability comes from: generators, clocks, counters, digests of guessable things. */
import type { Call } from '../calls.ts'
import { invoke } from '../invoke.ts'
import { MILLISECONDS } from '../clock.ts'
import type { Entropy, EntropySource } from '../entropy.ts'
import { concatEntropy, soundBits } from '../entropy.ts'
import type { LibraryObject } from '../heap.ts'
import { FunctionObject, siteKey } from '../heap.ts'
import type { Value } from '../value.ts'
import {
  UNDEFINED,
  UNKNOWN,
  derived,
  isDrawn,
  object,
  onlyString,
  primitive,
  strings,
  tagged,
  withTags,
} from '../value.ts'
import { noteSecret } from '../secrets.ts'
import type { ExternalHandler, Model } from './model.ts'
import { entropyOfAll, entropyOfDigest } from './surroundings.ts'
import { optionOf } from './routing.ts'
import { sizeOf } from './typed-arrays.ts'

const UUID_V4_BITS = 122
const MATH_RANDOM_BITS = 52
/** A clock narrows a guess to the seconds around the creation; 48 bits is what its digits could hold at most. */
const CLOCK_BITS = 42

function source(call: Pick<Call, 'site'>, kind: EntropySource['kind'], label: string, bits: number): Entropy {
  return { sources: [{ kind, label, bits, site: call.site }] }
}

function random(entropy: Entropy, ...tags: string[]): Value {
  return tagged('mint', ...tags).with({ entropy, filled: true })
}

const uuid: ExternalHandler = (_machine, call) =>
  random({ ...source(call, 'csprng', 'a random UUID (version 4)', UUID_V4_BITS), bitsPerChar: 4, length: 36 })

/** Of the workflows of Temporal: a generator with a seed in a workflow, Math.random outside of one. */
const uuidOfWorkflow: ExternalHandler = (_machine, call) =>
  random({
    ...source(
      call,
      'math-random',
      'a UUID of Math.random, whose state can be recovered from a few outputs',
      MATH_RANDOM_BITS,
    ),
    bitsPerChar: 4,
    length: 36,
  })

const uuidByTime: ExternalHandler = (_machine, call, _state, path) =>
  random(source(call, 'clock', `a time-based UUID (${path.split('#').at(-1)})`, path.endsWith('v7') ? 74 : 14))

const uuidByName: ExternalHandler = (_machine, call) => random(source(call, 'guessable', 'a UUID made from a name', 0))

/** A second of the clock, a number that the process has drawn once, and a counter: who has one ID knows the rest of the next. */
export const objectId: ExternalHandler = (_machine, call) =>
  call.args.length > 0
    ? derived(...call.args)
    : random(source(call, 'clock', 'an ObjectId (the time in seconds, and a counter)', 56), 'counter')

const OBJECT_IDS = ['bson#ObjectId', 'mongodb#ObjectId', 'mongoose#Types.ObjectId', 'mongoose#mongo.ObjectId']

const bytes: ExternalHandler = (_machine, call) => {
  const size = call.args[0]?.primitives[0]
  return typeof size === 'number' ? bytesOf(call, size, BITS_PER_BYTE) : bytesOf(call, 32, BITS_PER_BYTE)
}

const BITS_PER_BYTE = 8

/** So many items of so many bits: whatever is made of them has no more. */
function bytesOf({ site }: Pick<Call, 'site'>, count: number, bitsPerItem: number): Value {
  const bits = count * bitsPerItem
  const label = `${bits / BITS_PER_BYTE} random bytes`
  const sources = [{ kind: 'csprng', label, bits, site, total: true }] as const
  return random({ sources, bitsPerChar: bitsPerItem, length: count })
}

/** Fills the list that it is given, and gives it back. */
const filled: ExternalHandler = (_machine, call) => {
  const lists = call.args[0]?.objects.filter(({ kind }) => kind === 'array') ?? []
  const [size] = lists.flatMap((list) => sizeOf(list) ?? [])
  const each =
    size === undefined
      ? random({ ...source(call, 'csprng', 'random bytes', 128), bitsPerChar: BITS_PER_BYTE })
      : bytesOf(call, size.count, size.bits)
  for (const list of lists) list.elements.write(each)
  return lists.length === 0 ? each : object(...lists)
}

/** `Math.floor(x)` and the like: no less predictable than what they are given. */
const arithmetic: ExternalHandler = (_machine, call) => {
  const entropy = call.args.reduce<Entropy | undefined>((sum, arg) => concatEntropy(sum, arg.entropy), undefined)
  return derived(...call.args).with({ entropy })
}

const ARITHMETIC = ['floor', 'ceil', 'round', 'trunc', 'abs', 'min', 'max', 'pow', 'sign', 'log2']

const nanoid: ExternalHandler = (_machine, call) => {
  const size = call.args.at(-1)?.primitives[0]
  const length = typeof size === 'number' ? size : 21
  return random({ ...source(call, 'csprng', `a nanoid of ${length} characters`, length * 6), bitsPerChar: 6, length })
}

const randomInt: ExternalHandler = (_machine, call) => {
  const bounds = call.args.map((arg) => arg.primitives[0]).filter((item): item is number => typeof item === 'number')
  const span = bounds.length === 2 ? bounds[1]! - bounds[0]! : (bounds[0] ?? 2 ** 32)
  return random(source(call, 'csprng', `a random number below ${span}`, Math.log2(Math.max(2, span))))
}

const mathRandom: ExternalHandler = (_machine, call) =>
  tagged('mint').with({
    entropy: {
      ...source(call, 'math-random', 'Math.random, whose state can be recovered from a few outputs', MATH_RANDOM_BITS),
      bitsPerChar: 3.2,
    },
  })

const clock: ExternalHandler = (_machine, call) =>
  tagged('clock').with({ entropy: source(call, 'clock', 'a millisecond clock', CLOCK_BITS) })

/** Since 1970, as times are kept. */
const timeOfDay: ExternalHandler = (machine, call, state, path) =>
  withTags(clock(machine, call, state, path), [MILLISECONDS])

/** A digest is as hard to guess as what went in. */
function digest(call: Call): Value {
  const entropy = isDrawn(call.self)
    ? entropyOfAll([call.self, ...call.args])
    : entropyOfDigest(call.args, call.argSites[0] ?? call.site)
  const value = withTags(derived(call.self, ...call.args), ['hash'])
  return entropy === undefined ? value : value.with({ entropy })
}

/** Libraries whose one function, or whose functions, give a digest of what they are given. */
const DIGESTS = [
  'md5',
  'md5#default',
  'blueimp-md5',
  'blueimp-md5#default',
  'md5-hex',
  'sha1',
  'sha1#default',
  'sha256',
  'js-md5',
  'js-md5#md5',
  'js-sha1#sha1',
  'js-sha256#sha256',
  'js-sha512#sha512',
  'object-hash',
  'object-hash#default',
  'ts-md5#Md5.hashStr',
  ...['MD5', 'SHA1', 'SHA256', 'SHA512', 'SHA3'].flatMap((name) => [
    `crypto-js#${name}`,
    `crypto-js/${name.toLowerCase()}`,
  ]),
]

const HASHES = /^(?:hex_?)?(?:md5|sha\d*|hash)(?:hash|hex|sum)?$/i

/** A hash that the program computes by itself: its result is as hard to guess as what it was given. */
export function ownDigest(name: string | undefined, args: readonly Value[], result: Value): Value {
  if (name === undefined || result.entropy !== undefined || !HASHES.test(name)) return result
  const entropy = entropyOfAll(args)
  return entropy === undefined ? result : withTags(derived(result, ...args), ['hash']).with({ entropy })
}

const createHash: ExternalHandler = (machine, call, state, path) => {
  const isMac = path.endsWith('createHmac')
  if (isMac) noteSecret(machine, 'the key of a MAC', call.args[1], call.argSites[1] ?? call.site, state)
  const key = call.argSites[1] ?? call.site
  const tags = isMac ? ['mac', `keyed:${siteKey(key)}`] : ['hash']
  const hash = machine.library('hash', call.site, { tags, parts: [], beside: call.args.slice(1) })
  hash.elements.write(derived(...call.args.slice(1)))
  return object(hash)
}

/** `new Bun.CryptoHasher('sha256', key)`: with a key, a MAC. */
const bunHasher: ExternalHandler = (machine, call, state, path) =>
  createHash(machine, call, state, call.args.length > 1 ? 'createHmac' : path)

/** A MAC of a counter or a time is as hard to guess as its key, where the source does not say that. */
function underKey({ data, site }: LibraryObject, entropy: Entropy | undefined): Entropy | undefined {
  const [key] = data['beside'] as readonly Value[]
  const isMac = (data['tags'] as readonly string[]).includes('mac')
  if (!isMac || entropy === undefined || soundBits(entropy) > 0 || key === undefined) return entropy
  const isUnseen = key.entropy === undefined && key.tags.length > 0 && !strings(key).some(Boolean)
  return isUnseen ? concatEntropy(entropy, source({ site }, 'csprng', 'the key of a MAC', 128)) : entropy
}

const cipher: ExternalHandler = (machine, call, state) => {
  noteSecret(machine, 'the key of a cipher', call.args[1], call.argSites[1] ?? call.site, state)
  return tagged()
}

/** What was sealed under what everybody knows may still be read, to be sealed anew. */
const decipher: ExternalHandler = (machine, call, state) => {
  const [, key] = call.args
  const isOld = key?.entropy?.sources.some(({ kind }) => kind === 'process') === true
  return isOld ? tagged() : cipher(machine, call, state, '')
}

/** `subtle.importKey('raw', bytes, 'HMAC', …)`: a key that signs or seals, however it is used. */
const importKey: ExternalHandler = (machine, call, state) => {
  const [format = UNKNOWN, key, algorithm = UNKNOWN] = call.args
  const name = onlyString(optionOf(algorithm, 'name') ?? algorithm) ?? ''
  const what = /^hmac$/i.test(name) ? 'the key of a MAC' : /^aes-/i.test(name) ? 'the key of a cipher' : undefined
  if (what !== undefined && onlyString(format) === 'raw')
    noteSecret(machine, what, key, call.argSites[1] ?? call.site, state)
  const isPassword = /^(?:pbkdf2|hkdf)$/i.test(name) && key !== undefined
  return isPassword ? key : derived(...call.args.slice(1, 2))
}

/** `subtle.deriveKey({ name: 'PBKDF2' }, password, { name: 'AES-GCM' }, …)` */
const deriveKey: ExternalHandler = (machine, call, state) => {
  const [, password, algorithm = UNKNOWN] = call.args
  const name = onlyString(optionOf(algorithm, 'name') ?? algorithm) ?? ''
  const what = /^hmac$/i.test(name) ? 'the key of a MAC' : 'the key of a cipher'
  noteSecret(machine, what, password, call.argSites[1] ?? call.site, state)
  return derived(...call.args.slice(1, 2))
}

/** A key made from a password is as hard to guess as the password. */
const stretched: ExternalHandler = (_machine, call) => call.args[0] ?? tagged()

/** The same, given to whoever waits for it, or to be awaited. */
const stretchedLater =
  (place: number): ExternalHandler =>
  (machine, call, state) => {
    const key = call.args[place] ?? tagged()
    for (const target of call.args.at(-1)?.objects ?? [])
      if (target instanceof FunctionObject)
        state.perhaps((fork) => invoke(machine, target, UNDEFINED, [primitive(null), key], fork))
    return key
  }

function updateHash(target: LibraryObject, call: Call): void {
  const parts = [...(target.data['parts'] as readonly Value[]), ...call.args.slice(0, 1)]
  target.data['parts'] = parts
  const entropy = entropyOfDigest(parts, call.argSites[0] ?? call.site, target.data['beside'] as readonly Value[])
  const value = derived(target.item, ...call.args)
  target.elements.value = entropy === undefined ? value : value.with({ entropy })
}

export const randomness: Model = {
  calls: {
    'node:crypto#randomUUID': uuid,
    'uuid#v4': uuid,
    '@temporalio/workflow#uuid4': uuidOfWorkflow,
    'uuid#v1': uuidByTime,
    'uuid#v6': uuidByTime,
    'uuid#v7': uuidByTime,
    'uuid#v3': uuidByName,
    'uuid#v5': uuidByName,
    'uuid/v4': uuid,
    'uuid/v1': uuidByTime,
    'node:crypto#randomBytes': bytes,
    'node:crypto#pseudoRandomBytes': bytes,
    'node:crypto#getRandomValues': filled,
    'node:crypto#randomFillSync': filled,
    'node:crypto#randomInt': randomInt,
    nanoid,
    'nanoid#nanoid': nanoid,
    'nanoid/non-secure#nanoid': mathRandom,
    'nanoid#customAlphabet': (machine, call) => {
      const [alphabet] = strings(call.args[0] ?? tagged())
      const size = call.args[1]?.primitives[0]
      const generator = machine.library('nanoid', call.site, {
        perChar: Math.log2(alphabet?.length ?? 32),
        size: typeof size === 'number' ? size : 21,
      })
      return object(generator)
    },
    '@paralleldrive/cuid2#createId': (_machine, call) => random(source(call, 'csprng', 'a cuid2', 124)),
    'ulid#ulid': (_machine, call) => random(source(call, 'csprng', 'a ULID (80 random bits)', 80)),
    'shortid#generate': mathRandom,
    ...Object.fromEntries(ARITHMETIC.map((name) => [`global:Math#${name}`, arithmetic])),
    'global:Math#random': mathRandom,
    'global:Date#now': timeOfDay,
    'global:performance#now': clock,
    'node:perf_hooks#performance.now': clock,
    'global:process#hrtime': clock,
    'global:process#hrtime.bigint': clock,
    'node:crypto#createHash': createHash,
    'node:crypto#createHmac': createHash,
    'node:crypto#subtle.importKey': importKey,
    'node:crypto#subtle.deriveKey': deriveKey,
    'node:crypto#subtle.deriveBits': (_machine, call) => call.args[1] ?? tagged(),
    'node:crypto#createCipheriv': cipher,
    'node:crypto#createDecipheriv': decipher,
    'crypto-js#AES.encrypt': cipher,
    'crypto-js/aes#encrypt': cipher,
    'node:crypto#scryptSync': stretched,
    'node:crypto#pbkdf2Sync': stretched,
    'node:crypto#hkdfSync': (_machine, call) => call.args[1] ?? tagged(),
    'node:crypto#scrypt': stretchedLater(0),
    'node:crypto#pbkdf2': stretchedLater(0),
    'node:crypto#hkdf': stretchedLater(1),
    'node:crypto#createSecretKey': stretched,
    ...Object.fromEntries(DIGESTS.map((path) => [path, ((_machine, call) => digest(call)) satisfies ExternalHandler])),
    'node:crypto#hash': (_machine, call) => digest(call),
    'node:crypto#subtle.digest': (_machine, call) => digest(call),
  },
  constructors: {
    ...Object.fromEntries(OBJECT_IDS.map((path) => [path, objectId])),
    'global:Bun#CryptoHasher': bunHasher,
    'global:Date': (_machine, call) =>
      call.args.length === 0 ? timeOfDay(_machine, call, undefined as never, '') : derived(...call.args),
  },
  methods: {
    hash: {
      update: (_machine, target, call) => {
        updateHash(target, call)
        return object(target)
      },
      digest: (_machine, target) => {
        const { value } = target.elements
        const entropy = underKey(target, value.entropy)
        return withTags(derived(value), target.data['tags'] as readonly string[]).with({ entropy })
      },
    },
    nanoid: {
      '()': (_machine, target, call) => {
        const size = call.args[0]?.primitives[0] ?? target.data['size']
        const bits = Number(size) * Number(target.data['perChar'])
        return random({
          ...source(call, 'csprng', `a nanoid of ${String(size)} characters`, bits),
          bitsPerChar: Number(target.data['perChar']),
        })
      },
    },
  },
}
