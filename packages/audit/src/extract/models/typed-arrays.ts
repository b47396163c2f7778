/** Lists of bytes or words: how many items one was made with, of how many bits each; and texts that are written of them. */
import type { Entropy } from '../entropy.ts'
import type { HeapObject } from '../heap.ts'
import type { Value } from '../value.ts'
import { derived, hasTag } from '../value.ts'

interface Size {
  readonly count: number
  readonly bits: number
}

const sizes = new WeakMap<HeapObject, Size>()

export function sizeOf(list: HeapObject): Size | undefined {
  return sizes.get(list)
}

/** `new Uint16Array(8)` */
export function noteSize({ objects }: Value, path: string, count: unknown): void {
  const bits = Number(/(8|16|32|64)(?:Clamped)?Array$/.exec(path)?.[1] ?? Number.NaN)
  if (typeof count !== 'number' || Number.isNaN(bits)) return
  for (const list of objects) sizes.set(list, { count, bits })
}

/** A byte or a word that a generator has drawn: to take it out of its list is not to look anything up. */
export function isDrawnByte(value: Value): boolean {
  return (value.entropy?.bitsPerChar ?? 0) >= 8 && hasTag(value, 'mint')
}

/** What is made of each byte of a list: cut to its digits, a byte is not the whole of what was drawn. */
export function madeOfEach(item: Value, made: Value): Value {
  if (made.entropy?.cap === undefined || !isDrawnByte(item)) return made
  const { cap: _, ...entropy } = made.entropy
  return made.with({ entropy })
}

/** Names of functions and packages that write bytes as text: `encodeHexLowerCase`, `bytesToHex`, `base64url#encode`. */
const WRITES =
  /(?:^|[#./_-]|encode|to)_?(hex|base_?(?:16|32|58|62|64)|b64)(?:url|lower|upper|case|no|pad|padding|string|text|from|uint8array|array|buffer|bytes|encode|[#./_-])*$/i
const BITS: Readonly<Record<string, number>> = { hex: 4, '16': 4, '32': 5, '58': 5, '62': 5, '64': 6 }

/** `encodeHex(bytes)` of a library, `bytes.toHex()`: text of what was drawn. Undefined of anything else. */
export function writtenBytes(name: string, { objects }: Value): Value | undefined {
  const [, how] = WRITES.exec(name) ?? []
  const item = objects.find(({ kind, item: each }) => kind === 'array' && isDrawnByte(each))?.item
  if (how === undefined || item === undefined) return undefined
  const entropy: Entropy = { ...item.entropy!, bitsPerChar: BITS[how.toLowerCase().replace(/^b(?:ase)?_?/, '')] ?? 6 }
  return derived(item).with({ entropy })
}
