/** Cookies that a server sets: with which attributes, and what the library does where none is written. */
import type { Call } from '../calls.ts'
import type { CookieFlags, Flag } from '../events.ts'
import type { Site } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, hasTag, strings, truthiness } from '../value.ts'
import { isCredentialName } from './requests.ts'
import { optionOf } from './routing.ts'

/** What a library writes where its options say nothing. */
export const BARE: CookieFlags = { httpOnly: 'off', secure: 'off', sameSite: 'off' }
const HIDDEN: CookieFlags = { httpOnly: 'on', secure: 'off', sameSite: 'off' }
const DEFAULTS: Readonly<Record<string, CookieFlags>> = {
  'express-session': HIDDEN,
  'cookie-session': HIDDEN,
  'koa-session': HIDDEN,
  koa: HIDDEN,
  '@fastify/session': { httpOnly: 'on', secure: 'on', sameSite: 'off' },
  'iron-session': { httpOnly: 'on', secure: 'on', sameSite: 'on' },
}

/** The cookie of a session library: its attributes stand in an object of their own, or among the options. */
export function noteSessionCookie(machine: Machine, library: string, options: Value, call: Call, state: State): void {
  const own = optionOf(options, 'cookie') ?? optionOf(options, 'cookieOptions')
  const written = own ?? (library === 'cookie-session' || library === 'koa-session' ? options : UNDEFINED)
  const isUnseen = isUnknown(options) || (own !== undefined && isUnknown(own))
  if (isUnseen) return
  const defaults = DEFAULTS[library] ?? BARE
  machine.emit('cookie', call.site, state, { what: `${library} sessions`, flags: flagsOf(written, defaults) })
}

/** `res.cookie(name, value, options)` and its like, where name or value is that of a session. */
export function noteCookie(
  machine: Machine,
  [name, value, options]: readonly (Value | undefined)[],
  library: string,
  site: Site,
  state: State,
): void {
  if (name === undefined || value === undefined || !isSession(name, value) || isRemoval(value)) return
  if (options !== undefined && isUnknown(options)) return
  const title = strings(name)[0]
  machine.emit('cookie', site, state, {
    what: title === undefined ? 'a session cookie' : `the cookie ${title}`,
    flags: flagsOf(options ?? UNDEFINED, DEFAULTS[library] ?? BARE),
  })
}

/** `Set-Cookie` written as text. */
export function noteCookieText(machine: Machine, text: Value, site: Site, state: State): void {
  const known = [...strings(text), ...text.tags.filter((tag) => tag.startsWith('prefix:'))].join(';')
  const name = /(?:^|prefix:)\s*([\w.-]+)=/.exec(known)?.[1]
  const isNamed = name !== undefined && isSessionName(name)
  if (!isNamed && !isSecret(text)) return
  if (/max-age=0|expires=thu, 01 jan 1970/i.test(known) || hasTag(text, 'attr:removal')) return
  const has = (attribute: string): Flag =>
    hasTag(text, `attr:${attribute}`) || new RegExp(`;\\s*${attribute}`, 'i').test(known) ? 'on' : 'off'
  machine.emit('cookie', site, state, {
    what: name === undefined ? 'a session cookie' : `the cookie ${name}`,
    flags: { httpOnly: has('httponly'), secure: has('secure'), sameSite: has('samesite') },
  })
}

/** Attributes in a piece of text that becomes part of a longer one. */
export function attributesIn(text: string): readonly string[] {
  if (!text.includes(';')) return []
  const found = ['httponly', 'secure', 'samesite'].filter((name) => new RegExp(`;\\s*${name}`, 'i').test(text))
  const removes = /max-age=0|expires=thu, 01 jan 1970/i.test(text)
  return [...found, ...(removes ? ['removal'] : [])].map((name) => `attr:${name}`)
}

function flagsOf(options: Value, defaults: CookieFlags): CookieFlags {
  return {
    httpOnly: flagOf(optionOf(options, 'httpOnly') ?? optionOf(options, 'httponly'), defaults.httpOnly),
    secure: flagOf(optionOf(options, 'secure'), defaults.secure),
    sameSite: sameSiteOf(optionOf(options, 'sameSite') ?? optionOf(options, 'samesite'), defaults.sameSite),
  }
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

/** An empty value takes a cookie away. */
function isRemoval(value: Value): boolean {
  return (
    value.primitives.length > 0 &&
    !value.open &&
    value.primitives.every((item) => item === '' || item === null || item === undefined)
  )
}
