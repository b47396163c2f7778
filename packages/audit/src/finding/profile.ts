/** What a profile lists, and what it leaves to a more thorough one. */
import type { Finding, Gap, Profile } from './finding.ts'

export interface Profiled {
  readonly listed: readonly Finding[]
  /** How many findings are not listed. */
  readonly leftOut: number
  /** One for every finding that is not listed: its rule does not pass. */
  readonly open: readonly Gap[]
}

/** Divides findings by profile. What is left out is not scored, and the rule it belongs to is open, never green. */
export function profileOf(findings: readonly Finding[], profile: Profile): Profiled {
  const leftOut = findings.filter((finding) => needs(finding) > order.indexOf(profile))
  return {
    listed: findings.filter((finding) => !leftOut.includes(finding)),
    leftOut: leftOut.length,
    open: leftOut.map(gapOf),
  }
}

const order: readonly Profile[] = ['regular', 'pedantic', 'auditor']

/** Index of the first profile that lists a finding. */
function needs({ confidence, severity }: Finding): number {
  if (confidence === 'low') return order.indexOf('auditor')
  return severity === 'low' ? order.indexOf('pedantic') : 0
}

function gapOf(finding: Finding): Gap {
  const kind = finding.confidence === 'low' ? 'A suspicion of low confidence' : 'A finding of low severity'
  const reason = `${kind} is left to --profile ${order[needs(finding)]}.`
  const { location, rule } = finding
  return { path: location?.path ?? '.', reason, ...(location && { location }), rules: [rule] }
}
