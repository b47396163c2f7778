/** Facts → the state machine that the code gives each kind of session: which transition stands where, and which is missing. */
import type { DispatchFact, LimitFact, LoginFact, RemovalFact, ServerFacts, StoreFact } from '../facts/facts.ts'
import type { Lifecycle, Presence, Step, Transition } from '../finding/finding.ts'
import { isSamePlace } from '../finding/finding.ts'

/** One lifecycle for each store of sessions, in the order of the stores. */
export function lifecyclesOf(facts: ServerFacts): readonly Lifecycle[] {
  return facts.stores.map((store) => lifecycleOf(store, facts))
}

function lifecycleOf(store: StoreFact, facts: ServerFacts): Lifecycle {
  const logins = loginsOf(store, facts)
  const served = facts.dispatches.filter((dispatch) => dispatch.store === store.id && !dispatch.ends)
  const hasLogin = logins.length > 0 || store.holds === 'web'
  return {
    store: store.name,
    kind: store.kind,
    holds: store.holds,
    location: store.at,
    states: hasLogin ? ['none', 'open', 'authenticated', 'ended'] : ['none', 'open', 'ended'],
    transitions: [
      opened(store, facts),
      ...(hasLogin ? [authenticated(logins), regenerated(logins)] : []),
      resumed(store, served),
      expired('idle', store),
      expired('absolute', store),
      terminated(store, facts),
      closed(store),
    ],
  }
}

/** Logins name the session they change by the place where it is kept or first put in. */
function loginsOf(store: StoreFact, { logins }: ServerFacts): readonly LoginFact[] {
  const own = [store.at, ...store.insertions]
  return logins.filter(({ session }) => session !== undefined && own.some((place) => isSamePlace(place, session)))
}

function opened(store: StoreFact, { adoptions }: ServerFacts): Transition {
  const adopted = adoptions.filter((adoption) => adoption.store === store.id || adoption.store === store.name)
  const places = [
    ...store.insertions.map((location) => ({
      note: store.holds === 'web' ? 'the library opens sessions' : 'a session is added',
      location,
    })),
    ...adopted.map(({ at, origin }) => ({ note: `under an ID taken from ${origin}`, location: at })),
  ]
  const summary = adopted.length > 0 ? 'the client may choose the ID' : 'a session and its ID are made'
  return transition('open', 'none', 'open', adopted.length > 0 ? 'partial' : 'present', summary, places)
}

function authenticated(logins: readonly LoginFact[]): Transition {
  const places = logins.map(({ at, field }) => ({
    note: field === '*' ? 'a login is recorded' : `a login is recorded in ${field}`,
    location: at,
  }))
  if (places.length === 0)
    return transition('authenticate', 'open', 'authenticated', 'unknown', 'no login was found', [])
  return transition('authenticate', 'open', 'authenticated', 'present', 'a caller proves who they are', places)
}

function regenerated(logins: readonly LoginFact[]): Transition {
  const kept = logins.filter((login) => login.regenerated === false)
  const unsure = logins.filter((login) => login.regenerated === undefined)
  const places = (list: readonly LoginFact[], note: string) => list.map(({ at }) => ({ note, location: at }))
  const make = (presence: Presence, summary: string, at: readonly Step[]) =>
    transition('regenerate', 'open', 'authenticated', presence, summary, at)
  if (kept.length > 0)
    return make('missing', 'the ID from before login stays valid', places(kept, 'login without a new ID'))
  if (unsure.length > 0)
    return make('unknown', 'it could not be decided whether the ID changes', places(unsure, 'login'))
  if (logins.length === 0) return make('notApplicable', 'no login was found', [])
  return make('present', 'login gives a new ID', places(logins, 'after a new ID was issued'))
}

function resumed(store: StoreFact, served: readonly DispatchFact[]): Transition {
  const state = lastState(store)
  const make = (presence: Presence, summary: string, at: readonly DispatchFact[], note: string) =>
    transition(
      'resume',
      state,
      state,
      presence,
      summary,
      distinctPlaces(at.map((dispatch) => ({ note: `${verbOf(dispatch)}${note}`, location: dispatch.at }))),
    )
  const unbound = served.filter(({ bound }) => !bound)
  const open = unbound.filter(({ authenticated: how }) => how === 'never')
  if (served.length === 0 && store.holds === 'web') return make('present', 'the library finds it by its cookie', [], '')
  if (served.length === 0) return make('unknown', 'no request that resumes a session was found', [], '')
  if (unbound.length === 0) return make('present', 'only the principal who opened it gets in', served, ' for its owner')
  if (unbound.every(({ behindUnknown }) => behindUnknown))
    return make('unknown', 'middleware that could not be seen stands before it', unbound, ' for whoever gets past it')
  const presence = unbound.length < served.length ? 'partial' : 'missing'
  const summary =
    open.length > 0 ? 'whoever presents the ID is served' : 'any authenticated caller who presents the ID is served'
  return make(presence, summary, unbound, ' for whoever presents the ID')
}

