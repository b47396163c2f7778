/** Workflow commands: findings as annotations on the lines of a pull request. */
import type { Finding, Report } from '../finding/finding.ts'
import type { RuleEntry } from '../rules/rule.ts'
import { messageOf } from './message.ts'
import { inReadingOrder } from './order.ts'
import { scoredBy } from './scored.ts'
import { headlineOf, suppressedOf, tallyOf } from './summary.ts'
import { legible } from './text/printable.ts'

export interface PathOptions {
  /** Where the audited folder lies below the folder that the reader counts paths from; '' where they are the same. */
  readonly prefix?: string
}

const LEVEL = { critical: 'error', high: 'error', medium: 'warning', low: 'notice' } as const

/** One command a line, gravest first, since GitHub shows no more than ten of a kind and step; then a summary. */
export function renderGithub(report: Report, rules: readonly RuleEntry[], { prefix = '' }: PathOptions = {}): string {
  const shown = legible(report, true)
  const isScored = scoredBy(shown)
  const commands = inReadingOrder(shown.findings, rules).map((finding) =>
    commandFor(finding, isScored(finding), prefix),
  )
  return [...commands, summaryOf(shown)].map((line) => `${line}\n`).join('')
}

function commandFor(finding: Finding, scored: boolean, prefix: string): string {
  const { location, rule, severity } = finding
  const place = location
    ? {
        file: prefix === '' ? location.path : `${prefix}/${location.path}`,
        line: location.startLine,
        endLine: location.endLine,
        // Columns would be of the first and of the last line, and GitHub takes them for one line.
        ...(location.startLine === location.endLine && { col: location.startColumn, endColumn: location.endColumn }),
      }
    : {}
  const title = `${rule} (${severity}${scored ? '' : ', not scored'})`
  return command(scored ? LEVEL[severity] : 'notice', { ...place, title }, messageOf(finding))
}

function summaryOf(report: Report): string {
  const text = `${headlineOf(report)}: ${tallyOf(report.findings)}. ${suppressedOf(report)}`
  return command('notice', { title: report.tool.name }, text)
}

function command(name: string, properties: Readonly<Record<string, string | number>>, message: string): string {
  const list = Object.entries(properties).map(([key, value]) => `${key}=${escapedProperty(String(value))}`)
  return `::${name} ${list.join(',')}::${escapedData(message)}`
}

function escapedData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapedProperty(text: string): string {
  return escapedData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
