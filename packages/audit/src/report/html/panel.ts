/** The grade, and the rules that it rests on. */
import type { Assessment, Outcome, Report } from '../../finding/finding.ts'
import { severities } from '../../finding/severity.ts'
import type { RuleEntry } from '../../rules/rule.ts'
import { coverageOf, leftOutOf, suppressedOf } from '../summary.ts'
import { html, type Markup } from './markup.ts'

const GLYPH: Readonly<Record<Outcome, string>> = { pass: '✓', fail: '✗', open: '?', notApplicable: '–' }
const WORD: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'fail',
  open: 'open',
  notApplicable: 'not applicable',
}
const ORDER: readonly Outcome[] = ['fail', 'open', 'pass', 'notApplicable']

export function gradePanel(
  report: Report,
  rules: readonly RuleEntry[],
  anchorOf: (rules: readonly string[]) => string | undefined,
): Markup {
  const { grade, score, assessments, files, findings } = report
  const counts = severities.map((severity) => ({
    severity,
    count: findings.filter((one) => one.severity === severity).length,
  }))
  const notes = [coverageOf(assessments), sumOf(report), suppressedOf(report), leftOutOf(report)].filter(
    (text) => text !== '',
  )
  return html`<section class="card grade" aria-label="Grade">
    <div class="letter g${grade}">
      <span class="big" aria-label="${`Grade ${grade}`}">${grade}</span><span class="score"><b>${score}</b> of 100</span
      ><span class="meter" role="img" aria-label="${`${score} of 100`}"
        ><svg viewBox="0 0 100 6" preserveAspectRatio="none">
          <rect class="track" width="100" height="6" />
          <rect class="fill" width="${Math.max(0, Math.min(100, score))}" height="6" /></svg
      ></span>
    </div>
    <div class="facts">
      <ul class="tally">
        ${counts.map(({ severity, count }) => html`<li class="${count === 0 ? 'zero' : severity}"><b>${count}</b> ${severity}</li>`)}
      </ul>
      <p>
        ${files.analysed} ${files.analysed === 1 ? 'file' : 'files'}
        analysed${files.skipped > 0 && `, ${files.skipped} skipped`}.
      </p>
      ${notes.map((note) => html`<p>${note}</p>`)}
    </div>
    <ol class="rules">
      ${inOrder(assessments).map((one) => ruleRow(one, report, rules, anchorOf))}
    </ol>
  </section>`
}

function ruleRow(
  assessment: Assessment,
  { suppressed }: Report,
  rules: readonly RuleEntry[],
  anchorOf: (rules: readonly string[]) => string | undefined,
): Markup {
  const { rule, outcome, severity, impact, findings, reasons } = assessment
  const anchor = findings.length > 0 ? anchorOf([rule]) : undefined
  const known = suppressed.filter((finding) => finding.rule === rule).length
  const title = rules.find((entry) => entry.rule.id === rule)?.rule.title
  const remarks = [
    outcome === 'fail' ? severity : outcome === 'pass' ? '' : WORD[outcome],
    findings.length > 1 ? `${findings.length} findings` : '',
    known > 0 ? `${known} suppressed` : '',
  ].filter((text) => text !== '')
  return html`<li class="outcome ${outcome}${outcome === 'fail' && ` ${severity}`}">
    <span class="glyph" role="img" aria-label="${WORD[outcome]}">${GLYPH[outcome]}</span
    ><span class="name" title="${title ?? rule}"
      >${anchor === undefined ? rule : html`<a href="#${anchor}">${rule}</a>`}</span
    ><span class="remark">${remarks.join(', ')}</span
    ><span class="points">${outcome === 'fail' && `−${impact}`}</span
    >${outcome !== 'pass' && outcome !== 'fail' && reasons.length > 0 && html`<span class="reasons">${reasons.slice(0, 2).join(' ')}${reasons.length > 2 && ` And ${reasons.length - 2} more.`}</span>`}
  </li>`
}

function inOrder(assessments: readonly Assessment[]): readonly Assessment[] {
  const cost = ({ outcome, impact }: Assessment) => (outcome === 'fail' ? impact : 0)
  return assessments.toSorted((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || cost(b) - cost(a))
}

/** The score as a sum that a reader can check. */
function sumOf({ score, assessments, formula, grade }: Report): string {
  const costs = assessments
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ impact }) => impact)
    .toSorted((a, b) => b - a)
  const withheld = score >= 90 && grade !== 'A' ? ' No A with a critical or high finding.' : ''
  if (costs.length === 0) return ''
  const floor = costs.reduce((sum, cost) => sum + cost, 0) > 100 ? ', but not below 0,' : ''
  return `100 ${costs.map((cost) => `− ${cost}`).join(' ')}${floor} = ${score} (formula ${formula}).${withheld}`
}
