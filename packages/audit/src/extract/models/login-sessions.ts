/** Login sessions that a library of authentication keeps by itself: their lifetimes are its defaults, and it serves the way out. */
import type { Call } from '../calls.ts'
import type { StoreRef } from '../events.ts'
import type { Machine } from '../machine.ts'
import { noteSecret } from '../secrets.ts'
import type { State } from '../state.ts'
import type { Value } from '../value.ts'
import { UNDEFINED, UNKNOWN, object, tagged, truthiness } from '../value.ts'
import { flagsOf } from './cookies.ts'
import type { ExternalHandler, Model } from './model.ts'
import { objectWrittenAt, optionOf } from './routing.ts'

/** `betterAuth(options)`: 7 days, put off by use unless told not to. */
const betterAuth: ExternalHandler = (machine, call, state) => {
  const [options] = call.args
  noteSecret(machine, 'the secret of the session cookie', optionOf(options, 'secret'), call.site, state)
  const fixed = optionOf(optionOf(options, 'session'), 'disableSessionRefresh')
  noteSessions(
    machine,
    'better-auth',
    fixed !== undefined && truthiness(fixed).canBeTrue ? 'absolute' : 'idle',
    call,
    state,
  )
  noteOwnCookies(machine, optionOf(options, 'advanced'), call, state)
  return object(machine.library('better-auth', call.site))
}

/**
 * What `advanced` says of cookies: of all, of the session's own, and whether they are secure where the base address does not
 * say so. By themselves they are hidden from scripts and not sent with what other sites ask for.
 */
function noteOwnCookies(machine: Machine, advanced: Value | undefined, call: Call, state: State): void {
  const everywhere = optionOf(advanced, 'defaultCookieAttributes')
  const own = optionOf(optionOf(optionOf(advanced, 'cookies'), 'session_token'), 'attributes')
  const secure = optionOf(advanced, 'useSecureCookies')
  const isOff = secure !== undefined && !truthiness(secure).canBeTrue
  const byDefault = { httpOnly: 'on', secure: isOff ? 'off' : 'on', sameSite: 'on' } as const
  const ofAll = flagsOf(everywhere ?? UNDEFINED, byDefault, state)
  machine.emit('cookie', call.site, state, {
    what: 'better-auth sessions',
    names: [],
    flags: flagsOf(own ?? UNDEFINED, ofAll, state),
    written: objectWrittenAt(own ?? everywhere ?? advanced ?? UNDEFINED, call.site),
  })
}

/** Sessions that end in one way only, and that the library's own routes end, unless the cookie is all there is of them. */
export function noteSessions(
  machine: Machine,
  library: string,
  limit: 'idle' | 'absolute',
  call: Call,
  state: State,
  kept = true,
): void {
  const store: StoreRef = {
    id: `${call.site.path}#${call.site.start}`,
    site: call.site,
    name: `${library} sessions`,
    kind: 'web-session',
  }
  machine.emit('web-session', call.site, state, { library, options: call.args[0] ?? UNKNOWN, store })
  machine.emit('expiry', call.site, state, { store: store.id, limit, enabled: true })
  if (kept) machine.emit('store-remove', call.site, state, { store, key: tagged('sid') })
}

export const loginSessions: Model = {
  calls: {
    'better-auth#betterAuth': betterAuth,
    'better-auth/minimal#betterAuth': betterAuth,
  },
}
