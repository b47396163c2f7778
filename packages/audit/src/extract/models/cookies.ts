/** Cookies that a server sets: with which attributes, and what the library does where none is written. */
import type { Call } from '../calls.ts'
import type { CookieFlags, Flag } from '../events.ts'
import type { Cell, Site } from '../heap.ts'
import { cookieNames, noteCookieCleared } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, hasTag, joinAll, onlyString, primitive, strings, truthiness } from '../value.ts'
import { isCredentialName } from './requests.ts'
import { objectWrittenAt, optionOf } from './routing.ts'

/** What a library writes where its options say nothing. */
export const BARE: CookieFlags = { httpOnly: 'off', secure: 'off', sameSite: 'off' }
const HIDDEN: CookieFlags = { httpOnly: 'on', secure: 'off', sameSite: 'off' }
const DEFAULTS: Readonly<Record<string, CookieFlags>> = {
  'express-session': HIDDEN,
  'cookie-session': HIDDEN,
  'koa-session': HIDDEN,
  koa: HIDDEN,
  '@fastify/session': { httpOnly: 'on', secure: 'on', sameSite: 'off' },
  '@fastify/secure-session': HIDDEN,
  'iron-session': { httpOnly: 'on', secure: 'on', sameSite: 'on' },
  remix: { httpOnly: 'off', secure: 'off', sameSite: 'on' },
  cookies: HIDDEN,
  // What a framework of which we know no defaults writes.
  unseen: { httpOnly: 'on', secure: 'on', sameSite: 'on' },
  // No script can hide a cookie from scripts, and none would set what it has no use for.
  script: HIDDEN,
}

/** What a library is asked to set. */
export interface CookieWrite {
  readonly name: Value | undefined
  readonly value: Value | undefined
  readonly options: Value | undefined
  /** Where the name stands in the call: a variable is called after what it holds. */
  readonly named: Site | undefined
}

/** `set(name, value, options)`, the order that nearly every library has. */
export function cookieIn({ args, argSites }: Call, from = 0): CookieWrite {
  return { name: args[from], value: args[from + 1], options: args[from + 2], named: argSites[from] }
}

/** The cookie of a session library: its attributes stand in an object of their own, or among the options. */
export function noteSessionCookie(machine: Machine, library: string, options: Value, call: Call, state: State): void {
  const own = optionOf(options, 'cookie') ?? optionOf(options, 'cookieOptions')
  const written = own ?? (library === 'cookie-session' || library === 'koa-session' ? options : UNDEFINED)
  const isUnseen = isUnknown(options) || (own !== undefined && isUnknown(own))
  if (isUnseen) return
  const defaults = DEFAULTS[library] ?? BARE
  machine.emit('cookie', call.site, state, {
    what: `${library} sessions`,
    names: [],
    flags: flagsOf(written, defaults, state),
    written: objectWrittenAt(written, call.site),
  })
}

/**
 * `res.cookie(name, value, options)` and its like, where name or value is that of a session. `library`: whose defaults hold,
 * or these. What comes back is what it is set with, if it is one of a session.
 */
export function noteCookie(
  machine: Machine,
  { name, value, options, named }: CookieWrite,
  library: string | CookieFlags,
  site: Site,
  state: State,
): CookieFlags | undefined {
  if (name === undefined || value === undefined) return undefined
  if (isRemoval(value)) {
    noteCookieCleared(machine, name, named, site, state)
    return undefined
  }
  if (!isSession(name, value) && !isCalledSession(named)) return undefined
  if (options !== undefined && isUnknown(options)) return undefined
  const byDefault = typeof library === 'string' ? (DEFAULTS[library] ?? BARE) : library
  const flags = flagsOf(options ?? UNDEFINED, byDefault, state)
  const title = strings(name)[0]
  machine.emit('cookie', site, state, {
    what: title === undefined ? 'a session cookie' : `the cookie ${title}`,
    names: cookieNames(name, named),
    flags,
    written: objectWrittenAt(options ?? UNDEFINED, site),
  })
  return flags
}

/** `Set-Cookie` written as text, by a server or, as far as it can, by a script in a page. */
export function noteCookieText(
  machine: Machine,
  text: Value,
  site: Site,
  state: State,
  by: 'server' | 'script' = 'server',
): void {
  if (hasTag(text, SERIALISED)) return
  const known = [...strings(text), ...text.tags.filter((tag) => tag.startsWith('prefix:'))].join(';')
  const name = /(?:^|prefix:)\s*([\w.-]+)=/.exec(known)?.[1]
  const isNamed = name !== undefined && isSessionName(name)
  if (!isNamed && !isSecret(text)) return
  if (/max-age=0|expires=thu, 01 jan 1970/i.test(known) || hasTag(text, 'attr:removal'))
    return noteCookieCleared(machine, name === undefined ? undefined : primitive(name), undefined, site, state)
  const has = (attribute: string): boolean =>
    hasTag(text, `attr:${attribute}`) || new RegExp(`;\\s*${attribute}`, 'i').test(known)
  machine.emit('cookie', site, state, {
    what: name === undefined ? 'a session cookie' : `the cookie ${name}`,
    names: name === undefined ? [] : [name],
    flags: {
      httpOnly: by === 'script' || has('httponly') ? 'on' : 'off',
      secure: has('secure') ? 'on' : 'off',
      sameSite: has('samesite=none') ? 'none' : has('samesite') ? 'on' : 'off',
    },
  })
}

