/** Lists that hold nothing unless a setting brings it: as the program is shipped, nothing is compared with them. */
import type { HeapObject } from './heap.ts'
import type { Machine } from './machine.ts'
import { UNSET, type Value } from './value.ts'

/** The settings that have to be there for a list to be more than the pieces of an empty text, and for it to be filled. */
const pieces = new WeakMap<HeapObject, readonly string[]>()
const filled = new WeakMap<HeapObject, readonly string[]>()

/** `(process.env.HOSTS ?? '').split(',')`: one empty text by default. */
export function noteSplit(list: HeapObject, { primitives, objects, tags }: Value): void {
  if (objects.length > 0 || !primitives.includes('') || primitives.some(Boolean)) return
  const settings = settingsOf(tags)
  if (settings !== undefined) pieces.set(list, settings)
}

/** `.filter(Boolean)`: what leaves out anything leaves out the empty text. */
export function noteFiltered(shown: HeapObject, list: HeapObject): void {
  const settings = pieces.get(list) ?? filled.get(list)
  if (settings !== undefined) filled.set(shown, settings)
}

/** `.map((text) => text.trim())`: as many as before. */
export function noteMapped(shown: HeapObject, list: HeapObject): void {
  for (const kind of [pieces, filled]) {
    const settings = kind.get(list)
    if (settings !== undefined) kind.set(shown, settings)
  }
}

/** Whether it is a list, and one of nothing where nobody has set what fills it. */
export function isEmptyUnlessSet(machine: Machine, { objects }: Value): boolean {
  const lists = objects.filter(({ kind }) => kind === 'array')
  if (lists.some((list) => isLeftEmpty(machine, filled.get(list)))) return true
  // `HOSTS ? HOSTS.split(',') : []`
  return lists.some(isBare) && lists.some((list) => isLeftEmpty(machine, settingsOf(list.item.tags)))
}

function isLeftEmpty({ requiredEnv }: Machine, settings: readonly string[] | undefined): boolean {
  return settings !== undefined && !settings.every((name) => requiredEnv.has(name))
}

/** It holds nothing. */
export function isBare({ kind, properties, item }: HeapObject): boolean {
  const isNothing = item.primitives.length === 0 && !item.open && item.objects.length === 0
  return kind === 'array' && properties.size === 0 && isNothing
}

/** The settings that it comes from, where it comes from nothing else; `was-`: with a default. */
function settingsOf(tags: readonly string[]): readonly string[] | undefined {
  const settings = tags.filter((tag) => /^(?:was-)?(?:env|opt):/.test(tag))
  if (settings.length === 0 || tags.some((tag) => tag !== UNSET && !settings.includes(tag))) return undefined
  return settings.map((tag) => tag.replace(/^was-/, ''))
}
