/** What whoever is on a machine knows, and often others as well: what it is called, who uses it, where a program lies. */
import { concatEntropy, isKnownToOthers, type Entropy } from '../entropy.ts'
import type { Site } from '../heap.ts'
import { ExternalObject } from '../heap.ts'
import type { Value } from '../value.ts'
import { UNKNOWN, object, strings } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'

const LABEL = 'names, numbers and paths of the machine, which others know'

/** Said of the process and of where its files lie. */
const PLACES =
  /^(?:global:(?:__dirname|__filename|import\.meta#(?:url|dirname|filename))|(?:global:process|node:process)#(?:pid|ppid|platform|arch|version|title|execPath|argv0))$/
/** Settings that a system makes, and no operator. */
const SETTINGS = /^(?:HOSTNAME|COMPUTERNAME|USER|USERNAME|LOGNAME|HOME|USERPROFILE|PWD|NODE_ENV)$/

function ofMachine(site: Site): Value {
  return UNKNOWN.with({ entropy: { sources: [{ kind: 'process', label: LABEL, bits: 0, site }] } })
}

/** `process.env.USER`: as it is set wherever the program runs. */
export function settingOfMachine(name: string, value: Value, site: Site): Value {
  return SETTINGS.test(name) ? value.with({ entropy: ofMachine(site).entropy }) : value
}

/** `process.pid`: as text, and not as an object of the platform. */
export function numberOfProcess(path: string, site: Site): Value | undefined {
  return /^(?:global:process|node:process)#p?pid$/.test(path) ? ofMachine(site) : undefined
}

/** How hard a part of a text is to guess, where anything is known of that. */
function entropyOf(part: Value): Entropy | undefined {
  if (part.entropy !== undefined) return part.entropy
  const [item] = part.objects
  if (part.objects.length === 1 && item instanceof ExternalObject && PLACES.test(item.path))
    return ofMachine(item.site).entropy
  return undefined
}

/**
 * Text of all of these, one after the other. What everybody knows tells nothing of it where another part is not known,
 * `beside` it as the key of a digest is.
 */
export function entropyOfAll(parts: readonly Value[], beside: readonly Value[] = []): Entropy | undefined {
  let all: Entropy | undefined
  for (const part of parts) all = concatEntropy(all, entropyOf(part))
  const isLost = all !== undefined && isKnownToOthers(all) && [...parts, ...beside].some(isNotKnown)
  return isLost ? undefined : all
}

/** A digest of text that stands in the source, or does where a setting is missing, is that text to whoever reads it. */
export function entropyOfDigest(
  parts: readonly Value[],
  site: Site,
  beside: readonly Value[] = [],
): Entropy | undefined {
  const all = [...parts, ...beside]
  if (all.length === 0 || !all.every(isWritten)) return entropyOfAll(parts, beside)
  const label = 'the same text every time'
  return { sources: all.flatMap(strings).map((text) => ({ kind: 'constant', label, bits: 0, site, text })) }
}

function isWritten({ objects, entropy, primitives }: Value): boolean {
  return (
    objects.length === 0 && entropy === undefined && primitives.some((item) => typeof item === 'string' && item !== '')
  )
}

function isNotKnown(part: Value): boolean {
  const entropy = entropyOf(part)
  return entropy === undefined ? part.open || part.objects.length > 0 : !isKnownToOthers(entropy)
}

/** As a key: what is put there as it stands, and not in a text. */
export function asKey(value: Value): Value {
  const entropy = entropyOf(value)
  return entropy === undefined ? value : value.with({ entropy })
}

const known: ExternalHandler = (_machine, call) => ofMachine(call.site)

const userInfo: ExternalHandler = (machine, call) => {
  const user = machine.allocate('object', call.site)
  for (const name of ['username', 'homedir', 'uid', 'gid', 'shell']) user.property(name).write(ofMachine(call.site))
  return object(user)
}

const TOLD = [
  'hostname',
  'homedir',
  'platform',
  'arch',
  'type',
  'release',
  'version',
  'machine',
  'endianness',
  'cpus',
  'networkInterfaces',
  'totalmem',
]

export const surroundings: Model = {
  calls: {
    ...Object.fromEntries(TOLD.map((name) => [`node:os#${name}`, known])),
    'node:os#userInfo': userInfo,
    'global:process#cwd': known,
    'node:process#cwd': known,
    'global:process#getuid': known,
  },
}
