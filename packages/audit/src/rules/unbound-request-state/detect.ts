import type { ServerFacts } from '../../facts/facts.ts'
import type { RequestStateFact, StateOutcomeFact } from '../../facts/request-state.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { atDistinctPlaces } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.requestStates.length === 0) return notApplicable('No requestState comes back to this server.')
  const states = facts.requestStates.filter(({ callers }) => callers !== 'one')
  if (states.length === 0) return notApplicable('Served through a pipe only: who starts it is who carries the state.')
  const proven = states.filter(({ isChecked, outcomes }) => isChecked || outcomes.length > 0)
  if (proven.length === 0) return notApplicable('No requestState is proven to be genuine: there is nothing to bind.')
  const isUnseen = proven.some(({ outcomes }) => outcomes.some(({ unseen }) => unseen))
  return judged(
    proven.flatMap((state) => unboundFinding(state) ?? []),
    isUnseen ? [UNSEEN] : [],
  )
}

const UNSEEN = 'requestState is proven by code that cannot be seen; whether that looks at the caller is not known.'

type Missing = 'principal' | 'time' | 'request'

function unboundFinding(state: RequestStateFact): FindingDraft | undefined {
  const lacking = state.outcomes
    .filter(({ unseen }) => !unseen)
    .map((outcome) => ({ outcome, missing: missingOf(outcome, state) }))
    .filter(({ missing }) => missing.length > 0)
  const worst = lacking.find(({ missing }) => missing.includes('principal')) ?? lacking[0]
  if (worst === undefined) return undefined
  const { outcome, missing } = worst
  return {
    what: sentence(outcome, missing),
    trace: stepsOf(state, outcome, missing),
    partial: !missing.includes('principal'),
    confidence: outcome.principal === 'client' && missing.includes('principal') ? 'medium' : 'high',
    ...(missing.includes('principal') ? {} : { why: WHY[missing[0]!] }),
  }
}

function missingOf(outcome: StateOutcomeFact, { callers, fitsElsewhere }: RequestStateFact): readonly Missing[] {
  return [
    ...(callers === 'people' && outcome.principal !== 'person' ? (['principal'] as const) : []),
    ...(outcome.expires === false ? (['time'] as const) : []),
    ...(fitsElsewhere && !outcome.request ? (['request'] as const) : []),
  ]
}

function sentence(outcome: StateOutcomeFact, missing: readonly Missing[]): string {
  const { principal, record } = outcome
  const first = record === undefined ? 'A genuine requestState' : 'A requestState that names a record'
  const parts = missing.map((item) =>
    item === 'principal' ? (principal === 'client' ? OF_CLIENT : OF_NOBODY) : SAYS[item],
  )
  return `${first} is accepted ${parts.join(', ')}.`
}

const OF_NOBODY = 'from whoever brings it'
const OF_CLIENT = 'from every user of the same application, as only the client ID is compared'
const SAYS = { time: 'however old it is', request: 'with any tool and arguments' } as const
const WHY = {
  principal: '',
  time: 'What Alice was asked last month is approved today: a state that leaked, or that she gave up on, stays good for ever.',
  request:
    'A state that was made for one request is brought with another: Mallory takes the approval of something harmless and sends it with the arguments he wants.',
} as const

function stepsOf(state: RequestStateFact, outcome: StateOutcomeFact, missing: readonly Missing[]): readonly Step[] {
  const { at, out, checked } = state
  const proven = outcome.record ?? checked
  const steps = [
    ...(out === undefined ? [] : [{ note: 'given to the client to carry', location: out }]),
    { note: 'comes back', location: at },
    ...(proven === undefined
      ? []
      : [{ note: outcome.record === undefined ? 'shown to be genuine' : 'looked up by it alone', location: proven }]),
    { note: `acted upon; ${missing.map((item) => NEVER[item]).join(', ')} never compared`, location: outcome.at },
  ]
  return atDistinctPlaces(steps)
}

const NEVER = { principal: 'the caller', time: 'its time', request: 'the request' } as const
