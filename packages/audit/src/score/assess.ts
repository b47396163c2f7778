/** Verdicts and findings → one assessment per rule. */
import type { Assessment, Finding, Gap, Surface } from '../finding/finding.ts'
import { compareText } from '../finding/findings.ts'
import { lowerSeverity } from '../finding/severity.ts'
import type { Rule, Verdict } from '../rules/rule.ts'

/** What became of one rule: its verdict, or the reason why it gave none. */
export interface Detection {
  readonly rule: Rule
  readonly verdict: Verdict | { readonly kind: 'crashed'; readonly reason: string }
}

export interface Evidence {
  readonly findings: readonly Finding[]
  readonly gaps: readonly Gap[]
  /** Surfaces on which a finding makes its rule fail. */
  readonly scored: ReadonlySet<Surface>
}

/**
 * One assessment per rule, ordered by id. A rule fails by a finding on a scored surface, whatever else stayed unknown;
 * it is `open` where it crashed, left something undecided, or would pass or not apply if a gap did not name it.
 */
export function assess(detections: readonly Detection[], evidence: Evidence): Assessment[] {
  return detections.map((detection) => assessOne(detection, evidence)).toSorted((a, b) => compareText(a.rule, b.rule))
}

function assessOne({ rule, verdict }: Detection, { findings, gaps, scored }: Evidence): Assessment {
  if (verdict.kind === 'crashed') return withoutFindings(rule, 'open', [verdict.reason])
  const hidden = gaps.filter((gap) => gap.rules?.includes(rule.id)).map(describe)
  if (verdict.kind === 'notApplicable')
    return hidden.length > 0
      ? withoutFindings(rule, 'open', [...new Set(hidden)])
      : withoutFindings(rule, 'notApplicable', [verdict.reason])
  const own = findings.filter((finding) => finding.rule === rule.id && scored.has(finding.surface))
  if (own.length > 0) return failed(rule, own)
  const reasons = [...new Set([...verdict.open, ...hidden])]
  return withoutFindings(rule, reasons.length > 0 ? 'open' : 'pass', reasons)
}

/** Partial where every finding is: one severity lower, half the impact. */
function failed(rule: Rule, findings: readonly Finding[]): Assessment {
  const partial = findings.every((finding) => finding.partial)
  return {
    rule: rule.id,
    outcome: 'fail',
    severity: partial ? lowerSeverity(rule.severity) : rule.severity,
    impact: partial ? rule.impact / 2 : rule.impact,
    findings: findings.map(({ fingerprint }) => fingerprint),
    reasons: [],
  }
}

function withoutFindings(
  rule: Rule,
  outcome: Exclude<Assessment['outcome'], 'fail'>,
  reasons: readonly string[],
): Assessment {
  return { rule: rule.id, outcome, severity: rule.severity, impact: rule.impact, findings: [], reasons }
}

function describe({ path, location, reason }: Gap): string {
  return location === undefined ? `${path}: ${reason}` : `${path}:${location.startLine}: ${reason}`
}
