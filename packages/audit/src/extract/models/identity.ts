/**
 * Services that keep the accounts, and the libraries that ask them: Auth.js, Clerk, Firebase, Google, Cognito, Okta,
 * Auth0, Stytch, Descope, WorkOS and their like. Each verifies a credential and either throws, or gives nobody.
 */
import type { Call } from '../calls.ts'
import { isSentByBrowsers } from '../conditions.ts'
import type { HeapObject, Site } from '../heap.ts'
import { FunctionObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteSecret, noteUrlCredential } from '../secrets.ts'
import { noteClientUse } from '../shared.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, derived, hasTag, object, onlyString, tagged, truthiness, withTags } from '../value.ts'
import { registerRun } from './carriers.ts'
import { plain } from './express.ts'
import { noteSessions } from './login-sessions.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag } from './requests.ts'
import { optionOf } from './routing.ts'
import { asking } from './verifiers.ts'

/** Methods that throw, or reject, where the credential is not good. */
const THROWS = /^(?:verif|authenticate|validate|introspect|getTokenInfo|jwtVerify)/

/** Who is asked for: the caller, or nobody. */
function somebody(...facts: readonly string[]): Value {
  return tagged('cred', 'principal', 'verdict', ...facts).with({ primitives: [null] })
}

const service: ExternalHandler = (machine, call) => object(machine.library('identity-service', call.site))

/** `client.verifyIdToken({ idToken })`; what stands between (`client.sessions.authenticate`) is the service still. */
const askService: MethodHandler = (machine, target, call, state, name) => {
  if (THROWS.test(name)) return verified(machine, call, state)
  // Whose tokens these are the code says, with which the caller came back.
  if (/^(?:request|getAccessToken|getRequestHeaders)$/.test(name)) noteClientUse(machine, target, call.site, state)
  return name === 'getToken' ? withTags(derived(...call.args), ['cred', 'granted']) : object(target)
}

function verified(machine: Machine, call: Call, state: State): Value {
  const given = call.args.flatMap((arg) => [arg, ...held(arg)])
  state.learn([...VERIFIED, 'auth:expiring'])
  machine.emit('expiring-auth', call.site, state, {})
  if (given.some(isSentByBrowsers)) state.learn(['auth:cookie'])
  // What the caller has sent here to be let in by, or a provider gave for the code that they came back with.
  if (given.some((value) => hasTag(value, 'query') || hasTag(value, 'body'))) state.learn(['login'])
  for (const arg of given) noteUrlCredential(machine, arg, call.site, state)
  return withTags(derived(...given), ['cred', 'principal'])
}

function held(arg: Value): readonly Value[] {
  return arg.objects.flatMap((item) =>
    item.kind === 'object' ? [...item.properties.values()].map((cell) => cell.value) : [],
  )
}

const verifyOnce: ExternalHandler = (machine, call, state) => verified(machine, call, state)

/** Gives the caller of the request, or nobody: `getServerSession()`, `getAuth(req)`. */
const askForCaller: ExternalHandler = () => somebody()

/** The same, by the cookie that the browser sends with whatever asks. */
const askForBrowser: ExternalHandler = () => somebody('web-session')

/** Answers those whom it does not know itself. */
const guard: ExternalHandler = (machine, call) =>
  object(machine.library('middleware', call.site, { facts: [...VERIFIED], principal: true }))

/** Exported as middleware, not as what makes one. */
const READY_GUARDS: ReadonlySet<string> = new Set([
  '@clerk/mcp-tools/express#mcpAuthClerk',
  '@clerk/mcp-tools/hono#mcpAuthClerk',
])

export function readyGuard(machine: Machine, path: string, site: Site): HeapObject | undefined {
  if (!READY_GUARDS.has(path)) return undefined
  return machine.library('middleware', site, { facts: [...VERIFIED], principal: true })
}

/** `auth({ authRequired: false })` of express-openid-connect lets everybody pass. */
const openIdGuard: ExternalHandler = (machine, call, state, path) => {
  noteSecret(machine, 'the secret of the session cookie', optionOf(call.args[0], 'secret'), call.site, state)
  const required = optionOf(call.args[0], 'authRequired')
  const isOptional = required !== undefined && truthiness(required).canBeFalse
  return isOptional ? plain(machine, call) : guard(machine, call, state, path)
}

/** `NextAuth(options)`: `{ auth, handlers, signIn, signOut }`; `auth()` asks, `auth(handler)` wraps. */
const authJs: ExternalHandler = (machine, call, state) => {
  noteSecret(machine, 'the secret of the session cookie', optionOf(call.args[0], 'secret'), call.site, state)
  // 30 days, put off by use.
  noteSessions(machine, 'Auth.js', 'idle', call, state, keepsSessions(call.args[0]))
  return object(machine.library('auth-js', call.site))
}

