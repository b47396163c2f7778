/** Middleware that authenticates by whatever a program gives it to ask, and answers those whom that does not know. */
import type { Call } from '../calls.ts'
import type { Machine } from '../machine.ts'
import { noteSecret } from '../secrets.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { isOn, optionOf } from './routing.ts'
import type { Asking } from './verifiers.ts'
import { BEARER, OFFERED, asking, askingForAccess } from './verifiers.ts'

/** Middleware that answers 401 itself and sets `req.auth`, once it has asked whatever it was given to ask. */
export function authenticating(machine: Machine, { site }: Call, run?: Asking, ...facts: readonly string[]): Value {
  return object(machine.library('middleware', site, { facts: [...VERIFIED, ...facts], principal: true, run }))
}

/** `requireBearerAuth({ verifier })`: it looks at the expiry that the verifier tells, and at the resource where it is told one. */
const bearerByVerifier: ExternalHandler = (machine, call, state) => {
  const verifier = optionOf(call.args[0], 'verifier') ?? optionOf(call.args[0], 'provider')
  const compares = optionOf(call.args[0], 'expectedResource') !== undefined
  const run = askingForAccess(machine, verifier, call, state, compares)
  return authenticating(machine, call, run, 'auth:expiring')
}

/** `mcpAuth.bearerAuth(verify)` of mcp-auth, or `'jwt'` and what it has to say. */
const bearerOfMcpAuth: MethodHandler = (machine, _target, call) => {
  const [asks = UNKNOWN] = call.args
  const verifier = { asks, args: [BEARER], refuses: 'by-throwing', expiry: 'expiresAt' } as const
  return authenticating(machine, call, asking(machine, verifier, call.site), 'auth:expiring')
}

/** `bearerAuth({ token })` and `bearerAuth({ verifyToken })` of Hono. */
const bearerOfHono: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  noteSecret(machine, 'the token that callers are known by', optionOf(options, 'token'), call.site, state)
  const context = object(machine.library('hono-context', call.site))
  const asks = optionOf(options, 'verifyToken') ?? UNDEFINED
  return authenticating(
    machine,
    call,
    asking(machine, { asks, args: [BEARER, context], request: context, refuses: 'by-answer' }, call.site),
  )
}

/** `basicAuth({ verifyUser })` of Hono. */
const basicOfHono: ExternalHandler = (machine, call) => {
  const context = object(machine.library('hono-context', call.site))
  const asks = optionOf(call.args[0], 'verifyUser') ?? UNDEFINED
  const args = [OFFERED, OFFERED, context]
  return authenticating(
    machine,
    call,
    asking(machine, { asks, args, request: context, refuses: 'by-answer' }, call.site),
  )
}

/** `basicAuth({ authorizer })` of express-basic-auth; it is told a callback where `authorizeAsync` is set. */
const basicOfExpress: ExternalHandler = (machine, call) => {
  const [options] = call.args
  const refuses = isOn(options, 'authorizeAsync') ? 'by-callback' : 'by-answer'
  const asks = optionOf(options, 'authorizer') ?? UNDEFINED
  return authenticating(machine, call, asking(machine, { asks, args: [OFFERED, OFFERED], refuses }, call.site))
}

/** `register(bearerAuth, { auth(key, request) })` of Fastify; a plugin is told the app first. */
const bearerOfFastify: ExternalHandler = (machine, call) => {
  const request = object(machine.library('fastify-request', call.site))
  const asks = optionOf(call.args[1], 'auth') ?? UNDEFINED
  return authenticating(
    machine,
    call,
    asking(machine, { asks, args: [BEARER, request], request, refuses: 'by-answer' }, call.site),
  )
}

/** `register(basicAuth, { validate(username, password, request, reply, done) })`: `app.basicAuth` is to be put before routes. */
const basicOfFastify: ExternalHandler = (machine, call) => {
  const [app = UNKNOWN, options] = call.args
  const asks = optionOf(options, 'validate') ?? UNDEFINED
  const request = object(machine.library('fastify-request', call.site))
  const args = [OFFERED, OFFERED, request, object(machine.library('response', call.site))]
  const run = asking(machine, { asks, args, request, refuses: 'by-callback' }, call.site)
  for (const item of app.objects) item.property('basicAuth').write(authenticating(machine, call, run))
  return UNKNOWN
}

/** `basicAuth(request)` of basic-auth: name and password that were sent. */
const sentByBasic: ExternalHandler = () => BEARER.with({ primitives: [undefined] })

export const authenticators: Model = {
  calls: {
    'sdk#requireBearerAuth': bearerByVerifier,
    'hono/bearer-auth#bearerAuth': bearerOfHono,
    'hono/basic-auth#basicAuth': basicOfHono,
    'express-basic-auth': basicOfExpress,
    '@fastify/bearer-auth': bearerOfFastify,
    '@fastify/basic-auth': basicOfFastify,
    'basic-auth': sentByBasic,
  },
  constructors: { 'mcp-auth#MCPAuth': (machine, call) => object(machine.library('mcp-auth', call.site)) },
  methods: { 'mcp-auth': { bearerAuth: bearerOfMcpAuth, '*': () => UNKNOWN } },
}
