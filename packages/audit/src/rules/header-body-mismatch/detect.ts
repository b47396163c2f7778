import type { NamePolicyFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 6

export function detect(facts: ServerFacts): Verdict {
  if (facts.namePolicies.length === 0) return notApplicable('No header that names a call decides anything here.')
  const unmatched = facts.namePolicies.filter(({ compared }) => !compared)
  return judged(byPolicy(unmatched).map(findingOf))
}

function byPolicy(policies: readonly NamePolicyFact[]): readonly (readonly NamePolicyFact[])[] {
  const groups = new Map<string, NamePolicyFact[]>()
  for (const policy of policies) {
    const key = `${policy.decided.path}:${policy.decided.startLine}:${policy.decided.startColumn}`
    groups.set(key, [...(groups.get(key) ?? []), policy])
  }
  return [...groups.values()]
}

function findingOf(policies: readonly NamePolicyFact[]): FindingDraft {
  const [{ decided }] = policies as readonly [NamePolicyFact, ...NamePolicyFact[]]
  return {
    what: 'A request is let through by what its header says is called; what its body calls is then done, and the two are never compared.',
    trace: [
      { note: 'decided by what a header says is called', location: decided },
      ...policies.map(({ at }) => ({ note: 'what the body calls is done', location: at })),
    ].slice(0, MOST_STEPS),
    primary: 0,
    confidence: 'high',
  }
}
