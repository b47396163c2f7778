/** The order in which a reader wants findings. */
import type { Finding } from '../finding/finding.ts'
import { severities } from '../finding/severity.ts'
import type { RuleEntry } from '../rules/rule.ts'

const CONFIDENCES = ['high', 'medium', 'low'] as const

/** Gravest first; one rule's findings stay together, surest first. */
export function inReadingOrder<F extends Finding>(findings: readonly F[], rules: readonly RuleEntry[]): readonly F[] {
  const place = new Map(rules.map(({ rule }, index) => [rule.id, index]))
  const keyOf = (finding: Finding) => [
    severities.indexOf(finding.severity),
    place.get(finding.rule) ?? rules.length,
    CONFIDENCES.indexOf(finding.confidence),
  ]
  return findings.toSorted((one, other) => compared(keyOf(one), keyOf(other)) || comparedPlaces(one, other))
}

function compared(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((key, index) => key !== other[index])
  return at === -1 ? 0 : (one[at] ?? 0) - (other[at] ?? 0)
}

function comparedPlaces(one: Finding, other: Finding): number {
  const [a, b] = [one.location, other.location]
  if (!a || !b) return 0
  if (a.path !== b.path) return a.path < b.path ? -1 : 1
  return a.startLine - b.startLine || a.startColumn - b.startColumn
}
