/** Verification of credentials: JWTs, bearer middleware, password hashes. */
import type { Call } from '../calls.ts'
import { mayNameNobody, noteVerified } from '../audiences.ts'
import { call_ } from '../calls.ts'
import { flag, fromRequest, isSentByBrowsers } from '../conditions.ts'
import type { Machine } from '../machine.ts'
import type { HeapObject } from '../heap.ts'
import { isAnyText, noteSecret, noteUrlCredential, noteUrlProof, signedFacts } from '../secrets.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, derived, object, strings, tagged, withTags, hasTag } from '../value.ts'
import { authenticating } from './authenticators.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { isOn, optionOf } from './routing.ts'

/** Throws on a bad token, so what follows is authenticated; with a callback, what it runs is. */
export const verifyToken: ExternalHandler = (machine, call, state) => {
  state.learn([...VERIFIED, ...(isOn(call.args[2], 'ignoreExpiration') ? [] : ['auth:expiring'])])
  machine.emit('expiring-auth', call.site, state, {})
  if (isSentByBrowsers(call.args[0] ?? UNKNOWN)) state.learn(['auth:cookie'])
  noteUrlProof(machine, call.args[0] ?? UNKNOWN, call.site, state)
  noteKey(machine, call, state, 'the key that tokens are verified with')
  noteCheck(machine, call, state)
  if (fromRequest(call.args[0] ?? UNKNOWN)) {
    const options = call.args.slice(2).filter((arg) => !arg.objects.some((item) => item.kind === 'function'))
    noteAudience(machine, options, call, state)
  }
  const payload = withTags(derived(call.args[0] ?? UNKNOWN), ['cred', 'principal'])
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  const signed = signedFacts(call.args[0] ?? UNKNOWN).filter((fact) => !state.holds(fact))
  state.learn(signed)
  if (callback === undefined || call.args.indexOf(callback) < 2) return payload
  const result = call_(machine, callback, { ...call, args: [UNDEFINED, payload] }, state)
  // What stands behind the call runs for a token that was refused as well.
  for (const fact of signed) state.forget(fact)
  return result
}

/** Of what a request brought; or of whatever a function is given that nobody here is seen to call. */
function noteCheck(machine: Machine, { args, site }: Call, state: State): void {
  const [value = UNKNOWN, , options] = args
  if (!fromRequest(value) && (machine.context.trigger !== 'startup' || !isAnyText(value))) return
  const limits = ['maxTokenAge', 'maxAge'].some((name) => optionOf(options, name) !== undefined)
  machine.emit('token-check', site, state, { value, limits, ignores: isOn(options, 'ignoreExpiration') })
}

/** Options that cannot be seen are given the benefit of the doubt. */
function noteAudience(machine: Machine, options: readonly Value[], call: Call, state: State): void {
  const isUnseen = (value: Value): boolean =>
    (value.open && value.objects.length === 0) || value.objects.some((item) => item.partial || item.kind === 'external')
  const isNamed = options.some(
    (value) => isUnseen(value) || (value.objects.length > 0 && value.objects.every(hasAudience)),
  )
  const named = isNamed && !(call.argSites[2] !== undefined && mayNameNobody(machine, call.argSites[2]))
  const written = named ? undefined : options.flatMap(({ objects }) => objects).find((item) => !hasAudience(item))?.site
  noteVerified(machine, call.site, state, { named, written })
}

/**
 * Options that are made in several ways name it in each: `strict ? { ...common, audience } : common` does not. What somebody
 * else gives may be missing as well: whether that was asked for, the text tells.
 */
function hasAudience({ properties }: HeapObject): boolean {
  const value = properties.get('audience')?.value
  return (
    value !== undefined && (value.open || value.primitives.every((item) => item !== undefined) || hasTag(value, 'env'))
  )
}

