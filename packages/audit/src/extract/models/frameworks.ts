/** Hono, and what frameworks wrap handlers in: how they are registered and what is handed to them. */
import { type Given, noteBeside } from './beside.ts'
import { noteQueryRead, noteSecret } from '../secrets.ts'
import { workerEnvironment } from './cloudflare.ts'
import { cookieIn, noteCookie, noteCookieText } from './cookies.ts'
import { noteCookieCleared } from '../logouts.ts'
import { noteEventStream, noteOpened } from '../streams.ts'
import { UNDEFINED, UNKNOWN, object, onlyString } from '../value.ts'
import { flat, plain } from './express.ts'
import { noteAnswer, noteAnswerOptions, noteStatus } from './http.ts'
import { redirected } from './redirects.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { bag, keep, part, requestPart } from './requests.ts'
import { isPathBefore, optionOf, pathOf, registerRoute, verbOf, verbs, itself, mountChild } from './routing.ts'

export function app(type: string): ExternalHandler {
  return (machine, call) => object(machine.library(type, call.site))
}

const honoRoute: MethodHandler = (machine, target, call, state, name) => {
  const [path, ...rest] = call.args
  const hasPath = isPathBefore(call.args)
  registerRoute(
    machine,
    target,
    {
      verb: verbOf(name),
      path: hasPath ? pathOf(path) : '*',
      handlers: hasPath ? rest : call.args,
      layer: false,
      flavour: 'hono',
    },
    call,
    state,
  )
  return object(target)
}

const honoOn: MethodHandler = (machine, target, call, state) => {
  const [methods, path, ...handlers] = call.args
  const names =
    methods?.objects.flatMap((item) => [...item.properties.values()].map((cell) => onlyString(cell.value) ?? '*')) ?? []
  const single = methods === undefined ? undefined : onlyString(methods)
  for (const verb of names.length > 0 ? names : [single ?? '*']) {
    registerRoute(
      machine,
      target,
      { verb: verbOf(verb), path: pathOf(path), handlers, layer: false, flavour: 'hono' },
      call,
      state,
    )
  }
  return object(target)
}

/** `app.openapi(createRoute({ method, path, middleware }), handler)` of @hono/zod-openapi; its paths say `{id}`. */
const honoDescribed: MethodHandler = (machine, target, call, state) => {
  const [route, handler = UNDEFINED] = call.args
  const method = optionOf(route, 'method')
  const before = optionOf(route, 'middleware')
  registerRoute(
    machine,
    target,
    {
      verb: verbOf((method === undefined ? undefined : onlyString(method)) ?? '*'),
      path: pathOf(optionOf(route, 'path')).replaceAll(/\{(\w+)\}/g, ':$1'),
      handlers: [...(before === undefined ? [] : flat([before])), handler],
      layer: false,
      flavour: 'hono',
    },
    call,
    state,
  )
  return object(target)
}

const honoUse: MethodHandler = (machine, target, call, state) => {
  const [first] = call.args
  const hasPath = isPathBefore(call.args)
  registerRoute(
    machine,
    target,
    {
      verb: '*',
      path: hasPath ? pathOf(first) : '*',
      handlers: hasPath ? call.args.slice(1) : call.args,
      layer: true,
      flavour: 'hono',
    },
    call,
    state,
  )
  return object(target)
}

/** `app.mount('/mcp', handler.fetch)`: whatever takes a request serves all below that path. */
const honoMountHandler: MethodHandler = (machine, target, call, state) => {
  const [path, handler = UNKNOWN] = call.args
  const below = `${pathOf(path).replace(/\/$/, '')}/*`
  registerRoute(
    machine,
    target,
    { verb: '*', path: below, handlers: [handler], layer: false, flavour: 'hono-mount' },
    call,
    state,
  )
  return object(target)
}

/** What `c.req.valid(target)` gives, once a schema has let it pass. */
const PARTS_OF_SCHEMA: ReadonlyMap<string, string> = new Map([
  ['json', 'body'],
  ['form', 'body'],
  ['query', 'query'],
  ['param', 'param'],
  ['header', 'header'],
  ['cookie', 'cookie'],
])

const honoAnswer: MethodHandler = (machine, _target, call, state) => {
  noteAnswerOptions(machine, call.args.slice(1), call, state)
  noteStatus(state, call.args[0])
  noteAnswer(machine, call, state)
  if (state.holds('streaming')) noteOpened(machine, call.args[0] ?? UNDEFINED, call.site, state)
  return object(machine.library('fetch-response', call.site))
}

/** What a framework is told to call where a request has failed or leads nowhere. */
export function beside(...given: readonly Given[]): MethodHandler {
  return (machine, target, call) => {
    noteBeside(machine, call.args.at(-1), given)
    return object(target)
  }
}

/** Wrappers that give back the handler they are given. */
const same: ExternalHandler = (_machine, call) => call.args[0] ?? UNKNOWN

