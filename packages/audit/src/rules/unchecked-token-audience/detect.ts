import type { AudienceFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.audiences.length === 0) return notApplicable('No token that was issued elsewhere is verified here.')
  return judged(facts.audiences.filter(({ named }) => !named).map(findingOf))
}

function findingOf({ at }: AudienceFact): FindingDraft {
  return {
    what: 'A token is verified without asking whom it is for: one that the same issuer made for another service passes.',
    trace: [{ note: 'signature and expiry are checked, the audience is not', location: at }],
    confidence: 'high',
  }
}
