/** What a request gives: each part tagged with where it came from. */
import type { LibraryObject, Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { derived, hasTag, object, strings, tagged, truthiness, withTags } from '../value.ts'

const CREDENTIAL_NAME =
  /authorization$|token|api-?_?key|secret|passw|credential|bearer|jwt|access-?_?key|(?:^|[-_])auth(?:[-_]|$)|(?:^|[-_.])(?:key|pass|pwd|pin|otp)$|passcode|passphrase/i
/**
 * Sessions are not credentials, tokens of language models are counted (`max_tokens`, `tokensUsed`), those of progress and pages
 * name a place, a key may name an entry, and a `token_type_hint`, a `key_id` or a `token_url` is a word about one.
 */
const NOT_CREDENTIAL =
  /session|csrf|xsrf|(?:progress|page|next|continuation|sync)[-_]?token$|(?:idempotency|sort|primary|partition|public|cache|foreign|issue|project|object|group|lookup|dedupe)[-_.]key$|(?:type|hint|method|endpoint)$|(?:keys?|tokens?|secret|password|jwt|credentials?|auth)[-_]?(?:ids?|names?|ur[li]s?|address|symbol|estimate|expir\w*|ttl|version|status|path|file|dir)$|(?:max|min|num|total|in|out|prompt|input|output|completion|budget|cache\w*|reasoning|thinking|context)_?tokens|tokens?_?(?:gte?|lte?|min|max|used|usage|counts?|limit|budget)$/i
const PROTOCOL_HEADERS = new Set([
  'x-forwarded-proto',
  'x-forwarded-protocol',
  'x-forwarded-ssl',
  'forwarded',
  'x-url-scheme',
])

/** Whether what is called so is a credential. */
export function isCredentialName(name: string): boolean {
  return CREDENTIAL_NAME.test(name) && !NOT_CREDENTIAL.test(name)
}

/** Tags of a named part of the request. `*` is a name that is not written down. */
export function partTags(origin: string, name: string): readonly string[] {
  const key = name.toLowerCase()
  if (origin === 'header' && PROTOCOL_HEADERS.has(key)) return ['proto']
  if (origin === 'header' && key === 'host') return ['host']
  if (origin === 'header' && key === 'origin') return ['origin']
  if (origin === 'none') return []
  const tags = origin === 'body' ? [bodyTag(key)] : [`${origin}:${key}`]
  const isCredential =
    isCredentialName(key) || `${origin}:${key}` === 'header:sec-websocket-protocol' || isAuthorizationCode(origin, key)
  return isCredential ? [...tags, 'cred'] : tags
}

/** What a body calls the ID of a session keeps that name; all else of a body is just that. */
export function bodyTag(name: string): string {
  return /^(?:mcp[-_]?)?session[-_]?id$/i.test(name) ? 'body:sessionid' : 'body'
}

/** What an authorization server sends the caller back with: whoever has it can be told by it. */
function isAuthorizationCode(origin: string, key: string): boolean {
  return origin === 'query' && key === 'code'
}

export function part(origin: string, key: Value): Value {
  const names = strings(key)
  if (names.length === 0) return tagged(...partTags(origin, '*')).with({ primitives: [undefined] })
  return tagged(...new Set(names.flatMap((name) => partTags(origin, name)))).with({ primitives: [undefined] })
}

/** A part that was copied with all the others, and is asked for by its name where they were copied to. */
export function namedPart(value: Value, name: string): Value {
  if (!value.tags.some((tag) => UNNAMED.test(tag))) return value
  const tags = value.tags.flatMap((tag) => {
    const origin = UNNAMED.exec(tag)?.[1]
    return origin === undefined ? [tag] : partTags(origin, name)
  })
  return value.with({ tags: [...new Set(tags)] })
}

const UNNAMED = /^(header|query|param|cookie):\*$/

/** A bag of named parts: headers, query, body, params, cookies. */
export function bag(machine: Machine, origin: string, site: Site): Value {
  return object(machine.library('bag', site, { origin }))
}

export function bagProperty(target: LibraryObject, key: Value): Value {
  return part(String(target.data['origin']), key)
}

/** The parts every server-side request object has, whatever the framework. */
export function requestPart(machine: Machine, name: string | undefined, key: Value, site: Site): Value | undefined {
  switch (name) {
    case 'headers':
    case 'header':
      return bag(machine, 'header', site)
    case 'query':
    case 'queries':
      return bag(machine, 'query', site)
    case 'params':
      return bag(machine, 'param', site)
    case 'body':
      return bag(machine, 'body', site)
    case 'cookies':
    case 'signedCookies':
      return bag(machine, 'cookie', site)
    case 'url':
    case 'path':
    case 'originalUrl':
    case 'baseUrl':
      return tagged('url')
    case 'querystring':
    case 'search':
    case 'rawQueryString':
      return tagged('query:*')
    case 'nextUrl':
    case '_parsedUrl':
      return object(machine.library('url', site, { source: tagged('url') }))
    case 'method':
      return tagged('method')
    case 'host':
    case 'hostname':
      return tagged('host')
    case 'protocol':
      return tagged('proto')
    case 'secure':
      return tagged('secure')
    case 'auth':
    case 'user':
    case 'userId':
    case 'authInfo':
    case 'oidc':
      return tagged('cred', 'principal', 'verdict').with({ primitives: [undefined] })
    case undefined:
      return derived(key)
    default:
      return undefined
  }
}

/** Known where code behind middleware that cannot be seen has asked who the caller is. */
export const CALLER_ASKED = 'caller-asked'

const CALLERS: ReadonlySet<string> = new Set(['auth', 'user', 'userId', 'authInfo', 'oidc'])
/** Where frameworks, and the SDK, look for who the caller is. */
export function isCallerPart(name: string): boolean {
  return CALLERS.has(name)
}

const CALLER_NAME = /auth|user|claim|principal|identity|account|caller|subject/i

/** `req.auth = context`: whether a credential has been verified wherever somebody is put there. */
export function noteCallerWritten({ type, data }: LibraryObject, name: string, value: Value, state: State): void {
  if (!type.endsWith('request') || !CALLERS.has(name) || !truthiness(value).canBeTrue) return
  data[`verified:${name}`] = data[`verified:${name}`] !== false && (state.holds('auth') || hasTag(value, 'verdict'))
}

/** Who finds somebody there is told who the caller is, whatever that is told by. */
export function callerOn({ data }: LibraryObject, name: string, value: Value): Value {
  return CALLERS.has(name) && data[`verified:${name}`] === true
    ? withTags(value, ['cred', 'principal', 'verdict'])
    : value
}

/** Handlers that ask who the caller is, behind middleware that cannot be seen: that middleware finds it out. */
export function noteCallerRead(target: LibraryObject, name: string | undefined, state: State): void {
  if (name === undefined || !state.facts.may.has('opaque-middleware')) return
  if (target.type === 'locals' ? CALLER_NAME.test(name) : CALLERS.has(name)) state.note(CALLER_ASKED)
}

/** A part of a library object that is made once and stays: `ctx.state`, `res.locals`. */
export function keep(target: LibraryObject, name: string, make: () => LibraryObject): Value {
  const cell = target.property(`.${name}`)
  if (cell.value.objects.length === 0) cell.write(object(make()))
  return cell.value
}
