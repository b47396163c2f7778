import type { LimitFact, ServerFacts, StoreFact, TokenFact } from '../../facts/facts.ts'
import type { FindingDraft, Location, Step } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  const lasting = facts.stores.filter((store) => !store.boundToConnection && store.isElsewhere !== true)
  if (facts.stores.length === 0 && facts.tokens.length === 0) return notApplicable('The server keeps no sessions.')
  const endless = facts.tokens.filter((token) => token.expires === false)
  return judged([...lasting.flatMap(endlessSessions), ...endless.map(endlessToken)])
}

function endlessSessions(store: StoreFact): readonly FindingDraft[] {
  const limits = store.limits.filter((limit) => !limit.optional && limit.keptOffAt === undefined)
  const idle = limits.find((limit) => limit.kind === 'idle')
  const absolute = limits.find((limit) => limit.kind === 'absolute')
  if (idle !== undefined && absolute !== undefined) return []
  if (idle !== undefined) return [oneLimit(store, idle, 'absolute')]
  if (absolute !== undefined) return [oneLimit(store, absolute, 'idle')]
  return [noLimit(store)]
}

function oneLimit(store: StoreFact, present: LimitFact, missing: 'idle' | 'absolute'): FindingDraft {
  const consequence =
    missing === 'absolute' ? 'a session that is used goes on for ever' : 'a session nobody uses stays valid until then'
  return {
    what: `Sessions in ${store.name} have an ${present.kind} timeout but no ${missing} one: ${consequence}.`,
    trace: [kept(store), { note: `only the ${present.kind} timeout`, location: present.at }],
    confidence: 'medium',
    partial: true,
  }
}

function noLimit(store: StoreFact): FindingDraft {
  const off = store.limits.find((limit) => limit.optional)
  const wrong = store.removals.find((removal) => removal.trigger === 'timer' && !removal.rightKey)
  const trace: Step[] = [kept(store), ...added(store)]
  if (wrong !== undefined) trace.push({ note: 'removes under a key that no session has', location: wrong.at })
  if (off !== undefined) trace.push({ note: `the ${off.kind} timeout is off unless configured`, location: off.at })
  const beat = store.limits.find((limit) => limit.keptOffAt !== undefined)?.keptOffAt
  if (off === undefined && beat !== undefined) return keptOff(store, beat)
  return {
    what: `Sessions in ${store.name} never expire: there is neither an idle nor an absolute timeout${off === undefined ? '' : ' unless one is configured'}.`,
    trace,
    primary: 0,
    confidence: 'high',
  }
}

function keptOff(store: StoreFact, beat: Location): FindingDraft {
  const [limit] = store.limits.flatMap(({ at, keptOffAt }) => (keptOffAt === undefined ? [] : [at]))
  return {
    what: `Sessions in ${store.name} never expire: a timer renews their idle timeout, whether or not anybody uses them.`,
    trace: [
      kept(store),
      ...(limit === undefined ? [] : [{ note: 'the idle timeout', location: limit }]),
      { note: 'a timer renews it', location: beat },
    ],
    confidence: 'high',
    todo: 'Renew it only where a request was served, and set an absolute timeout as well.',
  }
}

function endlessToken(token: TokenFact): FindingDraft {
  if (token.ignored) return ignoredExpiry(token)
  return {
    what: 'A token is signed without an expiry: a stolen one is good for as long as the key is.',
    trace: [{ note: 'signed without `exp`', location: token.at }, ...accepted(token)],
    primary: 0,
    confidence: 'high',
    todo: 'Set `exp` when the token is signed, renew it by use, and limit its total age when it is verified.',
  }
}

function accepted({ checked }: TokenFact): readonly Step[] {
  return checked === undefined ? [] : [{ note: 'accepted however old it is', location: checked }]
}

function ignoredExpiry(token: TokenFact): FindingDraft {
  return {
    what: 'Tokens are accepted after they have expired: a stolen one is good for as long as the key is.',
    trace: [{ note: 'signed here', location: token.at }, ...accepted(token)],
    primary: 1,
    confidence: 'high',
    todo: 'Verify tokens without `ignoreExpiration`.',
  }
}

/** Where a session is put in, unless that is where they are kept. */
function added(store: StoreFact): readonly Step[] {
  const [location] = store.insertions
  if (location === undefined || isSamePlace(location, store.at)) return []
  return [{ note: 'a session is added', location }]
}

function kept(store: StoreFact): Step {
  return { note: 'sessions are kept here', location: store.at }
}
