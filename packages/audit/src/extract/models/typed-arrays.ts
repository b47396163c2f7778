/** How many items a list of bytes or words was made with, and of how many bits each. */
import type { HeapObject } from '../heap.ts'
import type { Value } from '../value.ts'

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
