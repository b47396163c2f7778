/** Cookie sessions of web frameworks, and logins that renew them or do not. */
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { LibraryObject, Site } from '../heap.ts'
import { FunctionObject } from '../heap.ts'
import { noteMayHaveEnded } from '../logouts.ts'
import type { Machine } from '../machine.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, onlyString, tagged, truthiness } from '../value.ts'
import type { ExternalHandler, MethodHandler, Model } from './model.ts'
import { noteSecret } from '../secrets.ts'
import { noteSessionCookie } from './cookies.ts'
import { REMIX } from './packages.ts'
import { optionOf } from './routing.ts'
import { isBelow } from '../../source/version.ts'

/** Sessions that live in the cookie itself: there is no record on the server to destroy or to fix. */
const IN_COOKIE = new Set(['cookie-session', 'iron-session', '@fastify/secure-session'])

function webSession(library: string): ExternalHandler {
  return (machine, call, state) => {
    const store: StoreRef = {
      id: `${call.site.path}#${call.site.start}`,
      site: call.site,
      name: `${library} sessions`,
      kind: 'web-session',
    }
    const options = call.args.find((arg) => arg.objects.some((item) => item.kind === 'object')) ?? UNDEFINED
    machine.webSession = { store, library }
    machine.emit('web-session', call.site, state, { library, options, store })
    noteExpiry(machine, library, options, store, call, state)
    noteSessionCookie(machine, library, options, call, state)
    for (const name of ['genid', 'idGenerator']) noteGenerator(machine, optionOf(options, name), call, state)
    for (const name of ['secret', 'secrets', 'keys', 'password'])
      noteSecret(machine, 'the secret of the session cookie', optionOf(options, name), call.site, state)
    // Elsewhere `key` is the name of the cookie.
    if (library === '@fastify/secure-session')
      noteSecret(machine, 'the secret of the session cookie', optionOf(options, 'key'), call.site, state)
    return object(machine.library('middleware', call.site, { facts: [], session: library }))
  }
}

/** A function that a library asks for the ID of a new session. */
function noteGenerator(
  machine: Machine,
  generator: Value | undefined,
  call: Call,
  state: State,
  ...args: Value[]
): void {
  const own = generator?.objects.find((item) => item instanceof FunctionObject)
  if (own === undefined) return
  const value = call_(machine, object(own), { ...call, args }, state.fork())
  if (value.entropy !== undefined) machine.emit('mint', own.site, state, { value, what: 'session ID' })
}

/** `createCookieSessionStorage({ cookie })` of Remix and React Router: what is kept there is the page's, and no request is seen to open it. */
const sessionStorage: ExternalHandler = (machine, call, state) => {
  const [options = UNDEFINED] = call.args
  noteSessionCookie(machine, 'remix', options, call, state)
  const secrets = optionOf(optionOf(options, 'cookie'), 'secrets')
  noteSecret(machine, 'the secret of the session cookie', secrets, call.site, state)
  noteGenerator(machine, optionOf(options, 'createData'), call, state, UNKNOWN, UNKNOWN)
  return UNKNOWN
}

const STORAGES = ['createCookieSessionStorage', 'createMemorySessionStorage', 'createSessionStorage']

const EXPIRES_BY_DEFAULT = new Set(['koa-session', 'iron-session', '@fastify/secure-session'])

/** `maxAge` is renewed by every request where the store touches it: an idle limit. */
function noteExpiry(
  machine: Machine,
  library: string,
  options: Value,
  store: StoreRef,
  call: Call,
  state: State,
): void {
  const maxAge =
    optionOf(optionOf(options, 'cookie'), 'maxAge') ??
    ['maxAge', 'ttl', 'expiry'].map((name) => optionOf(options, name)).find((value) => value !== undefined)
  const isOn = maxAge !== undefined && truthiness(maxAge).canBeTrue
  if (!isOn && !EXPIRES_BY_DEFAULT.has(library)) return
  const rolling = optionOf(options, 'rolling')
  const idle =
    library === 'express-session' ||
    library === '@fastify/session' ||
    (rolling !== undefined && truthiness(rolling).canBeTrue)
  machine.emit('expiry', call.site, state, { store: store.id, limit: idle ? 'idle' : 'absolute', enabled: true })
}

/** `req.session`, wherever it is read. */
export function sessionObject(machine: Machine, site: Site): Value {
  const store = machine.webSession?.store
  const session = machine.library('web-session', site, { store: store?.id ?? 'web' })
  return object(session)
}

function learnRegenerated(machine: Machine, call: Call, state: State): Value {
  state.learn(['regenerated'])
  const callback = call.args.find((arg) =>
    arg.objects.some((item) => item.kind === 'function' || item.kind === 'library'),
  )
  if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED] }, state)
  return UNKNOWN
}

