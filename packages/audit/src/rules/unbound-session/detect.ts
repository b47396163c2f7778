import type { DispatchFact, ServerFacts, StoreFact } from '../../facts/facts.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { atDistinctPlaces } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  const verdict = detectDispatches(facts)
  const late = [...facts.stores.flatMap((store) => lateBinding(store, facts)), ...leftBehind(facts)]
  if (late.length === 0) return verdict
  return verdict.kind === 'judged' ? judged([...verdict.findings, ...late], verdict.open) : judged(late)
}

/** Each part of the owner has to be set when it is first known, not only as long as another one is not. */
function lateBinding(store: StoreFact, facts: ServerFacts): readonly FindingDraft[] {
  const late = facts.lateBindings.filter((fact) => fact.store === store.id)
  const [first] = late
  if (first === undefined) return []
  const fields = [...new Set(late.map(({ field }) => field))].join(' and ')
  return [
    {
      what: `${fields} of a session’s owner can be set only while ${first.gate} is not, and is compared only where it is set: a caller of the same ${first.gate} passes for the owner.`,
      partial: true,
      trace: [
        { note: `set only while ${first.gate} is not`, location: first.at },
        { note: 'compared only where it is set', location: first.compared },
      ],
      primary: 0,
      confidence: 'medium',
      todo: 'Set every part of the owner when the session opens; if that is too early, set each one as long as it is itself missing.',
    },
  ]
}

/** A variable of the process is a session that everybody is in. */
function leftBehind({ sharedVariables }: ServerFacts): readonly FindingDraft[] {
  const [first] = sharedVariables.filter((variable) => variable.leftBehind)
  if (first === undefined) return []
  return [
    {
      what: `A request that brings no credential is served with the one that the caller before it left in ${first.name}.`,
      trace: [
        { note: 'kept for whoever comes next', location: first.written },
        { note: 'used, whoever asks', location: first.read },
      ],
      primary: 1,
      confidence: 'medium',
      why: 'Mallory sends no token at all: the server still has Alice’s, and acts for him as if he were her.',
      todo: 'Pass the credential of a request along with it, and refuse a request that has none.',
    },
  ]
}

function detectDispatches(facts: ServerFacts): Verdict {
  const stores = facts.stores.filter((store) => store.holds !== 'web')
  if (stores.length === 0) return notApplicable('The server keeps no sessions that a client names.')
  if (facts.dispatches.length === 0) return judged([])
  return facts.verifiesCredentials && facts.dispatches.some(isVerified)
    ? unbound(facts, stores)
    : anonymous(facts, stores)
}

function isVerified(dispatch: DispatchFact): boolean {
  return dispatch.authenticated === 'always'
}

/** Requests carry verified credentials: each must be compared with the session's owner. */
function unbound(facts: ServerFacts, stores: readonly StoreFact[]): Verdict {
  const personal = facts.dispatches.filter((dispatch) => isVerified(dispatch) && dispatch.credential === 'personal')
  if (personal.length === 0)
    return notApplicable('One shared credential is one principal: there is nobody else to tell apart.')
  const open = [...personal, ...beside(facts)].filter((dispatch) => !dispatch.bound)
  return judged(oncePerStore(open, stores).map((dispatches) => unboundFinding(dispatches)))
}

/** Where it is the comparison that verifies the caller, ways on which it is missing have verified nobody. */
function beside(facts: ServerFacts): readonly DispatchFact[] {
  const compared = new Set(facts.dispatches.filter(isCompared).map(({ store }) => store))
  return facts.dispatches.filter(
    (dispatch) => !isVerified(dispatch) && isBehindUnknown(dispatch, facts) && compared.has(dispatch.store),
  )
}

/** With a caller of its own; where a request that finds no session opens one, the comparison is on one of two ways. */
function isCompared({ bound, authenticated, credential }: DispatchFact): boolean {
  return bound && authenticated !== 'never' && credential === 'personal'
}

function oncePerStore(
  dispatches: readonly DispatchFact[],
  stores: readonly StoreFact[],
): readonly (readonly DispatchFact[])[] {
  return stores
    .map((store) => dispatches.filter((dispatch) => dispatch.store === store.id))
    .filter((group) => group.length > 0)
}

function unboundFinding(dispatches: readonly DispatchFact[], confidence: 'high' | 'medium' = 'high'): FindingDraft {
  const verbs = [...new Set(dispatches.map((dispatch) => dispatch.verb))].filter((verb) => verb !== '*')
  const [first] = dispatches
  const on = verbs.length === 0 ? '' : ` on ${verbs.join(', ')}`
  const never = first?.authenticated === 'always' ? 'verified caller is never' : 'caller is not'
  return {
    what: `A session is served${on} to whoever presents its ID: the ${never} compared with the session’s owner.`,
    trace: stepsOf(dispatches, 'looked up by its ID alone', 'served without comparing the owner'),
    primary: 0,
    confidence: first?.behindUnknown === true ? 'medium' : confidence,
  }
}

