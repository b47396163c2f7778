/** What source suspects and what the wire shows, rule by rule, as one report. */
import type { Assessment, Finding, Report, Subject } from './finding/finding.ts'
import { lowerSeverity } from './finding/severity.ts'
import type { RuleEntry } from './rules/rule.ts'
import { lowestOf, score } from './score/score.ts'

/**
 * The report on the source with that of its running server merged into it. Seen twice is sure; what the probe refuted
 * stays listed at low confidence, and its rule is open, since two views disagree. Of a tree of several servers, `root`
 * names the one that was probed; throws RangeError where it does not.
 */
export function correlate(source: Report, live: Report, rules: readonly RuleEntry[], root?: string): Report {
  if (live.subject.kind !== 'target') throw new RangeError('The second report is of no running server.')
  const { url, eras, requests } = live.subject
  const probed = { url, eras, requests }
  if (source.subjects.length > 0) return { ...correlateOne(source, live, rules, root), probed }
  const { assessments, findings } = merge(source.assessments, source.findings, live, rules)
  const all = [...findings, ...live.findings]
  return { ...source, ...score(assessments, all), probed, assessments, findings: all }
}

/** One of several servers. What it shares with another is refuted for neither. */
function correlateOne(source: Report, live: Report, rules: readonly RuleEntry[], root: string | undefined): Report {
  const subject = source.subjects.find((one) => one.root === root)
  if (subject === undefined) throw new RangeError('The tree holds several servers, and none of them is named.')
  const others = source.subjects.filter((one) => one !== subject)
  const shared = new Set(others.flatMap(({ assessments }) => assessments.flatMap((one) => one.findings)))
  const own = merge(subject.assessments, source.findings, live, rules, shared)
  const findings = [...own.findings, ...live.findings]
  const subjects = source.subjects.map((one) =>
    one === subject ? { root: one.root, ...score(own.assessments, findings), assessments: own.assessments } : one,
  )
  // Of the tree as a whole a rule fails where one server fails it.
  const assessments = source.assessments.map((assessment) => wholeOf(assessment, subjects, findings, rules))
  return { ...source, ...lowestOf(subjects), subjects, assessments, findings }
}

function wholeOf(
  whole: Assessment,
  subjects: readonly Subject[],
  findings: readonly Finding[],
  rules: readonly RuleEntry[],
): Assessment {
  const each = subjects.flatMap(({ assessments }) => assessments.filter(({ rule }) => rule === whole.rule))
  const decisive = new Set(each.filter(({ outcome }) => outcome === 'fail').flatMap((one) => one.findings))
  if (decisive.size > 0)
    return failed(
      whole,
      findings.filter(({ fingerprint }) => decisive.has(fingerprint)),
      rules,
    )
  return whole.outcome === 'fail' ? (each.find(({ outcome }) => outcome === 'open') ?? whole) : whole
}

interface Merged {
  readonly assessments: readonly Assessment[]
  readonly findings: readonly Finding[]
}

/** What source says of one server, as the wire leaves it. `shared`: findings that are another server's as well. */
function merge(
  own: readonly Assessment[],
  all: readonly Finding[],
  live: Report,
  rules: readonly RuleEntry[],
  shared: ReadonlySet<string> = new Set(),
): Merged {
  const pairs = own.map((one) => pairOf(one, live))
  const findings = all.map((finding) => {
    const pair = pairs.find((one) => one.own.rule === finding.rule)
    return shared.has(finding.fingerprint) && pair?.wire?.outcome === 'pass' ? finding : retold(finding, pair)
  })
  return { assessments: pairs.map((pair) => merged(pair, [...findings, ...live.findings], rules)), findings }
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
