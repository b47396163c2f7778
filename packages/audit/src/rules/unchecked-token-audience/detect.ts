import type { AudienceFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.audiences.length === 0) return notApplicable('No token that was issued elsewhere is verified here.')
  return judged(facts.audiences.filter(({ named }) => !named).map(findingOf))
}

function findingOf({ at, how, written }: AudienceFact): FindingDraft {
  const source = written ? [{ note: SOURCES[how], location: written }] : []
  return { ...DRAFTS[how], trace: [{ note: NOTES[how], location: at }, ...source] }
}

const SOURCES: Record<AudienceFact['how'], string> = {
  verified: 'options that name no audience',
  asked: 'good if its issuer says so',
  'passed-on': 'put into the headers',
  'passed-through': 'put into the headers',
}

const DRAFTS: Record<AudienceFact['how'], Omit<FindingDraft, 'trace'>> = {
  verified: {
    what: 'A token is verified without asking whom it is for: one that the same issuer made for another service passes.',
    confidence: 'high',
  },
  asked: {
    what: 'The issuer is asked about a token, and nobody asks whom it is for: one that it made for another service passes.',
    confidence: 'high',
    todo: 'Compare the audience (`aud`) of the answer with this server, or let the issuer answer only for tokens that are meant for it.',
  },
  'passed-on': {
    what: 'The token of the caller is sent to another service as it came, and nothing here asks whom it is for.',
    confidence: 'medium',
    todo: 'Verify tokens that are meant for this server, and get one of its own for the other service: exchange the caller’s (RFC 8693), or let the user log in there.',
  },
  'passed-through': {
    what: 'The token that the caller was let in by is sent to another service as it came: one of the two takes tokens that are meant for the other.',
    confidence: 'medium',
    todo: 'Get a token that is meant for the other service: exchange the caller’s (RFC 8693), or let the user log in there.',
  },
}

const NOTES: Record<AudienceFact['how'], string> = {
  verified: 'signature and expiry are checked, the audience is not',
  asked: 'its issuer knows all tokens that it has made',
  'passed-on': 'sent on, unasked',
  'passed-through': 'sent on as it came',
}
