import type { DependencyFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { isBelow } from '../../source/version.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'
import { advisories, concerns, type Advisory } from './advisories.ts'

export function detect(facts: ServerFacts): Verdict {
  const watched = facts.dependencies.filter(
    ({ name, below }) =>
      advisories.some((advisory) => advisory.package === name) &&
      (below === undefined || advisories.some((advisory) => advisory.package === name && admitsNone(advisory, below))),
  )
  if (watched.length === 0)
    return notApplicable('No package with known session advisories is imported in a pinned version.')
  return judged(watched.flatMap((dependency) => findingsOf(dependency)))
}

function findingsOf(dependency: DependencyFact): readonly FindingDraft[] {
  const { name, version, below } = dependency
  const found = advisories.filter((advisory) => concerns(advisory, name, version) && admitsNone(advisory, below))
  return found.map((advisory) => findingOf(dependency, advisory))
}

/** No version that a range admits is mended: whatever a fresh installation gets is concerned. */
function admitsNone(advisory: Advisory, ceiling: string | undefined): boolean {
  return ceiling === undefined || !isBelow(advisory.below, ceiling)
}

function findingOf(
  { name, version, at, pinned, below: ceiling }: DependencyFact,
  { ids, text, below }: Advisory,
): FindingDraft {
  const known = ids.length === 0 ? '' : ` (${ids.join(', ')})`
  return {
    what: `${name} ${version} ${text}${known}.`,
    trace: [
      {
        note:
          ceiling === undefined
            ? `pinned to ${version}, mended in ${below}`
            : `held below ${ceiling}, mended in ${below}`,
        location: at,
      },
      ...(pinned ? [{ note: 'the version is decided here', location: pinned }] : []),
    ],
    confidence: 'high',
    todo: `Raise ${name} to ${below} or later, and renew the lockfile.`,
  }
}
