/** GitLab's Code Quality report: findings in the widget and in the changes of a merge request, on every tier. */
import type { Finding, Report, Severity } from '../finding/finding.ts'
import type { PathOptions } from './github.ts'
import { messageOf } from './message.ts'
import { scoredBy } from './scored.ts'
import { serialise } from './serialise.ts'

const SEVERITY: Readonly<Record<Severity, string>> = {
  critical: 'blocker',
  high: 'critical',
  medium: 'major',
  low: 'minor',
}

/** One JSON array. GitLab tells new findings from old by their fingerprints, which are ours. */
export function renderGitlab(report: Report, { prefix = '' }: PathOptions = {}): string {
  const isScored = scoredBy(report)
  return serialise(report.findings.map((finding) => entryFor(finding, isScored(finding), prefix)))
}

function entryFor(finding: Finding, scored: boolean, prefix: string) {
  const { location, fingerprint, rule, severity } = finding
  const path = location?.path ?? '.'
  return {
    type: 'issue',
    check_name: rule,
    categories: ['Security'],
    description: `${rule}: ${messageOf(finding)}`,
    fingerprint,
    severity: scored ? SEVERITY[severity] : 'info',
    location: {
      path: prefix === '' ? path : `${prefix}/${path}`,
      lines: { begin: location?.startLine ?? 1, end: location?.endLine ?? 1 },
    },
  }
}
