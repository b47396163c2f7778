import type { CookieFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.cookies.length === 0) return notApplicable('The server sets no session cookie.')
  return judged(facts.cookies.filter(({ missing }) => missing.length > 0).map(findingOf))
}

function findingOf({ at, what, missing }: CookieFact): FindingDraft {
  return {
    what: `The cookie of a session (${what}) is set without ${listOf(missing)}.`,
    trace: [{ note: `set without ${listOf(missing)}`, location: at }],
    confidence: 'high',
  }
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
