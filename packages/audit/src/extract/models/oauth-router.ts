/** The SDK's router for OAuth: what it asks of the provider that it is given, endpoint by endpoint. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { getProperty } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, primitive, tagged } from '../value.ts'
import { registerRun } from './carriers.ts'
import { noteAnswer } from './http.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag } from './requests.ts'
import { optionOf, registerRoute } from './routing.ts'
import { askingForAccess, isOwnCode } from './verifiers.ts'

interface Endpoint {
  readonly verb: string
  readonly path: string
  readonly type: string
  /** Served where the provider, or its store of clients, has one of these. */
  readonly asks: readonly string[]
  readonly of?: string
}

const ENDPOINTS: readonly Endpoint[] = [
  { verb: 'GET', path: '/authorize', type: 'oauth-authorization', asks: ['authorize'] },
  {
    verb: 'POST',
    path: '/token',
    type: 'oauth-token',
    asks: ['exchangeAuthorizationCode', 'exchangeRefreshToken'],
  },
  { verb: 'POST', path: '/register', type: 'oauth-registration', asks: ['registerClient'], of: 'clientsStore' },
  { verb: 'POST', path: '/revoke', type: 'oauth-revocation', asks: ['revokeToken'] },
]

/** `mcpAuthRouter({ provider })`: an endpoint for each thing that a provider of one's own can do. */
const authRouter: ExternalHandler = (machine, call, state) => {
  const router = machine.library('express-app', call.site)
  serve(machine, router, optionOf(call.args[0], 'provider') ?? UNDEFINED, call, state)
  return object(router)
}

/** A provider that nobody here mounts: it is asked all the same, by whoever does. */
export function serveProvider(machine: Machine, provider: Value, call: Call, state: State): void {
  const app = machine.library('http-server', call.site, { tls: false })
  serve(machine, app, provider, call, state)
  const run = askingForAccess(machine, provider, call, state)
  if (run !== undefined) registerRun(machine, app, { verb: '*', path: '*', run }, call, state)
}

function serve(machine: Machine, router: LibraryObject, provider: Value, call: Call, state: State): void {
  for (const { verb, path, type, asks, of } of ENDPOINTS) {
    const holder = of === undefined ? provider : held(machine, provider, of, call, state)
    if (!asks.some((name) => isOwnCode(held(machine, holder, name, call, state)))) continue
    const endpoint = machine.library(type, call.site, { provider: holder })
    const given = { verb, path, handlers: [object(endpoint)], layer: false, flavour: 'express' } as const
    registerRoute(machine, router, given, call, state)
  }
}

function held(machine: Machine, holder: Value, name: string, call: Call, state: State): Value {
  return state.aside((fork) => getProperty(machine, holder, primitive(name), call.site, fork))
}

/** Calls what the provider has of that name, if it has it. */
function ask(
  machine: Machine,
  { data }: LibraryObject,
  name: string,
  args: readonly Value[],
  call: Call,
  state: State,
): Value {
  const self = data['provider'] as Value
  const asked = held(machine, self, name, call, state)
  return isOwnCode(asked) ? call_(machine, asked, { ...call, args, argSites: [], self }, state) : UNKNOWN
}

/** `authorize(client, params, response)`: it sends the caller on, or answers with a page. */
const authorize: MethodHandler = (machine, target, call, state) => {
  const [, response = UNKNOWN] = call.args
  ask(machine, target, 'authorize', [UNKNOWN, bag(machine, 'query', call.site), response], call, state)
  return UNDEFINED
}

/** Codes and refresh tokens are shown once, to be exchanged: no request is served by them. */
const SHOWN = tagged('body')

/** Either grant, each as a request of its own would have it. */
const exchange: MethodHandler = (machine, target, call, state) => {
  const byCode = state.fork()
  ask(machine, target, 'challengeForAuthorizationCode', [UNKNOWN, SHOWN], call, byCode)
  byCode.dead = false
  const code = [UNKNOWN, SHOWN, tagged('body'), tagged('body'), tagged('body')]
  const ways: readonly (readonly [string, readonly Value[], State])[] = [
    ['exchangeAuthorizationCode', code, byCode],
    ['exchangeRefreshToken', [UNKNOWN, SHOWN, tagged('body'), tagged('body')], state.fork()],
  ]
  for (const [name, args, fork] of ways) {
    const tokens = ask(machine, target, name, args, call, fork)
    if (!fork.dead) noteAnswer(machine, { ...call, args: [tokens] }, fork)
  }
  return UNDEFINED
}

const registerClient: MethodHandler = (machine, target, call, state) => {
  ask(machine, target, 'registerClient', [bag(machine, 'body', call.site)], call, state)
  return UNDEFINED
}

const revokeByProvider: MethodHandler = (machine, target, call, state) => {
  const [fn] = held(machine, target.data['provider'] as Value, 'revokeToken', call, state).objects
  ask(machine, target, 'revokeToken', [UNKNOWN, bag(machine, 'body', call.site)], call, state)
  if (fn !== undefined && !state.dead) machine.emit('logged-out', fn.site, state, { how: 'provider' })
  return UNDEFINED
}

/** `new ProxyOAuthServerProvider({ verifyAccessToken })`: another server does the rest. */
const proxyProvider: ExternalHandler = (machine, call) => {
  const provider = machine.allocate('object', call.site)
  provider.partial = true
  const verify = optionOf(call.args[0], 'verifyAccessToken')
  if (verify !== undefined) provider.property('verifyAccessToken').write(verify)
  return object(provider)
}

export const oauthRouter: Model = {
  calls: { 'sdk#mcpAuthRouter': authRouter },
  constructors: { 'sdk#ProxyOAuthServerProvider': proxyProvider },
  methods: {
    'oauth-authorization': { '()': authorize },
    'oauth-token': { '()': exchange },
    'oauth-registration': { '()': registerClient },
    'oauth-revocation': { '()': revokeByProvider },
  },
}