/** Middleware that verifies the tokens of an issuer elsewhere. */
const issuedElsewhere: ExternalHandler = (machine, call, state, path) => {
  noteAudience(machine, call.args.slice(0, 1), call, state)
  noteFinder(machine, optionOf(call.args[0], 'getToken'), call, state)
  return tokenMiddleware(machine, call, state, path)
}

/** A function that finds the token in a request: where it looks is where tokens travel. */
export function noteFinder(machine: Machine, finder: Value | undefined, call: Call, state: State): void {
  if (finder === undefined) return
  const args = [object(machine.library('request', call.site))]
  state.aside((fork) => {
    const found = call_(machine, finder, { ...call, args, argSites: [], self: UNDEFINED }, fork)
    if (hasTag(found, 'query')) machine.emit('url-credential', call.site, fork, { value: withTags(found, ['cred']) })
  })
}

/** The second argument, where it is a key and no function that finds one. */
function noteKey(machine: Machine, call: Call, state: State, what: string): void {
  noteSecret(machine, what, call.args[1], call.argSites[1] ?? call.site, state)
}

/** Tokens that have expired are refused. */
const tokenMiddleware: ExternalHandler = (machine, call, state) => {
  noteSecret(machine, 'the key that tokens are verified with', optionOf(call.args[0], 'secret'), call.site, state)
  return authenticating(machine, call, undefined, 'auth:expiring')
}

const comparePassword: ExternalHandler = (machine, call, state) => {
  for (const arg of call.args) noteUrlCredential(machine, arg, call.site, state)
  const result = flag([...VERIFIED, 'login'], [], ...call.args)
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED, result] }, state)
  return result
}

/** `jwt.sign(payload, secret, { expiresIn })`: it expires when told to. */
export const signToken: ExternalHandler = (machine, call, state) => {
  const [claims = UNKNOWN, , options] = call.args
  noteKey(machine, call, state, 'the key that tokens are signed with')
  noteToken(machine, call, state, claims, saysOption(options, 'expiresIn'))
  return tokenOf(...call.args)
}

/** `sign(payload, secret)` of hono/jwt: the payload alone says when it ends. */
const signPayload: ExternalHandler = (machine, call, state) => {
  noteKey(machine, call, state, 'the key that tokens are signed with')
  noteToken(machine, call, state, call.args[0] ?? UNKNOWN, false)
  return tokenOf(...call.args)
}

/** What a token says of itself, unproven: its claims are no secret, and everybody can write them. */
export function decodeToken(_machine: Machine, call: Call): Value {
  return withTags(derived(...call.args), ['decoded'])
}

function tokenOf(...sources: readonly Value[]): Value {
  return withTags(derived(...sources), ['mint', 'jwt'])
}

/** Whether an option is set; undefined where that cannot be known. */
function saysOption(options: Value | undefined, name: string): boolean | undefined {
  if (options === undefined) return false
  if (optionOf(options, name) !== undefined) return true
  return options.open || options.objects.length === 0 || options.objects.some((item) => item.partial)
    ? undefined
    : false
}

function noteToken(machine: Machine, call: Call, state: State, claims: Value, told: boolean | undefined): void {
  const claimed = saysOption(claims, 'exp')
  const expires = told === true || claimed === true ? true : told === false && claimed === false ? false : undefined
  machine.emit('token', call.site, state, { expires, ofUser: tellsUser(call, claims) })
}

/** Claims that say who somebody is, of what is signed for no other party and no single use. */
function tellsUser({ site: { file, start, end } }: Call, claims: Value): boolean {
  if (ONE_USE.test(file.text.slice(Math.max(0, start - 120), end)) || optionOf(claims, 'aud') !== undefined)
    return false
  return claims.objects.some(
    (item) => item.kind === 'object' && [...item.properties.keys()].some((name) => USER.test(name)),
  )
}

