/** The report as the JSON document that other programs rely on; `report.schema.json` describes it. */
import {
  type Assessment,
  type Exchange,
  type Finding,
  type Fix,
  type Gap,
  isExchange,
  type Lifecycle,
  type Location,
  type Notice,
  type Report,
  type ReportSubject,
  type Step,
  type Subject,
  type SuppressedFinding,
  type TraceStep,
} from '../finding/finding.ts'
import { messageOf } from './message.ts'
import { serialise } from './serialise.ts'

/** One JSON document. */
export function renderJson(report: Report): string {
  const { tool, formula, subject, files, score, grade } = report
  return serialise({
    tool: { name: tool.name, version: tool.version },
    formula,
    subject: subjectOf(subject),
    ...(report.probed && { probed: probedJson(report.probed) }),
    profile: report.profile,
    files: { analysed: files.analysed, skipped: files.skipped },
    score,
    grade,
    assessments: report.assessments.map(assessmentJson),
    ...(report.subjects.length > 0 && { subjects: report.subjects.map(subjectJson) }),
    findings: report.findings.map(findingJson),
    suppressed: report.suppressed.map(suppressedJson),
    leftOut: report.leftOut,
    declared: report.declared,
    notices: report.notices.map(noticeJson),
    lifecycles: report.lifecycles.map(lifecycleJson),
    gaps: report.gaps.map(gapJson),
  })
}

function assessmentJson({ rule, outcome, severity, impact, findings, reasons, tried }: Assessment) {
  return { rule, outcome, severity, impact, findings, reasons, ...(tried && { tried }) }
}

function subjectJson({ root, score, grade, assessments }: Subject) {
  return { root, score, grade, assessments: assessments.map(assessmentJson) }
}

function findingJson(finding: Finding) {
  const { fingerprint, rule, severity, confidence, partial, surface, location, trace, fixes } = finding
  return {
    fingerprint,
    rule,
    severity,
    confidence,
    partial,
    surface,
    message: messageOf(finding),
    ...(location && { location: locationJson(location) }),
    trace: trace.map(traceStepJson),
    fixes: fixes.map(fixJson),
  }
}

function suppressedJson(finding: SuppressedFinding) {
  const { by, reason, expires } = finding.suppression
  return { ...findingJson(finding), suppression: { by, reason, ...(expires !== undefined && { expires }) } }
}

function noticeJson({ kind, message, path, location }: Notice) {
  return { kind, message, path, ...(location && { location: locationJson(location) }) }
}

function lifecycleJson({ store, kind, holds, location, states, transitions }: Lifecycle) {
  return {
    store,
    kind,
    holds,
    location: locationJson(location),
    states,
    transitions: transitions.map(({ name, from, to, presence, summary, places }) => ({
      name,
      from,
      to,
      presence,
      summary,
      places: places.map(stepJson),
    })),
  }
}

function stepJson({ note, location }: Step) {
  return { note, location: locationJson(location) }
}

function traceStepJson(step: TraceStep) {
  return isExchange(step) ? { note: step.note, exchange: exchangeJson(step.exchange) } : stepJson(step)
}

function exchangeJson({ actor, request, response, failure }: Exchange) {
  const { method, url, headers, body } = request
  return {
    actor,
    request: { method, url, headers, ...(body !== undefined && { body }) },
    ...(response && { response: { status: response.status, headers: response.headers, body: response.body } }),
    ...(failure !== undefined && { failure }),
  }
}

function probedJson({ url, eras, requests }: NonNullable<Report['probed']>) {
  return { url, eras, requests }
}

function subjectOf(subject: ReportSubject) {
  if (subject.kind === 'source') return { kind: subject.kind, root: subject.root }
  const { kind, url, eras, requests } = subject
  return { kind, url, eras, requests }
}

function locationJson({ path, startLine, startColumn, endLine, endColumn }: Location) {
  return { path, startLine, startColumn, endLine, endColumn }
}

function fixJson({ title, kind, edits }: Fix) {
  return { title, kind, edits: edits.map(({ path, start, end, text }) => ({ path, start, end, text })) }
}

function gapJson({ path, reason, location, rules }: Gap) {
  return { path, reason, ...(location && { location: locationJson(location) }), ...(rules && { rules }) }
}
