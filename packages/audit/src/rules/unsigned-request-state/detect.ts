import type { ServerFacts } from '../../facts/facts.ts'
import type { RequestStateFact } from '../../facts/request-state.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_USES = 4

export function detect(facts: ServerFacts): Verdict {
  if (facts.requestStates.length === 0) return notApplicable('No requestState comes back to this server.')
  const states = facts.requestStates.filter(({ callers }) => callers !== 'one')
  if (states.length === 0) return notApplicable('Served through a pipe only: who starts it is who carries the state.')
  const trusted = states.filter(({ uses }) => uses.length > 0)
  return judged(trusted.map(findingOf), states.some(isUnseen) ? [UNSEEN] : [])
}

const UNSEEN = 'requestState is handed to code that cannot be seen; whether that proves it is not known.'

function isUnseen({ outcomes }: RequestStateFact): boolean {
  return outcomes.some(({ unseen }) => unseen)
}

function findingOf({ at, out, decoded, uses, isChecked }: RequestStateFact): FindingDraft {
  const only = isChecked ? ' on one of its ways' : ''
  const steps: readonly Step[] = [
    ...(out === undefined ? [] : [{ note: 'given to the client to carry', location: out }]),
    { note: 'comes back, as the client likes it', location: at },
    ...(decoded === undefined ? [] : [{ note: 'taken apart, unproven', location: decoded }]),
    ...uses.slice(0, MOST_USES).map((use) => ({ note: NOTES[use.how], location: use.at })),
  ]
  return {
    what: `What a client sends as requestState is trusted${only}: nothing shows that it is what this server gave out.`,
    trace: steps,
    primary: out === undefined ? 0 : 1,
    confidence: uses.some(({ how }) => how !== 'answer') ? 'high' : 'medium',
  }
}

const NOTES = {
  decision: 'it decides what happens, unproven',
  effect: 'acted upon, unproven',
  answer: 'the answer is made of it, unproven',
} as const
