/**
 * Functions that a program gives to middleware which authenticates: what a credential is held against, and how. The
 * middleware calls them with what the request carries; what they refuse goes no further.
 */
import { ASKED_ISSUER, ASKS_ISSUER, noteVerdict, noteVerified } from '../audiences.ts'
import type { Call } from '../calls.ts'
import { call_ } from '../calls.ts'
import { assume } from '../conditions.ts'
import type { Site } from '../heap.ts'
import { FunctionObject } from '../heap.ts'
import type { Machine } from '../machine.ts'
import { getProperty } from '../properties.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, primitive, tagged, tagsOf } from '../value.ts'
import type { Model } from './model.ts'

/** What a request goes through there: the one that is known, or any. */
export type Asking = (state: State, request?: Value) => void

export interface Verifier {
  readonly asks: Value
  /** What it is a method of. */
  readonly self?: Value
  readonly args: readonly Value[]
  /** What among them stands for the request: what is put there, handlers find. */
  readonly request?: Value
  /** It says no by throwing, by a falsy answer, or to the callback that it is given last. */
  readonly refuses: 'by-throwing' | 'by-answer' | 'by-callback'
  /** The middleware itself refuses what is over by this field of the answer. */
  readonly expiry?: string
  /** The middleware itself refuses what is for somebody else by the `resource` of the answer. */
  readonly comparesResource?: boolean
}

/** The credential of a request, as it stands behind the word Bearer. */
export const BEARER: Value = tagged('header:authorization', 'cred')

/** Name or password that a client sends by Basic authentication or by a form. */
export const OFFERED: Value = tagged('body', 'cred')

/** Asks functions that can be seen; nothing where there are none. */
export function asking(machine: Machine, verifier: Verifier, site: Site): Asking | undefined {
  const { asks, self = UNDEFINED, refuses } = verifier
  if (!isOwnCode(asks)) return undefined
  const told = refuses === 'by-callback' ? [object(machine.library('verified-callback', site))] : []
  const call = { site, argSites: [], self, env: undefined as never }
  return (state, request) => {
    const given = verifier.args.map((arg) => (arg === verifier.request ? (request ?? arg) : arg))
    const verdict = call_(machine, asks, { ...call, args: [...given, ...told] }, state)
    // Whom it lets pass is known; it may be too involved to be seen through.
    state.dead = false
    if (refuses === 'by-answer') assume(machine, state, verdict)
    if (verifier.expiry !== undefined) noteExpiry(machine, verdict, verifier.expiry, site, state)
    noteVerdict(machine, verdict, verifier.comparesResource)
  }
}

/** What is kept with a credential says when it is over, and the middleware looks. */
function noteExpiry(machine: Machine, verdict: Value, field: string, site: Site, state: State): void {
  const told = state.aside((fork) => getProperty(machine, verdict, primitive(field), site, fork))
  for (const tag of tagsOf(told, 'entry')) {
    const [, store = '', kept = '*'] = tag.split(':')
    machine.emit('time-check', site, state, { store, field: kept })
    state.note(`timed:${store}:${kept}`)
  }
}

/** `{ verifyAccessToken(token) }` of the SDK, an object or an instance of a class. */
export function askingForAccess(
  machine: Machine,
  holder: Value | undefined,
  call: Call,
  state: State,
  comparesResource = false,
): Asking | undefined {
  if (holder === undefined) return undefined
  const asks = state.aside((fork) => getProperty(machine, holder, primitive('verifyAccessToken'), call.site, fork))
  const verifier = {
    asks,
    self: holder,
    args: [BEARER],
    refuses: 'by-throwing',
    expiry: 'expiresAt',
    comparesResource,
  } as const
  const run = asking(machine, verifier, call.site)
  return run === undefined ? undefined : (passing) => askingIssuer(machine, asks, run, passing)
}

/** Where the issuer is asked about a token (introspection, userinfo), its answer holds whoever the token was meant for. */
function askingIssuer(machine: Machine, asks: Value, run: Asking, state: State): void {
  const wasAsked = state.facts.may.has(ASKED_ELSEWHERE)
  run(state)
  if (wasAsked || !state.facts.may.has(ASKED_ELSEWHERE) || state.facts.may.has(ASKED_ISSUER)) return
  const [fn] = asks.objects.filter((item) => item instanceof FunctionObject)
  if (fn !== undefined && ASKS_ISSUER.test(fn.site.file.text))
    noteVerified(machine, fn.site, state, { named: false, asked: true })
}

/** Code that is not in the tree was given the credential. */
const ASKED_ELSEWHERE = 'opaque-check'

/** Whether it is a function of the program, to be followed. */
export function isOwnCode({ objects }: Value): boolean {
  return objects.some((item) => item instanceof FunctionObject)
}

export const verifiers: Model = {
  methods: { 'verified-callback': { '()': () => UNDEFINED, '*': () => UNKNOWN } },
}