const MOST_STEPS = 8

function stepsOf(dispatches: readonly DispatchFact[], lookup: string, served: string): readonly Step[] {
  const steps = dispatches.flatMap((dispatch) => [
    { note: lookup, location: dispatch.lookup },
    ...(dispatch.via === undefined ? [] : [{ note: 'reached from here', location: dispatch.via }]),
    { note: dispatch.ends ? 'ended for whoever presents its ID' : served, location: dispatch.at },
  ])
  return atDistinctPlaces(steps).slice(0, MOST_STEPS)
}

/** Nobody proves who they are: a session ID is all that stands between a stranger and a session. */
function anonymous(facts: ServerFacts, stores: readonly StoreFact[]): Verdict {
  const unknown = facts.dispatches.filter((dispatch) => isBehindUnknown(dispatch, facts))
  const owned = new Set(stores.filter(({ remembersOwner }) => remembersOwner).map(({ id }) => id))
  const personal = unknown.filter(({ store }) => facts.callersAsked || owned.has(store))
  if (personal.length > 0) return partly(facts, stores, personal)
  const compared = unknown.filter(({ bound }) => bound)
  if (compared.length > 0) return partly(facts, stores, compared)
  const reached = facts.listeners.some((listener) => listener.reach === 'network' && listener.carriesSecrets)
  const hosted = facts.listeners.length === 0 && facts.dispatches.some((dispatch) => dispatch.hosted)
  if (!reached && !hosted) return withoutNetwork(facts, stores)
  const groups = oncePerStore(facts.dispatches, stores)
  return judged(groups.map((dispatches) => anonymousFinding(dispatches)))
}

/** What stands before it is not in the tree: middleware, or whatever calls a handler that nobody here registers. */
function isBehindUnknown({ behindUnknown, route }: DispatchFact, { listeners }: ServerFacts): boolean {
  return behindUnknown || (route === undefined && listeners.length === 0)
}

/** Who the caller is, code that we do not see finds out; the program compares it with the owner, here and not there. */
function partly(facts: ServerFacts, stores: readonly StoreFact[], compared: readonly DispatchFact[]): Verdict {
  const known = new Set(compared.map(({ store }) => store))
  const open = facts.dispatches.filter(({ bound, store }) => !bound && known.has(store))
  return judged(oncePerStore(open, stores).map((dispatches) => unboundFinding(dispatches, 'medium')))
}

function withoutNetwork(facts: ServerFacts, stores: readonly StoreFact[]): Verdict {
  const several = facts.dispatches.filter(
    ({ handsOn, credential, bound }) => handsOn && credential === undefined && !bound,
  )
  if (several.length > 0) return judged(oncePerStore(several, stores).map(handedOnFinding))
  // Whoever sets it up has several callers, wherever it listens.
  const open = facts.dispatches.filter(
    ({ authenticated, credential, bound }) => authenticated === 'optional' && credential === 'personal' && !bound,
  )
  if (open.length === 0 && facts.listeners.some((listener) => listener.reach === 'loopback'))
    return notApplicable('Anonymous and on loopback only: there is no second principal.')
  return judged(
    oncePerStore(open, stores).map((dispatches) => unboundFinding(dispatches, 'medium')),
    open.length > 0 ? [] : ['No credential is verified here, and where the server listens is not known.'],
  )
}

/** Whoever is behind the server judges the credentials that callers bring: they are several, on loopback too. */
function handedOnFinding(dispatches: readonly DispatchFact[]): FindingDraft {
  return {
    ...unboundFinding(dispatches, 'medium'),
    what: 'A session is served to whoever presents its ID: the credential that a caller brings is handed on, and never compared with the one that opened the session.',
    todo: 'Keep a digest of the credential that opened the session, compare it in constant time on every request, and answer 404 where it differs.',
  }
}

function anonymousFinding(dispatches: readonly DispatchFact[]): FindingDraft {
  const optional = dispatches.some((dispatch) => dispatch.authenticated === 'optional')
  const because = optional ? 'credentials are checked only where configured' : 'no credential is verified'
  return {
    what: `Anyone on the network who has a session’s ID is served its session: ${because}.`,
    trace: stepsOf(dispatches, 'looked up by its ID alone', `served; ${because}`),
    primary: 0,
    confidence: dispatches.some((dispatch) => dispatch.behindUnknown) ? 'low' : 'high',
    why: 'Mallory needs no login: with Alice’s session ID, from a log, a URL or a guess, he is served as Alice.',
    todo: 'Verify a credential on every request, remember the principal that opened the session, and answer 404 to any other.',
  }
}
