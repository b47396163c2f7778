import type { ComparisonFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, type Verdict } from '../rule.ts'

const SECRETS: Readonly<Record<ComparisonFact['secret'], string>> = {
  mac: 'A MAC that was computed here',
  setting: 'A secret of the configuration',
  stored: 'A stored secret',
  written: 'A secret in the source',
}

export function detect(facts: ServerFacts): Verdict {
  return judged(facts.comparisons.map(findingOf))
}

function findingOf({ at, via, how, secret }: ComparisonFact): FindingDraft {
  const by = /^\w/.test(how) ? `${how}()` : how
  const steps = via === undefined ? [] : [{ note: 'what the request offers is checked', location: via }]
  return {
    what: `${SECRETS[secret]} is compared with what the request offers by ${by}, which takes longer the more of it is right.`,
    trace: [...steps, { note: `compared by ${by}`, location: at }],
    confidence: secret === 'written' ? 'medium' : 'high',
  }
}
