/** The grade, and the rules that it rests on. */
import type { Assessment, Outcome, Report } from '../../finding/finding.ts'
import { severities } from '../../finding/severity.ts'
import type { RuleEntry } from '../../rules/rule.ts'
import { counted, coverageOf, effortOf, leftOutOf, sumOf, suppressedOf, withheld, worstOf } from '../summary.ts'
import { html, type Markup } from './markup.ts'

const GLYPH: Readonly<Record<Outcome, string>> = { pass: '✓', fail: '✗', open: '?', notApplicable: '–' }
const WORD: Readonly<Record<Outcome, string>> = {
  pass: 'pass',
  fail: 'fail',
  open: 'open',
  notApplicable: 'not applicable',
}
const ORDER: readonly Outcome[] = ['fail', 'open', 'pass', 'notApplicable']

/** More rules than these stand below the grade, in two columns. */
const ONE_COLUMN = 12

export function gradePanel(
  report: Report,
  rules: readonly RuleEntry[],
  anchorOf: (rules: readonly string[]) => string | undefined,
): Markup {
  const { assessments, files, findings } = report
  const counts = severities.map((severity) => ({
    severity,
    count: findings.filter((one) => one.severity === severity).length,
  }))
  const notes = [
    coverageOf(report),
    sumOf(report, '−'),
    withheld(report),
    worstOf(report),
    suppressedOf(report),
    leftOutOf(report),
  ].filter((text) => text !== '')
  return html`<section class="card grade${assessments.length > ONE_COLUMN && ' many'}" aria-label="Grade">
    ${letterOf(report)}
    <div class="facts">
      <ul class="tally">
        ${counts.map(({ severity, count }) => html`<li class="${count === 0 ? 'zero' : severity}"><b>${count}</b> ${severity}</li>`)}
      </ul>
      <p>${effortOf(report)}${files.skipped > 0 && `, ${files.skipped} skipped`}.</p>
      ${notes.map((note) => html`<p>${note}</p>`)}
    </div>
    <ol class="rules">
      ${inOrder(assessments).map((one) => ruleRow(one, report, rules, anchorOf))}
    </ol>
  </section>`
}

function letterOf({ grade, score }: Report): Markup {
  if (grade === null || score === null)
    return html`<div class="letter">
      <span class="big" aria-label="No grade">–</span><span class="score">no grade</span>
    </div>`
  return html`<div class="letter g${grade}">
    <span class="big" aria-label="${`Grade ${grade}`}">${grade}</span><span class="score"><b>${score}</b> of 100</span
    ><span class="meter" role="img" aria-label="${`${score} of 100`}"
      ><svg viewBox="0 0 100 6" preserveAspectRatio="none">
        <rect class="track" width="100" height="6" />
        <rect class="fill" width="${Math.max(0, Math.min(100, score))}" height="6" /></svg
    ></span>
  </div>`
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

/** Every server of the tree with its own grade. */
export function subjectsTable({ subjects }: Report): Markup {
  if (subjects.length === 0) return html``
  const rows = subjects.map(
    ({ root, grade, score, assessments }) =>
      html`<tr>
        <th scope="row"><code>${root}</code></th>
        <td><b class="letter g${grade}">${grade}</b></td>
        <td class="num">${score}</td>
        <td>${failingOf(assessments)}</td>
      </tr>`,
  )
  return html`<section aria-labelledby="servers">
    <h2 id="servers">${counted(subjects.length, 'server')}</h2>
    <div class="card scroll">
      <table class="subjects">
        <thead>
          <tr>
            <th scope="col">Server</th>
            <th scope="col">Grade</th>
            <th scope="col" class="num">Score</th>
            <th scope="col">Failing rules</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`
}

function failingOf(assessments: readonly Assessment[]): string {
  const failing = assessments.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => rule)
  return failing.length === 0 ? 'none' : failing.join(', ')
}
