import type { DependencyFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'
import { advisories, concerns, type Advisory } from './advisories.ts'

export function detect(facts: ServerFacts): Verdict {
  const watched = facts.dependencies.filter(({ name }) => advisories.some((advisory) => advisory.package === name))
  if (watched.length === 0)
    return notApplicable('No package with known session advisories is imported in a pinned version.')
  return judged(watched.flatMap((dependency) => findingsOf(dependency)))
}

function findingsOf(dependency: DependencyFact): readonly FindingDraft[] {
  const found = advisories.filter((advisory) => concerns(advisory, dependency.name, dependency.version))
  return found.map((advisory) => findingOf(dependency, advisory))
}

function findingOf({ name, version, at }: DependencyFact, { ids, text, below }: Advisory): FindingDraft {
  const known = ids.length === 0 ? '' : ` (${ids.join(', ')})`
  return {
    what: `${name} ${version} ${text}${known}.`,
    trace: [{ note: `pinned to ${version}, mended in ${below}`, location: at }],
    confidence: 'high',
    todo: `Raise ${name} to ${below} or later, and renew the lockfile.`,
  }
}
