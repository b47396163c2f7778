import type { CookieFact, ServerFacts } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { quoted } from '../../fix/code.ts'
import { placeOf, type Ground } from '../../fix/fix.ts'
import { followed, returned } from '../../fix/follow.ts'
import { objectIn, setProperties } from '../../fix/objects.ts'
import type { Call, FileSyntax, ObjectLiteral, Span } from '../../syntax/syntax.ts'

/** Sets the attributes that are missing where the cookie is set. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const place = placeOf(finding, syntax)
  const fact = facts.cookies.find(({ at }) => finding.location && isSamePlace(at, finding.location))
  const call = place?.file.shapeOf(place.span)
  if (place === undefined || fact === undefined || call?.kind !== 'call') return undefined
  const change = changeFor(place.file, call, fact.missing)
  if (change === undefined) return undefined
  const isSafe = !change.overrules && (!fact.missing.includes('Secure') || change.isAuto || !isServedPlainly(facts))
  return {
    title: `Set ${fact.missing.join(', ')} on the cookie`,
    kind: isSafe ? 'safe' : 'unsafe',
    edits: change.edits,
  }
}

interface Change {
  readonly edits: readonly Edit[]
  /** What somebody wrote is replaced. */
  readonly overrules: boolean
  /** Secure follows the connection. */
  readonly isAuto: boolean
}

type Flags = Readonly<Record<string, string>>

/** With Secure, browsers keep a cookie from plain HTTP, except on the machine itself. */
function isServedPlainly({ listeners }: ServerFacts): boolean {
  return listeners.some(({ reach, tls, tlsEnforced }) => reach !== 'loopback' && !tls && !tlsEnforced)
}

function changeFor(file: FileSyntax, call: Call, missing: CookieFact['missing']): Change | undefined {
  const method = /\w+$/.exec(call.callee)?.[0] ?? ''
  if (/^(?:setHeader|append|header)$/.test(method)) return changeOfText(file, call.arguments[1], missing)
  const session = sessionOptions(file, call)
  if (session !== undefined) return changeOfSession(file, session, missing)
  if (!/^(?:cookie|setCookie|set)$/.test(method)) return undefined
  const isHono = call.callee === 'setCookie'
  return changeOfCall(file, call, isHono ? 3 : 2, flagsFor(file, missing, isHono ? 'Lax' : 'lax'))
}

/** The options are the argument at an index, or still missing there. */
function changeOfCall(file: FileSyntax, { arguments: given }: Call, index: number, flags: Flags): Change | undefined {
  const end = given.at(-1)?.end
  const options = given[index]
  if (options !== undefined) return changeOfObject(file, followed(file, options), flags)
  if (given.length !== index || end === undefined) return undefined
  return { edits: [{ path: file.path, start: end, end, text: `, ${literal(flags)}` }], overrules: false, isAuto: false }
}

function changeOfObject(file: FileSyntax, object: ReturnType<typeof followed>, flags: Flags): Change | undefined {
  if (object?.kind !== 'object') return undefined
  const overrules = object.properties.some(({ name }) => name !== undefined && name in flags)
  return { edits: setProperties(file, object, flags), overrules, isAuto: false }
}

/** `session({ cookie: … })`, or the options of a plugin's registration. */
function sessionOptions(file: FileSyntax, { arguments: given }: Call): ObjectLiteral | undefined {
  return given
    .map((span) => followed(file, span))
    .filter((shape) => shape?.kind === 'object')
    .find(({ properties }) => properties.some(({ name }) => name === 'secret' || name === 'cookie'))
}

/** `auto` sets Secure where the connection is: over plain HTTP such a session would get no cookie at all. */
function changeOfSession(file: FileSyntax, options: ObjectLiteral, missing: CookieFact['missing']): Change | undefined {
  const flags = {
    ...flagsFor(file, missing, 'lax'),
    ...(missing.includes('Secure') && { secure: quoted('auto', file.style) }),
  }
  const cookie = options.properties.find(({ name }) => name === 'cookie')
  if (cookie === undefined && options.isOpen) return undefined
  const change =
    cookie === undefined
      ? { edits: setProperties(file, options, { cookie: literal(flags) }), overrules: false }
      : changeOfObject(file, objectIn(file, cookie) ?? followed(file, cookie.value), flags)
  return change && { ...change, isAuto: true }
}

function flagsFor({ style }: FileSyntax, missing: CookieFact['missing'], lax: string): Flags {
  return {
    ...(missing.includes('HttpOnly') && { httpOnly: 'true' }),
    ...(missing.includes('Secure') && { secure: 'true' }),
    ...(missing.includes('SameSite') && { sameSite: quoted(lax, style) }),
  }
}

function literal(flags: Flags): string {
  const list = Object.entries(flags).map(([name, value]) => `${name}: ${value}`)
  return `{ ${list.join(', ')} }`
}

/** `Set-Cookie` as a text: attributes go to its end. */
function changeOfText(file: FileSyntax, span: Span | undefined, missing: CookieFact['missing']): Change | undefined {
  const shape = span && followed(file, returned(file, span) ?? span)
  if (shape?.kind !== 'template' && shape?.kind !== 'text') return undefined
  const end = shape.end - 1
  const text = missing.map((name) => (name === 'SameSite' ? '; SameSite=Lax' : `; ${name}`)).join('')
  return {
    edits: [{ path: file.path, start: end, end, text }],
    overrules: /samesite/i.test(file.textOf(shape)),
    isAuto: false,
  }
}
