/** Verification of credentials: JWTs, bearer middleware, password hashes. */
import { call_ } from '../calls.ts'
import { flag } from '../conditions.ts'
import { UNDEFINED, UNKNOWN, derived, object, tagged, withTags } from '../value.ts'
import type { ExternalHandler, Model } from './model.ts'

const VERIFIED = ['auth', 'auth:verified'] as const

/** Throws on a bad token, so what follows is authenticated; with a callback, what it runs is. */
const verifyToken: ExternalHandler = (machine, call, state) => {
  state.learn([...VERIFIED])
  const payload = withTags(derived(call.args[0] ?? UNKNOWN), ['cred', 'principal'])
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  if (callback === undefined || call.args.indexOf(callback) === 0) return payload
  if (call.args.indexOf(callback) < 2) return payload
  return call_(machine, callback, { ...call, args: [UNDEFINED, payload] }, state)
}

/** Middleware that answers 401 itself and sets `req.auth`. */
const bearerMiddleware: ExternalHandler = (machine, call) =>
  object(machine.library('middleware', call.site, { facts: [...VERIFIED], principal: true }))

const comparePassword: ExternalHandler = (machine, call, state) => {
  const result = flag([...VERIFIED, 'login'], [], ...call.args)
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED, result] }, state)
  return result
}

/** Signing a token: it expires when told to. */
const signToken: ExternalHandler = (_machine, call) => ({
  ...derived(...call.args),
  tags: [...derived(...call.args).tags, 'mint', 'jwt'],
})

export const credentials: Model = {
  calls: {
    'sdk#requireBearerAuth': bearerMiddleware,
    'sdk#verifyBearerToken': verifyToken,
    'jsonwebtoken#verify': verifyToken,
    'jose#jwtVerify': verifyToken,
    'jose#jwtDecrypt': verifyToken,
    'jsonwebtoken#sign': signToken,
    'express-jwt#expressjwt': bearerMiddleware,
    'express-jwt#default': bearerMiddleware,
    'express-jwt': bearerMiddleware,
    'express-oauth2-jwt-bearer#auth': bearerMiddleware,
    'express-basic-auth': bearerMiddleware,
    'hono/bearer-auth#bearerAuth': bearerMiddleware,
    'hono/jwt#jwt': bearerMiddleware,
    'hono/basic-auth#basicAuth': bearerMiddleware,
    'koa-jwt': bearerMiddleware,
    'bcrypt#compare': comparePassword,
    'bcryptjs#compare': comparePassword,
    'bcrypt#compareSync': comparePassword,
    'bcryptjs#compareSync': comparePassword,
    'argon2#verify': comparePassword,
    'jose#decodeJwt': (_machine, call) => derived(...call.args),
    'jsonwebtoken#decode': (_machine, call) => derived(...call.args),
    'better-auth#betterAuth': (machine, call) => object(machine.library('better-auth', call.site)),
  },
  methods: {
    'better-auth': { '*': () => ({ ...tagged('cred', 'principal', 'verdict'), primitives: [null] }) },
  },
  properties: {
    'better-auth': (_machine, target) => object(target),
  },
}
