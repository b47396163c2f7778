/** The report as JUnit XML: a test case for every finding and every rule without one. */
import { type Assessment, type Finding, nameOf, type Report } from '../finding/finding.ts'
import type { RuleEntry } from '../rules/rule.ts'
import { stepText } from './exchange.ts'
import { messageOf } from './message.ts'
import { inReadingOrder } from './order.ts'
import { scoredBy } from './scored.ts'
import { coverageOf, headlineOf, placeText, suppressedOf } from './summary.ts'
import { legible } from './text/printable.ts'

/** One XML document. Findings that count are failures; open rules and findings that are not scored are skipped, never passed. */
export function renderJunit(report: Report, rules: readonly RuleEntry[]): string {
  const shown = legible(report, true)
  const cases = [
    ...findingCases(shown, rules),
    ...shown.assessments.filter(({ outcome }) => outcome !== 'fail').map(ruleCase),
  ]
  const count = (kind: Case['kind']) => cases.filter((one) => one.kind === kind).length
  const counts = { tests: cases.length, failures: count('failure'), errors: 0, skipped: count('skipped') }
  const suite = { name: `sallyport ${nameOf(shown.subject)}`, ...counts, time: 0 }
  return `<?xml version="1.0" encoding="UTF-8"?>
${element('testsuites', { name: shown.tool.name, ...counts, time: 0 }, [
  element('testsuite', suite, [
    properties(shown),
    ...cases.map(caseElement),
    element('system-out', {}, [escaped(summaryOf(shown))]),
  ]),
])}
`
}

interface Case {
  readonly name: string
  readonly file: string | undefined
  readonly line: number | undefined
  readonly kind: 'passed' | 'failure' | 'skipped'
  readonly message: string
  /** `high` and so on, of a failure. */
  readonly type: string
  readonly text: string
}

function findingCases(report: Report, rules: readonly RuleEntry[]): readonly Case[] {
  const isScored = scoredBy(report)
  return inReadingOrder(report.findings, rules).map((finding) => findingCase(finding, isScored(finding)))
}

function findingCase(finding: Finding, scored: boolean): Case {
  const { location, rule, severity, what, trace } = finding
  const steps = trace.map((step, at) => `${at + 1}. ${stepText(step)}`)
  return {
    name: location ? `${rule} at ${placeText(location)}` : rule,
    file: location?.path,
    line: location?.startLine,
    kind: scored ? 'failure' : 'skipped',
    message: scored ? what : `Not scored (${finding.surface}): ${what}`,
    type: severity,
    text: [messageOf(finding), '', ...steps].join('\n'),
  }
}

function ruleCase({ rule, outcome, reasons }: Assessment): Case {
  const base = { name: rule, file: undefined, line: undefined, type: '', text: '' }
  if (outcome === 'pass') return { ...base, kind: 'passed', message: '' }
  const word = outcome === 'open' ? 'Open' : 'Not applicable'
  return { ...base, kind: 'skipped', message: [`${word}.`, ...reasons].join(' ') }
}

function caseElement({ name, file, line, kind, message, type, text }: Case): string {
  const place = { ...(file !== undefined && { file }), ...(line !== undefined && { line }) }
  const body = {
    passed: [],
    skipped: [element('skipped', { message }, [])],
    failure: [element('failure', { message, type }, [escaped(text)])],
  }
  return element('testcase', { name, classname: 'sallyport', ...place, time: 0 }, body[kind])
}

function properties({ score, grade, formula, suppressed, leftOut }: Report): string {
  const values = { score: score ?? 'none', grade: grade ?? 'none', formula, suppressed: suppressed.length, leftOut }
  const all = Object.entries(values).map(([name, value]) => element('property', { name, value }, []))
  return element('properties', {}, all)
}

function summaryOf(report: Report): string {
  return `${headlineOf(report)}. ${coverageOf(report)} ${suppressedOf(report)}`
}

function element(name: string, attributes: Readonly<Record<string, string | number>>, body: readonly string[]): string {
  const list = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escaped(String(value)).replaceAll('\n', '&#10;')}"`,
  )
  return body.length === 0 ? `<${name}${list.join('')}/>` : `<${name}${list.join('')}>${body.join('')}</${name}>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Text without what XML 1.0 cannot hold. Controls are visible already; noncharacters and the like are left. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
