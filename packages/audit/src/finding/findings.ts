/** Drafts → findings: what the pipeline adds to a rule's claim. */
import type { Rule } from '../rules/rule.ts'
import type { SourceTree } from '../source/tree.ts'
import type { Finding, FindingDraft, Location, Step, Surface } from './finding.ts'
import { fingerprintsOf } from './fingerprint.ts'
import { lowerSeverity } from './severity.ts'

/** A rule and what its `detect` claimed. */
export interface Claim {
  readonly rule: Rule
  readonly draft: FindingDraft
}

/** Findings of all claims, ordered by place and rule; one draft yields one finding. */
export function findingsOf(claims: readonly Claim[], tree: SourceTree): Finding[] {
  const placed = claims
    .map((claim) => ({ ...claim, location: primaryStep(claim.draft).location }))
    .toSorted((a, b) => compareLocations(a.location, b.location) || compareText(identityOf(a), identityOf(b)))
  const fingerprints = fingerprintsOf(
    placed.map(({ rule, location }) => ({ rule: rule.id, location, text: tree.file(location.path)?.text ?? '' })),
  )
  return placed.map((claim, index) => findingOf(claim, fingerprints[index] ?? '', tree))
}

/** The step where a finding stands. Throws where a detector broke its contract. */
export function primaryStep(draft: FindingDraft): Step {
  const step = draft.trace[draft.primary ?? draft.trace.length - 1]
  if (step === undefined) throw new RangeError(`The finding "${draft.what}" has no step ${draft.primary ?? 'at all'}.`)
  return step
}

/** The surface of a file; what is no source file, such as a package.json, belongs to the running server. */
export function surfaceOf(tree: SourceTree, path: string): Surface {
  return tree.file(path)?.surface ?? 'runtime'
}

/** The order of places: by path, then by position. */
export function compareLocations(a: Location, b: Location): number {
  return compareText(a.path, b.path) || a.startLine - b.startLine || a.startColumn - b.startColumn
}

/** Plain code unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function identityOf({ rule, draft }: Claim): string {
  return `${rule.id}\0${draft.what}\0${JSON.stringify(draft.trace)}`
}

function findingOf(
  { rule, draft, location }: Claim & { location: Location },
  fingerprint: string,
  tree: SourceTree,
): Finding {
  const partial = draft.partial ?? false
  return {
    fingerprint,
    rule: rule.id,
    severity: partial ? lowerSeverity(rule.severity) : rule.severity,
    confidence: draft.confidence,
    partial,
    surface: surfaceOf(tree, location.path),
    what: draft.what,
    why: draft.why ?? rule.why,
    todo: draft.todo ?? rule.todo,
    location,
    trace: draft.trace,
    fixes: draft.fixes ?? [],
  }
}