const regenerate: MethodHandler = (machine, _target, call, state) => learnRegenerated(machine, call, state)

const destroy: MethodHandler = (machine, target, call, state) => {
  const id = String(target.data['store'])
  const store = machine.webSession?.store ?? { id, site: call.site, name: 'sessions', kind: 'web-session' as const }
  machine.emit('store-remove', call.site, state, { store, key: tagged('sid') })
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED] }, state)
  return UNKNOWN
}

/** passport's `req.login` regenerates from 0.6 on. */
export function passportRegenerates(machine: Machine, site: Site): boolean | undefined {
  const found = machine.tree.versionOf('passport', site.path)
  return found === undefined ? undefined : !isBelow(found.version, '0.6.0')
}

export function passportLogin(machine: Machine, call: Call, state: State): Value {
  const keeps = optionOf(call.args[1], 'keepSessionInfo')
  const regenerates =
    keeps !== undefined && truthiness(keeps).canBeTrue ? false : passportRegenerates(machine, call.site)
  const before = state.fork()
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED] }, state)
  machine.emit('login', call.site, before, {
    regenerates: before.holds('regenerated') || state.holds('regenerated') ? true : regenerates,
    library: 'passport',
  })
  return UNKNOWN
}

/** Older ones of passport take its user out of the session and leave the rest; those that are given a callback regenerate it. */
function passportLogout(machine: Machine, call: Call, state: State): Value {
  if (call.args.length > 0) {
    noteMayHaveEnded(machine, state)
    return learnRegenerated(machine, call, state)
  }
  fieldWrite(
    machine,
    machine.library('web-session', call.site, { store: 'web' }),
    'passport',
    UNDEFINED,
    call.site,
    state,
  )
  return UNDEFINED
}

function fieldWrite(
  machine: Machine,
  target: LibraryObject,
  name: string | undefined,
  value: Value,
  site: Site,
  state: State,
): void {
  const store = String(target.data['store'])
  machine.emit('session-write', site, state, { field: name ?? '*', value, web: true, store })
  machine.webFields.add(name ?? '*')
}

function fieldOf(machine: Machine, target: LibraryObject, name: string | undefined): Value {
  if (name !== undefined) noteSessionRead(machine, name)
  return tagged(`entry:${String(target.data['store'])}:${name ?? '*'}`, 'verdict', 'cred', 'web-session').with({
    primitives: [undefined],
  })
}

function noteSessionRead({ sessionReads, context }: Machine, name: string): void {
  const readers = sessionReads.get(name)
  if (readers === undefined) sessionReads.set(name, new Set([context]))
  else readers.add(context)
}

export const webSessions: Model = {
  calls: {
    'express-session': webSession('express-session'),
    'cookie-session': webSession('cookie-session'),
    // Express 3 and what it was built upon had them within.
    ...Object.fromEntries(
      ['express', 'connect', 'express.io'].flatMap((from) => [
        [`${from}#session`, webSession('express-session')],
        [`${from}#cookieSession`, webSession('cookie-session')],
      ]),
    ),
    '@fastify/session': webSession('@fastify/session'),
    '@fastify/secure-session': webSession('@fastify/secure-session'),
    'koa-session': webSession('koa-session'),
    'iron-session#getIronSession': (machine, call, state) => {
      webSession('iron-session')(machine, { ...call, args: call.args.slice(-1) }, state, '')
      return sessionObject(machine, call.site)
    },
    ...Object.fromEntries(REMIX.flatMap((from) => STORAGES.map((name) => [`${from}#${name}`, sessionStorage]))),
  },
  methods: {
    'passport-logout': { '()': (machine, _target, call, state) => passportLogout(machine, call, state) },
    'passport-login': { '()': (machine, _target, call, state) => passportLogin(machine, call, state) },
    'web-session': {
      regenerate,
      destroy,
      save: (machine, _target, call, state) => {
        const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
        if (callback !== undefined) call_(machine, callback, { ...call, args: [UNDEFINED] }, state)
        return UNKNOWN
      },
      get: (machine, target, call) => fieldOf(machine, target, onlyString(call.args[0] ?? UNKNOWN)),
      set: (machine, target, call, state) => {
        const [name = UNKNOWN, value = UNKNOWN] = call.args
        fieldWrite(machine, target, onlyString(name), value, call.site, state)
        return UNDEFINED
      },
      delete: destroy,
      '*': () => UNKNOWN,
    },
  },
  properties: {
    'web-session': (machine, target, name) => fieldOf(machine, target, name),
  },
  setters: { 'web-session': fieldWrite },
}

/** Whether sessions of this library leave a record on the server. */
export function keepsRecord(library: string): boolean {
  return !IN_COOKIE.has(library)
}
