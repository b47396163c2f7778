/** Koa, and oak, which does as Koa does: middleware one after another, and routers among it. */
import { noteBeside } from './beside.ts'
import type { Call } from '../calls.ts'
import { assume } from '../conditions.ts'
import { LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import { noteSecret } from '../secrets.ts'
import { cookieIn, noteCookie } from './cookies.ts'
import { noteCookieCleared } from '../logouts.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, tagged } from '../value.ts'
import { listen, plain } from './express.ts'
import { noteAnswer, noteStatus, setHeader } from './http.ts'
import { noteBody } from './node-streams.ts'
import { noteContentType } from '../streams.ts'
import type { MethodHandler, Model } from './model.ts'
import { keep, noteCallerRead, part, requestPart } from './requests.ts'
import { isApp, isHandler, mountOn, pathOf, registerRoute, verbOf, verbs, itself } from './routing.ts'
import { app } from './frameworks.ts'
import { redirected } from './redirects.ts'

/** A header of the answer may be set before its body or behind it. */
function koaOpened(machine: Machine, target: LibraryObject, set: () => void, call: Call, state: State): void {
  const before = state.holds('streaming')
  set()
  if (!before) noteBody(machine, (target.data['body'] as Value | undefined) ?? UNDEFINED, call, state)
}

/** `ctx.set(name, value)`, `ctx.set({ name: value })` */
const koaSet: MethodHandler = (machine, target, call, state, name) => {
  koaOpened(machine, target, () => void setHeader(machine, target, call, state, name), call, state)
  return UNDEFINED
}

/** `app.on('error', (error, ctx) => …)` */
const koaOn: MethodHandler = (machine, target, call) => {
  if (onlyString(call.args[0] ?? UNKNOWN) === 'error') noteBeside(machine, call.args[1], ['error', 'koa-context'])
  return object(target)
}

const koaUse: MethodHandler = (machine, target, call, state) => {
  for (const arg of call.args) {
    const child = isApp(arg)
    if (child !== undefined) mountOn(machine, target, child, '/', [], state)
    else if (isHandler(arg))
      registerRoute(
        machine,
        target,
        { verb: '*', path: '*', handlers: [arg], layer: true, flavour: 'koa' },
        call,
        state,
      )
  }
  return object(target)
}

const koaRoute: MethodHandler = (machine, target, call, state, name) => {
  const handlers = call.args.filter(isHandler)
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name === 'del' ? 'delete' : name),
      path: pathOf(call.args[0]),
      handlers,
      layer: false,
      flavour: 'koa',
    },
    call,
    state,
  )
  return object(target)
}

function plainMethod(machine: Machine, _target: LibraryObject, call: Call): Value {
  return object(machine.library('middleware', call.site, { facts: [] }))
}

const headerOf: MethodHandler = (_machine, _target, call) =>
  call.args.length === 0 ? UNKNOWN : part('header', call.args[0]!)

export const koa: Model = {
  calls: {
    'koa-bodyparser': plain,
    'koa-router': app('koa-router-app'),
    '@koa/router': app('koa-router-app'),
  },
  constructors: {
    koa: app('koa-app'),
    '@oak/oak#Application': app('koa-app'),
    '@oak/oak#Router': app('koa-router-app'),
    'oak#Application': app('koa-app'),
    'oak#Router': app('koa-router-app'),
    'koa-router': app('koa-router-app'),
    '@koa/router': app('koa-router-app'),
    '@koa/router#Router': app('koa-router-app'),
  },
  methods: {
    'koa-app': { use: koaUse, listen, callback: itself, on: koaOn, '*': () => UNKNOWN },
    'koa-router-app': {
      ...verbs(koaRoute),
      del: koaRoute,
      use: koaUse,
      routes: itself,
      allowedMethods: plainMethod,
      prefix: itself,
      '*': () => UNKNOWN,
    },
    'koa-context': {
      get: headerOf,
      set: koaSet,
      append: koaSet,
      redirect: redirected,
      // `ctx.assert(trusted.has(origin), 403)` throws where that is not so.
      assert: (machine, _target, call, state) => {
        if (call.args[0] !== undefined) assume(machine, state, call.args[0])
        return UNDEFINED
      },
      throw: (_machine, _target, call, state) => {
        noteStatus(state, call.args[0])
        state.dead = true
        return UNKNOWN
      },
      '*': () => UNKNOWN,
    },
    'koa-cookies': {
      get: (_machine, _target, call) => part('cookie', call.args[0] ?? UNKNOWN),
      set: (machine, target, call, state) => {
        noteCookie(machine, cookieIn(call), 'koa', call.site, state)
        return object(target)
      },
      delete: (machine, target, call, state) => {
        noteCookieCleared(machine, call.args[0], call.argSites[0], call.site, state)
        return object(target)
      },
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'koa-context': (machine, target, name, key, site) => {
      if (name === 'request' || name === 'req') return keep(target, name, () => machine.library('request', site))
      if (name === 'res' || name === 'response') return keep(target, name, () => machine.library('response', site))
      if (name === 'cookies') return keep(target, name, () => machine.library('koa-cookies', site))
      if (name === 'state') return keep(target, name, () => machine.library('locals', site))
      if (name === 'meta' || name === 'action') return keep(target, name, () => machine.library('carrier', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
    // What middleware that cannot be seen has left there for handlers is who the caller is, above all.
    locals: (_machine, target, name, _key, _site, state) => {
      noteCallerRead(target, name, state)
      return state.facts.may.has('opaque-middleware') ? tagged('principal').with({ primitives: [undefined] }) : UNKNOWN
    },
  },
  setters: {
    'koa-app': (machine, _target, name, value, site, state) => {
      if (name === 'keys') noteSecret(machine, 'the secret that cookies are signed with', value, site, state)
    },
    'koa-context': (machine, target, name, value, site, state) => {
      const call = { site, args: [value], argSites: [], self: UNKNOWN, env: undefined as never }
      if (name === 'status') noteStatus(state, value)
      if (name === 'type')
        koaOpened(machine, target, () => noteContentType(machine, value, UNKNOWN, site, state), call, state)
      if (name === 'body') {
        target.data['body'] = value
        noteBody(machine, value, call, state)
        noteAnswer(machine, call, state)
      }
    },
  },
}
