/** Pieces of the path of a request, which no route names: what they are is told by the variable they are put into, or by use. */
import { requestTags } from './conditions.ts'
import { isCredentialName, partTags } from './models/requests.ts'
import { isHandleName } from './secrets.ts'
import type { Value } from './value.ts'
import { withTags } from './value.ts'

/** Of a piece that has no name yet. */
export const SEGMENT = 'param:/'

/** `url.pathname.split('/')`, `path.match(/…/)`: what is cut out of the path that a request came by. */
export function segmentsIn(source: Value, cut: Value): Value {
  if (!source.tags.includes('url')) return cut
  for (const { kind, elements } of cut.objects)
    if (kind === 'array') elements.value = withTags(elements.value, [SEGMENT])
  return cut.objects.length > 0 ? cut : withTags(cut, [SEGMENT])
}

/** `const [, tenant, token] = path.split('/')`: a piece that is called a credential, or the handle of a session, is one. */
export function namedSegment(name: string, value: Value): Value {
  if (value.objects.length > 0 || !value.tags.includes(SEGMENT) || value.tags.some((tag) => PROCESSED.has(tag)))
    return value
  // `bucket.get(key)`: what is called just a key names an entry as often.
  if (/^key$/i.test(name) || (!isCredentialName(name) && !isHandleName(name))) return value
  const tags = value.tags.flatMap((tag) => (tag === SEGMENT ? partTags('param', name) : [tag]))
  return value.with({ tags: [...new Set(tags)] })
}

/** A piece of the path is looked for by its digest: nobody keeps the digest of what is no secret. */
export function isHashedSegment(key: Value): boolean {
  const isOfPath = requestTags(key).every((tag) => tag === 'url' || tag.startsWith('param:'))
  return isOfPath && key.tags.includes(SEGMENT) && key.tags.includes('hash') && !key.tags.includes('found')
}

/** What was made of a piece, or found by it, is no longer the piece. */
const PROCESSED: ReadonlySet<string> = new Set(['hash', 'mac', 'found', 'made', 'verdict', 'excerpt'])
