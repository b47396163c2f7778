/** Answers that name sessions nobody asked for by their ID: keys of a container, or IDs in the records of a walk through it. */
import type { State } from './state.ts'
import type { Value } from './value.ts'
import { NEVER, hasTag, storesIn, tagsOf } from './value.ts'
import { isSilent, isHandleName } from './secrets.ts'

const DEEPEST = 5
const MOST_PARTS = 200
const MOST_FIELDS = 20

/** A part of an answer: under which name, in a list or not, and the containers whose records it lies in. */
interface Told {
  readonly value: Value
  readonly name: string
  readonly listed: boolean
  readonly stores: readonly string[]
  readonly depth: number
}

/** `key:<container>` for each container whose keys are told, and `sid` where its records hold IDs of sessions. */
export function listedIn(values: readonly Value[], state: State): readonly string[] {
  const tags = new Set<string>()
  const pending: Told[] = values.map((value) => ({ value, name: '', listed: false, stores: [], depth: 0 }))
  for (let seen = 0, next = pending.pop(); next !== undefined && seen < MOST_PARTS; seen += 1, next = pending.pop()) {
    const { value, depth } = next
    // What was found by the caller is the caller's.
    if (isSilent(value) || hasTag(value, OWN) || hasTag(value, 'verdict')) continue
    for (const tag of tagsOf(value, 'key')) tags.add(tag)
    for (const tag of listedBy(value.tags)) tags.add(tag)
    const stores = [...next.stores, ...walkedThrough(value, state)]
    if (next.listed && stores.length > 0 && isSessionId(next)) for (const tag of named(value, stores)) tags.add(tag)
    if (depth < DEEPEST) pending.push(...partsOf({ ...next, stores }))
  }
  return [...tags]
}

/** The same of a text that is made of it: what it lists, whoever is given it. */
export function listingTags(values: readonly Value[], state: State): readonly string[] {
  return listedIn(values, state).map((tag) => `${LISTED}:${tag}`)
}

/** What `listingTags` said of a text: the tags that `listedIn` would give. */
export function listedBy(tags: readonly string[]): readonly string[] {
  return [...new Set(tags.filter((tag) => tag.startsWith(`${LISTED}:`)))].map((tag) => tag.slice(LISTED.length + 1))
}

const LISTED = 'listed'

/** Records that were compared with the caller before they were put in a list. */
export const OWN = 'own-entry'

/** Containers whose records are told one after another: none was looked up by what the request presented. */
function walkedThrough(value: Value, { facts }: State): readonly string[] {
  return storesIn(value).filter((store) => !facts.may.has(`looked:${store}`))
}

function isSessionId({ value, name }: Told): boolean {
  if (value.objects.length > 0) return false
  return hasTag(value, 'sid') || (hasTag(value, 'mint') && isNamedId(value, name))
}

/** `record.id`, or a field that is called after sessions. */
function isNamedId(value: Value, name: string): boolean {
  const fields = tagsOf(value, 'entry').map((tag) => tag.split(':')[2] ?? '')
  return [name, ...fields].some((field) => /^_?id$/i.test(field) || isHandleName(field))
}

function named(value: Value, stores: readonly string[]): readonly string[] {
  return [...stores.map((store) => `key:${store}`), ...(hasTag(value, 'sid') ? ['sid'] : [])]
}

function partsOf({ value, name, listed, stores, depth }: Told): readonly Told[] {
  return value.objects.flatMap((item): readonly Told[] => {
    if (item.kind !== 'object' && item.kind !== 'array') return []
    const isList = item.kind === 'array'
    const fields = [...item.properties].slice(0, MOST_FIELDS)
    const parts = fields.map(([field, cell]) => ({
      value: cell.value,
      name: isList ? name : field,
      listed: listed || isList,
      stores,
      depth: depth + 1,
    }))
    // `Object.fromEntries(sessions)`: what it is keyed by is told as well.
    const keys = item.key === NEVER ? [] : [{ value: item.key, name, listed: true, stores, depth: depth + 1 }]
    if (!isList) return [...parts, ...keys]
    return [...parts, { value: item.item, name, listed: true, stores, depth: depth + 1 }]
  })
}
