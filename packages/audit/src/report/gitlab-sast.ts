/** GitLab's SAST report: findings among the vulnerabilities of a project. Schema 15.0.4, which newer ones include. */
import type { Finding, Report, Severity } from '../finding/finding.ts'
import type { RuleEntry } from '../rules/rule.ts'
import type { PathOptions } from './github.ts'
import { scoredBy } from './scored.ts'
import { serialise } from './serialise.ts'

export interface SastOptions extends PathOptions {
  /** When the audit ran; the format asks for it. */
  readonly at: Date
}

const SCHEMA_VERSION = '15.0.4'
const LONGEST_NAME = 255
const LONGEST_SOLUTION = 7_000
const LONGEST_DESCRIPTION = 1_048_576
const SEVERITY: Readonly<Record<Severity, string>> = {
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
}

/** One JSON document, valid for GitLab's schema. Fingerprints are ours, so that a moved line is no new vulnerability. */
export function renderGitlabSast(
  report: Report,
  rules: readonly RuleEntry[],
  { prefix = '', at }: SastOptions,
): string {
  const { name, version } = report.tool
  const product = { id: name, name: 'Sallyport', version, vendor: { name: 'Sallyport' } }
  const moment = at.toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length)
  const isScored = scoredBy(report)
  return serialise({
    version: SCHEMA_VERSION,
    scan: {
      analyzer: product,
      scanner: product,
      type: 'sast',
      status: 'success',
      start_time: moment,
      end_time: moment,
      messages: report.gaps.map(({ path, reason }) => ({ level: 'warn', value: `${path}: ${reason}` })),
    },
    vulnerabilities: report.findings.map((finding) => vulnerabilityOf(finding, isScored(finding), rules, prefix)),
  })
}

function vulnerabilityOf(finding: Finding, scored: boolean, rules: readonly RuleEntry[], prefix: string) {
  const { fingerprint, location, what, why, todo, severity } = finding
  const entry = rules.find(({ rule }) => rule.id === finding.rule)
  return {
    id: fingerprint,
    name: (entry?.rule.title ?? finding.rule).slice(0, LONGEST_NAME),
    description: [what, why, traceOf(finding)]
      .filter((part) => part !== '')
      .join('\n\n')
      .slice(0, LONGEST_DESCRIPTION),
    severity: scored ? SEVERITY[severity] : 'Info',
    ...(todo === '' ? {} : { solution: todo.slice(0, LONGEST_SOLUTION) }),
    identifiers: [
      { type: 'sallyport_rule', name: `Sallyport ${finding.rule}`, value: finding.rule },
      ...(entry?.rule.cwe ?? []).map(cweOf),
    ],
    location: {
      file: placed(location?.path ?? '.', prefix),
      start_line: location?.startLine ?? 1,
      end_line: location?.endLine ?? 1,
    },
  }
}

function traceOf({ trace }: Finding): string {
  return trace
    .map(({ note, location }, index) => {
      const place = location === undefined ? '' : ` (${location.path}:${location.startLine})`
      return `${index + 1}. ${note}${place}`
    })
    .join('\n')
}

function cweOf(id: string) {
  const value = id.replace(/^CWE-/, '')
  return { type: 'cwe', name: id, value, url: `https://cwe.mitre.org/data/definitions/${value}.html` }
}

function placed(path: string, prefix: string): string {
  return prefix === '' ? path : `${prefix}/${path}`
}
