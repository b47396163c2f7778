/** passport: strategies that a program registers, and middleware that asks them. */
import type { ClassObject, HeapObject } from '../heap.ts'
import { ExternalObject, LibraryObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { noteSecret } from '../secrets.ts'
import type { State } from '../state.ts'
import { VERIFIED } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, strings, tagged, truthiness } from '../value.ts'
import { noteFinder } from './credentials.ts'
import { plain } from './express.ts'
import type { ExternalHandler, Model } from './model.ts'
import { optionOf, textsIn } from './routing.ts'
import type { Asking } from './verifiers.ts'
import { BEARER, OFFERED, asking } from './verifiers.ts'

/** What is registered with passport, by name. */
const registered = new WeakMap<Machine, Map<string, LibraryObject>>()

interface Kind {
  /** What `passport.authenticate(name)` calls it where the program gives it no name. */
  readonly name: string
  /** What its function is told, before the callback. */
  readonly told: readonly Value[]
}

/** Told the request and nothing else. */
const CUSTOM = 'custom'
const CLAIMS: Value = tagged('header:authorization', 'cred', 'principal')

/** Strategies whose function decides by the credential itself; the others are told who a service says it is. */
const KINDS: Readonly<Record<string, Kind>> = {
  'passport-local#Strategy': { name: 'local', told: [OFFERED, OFFERED] },
  'passport-http#BasicStrategy': { name: 'basic', told: [OFFERED, OFFERED] },
  'passport-http-bearer#Strategy': { name: 'bearer', told: [BEARER] },
  'passport-headerapikey#HeaderAPIKeyStrategy': { name: 'headerapikey', told: [tagged('header:*', 'cred')] },
  'passport-headerapikey#Strategy': { name: 'headerapikey', told: [tagged('header:*', 'cred')] },
  'passport-localapikey#Strategy': { name: 'localapikey', told: [OFFERED] },
  'passport-auth-token#Strategy': { name: 'authtoken', told: [BEARER] },
  'passport-unique-token#UniqueTokenStrategy': { name: 'token', told: [BEARER] },
  'passport-jwt#Strategy': { name: 'jwt', told: [CLAIMS] },
  'passport-custom#Strategy': { name: CUSTOM, told: [] },
}

/** `new Strategy(options, verify)`: the function comes last, and is given the request first where it asks for it. */
const strategy: ExternalHandler = (machine, call, state, path) => {
  const [options] = call.args
  noteSecret(machine, 'the key that tokens are verified with', optionOf(options, 'secretOrKey'), call.site, state)
  noteFinder(machine, optionOf(options, 'jwtFromRequest'), call, state)
  const kind = KINDS[path]
  const asks = call.args.findLast((arg) => arg.objects.some((item) => item.kind === 'function')) ?? UNDEFINED
  const wants = optionOf(options, 'passReqToCallback')
  const isTold = kind?.name === CUSTOM || (wants !== undefined && truthiness(wants).canBeTrue)
  const request = isTold ? [object(machine.library('request', call.site))] : []
  const args = [...request, ...(kind?.told ?? [])]
  const given = request.length === 0 ? {} : { request: request[0]! }
  const run = asking(machine, { asks, args, refuses: 'by-callback', ...given }, call.site)
  return object(machine.library('passport-strategy', call.site, { name: kind?.name, run }))
}

/** What `validate` of a class of Nest's is told, which extends `PassportStrategy(Strategy)`; undefined where it extends none. */
export function toldToStrategy(machine: Machine, { parent, site }: ClassObject): readonly Value[] | undefined {
  const kind = kindOf(parent)
  return kind?.name === CUSTOM ? [object(machine.library('request', site))] : kind?.told
}

export function isNestStrategy({ parent }: ClassObject): boolean {
  return kindOf(parent) !== undefined
}

function kindOf(parent: Value): Kind | undefined {
  const paths = parent.objects.flatMap((item) => (item instanceof ExternalObject ? [item.path] : []))
  return paths.flatMap((path) => KINDS[path] ?? []).at(0)
}

/** `passport.use(strategy)` and `passport.use(name, strategy)`. */
const use: ExternalHandler = (machine, call) => {
  const known = registered.get(machine) ?? new Map<string, LibraryObject>()
  registered.set(machine, known)
  for (const item of call.args.flatMap(({ objects }) => objects).filter(isStrategy)) {
    const [name = String(item.data['name'])] = strings(call.args[0] ?? UNKNOWN)
    known.set(name, item)
  }
  return UNKNOWN
}

function isStrategy(item: HeapObject): item is LibraryObject {
  return item instanceof LibraryObject && item.type === 'passport-strategy'
}

/** `passport.authenticate('bearer', { session: false })`: it asks the strategies of these names. */
const authenticate: ExternalHandler = (machine, call) => {
  const names = strategyNames(call.args[0] ?? UNKNOWN)
  const isBearer = names.some((name) => /bearer|jwt|headerapikey|api-?key/i.test(name))
  const session = optionOf(call.args[1], 'session')
  const stateless = isBearer || (session !== undefined && !truthiness(session).canBeTrue)
  const callback = call.args.find((arg) => arg.objects.some((item) => item.kind === 'function'))
  return object(
    machine.library('middleware', call.site, {
      facts: [...VERIFIED, 'login'],
      principal: true,
      passport: !stateless,
      callback,
      run: (state: State, request?: Value) => askStrategies(machine, names, state, request),
    }),
  )
}

function strategyNames(given: Value): readonly string[] {
  const listed = given.objects.filter((item) => item.kind === 'array').flatMap(textsIn)
  return [...strings(given), ...listed]
}

/** Any of them may let the request pass. */
function askStrategies(machine: Machine, names: readonly string[], state: State, request?: Value): void {
  for (const name of names) {
    const run = registered.get(machine)?.get(name)?.data['run'] as Asking | undefined
    run?.(state.fork(), request)
  }
}

export const passport: Model = {
  calls: {
    'passport#use': use,
    'passport#authenticate': authenticate,
    passport: authenticate,
    'passport#session': plain,
    'passport#initialize': plain,
  },
  constructors: Object.fromEntries(Object.keys(KINDS).map((path) => [path, strategy])),
  methods: { 'passport-strategy': { '*': () => UNKNOWN } },
}
