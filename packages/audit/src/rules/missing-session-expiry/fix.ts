import type { StoreFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { codeIn } from '../../fix/code.ts'
import { placeOf, type Ground, type Place } from '../../fix/fix.ts'
import { followed } from '../../fix/follow.ts'
import { endOfLine } from '../../fix/lines.ts'
import { objectIn, setProperties } from '../../fix/objects.ts'
import { sweepingFix } from '../../fix/sweep.ts'
import type { Call, FileSyntax, ObjectLiteral } from '../../syntax/syntax.ts'

/**
 * Ends tokens after an hour; sessions of express-session half an hour after their last use, and four hours after their
 * first; those of the SDK's transports by a sweep.
 */
export function fix(finding: Finding, ground: Ground): Fix | undefined {
  const { facts, syntax } = ground
  const isHere = ({ at }: { readonly at: Finding['location'] }): boolean =>
    at !== undefined && finding.location !== undefined && isSamePlace(at, finding.location)
  const [kept] = finding.trace
  const store = facts.stores.find(({ at }) => kept?.location && isSamePlace(at, kept.location))
  if (store?.holds === 'streamable' || store?.holds === 'sse') return sweepingFix(store, ground)
  const place = placeOf(finding, syntax)
  const call = place?.file.shapeOf(place.span)
  if (place === undefined || call?.kind !== 'call') return undefined
  if (facts.tokens.some(isHere)) return endingToken(place.file, call)
  return store?.kind === 'web-session' ? endingSession(place, call, store) : undefined
}

function endingToken(file: FileSyntax, call: Call): Fix | undefined {
  const edits = joseToken(file, call) ?? jsonwebtoken(file, call) ?? honoToken(file, call)
  return edits && { title: 'Let the token expire after an hour', kind: 'unsafe', edits }
}

/** `new SignJWT(…).….sign(key)` */
function joseToken(file: FileSyntax, made: Call): readonly Edit[] | undefined {
  if (!made.isNew || !made.callee.endsWith('SignJWT')) return undefined
  const signed = file
    .calls()
    .map(({ calleeSpan }) => file.shapeOf(calleeSpan))
    .find((callee) => callee?.kind === 'member' && callee.name === 'sign' && callee.object.start === made.start)
  if (signed?.kind !== 'member') return undefined
  const start = signed.object.end
  const lineBreak = /^\s*\n/.test(file.text.slice(start, signed.end))
    ? file.style.newline + file.indentAt(signed.end)
    : ''
  return [{ path: file.path, start, end: start, text: `${lineBreak}${codeIn(file.style)`.setExpirationTime('1h')`}` }]
}

/** `jwt.sign(payload, key, { expiresIn })` */
function jsonwebtoken(file: FileSyntax, call: Call): readonly Edit[] | undefined {
  if (!isOf(file, call, 'jsonwebtoken')) return undefined
  const [payload, key, options] = call.arguments
  const hour = codeIn(file.style)`'1h'`
  const given = options && followed(file, options)
  if (given?.kind === 'object') return setProperties(file, given, { expiresIn: hour })
  if (payload === undefined || key === undefined || options !== undefined || file.shapeOf(payload)?.kind !== 'object')
    return undefined
  return [{ path: file.path, start: key.end, end: key.end, text: `, { expiresIn: ${hour} }` }]
}

/** `sign({ …, exp }, key)` of hono/jwt */
function honoToken(file: FileSyntax, call: Call): readonly Edit[] | undefined {
  const [payload] = isOf(file, call, 'hono/jwt') ? call.arguments : []
  const claims = payload && followed(file, payload)
  return claims?.kind === 'object'
    ? setProperties(file, claims, { exp: 'Math.floor(Date.now() / 1000) + 3600' })
    : undefined
}

function isOf(file: FileSyntax, { callee }: Call, module: string): boolean {
  const [root] = callee.split('.')
  return file.imports.some(
    (each) =>
      each.module === module &&
      (each.whole === root || each.namespace === root || each.names.some(({ local }) => local === root)),
  )
}

function endingSession({ file }: Place, call: Call, { limits }: StoreFact): Fix | undefined {
  const options = call.arguments[0] && followed(file, call.arguments[0])
  if (!isOf(file, call, 'express-session') || options?.kind !== 'object' || options.isOpen) return undefined
  const has = (kind: 'idle' | 'absolute'): boolean => limits.some((limit) => limit.kind === kind && !limit.optional)
  const idle = has('idle') ? [] : idleTimeout(file, options)
  const absolute = has('absolute') ? [] : absoluteTimeout(file, call)
  if (idle === undefined || absolute === undefined) return undefined
  return {
    title: 'End sessions 30 minutes after their last use and 4 hours after their first',
    kind: 'unsafe',
    edits: [...idle, ...absolute],
  }
}

/** The cookie's age is that of the session in the store; `rolling` renews it with every answer. */
function idleTimeout(file: FileSyntax, options: ObjectLiteral): readonly Edit[] | undefined {
  const cookie = options.properties.find(({ name }) => name === 'cookie')
  const rolling = { rolling: 'true' }
  if (cookie === undefined) return setProperties(file, options, { ...rolling, cookie: '{ maxAge: 30 * 60 * 1000 }' })
  const own = objectIn(file, cookie)
  if (own === undefined) return undefined
  return [...setProperties(file, own, { maxAge: '30 * 60 * 1000' }), ...setProperties(file, options, rolling)]
}

/** After `app.use(session(…))`. */
function absoluteTimeout(file: FileSyntax, call: Call): readonly Edit[] | undefined {
  const use = file.callAround(call)
  const statement = use && file.statementAround(use)
  if (use === undefined || statement?.start !== use.start || !use.callee.endsWith('.use')) return undefined
  const own = file.isTypeScript ? ' as typeof req.session & { openedAt?: number }' : ''
  const end = endOfLine(file, statement.end)
  const text = codeIn(file.style, file.indentAt(statement.start))`
// However much it is used, a session ends four hours after it was opened.
${use.callee}((req, res, next) => {
  const session = req.session${own};
  const openedAt = (session.openedAt ??= Date.now());
  if (Date.now() - openedAt < 4 * 60 * 60 * 1000) next();
  else session.destroy(() => res.status(401).end());
});`
  return [{ path: file.path, start: end, end, text }]
}