/**
 * Without an adapter, or told so, Auth.js keeps no record: the cookie is a JWT, and signing out takes it back and no more,
 * unless the program does something about it then.
 */
function keepsSessions(options: Value | undefined): boolean {
  if (optionOf(optionOf(options, 'events'), 'signOut') !== undefined) return true
  const strategy = optionOf(optionOf(options, 'session'), 'strategy')
  if (strategy !== undefined) return onlyString(strategy) !== 'jwt'
  const isSeen = options?.open === false && options.objects.length > 0 && options.objects.every((item) => !item.partial)
  return !isSeen || optionOf(options, 'adapter') !== undefined
}

/** `Credentials({ authorize(credentials, request) })`: a login that the program decides itself. */
const ownLogin: ExternalHandler = (machine, call, state) => {
  const asks = optionOf(call.args[0], 'authorize') ?? UNDEFINED
  const args = [bag(machine, 'body', call.site), object(machine.library('fetch-request', call.site))]
  const run = asking(machine, { asks, args, refuses: 'by-answer' }, call.site)
  if (run === undefined) return UNKNOWN
  const app = machine.library('http-server', call.site, { tls: false })
  registerRun(machine, app, { verb: 'POST', path: '/callback/credentials', run }, call, state)
  return UNKNOWN
}

/** `auth()` gives the caller, or nobody; `auth(handler)` a handler that finds them in its request. */
const askForAuth: MethodHandler = (_machine, _target, call) => {
  const handler = call.args.find(({ objects }) => objects.some((item) => item instanceof FunctionObject))
  return handler ?? somebody('web-session')
}

export const identity: Model = {
  calls: Object.fromEntries([
    ...each(service, [
      'firebase-admin/auth#getAuth',
      'firebase-admin#auth',
      'aws-jwt-verify#CognitoJwtVerifier.create',
      'aws-jwt-verify#JwtVerifier.create',
      'aws-jwt-verify#JwtRsaVerifier.create',
      '@descope/node-sdk',
      '@descope/node-sdk#default',
    ]),
    ...each(verifyOnce, ['@clerk/backend#verifyToken', 'supertokens-node/recipe/session#getSession']),
    ...each(askForCaller, [
      '@clerk/express#getAuth',
      '@clerk/fastify#getAuth',
      '@hono/clerk-auth#getAuth',
      '@hono/oidc-auth#getAuth',
    ]),
    ...each(askForBrowser, [
      'next-auth#getServerSession',
      'next-auth/next#getServerSession',
      'next-auth#unstable_getServerSession',
      'next-auth/jwt#getToken',
      '@auth/core/jwt#getToken',
      '@auth/express#getSession',
      '@auth0/nextjs-auth0#getSession',
      '@clerk/nextjs/server#auth',
      '@clerk/nextjs/server#currentUser',
      '@clerk/nextjs/server#getAuth',
      '@workos-inc/authkit-nextjs#withAuth',
      '@kinde-oss/kinde-auth-nextjs/server#getKindeServerSession',
    ]),
    ...each(guard, [
      '@clerk/express#requireAuth',
      'express-openid-connect#requiresAuth',
      'supertokens-node/recipe/session/framework/express#verifySession',
      '@hono/oidc-auth#oidcAuthMiddleware',
    ]),
    ...each(plain, ['@clerk/express#clerkMiddleware', '@hono/clerk-auth#clerkMiddleware']),
    ['express-openid-connect#auth', openIdGuard],
    ...each(ownLogin, [
      'next-auth/providers/credentials',
      'next-auth/providers/credentials#default',
      '@auth/core/providers/credentials',
      '@auth/core/providers/credentials#default',
    ]),
    ['next-auth', authJs],
    ['next-auth#default', authJs],
  ]),
  constructors: Object.fromEntries(
    each(service, [
      'google-auth-library#OAuth2Client',
      'googleapis#google.auth.OAuth2',
      '@okta/jwt-verifier',
      '@okta/jwt-verifier#default',
      '@auth0/auth0-api-js#ApiClient',
      'stytch#Client',
      'stytch#B2BClient',
      'stytch#default.Client',
      'stytch#default.B2BClient',
    ]),
  ),
  methods: {
    'identity-service': { '*': askService },
    'auth-js': {
      '()': askForAuth,
      auth: askForAuth,
      '*': (_machine, target) => object(target),
    },
  },
  properties: {
    'identity-service': (_machine, target) => object(target),
    'auth-js': (_machine, target) => object(target),
  },
}

function each(handler: ExternalHandler, paths: readonly string[]): readonly (readonly [string, ExternalHandler])[] {
  return paths.map((path) => [path, handler] as const)
}