/** `sequence(first, second)` of SvelteKit and Astro: one after the other. */
const sequence: ExternalHandler = (machine, call) => {
  const list = machine.allocate('array', call.site)
  for (const [index, item] of call.args.entries()) {
    list.property(String(index)).write(item)
    list.elements.write(item)
  }
  return object(list)
}

/** `getCookie(c, name)`. */
const cookie: ExternalHandler = (_machine, call) => part('cookie', call.args[1] ?? UNKNOWN)

export const frameworks: Model = {
  calls: {
    'hono/factory#createMiddleware': same,
    '@sveltejs/kit/hooks#sequence': sequence,
    'astro:middleware#sequence': sequence,
    'astro/middleware#sequence': sequence,
    'astro:middleware#defineMiddleware': same,
    'astro/middleware#defineMiddleware': same,
    '@hono/zod-openapi#createRoute': same,
    'express-async-handler': same,
    'hono/logger#logger': plain,
    'hono/secure-headers#secureHeaders': plain,
    'hono/cookie#getCookie': cookie,
    'hono/cookie#getSignedCookie': cookie,
    'hono/cookie#setCookie': (machine, call, state) => {
      noteCookie(machine, cookieIn(call, 1), 'hono', call.site, state)
      return UNDEFINED
    },
    'hono/cookie#deleteCookie': (machine, call, state) => {
      noteCookieCleared(machine, call.args[1], call.argSites[1], call.site, state)
      return UNKNOWN
    },
    'hono/cookie#setSignedCookie': (machine, call, state) => {
      const [, name, value, secret, options] = call.args
      noteSecret(machine, 'the secret that cookies are signed with', secret, call.argSites[3] ?? call.site, state)
      noteCookie(machine, { name, value, options, named: call.argSites[1] }, 'hono', call.site, state)
      return UNDEFINED
    },
  },
  constructors: {
    'hono#Hono': app('hono-app'),
    'hono/tiny#Hono': app('hono-app'),
    '@hono/zod-openapi#OpenAPIHono': app('hono-app'),
  },
  methods: {
    'hono-app': {
      ...verbs(honoRoute),
      openapi: honoDescribed,
      on: honoOn,
      use: honoUse,
      route: mountChild,
      mount: honoMountHandler,
      basePath: itself,
      onError: beside('error', 'hono-context'),
      notFound: beside('hono-context'),
      '*': () => UNKNOWN,
    },
    'hono-context': {
      header: (machine, _target, call, state) => {
        const [name = UNKNOWN, value = UNKNOWN] = call.args
        const header = onlyString(name) ?? ''
        if (/^set-cookie$/i.test(header)) noteCookieText(machine, value, call.site, state)
        noteEventStream(machine, { name: header, value }, UNKNOWN, call.site, state)
        return UNDEFINED
      },
      json: honoAnswer,
      text: honoAnswer,
      body: honoAnswer,
      newResponse: honoAnswer,
      html: honoAnswer,
      status: honoAnswer,
      redirect: redirected,
      get: (_machine, target, call) =>
        target.properties.get(onlyString(call.args[0] ?? UNKNOWN) ?? '')?.value ??
        requestPart(_machine, onlyString(call.args[0] ?? UNKNOWN), UNKNOWN, call.site) ??
        UNKNOWN,
      set: (_machine, target, call, state) => {
        const name = onlyString(call.args[0] ?? UNKNOWN)
        if (name !== undefined) state.write(target.property(name), call.args[1] ?? UNKNOWN)
        return UNDEFINED
      },
      '*': () => UNKNOWN,
    },
    'hono-request': {
      header: (machine, _target, call) =>
        call.args.length === 0 ? bag(machine, 'header', call.site) : part('header', call.args[0]!),
      query: (machine, _target, call, state) => {
        const [name] = call.args
        if (name === undefined) return bag(machine, 'query', call.site)
        noteQueryRead(machine, onlyString(name) ?? '', call.site, state)
        return part('query', name)
      },
      param: (machine, _target, call) =>
        call.args.length === 0 ? bag(machine, 'param', call.site) : part('param', call.args[0]!),
      json: (machine, _target, call) => bag(machine, 'body', call.site),
      parseBody: (machine, _target, call) => bag(machine, 'body', call.site),
      valid: (machine, _target, call) => {
        const origin = PARTS_OF_SCHEMA.get(onlyString(call.args[0] ?? UNKNOWN) ?? '')
        return origin === undefined ? UNKNOWN : bag(machine, origin, call.site)
      },
      text: (machine, _target, call) => bag(machine, 'body', call.site),
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'hono-context': (machine, target, name, key, site) => {
      if (name === 'req') return keep(target, name, () => machine.library('hono-request', site))
      if (name === 'var') return object(target)
      if (name === 'env') return workerEnvironment(site)
      if (name === 'res') return UNKNOWN
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
    'hono-request': (machine, target, name, key, site) => {
      if (name === 'raw') return keep(target, name, () => machine.library('fetch-request', site))
      return requestPart(machine, name, key, site) ?? UNKNOWN
    },
  },
}
