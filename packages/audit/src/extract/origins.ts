/** What keeps foreign pages out, and what only looks as if it did. */
import type { Value } from './value.ts'
import { hasTag, strings } from './value.ts'

/** Known where Origin or Host was looked at in a way that lets foreign hosts pass. */
export const LOOSELY = 'origin-loosely'

/** `http://localhost`, `example.com`: the host may go on behind it. */
const OPEN_END = /^(?:(?:https?|wss?):\/\/)?(?:[a-z][\w.-]*|(?:\d{1,3}\.){3}\d{1,3})$/i
const SCHEME_ALONE = /^(?:https?|wss?):\/\/$/i

/** A test of how Origin or Host reads. Several texts are tried one by one: the loosest lets everybody in. */
export function isLooselyTested(name: string, self: Value, other: Value): boolean {
  const texts = strings(other)
  switch (name) {
    case 'startsWith':
      return texts.some((text) => OPEN_END.test(text) || SCHEME_ALONE.test(text))
    case 'endsWith':
      return texts.some((text) => OPEN_END.test(text) && text !== 'localhost')
    case 'test':
      return hasTag(self, OPEN_ENDED)
    case 'match':
      return hasTag(other, OPEN_ENDED)
    default:
      return name === 'includes' || name === 'indexOf' || name === 'search'
  }
}

const OPEN_ENDED = 'open-ended'

/** `/^https?:\/\/localhost/`: what it matches may go on. */
export function patternTags(pattern: string): readonly string[] {
  const text = pattern.replace(/^\^/, '').replaceAll('\\/', '/').replaceAll('\\.', '.').replace('https?', 'https')
  const loose = pattern.startsWith('^') && (OPEN_END.test(text) || SCHEME_ALONE.test(text)) ? [OPEN_ENDED] : []
  return /https(?!\?)/.test(pattern) ? [...loose, NAMES_TLS] : loose
}

/** A pattern that finds `https`, and not `http` as well. */
export const NAMES_TLS = 'names-tls'

/** Known where Origin is the host that was asked: enough where a browser sends along what it has for that name alone. */
export const OWN_HOST = 'own-host'

/** Origin and what a request, or a proxy before the server, says was asked. */
export function isOwnHost(a: Value, b: Value): boolean {
  const isForwarded = (value: Value): boolean => hasTag(value, 'header:x-forwarded-host')
  return namesBoth(a, b) || (hasTag(a, 'origin') && isForwarded(b)) || (hasTag(b, 'origin') && isForwarded(a))
}

/** Origin and Host of one request: where a foreign name leads here, both are that name. */
export function namesBoth(a: Value, b: Value): boolean {
  const isOrigin = (value: Value): boolean => hasTag(value, 'origin')
  const isHost = (value: Value): boolean => hasTag(value, 'host') && !hasTag(value, 'origin')
  return (isOrigin(a) && isHost(b)) || (isOrigin(b) && isHost(a))
}
