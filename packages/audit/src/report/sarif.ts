/** The report as a SARIF 2.1.0 log. No other file outside `sarif/` knows SARIF. */
import type { CodeFlow, Fix as SarifFix, Invocation, Log, Notification, Result, Run, ThreadFlowLocation } from 'sarif'
import {
  type Assessment,
  type Edit,
  type Finding,
  type Fix,
  type Gap,
  isExchange,
  isPlace,
  type Report,
  type SuppressedFinding,
  type TraceStep,
} from '../finding/finding.ts'
import type { RuleEntry } from '../rules/rule.ts'
import { stepText } from './exchange.ts'
import { messageOf } from './message.ts'
import { primaryIndex } from './primary.ts'
import { scoredBy } from './scored.ts'
import { webRequest, webResponse } from './sarif/exchange.ts'
import { artifactAt, plainMessage, sarifLocation, SOURCE_ROOT } from './sarif/place.ts'
import { driverOf, LEVEL, NOTIFICATIONS, SECURITY_SEVERITY, taxonomiesOf } from './sarif/rules.ts'
import { serialise } from './serialise.ts'

export interface SarifOptions {
  /** Each rule's page in Markdown, by its id. */
  readonly pages?: ReadonlyMap<string, string>
  /** Also gives suppressed findings, marked as such. Code scanning on GitHub shows them as open, whatever the mark. */
  readonly showSuppressed?: boolean
}

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'

/** One SARIF log with one run. */
export function renderSarif(report: Report, rules: readonly RuleEntry[], options: SarifOptions = {}): string {
  return serialise({ $schema: SCHEMA, version: '2.1.0', runs: [runOf(report, rules, options)] } satisfies Log)
}

function runOf(report: Report, rules: readonly RuleEntry[], options: SarifOptions): Run {
  const { pages = new Map(), showSuppressed = false } = options
  const indexes: RuleIndexes = new Map(rules.map(({ rule }, index) => [rule.id, index]))
  const isScored = scoredBy(report)
  return {
    tool: { driver: driverOf(report, rules, pages) },
    taxonomies: taxonomiesOf(report, rules),
    invocations: [invocationOf(report, indexes)],
    originalUriBaseIds: { [SOURCE_ROOT]: { description: { text: 'The audited root' } } },
    columnKind: 'utf16CodeUnits',
    results: [
      ...report.findings.map((finding) => resultOf(finding, isScored(finding), indexes)),
      ...(showSuppressed ? report.suppressed.map((finding) => suppressedResult(finding, indexes)) : []),
    ],
    properties: scoreProperties(report),
  }
}

type RuleIndexes = ReadonlyMap<string, number>

/**
 * Findings alone become results. Passed and open rules have no place in source, and code scanning on GitHub refuses a
 * whole log for one result without a place. Every outcome is in the run's properties, every open one a notification.
 */
function scoreProperties({
  score,
  grade,
  formula,
  profile,
  assessments,
  files,
  suppressed,
}: Report): Run['properties'] {
  const outcomes = assessments.map(({ rule, outcome, severity, impact, reasons }) => ({
    rule,
    outcome,
    severity,
    impact,
    reasons,
  }))
  return {
    'sallyport/score': { score, grade, formula, profile, files, assessments: outcomes, suppressed: suppressed.length },
  }
}

function resultOf(finding: Finding, scored: boolean, indexes: RuleIndexes): Result {
  return {
    ruleId: finding.rule,
    ...ruleIndex(finding.rule, indexes),
    kind: scored ? 'fail' : 'informational',
    level: scored ? LEVEL[finding.severity] : 'none',
    message: { text: plainMessage(messageOf(finding)) },
    ...placesOf(finding),
    codeFlows: [flowOf(finding)],
    ...exchangeAtTheft(finding),
    partialFingerprints: { 'sallyport/v1': finding.fingerprint },
    ...(finding.fixes.length > 0 && { fixes: finding.fixes.map(fixOf) }),
    properties: {
      severity: finding.severity,
      'security-severity': SECURITY_SEVERITY[finding.severity],
      confidence: finding.confidence,
      partial: finding.partial,
      surface: finding.surface,
    },
  }
}

