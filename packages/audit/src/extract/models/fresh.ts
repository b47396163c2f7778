/** Fresh: an app whose handlers and middleware are given one context, which says itself what is next. */
import type { LibraryObject } from '../heap.ts'
import { UNKNOWN, object } from '../value.ts'
import { noteAnswer, noteAnswerOptions } from './http.ts'
import { callLibrary } from './index.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { flat } from './express.ts'
import { redirected } from './redirects.ts'
import { keep, requestPart } from './requests.ts'
import { emitListen, isPathBefore, pathOf, registerRoute, verbOf, verbs, mountChild } from './routing.ts'

const create: ExternalHandler = (machine, call) => object(machine.library('fresh-app', call.site))

const route: MethodHandler = (machine, target, call, state, name) => {
  const [path, ...handlers] = call.args
  const given = {
    verb: verbOf(name),
    path: pathOf(path),
    handlers: flat(handlers),
    layer: false,
    flavour: 'fresh',
  } as const
  registerRoute(machine, target, given, call, state)
  return object(target)
}

const use: MethodHandler = (machine, target, call, state) => {
  const hasPath = isPathBefore(call.args)
  const path = hasPath ? pathOf(call.args[0]) : '*'
  const handlers = flat(hasPath ? call.args.slice(1) : call.args)
  registerRoute(machine, target, { verb: '*', path, handlers, layer: true, flavour: 'fresh' }, call, state)
  return object(target)
}

const listen: MethodHandler = (machine, target, call, state) => {
  emitListen(machine, call, state, { tls: false, defaultHost: '0.0.0.0', what: 'app.listen', app: target })
  return object(target)
}

const goOn: MethodHandler = (machine, target, call, state) => {
  const next = target.data['next'] as LibraryObject | undefined
  return (next && callLibrary(machine, next, '()', { ...call, args: [] }, state)) ?? UNKNOWN
}

const answer: MethodHandler = (machine, _target, call, state) => {
  noteAnswerOptions(machine, call.args.slice(1), call, state)
  noteAnswer(machine, call, state)
  return object(machine.library('fetch-response', call.site))
}

export const fresh: Model = {
  constructors: { 'fresh#App': create, '@fresh/core#App': create },
  methods: {
    'fresh-app': { ...verbs(route), use, mountApp: mountChild, listen, '*': (_machine, target) => object(target) },
    'fresh-context': {
      next: goOn,
      json: answer,
      text: answer,
      html: answer,
      redirect: redirected,
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'fresh-context': (machine, target, name, key, site) => {
      if (name === 'req') return keep(target, name, () => machine.library('fetch-request', site))
      if (name === 'state') return keep(target, name, () => machine.library('locals', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
  },
}
