import type { AdoptionFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.stores.length === 0 && facts.mints.length === 0)
    return notApplicable('The server hands out no session IDs.')
  return judged(facts.adoptions.map(adoption))
}

function adoption(fact: AdoptionFact): FindingDraft {
  const where = fact.store === undefined ? 'a new session' : `a new session in ${fact.store}`
  return {
    what: `${capital(fact.origin)} becomes the ID of ${where}: the client chooses it.`,
    trace: [
      ...(fact.via === undefined ? [] : [{ note: 'the request comes in here', location: fact.via }]),
      { note: `${fact.origin} becomes the session ID`, location: fact.at },
    ],
    primary: fact.via === undefined ? 0 : 1,
    confidence: 'high',
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
