import type { ServerFacts } from '../../facts/facts.ts'
import type { RequestStateFact, StateOutcomeFact } from '../../facts/request-state.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { atDistinctPlaces } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.requestStates.length === 0) return notApplicable('No requestState comes back to this server.')
  const states = facts.requestStates.filter(({ callers }) => callers !== 'one')
  if (states.length === 0) return notApplicable('Served through a pipe only: who starts it is who carries the state.')
  return judged(states.flatMap((state) => replayFinding(state) ?? []))
}

function replayFinding(state: RequestStateFact): FindingDraft | undefined {
  const repeated = state.outcomes.find(({ repeats }) => repeats)
  if (repeated === undefined) return undefined
  return {
    what: 'A requestState is redeemed as often as it is sent: nothing remembers that what it stands for was done.',
    trace: stepsOf(state, repeated),
    confidence: repeated.unseen ? 'medium' : 'high',
  }
}

function stepsOf({ at, out, checked }: RequestStateFact, repeated: StateOutcomeFact): readonly Step[] {
  const proven = repeated.record ?? checked
  const steps = [
    ...(out === undefined ? [] : [{ note: 'given to the client to carry', location: out }]),
    { note: 'comes back, for the first or the tenth time', location: at },
    ...(proven === undefined ? [] : [{ note: 'good each time', location: proven }]),
    { note: 'done again', location: repeated.at },
  ]
  return atDistinctPlaces(steps)
}