const USER = /^(?:sub|_?id|uid|(?:user|account|member|customer)(?:_?(?:id|name))?|e-?mail|login|role)$/i
const ONE_USE =
  /reset|verif(?:y_?e?mail|ication)|confirm|invit|magic|unsubscribe|activat|download|one.?time|otp|assertion|github|apple|private_?key|service_?account/i

/** `new SignJWT(claims).setExpirationTime(…).sign(key)` */
const tokenBuilder: ExternalHandler = (machine, call) =>
  object(machine.library('token-builder', call.site, { claims: call.args[0] ?? UNKNOWN }))

const setExpiration: MethodHandler = (_machine, target) => {
  target.data['expires'] = true
  return object(target)
}

const signBuilt: MethodHandler = (machine, target, call, state) => {
  const claims = target.data['claims'] as Value
  noteSecret(machine, 'the key that tokens are signed with', call.args[0], call.argSites[0] ?? call.site, state)
  noteToken(machine, { ...call, site: target.site }, state, claims, target.data['expires'] === true)
  return tokenOf(claims)
}

/** `ExtractJwt.fromUrlQueryParameter('token')`: where tokens are looked for. */
const fromQuery: ExternalHandler = (machine, call, state) => {
  const [name = 'token'] = strings(call.args[0] ?? UNKNOWN)
  machine.emit('url-credential', call.site, state, { value: tagged(`query:${name.toLowerCase()}`, 'cred') })
  return UNKNOWN
}

export const credentials: Model = {
  calls: {
    'passport-jwt#ExtractJwt.fromUrlQueryParameter': fromQuery,
    '@nestjs/passport#PassportStrategy': (_machine, call) => call.args[0] ?? UNKNOWN,
    'sdk#verifyBearerToken': verifyToken,
    'jsonwebtoken#verify': verifyToken,
    'jose#jwtVerify': verifyToken,
    'jose#jwtDecrypt': verifyToken,
    'jsonwebtoken#sign': signToken,
    'hono/jwt#sign': signPayload,
    'hono/jwt#verify': verifyToken,
    'express-jwt#expressjwt': issuedElsewhere,
    'express-jwt#default': issuedElsewhere,
    'express-jwt': issuedElsewhere,
    'express-oauth2-jwt-bearer#auth': issuedElsewhere,
    'hono/jwt#jwt': tokenMiddleware,
    'koa-jwt': issuedElsewhere,
    'bcrypt#compare': comparePassword,
    'bcryptjs#compare': comparePassword,
    'bcrypt#compareSync': comparePassword,
    'bcryptjs#compareSync': comparePassword,
    'argon2#verify': comparePassword,
    'jose#decodeJwt': decodeToken,
    'jose#decodeProtectedHeader': decodeToken,
    'jsonwebtoken#decode': decodeToken,
    'jwt-decode#jwtDecode': decodeToken,
    'jwt-decode#default': decodeToken,
    'jwt-decode': decodeToken,
    'hono/jwt#decode': decodeToken,
    'sdk#createRequestStateCodec': (machine, call, state) => {
      noteSecret(machine, 'the key that seals requestState', optionOf(call.args[0], 'key'), call.site, state)
      return object(machine.library('request-state-codec', call.site, { bind: optionOf(call.args[0], 'bind') }))
    },
    'cookie-parser': (machine, call, state) => {
      noteSecret(machine, 'the secret that cookies are signed with', call.args[0], call.argSites[0] ?? call.site, state)
      return object(machine.library('middleware', call.site, { facts: [] }))
    },
  },
  constructors: {
    'jose#SignJWT': tokenBuilder,
    'jose#EncryptJWT': tokenBuilder,
  },
  methods: {
    'token-builder': {
      setExpirationTime: setExpiration,
      sign: signBuilt,
      encrypt: signBuilt,
      '*': (_machine, target) => object(target),
    },
    'better-auth': { '*': () => tagged('cred', 'principal', 'verdict').with({ primitives: [null] }) },
  },
  properties: {
    'better-auth': (_machine, target) => object(target),
  },
}
