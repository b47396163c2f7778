/** One line a finding, as compilers write them: editors and other programs know how to jump to such places. */
import type { Finding, Report } from '../finding/finding.ts'
import type { PathOptions } from './github.ts'
import { headlineOf, suppressedOf, tallyOf } from './summary.ts'
import { legible } from './text/printable.ts'

const WORD = { critical: 'error', high: 'error', medium: 'warning', low: 'note' } as const

/** `path:line:column: error: what is wrong [rule]`, in the order of the files; last a line without a place. */
export function renderUnix(report: Report, { prefix = '' }: PathOptions = {}): string {
  const shown = legible(report, true)
  const lines = shown.findings.map((finding) => lineFor(finding, prefix))
  return [...lines, `${headlineOf(shown)}: ${tallyOf(shown.findings)}. ${suppressedOf(shown)}`]
    .map((line) => `${line}\n`)
    .join('')
}

function lineFor({ location, severity, what, rule }: Finding, prefix: string): string {
  const path = location && (prefix === '' ? location.path : `${prefix}/${location.path}`)
  const place = location ? `${path}:${location.startLine}:${location.startColumn}` : '.:1:1'
  return `${place}: ${WORD[severity]}: ${what} [${rule}]`
}