/** `{ 'Set-Cookie': text }`, `[['Set-Cookie', text]]`: headers of an answer, as they are written down. */
export function noteCookieHeaders(machine: Machine, headers: Value | undefined, { site }: Call, state: State): void {
  for (const given of headers?.objects ?? []) {
    if (given.kind === 'object')
      for (const [name, cell] of given.properties) noteCookieHeader(machine, name, cell.value, cell.site ?? site, state)
    if (given.kind === 'array')
      for (const { properties } of given.item.objects)
        noteCookieHeader(machine, onlyString(valueAt(properties, '0')), valueAt(properties, '1'), site, state)
  }
}

function valueAt(properties: ReadonlyMap<string, Cell>, name: string): Value {
  return properties.get(name)?.value ?? UNKNOWN
}

/** `Set-Cookie`, one or a list of them. */
export function noteCookieHeader(
  machine: Machine,
  name: string | undefined,
  value: Value,
  site: Site,
  state: State,
): void {
  if (name?.toLowerCase() !== 'set-cookie') return
  const lists = value.objects.filter((item) => item.kind === 'array')
  if (lists.length === 0) return noteCookieText(machine, value, site, state)
  for (const cell of lists.flatMap((item) => [...item.properties.values()]))
    noteCookieText(machine, cell.value, cell.site ?? site, state)
}

/** Tag of a text that a library made of a cookie: what is wrong with it is known already. */
export const SERIALISED = 'cookie-text'

/** Attributes in a piece of text that becomes part of a longer one, which it may begin with: `${isLive ? 'Secure; ' : ''}`. */
export function attributesIn(text: string): readonly string[] {
  if (!text.includes(';')) return []
  const found = ['httponly', 'secure', 'samesite=none', 'samesite'].filter((name) =>
    new RegExp(`(?:^|;)\\s*${name}\\b`, 'i').test(text),
  )
  const removes = /max-age=0|expires=thu, 01 jan 1970/i.test(text)
  return [...found, ...(removes ? ['removal'] : [])].map((name) => `attr:${name}`)
}

/** The attributes that options give a cookie. */
export function flagsOf(options: Value, defaults: CookieFlags, state: State): CookieFlags {
  const option = (name: string): Value | undefined =>
    optionOn(options, name, state) ?? optionOn(options, name.toLowerCase(), state)
  return {
    httpOnly: flagOf(option('httpOnly'), defaults.httpOnly),
    secure: flagOf(option('secure'), defaults.secure),
    sameSite: sameSiteOf(option('sameSite'), defaults.sameSite),
  }
}

export function isAttribute(name: string): name is keyof CookieFlags {
  return name === 'httpOnly' || name === 'secure' || name === 'sameSite'
}

/** What an attribute that is set by itself comes to. */
export function attributeOf(name: keyof CookieFlags, value: Value): Flag {
  return name === 'sameSite' ? sameSiteOf(value, 'off') : flagOf(value, 'off')
}

/** An option as it was last set on this path. */
function optionOn(options: Value, name: string, state: State): Value | undefined {
  const cells = options.objects.flatMap((item) => item.properties.get(name) ?? [])
  return cells.length === 0 ? undefined : joinAll(cells.map((cell) => state.read(cell)))
}

/** What may be on, as by an environment, is taken for on. */
function flagOf(value: Value | undefined, byDefault: Flag): Flag {
  if (value === undefined || isOnly(value, undefined)) return byDefault
  return truthiness(value).canBeTrue ? 'on' : 'off'
}

function sameSiteOf(value: Value | undefined, byDefault: Flag): Flag {
  if (value === undefined || isOnly(value, undefined)) return byDefault
  const names = strings(value).map((text) => text.toLowerCase())
  if (names.length > 0 && names.every((text) => text === 'none') && !value.open) return 'none'
  return truthiness(value).canBeTrue ? 'on' : 'off'
}

function isOnly(value: Value, item: undefined): boolean {
  return (
    value.primitives.length > 0 &&
    !value.open &&
    value.objects.length === 0 &&
    value.primitives.every((each) => each === item)
  )
}

/** Options that could not be followed say nothing, neither good nor bad. */
function isUnknown(options: Value): boolean {
  return (
    (options.open && options.objects.length === 0) ||
    options.objects.some((item) => item.partial || item.kind === 'external')
  )
}

function isSession(name: Value, value: Value): boolean {
  return strings(name).some(isSessionName) || isSecret(value)
}

function isSecret(value: Value): boolean {
  return (
    ['mint', 'sid', 'jwt'].some((tag) => hasTag(value, tag)) ||
    value.entropy?.sources.some(({ kind }) => kind === 'csprng') === true
  )
}

function isSessionName(name: string): boolean {
  return /sess|\bsid\b|(?:^|[._-])sid$|auth/i.test(name) || isCredentialName(name)
}

/** `AUTH_COOKIE`, `names.sessionKey`: the last name of what stands where the cookie's name does. */
function isCalledSession(named: Site | undefined): boolean {
  if (named === undefined || named.end - named.start > 200) return false
  const [name] = /^[\w$.]*?([\w$]+)$/.exec(named.file.text.slice(named.start, named.end))?.slice(1) ?? []
  return name !== undefined && isSessionName(name)
}

/** An empty value takes a cookie away. */
function isRemoval(value: Value): boolean {
  return (
    value.primitives.length > 0 &&
    !value.open &&
    value.primitives.every((item) => item === '' || item === null || item === undefined)
  )
}
