/** Libraries that write cookies: into a text for a `Set-Cookie` header, or from a script in a page. */
import type { Call } from '../calls.ts'
import { noteCookieCleared } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, derived, hasTag, object, withTags } from '../value.ts'
import { SERIALISED, cookieIn, noteCookie } from './cookies.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, part } from './requests.ts'
import { optionOf } from './routing.ts'

/** `serialize(name, value, options)`: the text carries its attributes from here on. */
const serialize: ExternalHandler = (machine, call, state) => {
  noteCookie(machine, cookieIn(call), 'cookie', call.site, state)
  return withTags(derived(...call.args.slice(0, 2)), [SERIALISED])
}

const setByScript: ExternalHandler = (machine, call, state) => setFrom(machine, call, 0, state)

/** `setCookie(context, name, value, options)`: without a request it is a script's, with one a server's. */
const setInContext: ExternalHandler = (machine, call, state) => {
  noteCookie(machine, cookieIn(call, 1), 'cookie', call.site, state)
  return UNDEFINED
}

function setFrom(machine: Machine, call: Call, from: number, state: State): Value {
  noteCookie(machine, cookieIn(call, from), 'script', call.site, state)
  return UNDEFINED
}

const setMethod: MethodHandler = (machine, target, call, state) => {
  noteCookie(machine, cookieIn(call), String(target.data['library']), call.site, state)
  return object(target)
}

/** `response.cookies.set(name, value, options)` of Next.js, or one object with all of it. */
const setOnAnswer: MethodHandler = (machine, target, call, state) => {
  const [first] = call.args
  const named = optionOf(first, 'name')
  const write =
    named === undefined
      ? cookieIn(call)
      : { name: named, value: optionOf(first, 'value'), options: first, named: undefined }
  noteCookie(machine, write, 'cookie', call.site, state)
  return object(target)
}

/** Objects that set cookies: on the answer that they were made with, or in the page. */
function jar(library: string): ExternalHandler {
  return (machine, call) => object(machine.library('cookie-jar', call.site, { library }))
}

/** Libraries for scripts, whose `set` takes name, value and options. */
const SCRIPT_LIBRARIES = ['js-cookie', 'es-cookie', 'browser-cookies', 'tiny-cookie', 'cookies-js', 'typescript-cookie']

/** `parse(request.headers.cookie)`: cookies by their names. */
const parseCookies: ExternalHandler = (machine, call) => {
  const [text = UNKNOWN] = call.args
  return hasTag(text, 'header:cookie') ? bag(machine, 'cookie', call.site) : derived(text)
}

const PARSERS = ['cookie', 'cookie-es', 'es-cookie'].flatMap((from) =>
  ['parse', 'parseCookie', 'default.parse'].map((name) => `${from}#${name}`),
)

/** `setCookie(headers, { name, value, httpOnly })` of Deno's library: with all of it in one object. */
const setInHeaders: ExternalHandler = (machine, call, state) => {
  const [, cookie] = call.args
  const value = optionOf(cookie, 'value')
  noteCookie(
    machine,
    { name: optionOf(cookie, 'name'), value, options: cookie, named: undefined },
    'cookie',
    call.site,
    state,
  )
  machine.emit('handle-out', call.site, state, { value: value ?? UNKNOWN })
  return UNDEFINED
}

const deleteFromHeaders: ExternalHandler = (machine, call, state) => {
  noteCookieCleared(machine, call.args[1], call.argSites[1], call.site, state)
  return UNDEFINED
}

/** Of `jsr:@std/http`, whole or by its part for cookies. */
const OF_DENO: Readonly<Record<string, ExternalHandler>> = {
  getCookies: (machine, call) => bag(machine, 'cookie', call.site),
  setCookie: setInHeaders,
  deleteCookie: deleteFromHeaders,
}

export const cookieWriters: Model = {
  calls: {
    ...Object.fromEntries(
      ['@std/http', '@std/http/cookie'].flatMap((from) =>
        Object.entries(OF_DENO).map(([name, handler]) => [`${from}#${name}`, handler]),
      ),
    ),
    ...Object.fromEntries(PARSERS.map((path) => [path, parseCookies])),
    'cookie#serialize': serialize,
    'cookie-es#serialize': serialize,
    'nookies#setCookie': setInContext,
    'nookies#set': setInContext,
    'typescript-cookie#setCookie': setByScript,
    'tiny-cookie#setCookie': setByScript,
    ...Object.fromEntries(SCRIPT_LIBRARIES.map((name) => [`${name}#set`, setByScript])),
    cookies: jar('cookies'),
  },
  constructors: {
    cookies: jar('cookies'),
    'universal-cookie': jar('script'),
    'universal-cookie#Cookies': jar('script'),
  },
  methods: {
    'cookie-jar': {
      set: setMethod,
      get: (_machine, target, call) =>
        target.data['library'] === 'script' ? UNKNOWN : part('cookie', call.args[0] ?? UNKNOWN),
      '*': () => UNKNOWN,
    },
    'answer-cookies': {
      set: setOnAnswer,
      delete: (machine, _target, call, state) => {
        noteCookieCleared(machine, call.args[0], call.argSites[0], call.site, state)
        return UNKNOWN
      },
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'fetch-response': (machine, _target, name, _key, site) =>
      name === 'cookies' || name === 'headers'
        ? object(machine.library(name === 'cookies' ? 'answer-cookies' : 'plain-headers', site))
        : UNKNOWN,
  },
}