/** `POST ` where the verb is known. */
function verbOf({ verb }: DispatchFact): string {
  return verb === '*' ? 'serves' : `${verb} serves`
}

const EXPIRY = {
  idle: { name: 'expire-idle', given: 'an idle session ends', lacking: 'a session that is left alone never ends' },
  absolute: {
    name: 'expire-absolute',
    given: 'every session ends in time',
    lacking: 'a session that is kept alive never ends',
  },
} as const

function expired(kind: LimitFact['kind'], store: StoreFact): Transition {
  const { name, given, lacking } = EXPIRY[kind]
  const limits = store.limits.filter((limit) => limit.kind === kind)
  const places = limits.flatMap(({ at, renewedAt = [] }) => [
    { note: kind === 'idle' ? 'idle timeout' : 'absolute timeout', location: at },
    ...renewedAt.map((location) => ({ note: 'a request puts it off', location })),
  ])
  const make = (presence: Presence, summary: string) =>
    transition(name, lastState(store), 'ended', presence, summary, distinctPlaces(places))
  if (limits.some(({ optional }) => !optional)) return make('present', given)
  if (limits.length > 0) return make('partial', `${given}, if an option says so`)
  if (store.boundToConnection) return make('notApplicable', 'a session ends with its connection')
  return make('missing', lacking)
}

function terminated(store: StoreFact, { dispatches }: ServerFacts): Transition {
  const removals = store.removals.filter(({ trigger }) => trigger === 'delete' || trigger === 'request')
  const endings = dispatches.filter((dispatch) => dispatch.store === store.id && dispatch.ends)
  const passing = dispatches.filter(
    (dispatch) => dispatch.store === store.id && !dispatch.ends && servesDelete(dispatch),
  )
  const places = distinctPlaces([
    ...removals.map(removalStep),
    ...endings.map(({ at }) => ({ note: 'ends the session', location: at })),
    ...(store.endsOnRequest ? passing.map(({ at }) => ({ note: 'hands DELETE to the transport', location: at })) : []),
  ])
  const make = (presence: Presence, summary: string) =>
    transition('terminate', lastState(store), 'ended', presence, summary, places)
  if (removals.some(({ rightKey }) => !rightKey))
    return make('missing', 'it is removed under a key that it does not have')
  if (store.endsOnRequest && isRemoved(store)) return make('present', 'a client can end its session')
  if (store.endsOnRequest) return make('partial', 'a request ends it, but its record stays')
  return make(
    store.boundToConnection ? 'notApplicable' : 'missing',
    store.boundToConnection ? 'a session ends with its connection' : 'no request ends a session',
  )
}

/** Some way to end a session before its time takes its record away. */
function isRemoved({ removals }: StoreFact): boolean {
  return removals.some(({ trigger, rightKey }) => trigger !== 'timer' && rightKey)
}

function servesDelete({ verb }: DispatchFact): boolean {
  return verb === '*' || verb.split('/').includes('DELETE')
}

function closed(store: StoreFact): Transition {
  const removals = store.removals.filter(({ trigger }) => trigger === 'close' || trigger === 'disconnect')
  const dead = store.deadHandlers.map((location) => ({
    note: 'never called: connect() replaces this handler',
    location,
  }))
  const leaving = store.removals.filter(({ closes, rightKey }) => rightKey && !closes)
  const places = distinctPlaces([...leaving.map(removalStep), ...removals.map(removalStep), ...dead])
  const make = (presence: Presence, summary: string) =>
    transition('close', lastState(store), 'ended', presence, summary, places)
  if (leaving.length > 0) return make('missing', 'a session is taken out and its stream left open')
  if (removals.some(({ rightKey }) => rightKey)) return make('present', 'its record goes when its connection closes')
  if (store.holds === 'web' || store.holds === 'own') return make('notApplicable', 'these sessions have no connection')
  if (isRemoved(store) && dead.length === 0) return make('notApplicable', 'whoever ends a session removes its record')
  return make(
    'missing',
    dead.length > 0
      ? 'the handler that should remove it is never called'
      : 'its record stays when its connection closes',
  )
}

function removalStep({ at, trigger, rightKey, closes }: RemovalFact): Step {
  const what = {
    delete: 'DELETE',
    request: 'a request',
    close: 'onclose',
    disconnect: 'a lost connection',
    timer: 'a timer',
  }[trigger]
  const how = rightKey ? (closes ? 'removes it' : 'removes it and leaves it open') : 'removes under another key'
  return { note: `${what} ${how}`, location: at }
}

function lastState({ holds }: StoreFact): 'open' | 'authenticated' {
  return holds === 'web' ? 'authenticated' : 'open'
}

function transition(
  name: Transition['name'],
  from: Transition['from'],
  to: Transition['to'],
  presence: Presence,
  summary: string,
  places: readonly Step[],
): Transition {
  return { name, from, to, presence, summary, places }
}

function distinctPlaces(steps: readonly Step[]): readonly Step[] {
  return steps.filter((step, at) => steps.findIndex((other) => isSamePlace(other.location, step.location)) === at)
}
