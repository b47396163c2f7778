/** Functions in the cloud: handlers that a platform calls with an event, or with a request, and no server to be seen. */
import type { Call } from '../calls.ts'
import type { LibraryObject } from '../heap.ts'
import { isFunction } from '../heap.ts'
import type { Flavour, Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { NEVER, UNKNOWN, object, onlyString, tagged } from '../value.ts'
import { isLogout, nameBefore } from '../logouts.ts'
import { noteAnswer, noteHeaders, noteOwnHeader, noteStatus } from './http.ts'
import type { ExternalHandler, Model } from './model.ts'
import { bag, keep, requestPart } from './requests.ts'
import { isApp, isHandler, mountOn, optionOf, registerRoute, textsIn } from './routing.ts'

/** What the gateway before a function hands it: the request as a plain object. */
const EVENT_PARTS: ReadonlyMap<string, string> = new Map([
  ['multiValueHeaders', 'headers'],
  ['queryStringParameters', 'query'],
  ['multiValueQueryStringParameters', 'query'],
  ['pathParameters', 'params'],
  ['rawPath', 'path'],
  ['httpMethod', 'method'],
])

/** `return { statusCode, headers, body }`: the object is the answer. */
export function noteEventAnswer(machine: Machine, given: Value, call: Call, state: State): void {
  noteStatus(state, optionOf(given, 'statusCode'))
  for (const name of ['headers', 'multiValueHeaders']) noteHeaders(machine, optionOf(given, name) ?? NEVER, call, state)
  const cookies = optionOf(given, 'cookies')
  if (cookies !== undefined) noteOwnHeader(machine, 'set-cookie', cookies, call, state)
  noteAnswer(machine, { ...call, args: [given] }, state)
}

function serves(flavour: Flavour): ExternalHandler {
  return (machine, call, state) => {
    const app = machine.library('http-server', call.site, { tls: true })
    const name = nameBefore(call.site)
    const path = isLogout(name) ? `/${name}` : '*'
    for (const given of call.args) register(machine, app, given, { verb: '*', path, flavour }, call, state)
    return object(app)
  }
}

function register(
  machine: Machine,
  app: LibraryObject,
  given: Value,
  route: { readonly verb: string; readonly path: string; readonly flavour: Flavour },
  call: Call,
  state: State,
): void {
  const mounted = isApp(given)
  if (mounted !== undefined) mountOn(machine, app, mounted, '/', [], state)
  else if (isHandler(given)) registerRoute(machine, app, { ...route, handlers: [given], layer: false }, call, state)
}

/** `app.http(name, { methods, handler })`. */
const azureFunction: ExternalHandler = (machine, call, state) => {
  const app = machine.library('http-server', call.site, { tls: true })
  const handler = optionOf(call.args[1], 'handler') ?? UNKNOWN
  for (const verb of verbsOf(optionOf(call.args[1], 'methods')))
    register(
      machine,
      app,
      handler,
      { verb, path: `/${onlyString(call.args[0] ?? UNKNOWN) ?? '*'}`, flavour: 'fetch' },
      call,
      state,
    )
  return UNKNOWN
}

function verbsOf(methods: Value | undefined): readonly string[] {
  const named = (methods?.objects ?? []).flatMap(textsIn)
  return named.length === 0 ? ['*'] : named.map((name) => name.toUpperCase())
}

/** A wrapper gives the function that it was given. */
const wrapped: ExternalHandler = (_machine, call) => {
  const [handler = UNKNOWN] = call.args
  return isFunction(handler) ? handler : UNKNOWN
}

const FIREBASE = ['https', 'v1', 'v1/https', 'v2', 'v2/https'].map((part) => `firebase-functions/${part}`)

export const functions: Model = {
  calls: {
    ...Object.fromEntries(
      ['firebase-functions', ...FIREBASE].flatMap((path) => [
        [`${path}#onRequest`, serves('express')],
        [`${path}#https.onRequest`, serves('express')],
      ]),
    ),
    '@google-cloud/functions-framework#http': serves('express'),
    '@azure/functions#app.http': azureFunction,
    'global:awslambda#streamifyResponse': wrapped,
    '@middy/core': wrapped,
  },
  properties: {
    'lambda-event': (machine, target, name, key, site) => {
      if (name === 'requestContext') return keep(target, name, () => machine.library('lambda-context', site))
      if (name === 'body') return bag(machine, 'body', site).with({ primitives: [undefined] })
      const part = requestPart(machine, EVENT_PARTS.get(name ?? '') ?? name, key, site)
      return part ?? UNKNOWN.with({ primitives: [undefined] })
    },
    'lambda-context': (machine, target, name, _key, site) => {
      if (name === 'http') return keep(target, name, () => machine.library('lambda-event', site))
      if (name === 'authorizer') return tagged('cred', 'principal', 'verdict').with({ primitives: [undefined] })
      return UNKNOWN.with({ primitives: [undefined] })
    },
  },
}
