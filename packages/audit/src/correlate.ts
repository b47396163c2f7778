/** What source suspects and what the wire shows, rule by rule, as one report. */
import type { Assessment, Finding, Report } from './finding/finding.ts'
import { lowerSeverity } from './finding/severity.ts'
import type { RuleEntry } from './rules/rule.ts'
import { score } from './score/score.ts'

/**
 * The report on the source with that of its running server merged into it. Seen twice is sure; what the probe refuted
 * stays listed at low confidence, and its rule is open, since two views disagree. Throws RangeError for a tree of several
 * servers, since one of them was probed and nobody says which.
 */
export function correlate(source: Report, live: Report, rules: readonly RuleEntry[]): Report {
  if (live.subject.kind !== 'target') throw new RangeError('The second report is of no running server.')
  if (source.subjects.length > 0) throw new RangeError('The tree holds several servers.')
  const { url, eras, requests } = live.subject
  const pairs = source.assessments.map((own) => pairOf(own, live))
  const findings = [
    ...source.findings.map((finding) =>
      retold(
        finding,
        pairs.find(({ own }) => own.rule === finding.rule),
      ),
    ),
    ...live.findings,
  ]
  const assessments = pairs.map((pair) => merged(pair, findings, rules))
  return { ...source, ...score(assessments, findings), probed: { url, eras, requests }, assessments, findings }
}

/** One rule, seen both ways. */
interface Pair {
  readonly own: Assessment
  readonly wire: Assessment | undefined
}

function pairOf(own: Assessment, live: Report): Pair {
  return { own, wire: live.assessments.find(({ rule }) => rule === own.rule) }
}

function retold(finding: Finding, pair: Pair | undefined): Finding {
  if (pair?.wire === undefined || !pair.own.findings.includes(finding.fingerprint)) return finding
  if (pair.wire.outcome === 'fail')
    return { ...finding, confidence: 'high', what: `${finding.what} Suspected in source, confirmed on the wire.` }
  if (pair.wire.outcome === 'pass')
    return { ...finding, confidence: 'low', what: `${finding.what} ${refutation(pair.wire)}` }
  return finding
}

function refutation({ tried = [] }: Assessment): string {
  const list = [...new Set(tried)]
  return `The running server refuted it${list.length === 0 ? '' : `: it withstood ${list.join(', ')}`}.`
}

function merged({ own, wire }: Pair, findings: readonly Finding[], rules: readonly RuleEntry[]): Assessment {
  if (wire === undefined || wire.outcome === 'notApplicable') return own
  if (wire.outcome === 'fail')
    return failed(
      own,
      findings.filter(({ fingerprint }) => [...own.findings, ...wire.findings].includes(fingerprint)),
      rules,
    )
  if (own.outcome === 'fail')
    return wire.outcome === 'pass'
      ? { ...restored(own, rules), reasons: [`Source shows it. ${refutation(wire)}`] }
      : own
  // What either view left undecided is undecided, except that an exercise needs no source.
  if (own.outcome === 'notApplicable') return { ...wire }
  return own
}

function failed(own: Assessment, findings: readonly Finding[], rules: readonly RuleEntry[]): Assessment {
  const partial = findings.every((finding) => finding.partial)
  const { severity, impact } = restored(own, rules)
  return {
    rule: own.rule,
    outcome: 'fail',
    severity: partial ? lowerSeverity(severity) : severity,
    impact: partial ? impact / 2 : impact,
    findings: findings.map(({ fingerprint }) => fingerprint),
    reasons: [],
  }
}

/** The rule's own severity and impact, undecided. */
function restored(own: Assessment, rules: readonly RuleEntry[]): Assessment {
  const rule = rules.find((entry) => entry.rule.id === own.rule)?.rule
  return {
    rule: own.rule,
    outcome: 'open',
    severity: rule?.severity ?? own.severity,
    impact: rule?.impact ?? own.impact,
    findings: [],
    reasons: [],
  }
}