function suppressedResult(finding: SuppressedFinding, indexes: RuleIndexes): Result {
  const { by, reason } = finding.suppression
  const kind = by === 'comment' ? 'inSource' : 'external'
  return {
    ...resultOf(finding, false, indexes),
    suppressions: [{ kind, status: 'accepted', justification: plainMessage(reason) }],
  }
}

function ruleIndex(rule: string, indexes: RuleIndexes): Pick<Result, 'ruleIndex'> {
  const index = indexes.get(rule)
  return index === undefined ? {} : { ruleIndex: index }
}

function placesOf(finding: Finding): Pick<Result, 'locations' | 'relatedLocations'> {
  const primary = primaryIndex(finding)
  const place = finding.location ?? finding.trace[primary]?.location
  const related = finding.trace.flatMap((step, id) =>
    isPlace(step) && id !== primary ? [{ id, ...sarifLocation(step.location, step.note) }] : [],
  )
  return {
    ...(place && { locations: [sarifLocation(place)] }),
    ...(related.length > 0 && { relatedLocations: related }),
  }
}

function flowOf(finding: Finding): CodeFlow {
  const primary = primaryIndex(finding)
  const locations = finding.trace.map((step, index): ThreadFlowLocation => ({
    executionOrder: index + 1,
    ...whereOf(step),
    importance: index === primary ? 'essential' : 'important',
  }))
  return { threadFlows: [{ locations }] }
}

function whereOf(step: TraceStep): Pick<ThreadFlowLocation, 'location' | 'webRequest' | 'webResponse'> {
  if (!isExchange(step)) return { location: sarifLocation(step.location, step.note) }
  return {
    location: { message: { text: plainMessage(stepText(step)) } },
    webRequest: webRequest(step.exchange),
    webResponse: webResponse(step.exchange),
  }
}

/** The exchange that proves a live finding. */
function exchangeAtTheft(finding: Finding): Pick<Result, 'webRequest' | 'webResponse'> {
  const step = finding.trace[primaryIndex(finding)]
  return step !== undefined && isExchange(step)
    ? { webRequest: webRequest(step.exchange), webResponse: webResponse(step.exchange) }
    : {}
}

function fixOf({ title, kind, edits }: Fix): SarifFix {
  const paths = [...new Set(edits.map(({ path }) => path))]
  return {
    description: { text: plainMessage(title) },
    artifactChanges: paths.map((path) => ({
      artifactLocation: artifactAt(path),
      replacements: edits.filter((edit) => edit.path === path).map(replacementOf),
    })),
    properties: { kind },
  }
}

function replacementOf({ start, end, text }: Edit): SarifFix['artifactChanges'][number]['replacements'][number] {
  return {
    deletedRegion: { charOffset: start, charLength: Math.max(0, end - start) },
    ...(text !== '' && { insertedContent: { text } }),
  }
}

function invocationOf({ gaps, assessments }: Report, indexes: RuleIndexes): Invocation {
  const open = assessments.filter(({ outcome }) => outcome === 'open')
  return {
    executionSuccessful: true,
    toolExecutionNotifications: [
      ...gaps.map(gapNotification),
      ...open.map((assessment) => openNotification(assessment, indexes)),
    ],
  }
}

function gapNotification({ path, reason, location, rules = [] }: Gap): Notification {
  const leftOpen = rules.length > 0 ? ` Leaves open: ${rules.join(', ')}.` : ''
  return {
    descriptor: { id: NOTIFICATIONS.gap },
    level: 'warning',
    message: { text: plainMessage(reason + leftOpen) },
    locations: [location ? sarifLocation(location) : { physicalLocation: { artifactLocation: artifactAt(path) } }],
  }
}

function openNotification({ rule, reasons }: Assessment, indexes: RuleIndexes): Notification {
  const index = indexes.get(rule)
  return {
    descriptor: { id: NOTIFICATIONS.openRule },
    associatedRule: { id: rule, ...(index !== undefined && { index }) },
    level: 'warning',
    message: { text: plainMessage(`The rule ${rule} is open. ${reasons.join(' ')}`.trim()) },
  }
}
