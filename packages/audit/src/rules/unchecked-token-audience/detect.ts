import type { AudienceFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.audiences.length === 0) return notApplicable('No token that was issued elsewhere is verified here.')
  return judged(facts.audiences.filter(({ named }) => !named).map(findingOf))
}

function findingOf({ at, passedOn }: AudienceFact): FindingDraft {
  if (passedOn)
    return {
      what: 'The token of the caller is sent to another service as it came, and nothing here asks whom it is for.',
      trace: [{ note: 'sent on, unasked', location: at }],
      confidence: 'medium',
      todo: 'Verify tokens that are meant for this server, and get one of its own for the other service: exchange the caller’s (RFC 8693), or let the user log in there.',
    }
  return {
    what: 'A token is verified without asking whom it is for: one that the same issuer made for another service passes.',
    trace: [{ note: 'signature and expiry are checked, the audience is not', location: at }],
    confidence: 'high',
  }
}
