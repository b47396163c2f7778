/** The grade as a panel: letter, score, a line per rule, and on how much it rests. */
import type { Assessment, Grade, Outcome, Report } from '../../finding/finding.ts'
import type { RuleEntry } from '../../rules/rule.ts'
import { coverageOf, leftOutOf, sumOf, suppressedOf, withheld, worstOf } from '../summary.ts'
import { clipped, widthOf } from './cells.ts'
import { bigLetter, LETTER_COLUMNS } from './letters.ts'
import { type Line, lineWidth, type Role, span, type Terminal } from './terminal.ts'
import { wrapped } from './wrap.ts'

/** Below this the letter stands above the rules instead of beside them. */
const TWO_COLUMNS_FROM = 72
const COLUMN_GAP = 4
const POINTS_COLUMNS = 5
/** Beyond these a rule says how many more there are; the gaps above name them. */
const REASONS_SHOWN = 2

export function drawPanel(report: Report, rules: readonly RuleEntry[], terminal: Terminal): readonly Line[] {
  const inner = terminal.width - 6
  const badge = badgeOf(report, terminal)
  const beside = terminal.width >= TWO_COLUMNS_FROM
  const columns = beside ? inner - LETTER_COLUMNS - COLUMN_GAP : inner
  const ids = report.assessments.map(({ rule }) => widthOf(rule))
  const idColumns = Math.min(Math.max(0, ...ids), columns - widestGlyph(terminal) - POINTS_COLUMNS - 3)
  const table = withoutRepeats(inOrder(report.assessments, rules)).flatMap((assessment) =>
    ruleRows(assessment, suppressedFor(assessment.rule, report), { columns, idColumns, terminal }),
  )
  const top = beside ? sideBySide(badge, table) : [...badge, [], ...table]
  const body = [[], ...top, [], ...footer(report, inner, terminal), []]
  return boxed(report.grade === null ? ' No grade ' : ` Grade ${report.grade} `, body, terminal)
}

function badgeOf({ grade, score }: Report, terminal: Terminal): readonly Line[] {
  const role = grade === null ? 'unsure' : GRADE_ROLE[grade]
  const letter = bigLetter(grade, terminal.glyphs.block).map((row): Line => [span(row, role)])
  if (score === null) return letter
  return [...letter, [], [span(String(score), 'strong'), span(' / 100', 'faint')]]
}

/** The colour of a grade. */
export const GRADE_ROLE: Readonly<Record<Grade, Role>> = { A: 'good', B: 'good', C: 'medium', D: 'high', F: 'critical' }

/** What cost points comes first, then what is undecided; within an outcome the rules keep their own order. */
function inOrder(assessments: readonly Assessment[], rules: readonly RuleEntry[]): readonly Assessment[] {
  const place = new Map(rules.map(({ rule }, index) => [rule.id, index]))
  const placeOf = (assessment: Assessment) => place.get(assessment.rule) ?? rules.length
  return assessments.toSorted(
    (one, other) =>
      OUTCOME_ORDER.indexOf(one.outcome) - OUTCOME_ORDER.indexOf(other.outcome) ||
      other.impact * failed(other) - one.impact * failed(one) ||
      placeOf(one) - placeOf(other),
  )
}

/** One gap may leave every rule open: its words stand once, under the first of them. */
function withoutRepeats(assessments: readonly Assessment[]): readonly Assessment[] {
  const words = assessments.map(({ outcome, reasons }) => JSON.stringify([outcome, reasons]))
  return assessments.map((assessment, at) =>
    at > 0 && assessment.outcome === 'open' && assessment.reasons.length > 0 && words[at] === words[at - 1]
      ? { ...assessment, reasons: ['as above'] }
      : assessment,
  )
}

const OUTCOME_ORDER: readonly Outcome[] = ['fail', 'open', 'pass', 'notApplicable']

const OUTCOME_ROLE: Readonly<Record<Outcome, Role>> = {
  fail: 'high',
  open: 'unsure',
  pass: 'good',
  notApplicable: 'faint',
}

function failed(assessment: Assessment): 0 | 1 {
  return assessment.outcome === 'fail' ? 1 : 0
}

interface Table {
  readonly columns: number
  readonly idColumns: number
  readonly terminal: Terminal
}

/** One rule: glyph, id, remark, points; where it is undecided or not concerned, the reasons beneath. */
function ruleRows(
  assessment: Assessment,
  suppressed: number,
  { columns, idColumns, terminal }: Table,
): readonly Line[] {
  const { outcome, rule } = assessment
  const glyph = terminal.glyphs.outcome[outcome].padEnd(widestGlyph(terminal))
  const role = outcome === 'fail' ? assessment.severity : OUTCOME_ROLE[outcome]
  const id = span(
    clipped(rule, idColumns, terminal.glyphs.ellipsis).padEnd(idColumns),
    outcome === 'notApplicable' ? 'faint' : 'plain',
  )
  const points = span(pointsOf(assessment, terminal).padStart(POINTS_COLUMNS), role)
  const head = [span(`${glyph} `, role), id, span('  ')]
  const room = columns - lineWidth(head) - POINTS_COLUMNS
  const remark = span(
    (remarksOn(assessment, suppressed).find((text) => text.length <= room) ?? '').padEnd(room),
    'faint',
  )
  return [[...head, remark, points], ...reasonRows(assessment, columns, terminal)]
}

function pointsOf({ outcome, impact }: Assessment, terminal: Terminal): string {
  return outcome === 'fail' ? `${terminal.glyphs.minus}${impact}` : ''
}

/** What can stand beside a rule, the fullest first. */
function remarksOn({ outcome, severity, findings }: Assessment, suppressed: number): readonly string[] {
  const besides = suppressed > 0 ? [`${suppressed} suppressed`] : []
  if (outcome === 'open') return besides.length > 0 ? [`open, ${besides[0]}`, 'open'] : ['open']
  if (outcome === 'notApplicable') return ['not applicable', 'n/a']
  if (outcome === 'pass') return besides
  const counted = findings.length > 1 ? [`${severity}, ${findings.length} findings`] : []
  return [...besides.map((text) => `${counted[0] ?? severity}, ${text}`), ...counted, severity]
}

function suppressedFor(rule: string, { suppressed }: Report): number {
  return suppressed.filter((finding) => finding.rule === rule).length
}

function reasonRows({ outcome, reasons }: Assessment, columns: number, terminal: Terminal): readonly Line[] {
  if (outcome !== 'open' && outcome !== 'notApplicable') return []
  const indent = ' '.repeat(widestGlyph(terminal) + 1)
  const more = reasons.length - REASONS_SHOWN
  const shown = [...reasons.slice(0, REASONS_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])]
  return shown.flatMap((reason) =>
    wrapped(reason, columns - indent.length).map((text): Line => [span(indent + text, 'faint')]),
  )
}

function widestGlyph(terminal: Terminal): number {
  return Math.max(...Object.values(terminal.glyphs.outcome).map((glyph) => glyph.length))
}

function footer(report: Report, columns: number, terminal: Terminal): readonly Line[] {
  const lines = [
    coverageOf(report),
    sumOf(report, terminal.glyphs.minus),
    withheld(report),
    worstOf(report),
    suppressedOf(report),
    leftOutOf(report),
  ]
  return lines
    .filter((line) => line !== '')
    .flatMap((line, at) => wrapped(line, columns).map((text): Line => [span(text, at === 0 ? 'strong' : 'faint')]))
}

function sideBySide(left: readonly Line[], right: readonly Line[]): readonly Line[] {
  const rows = Math.max(left.length, right.length)
  return Array.from({ length: rows }, (_, at) => {
    const start = left[at] ?? []
    return [...start, span(' '.repeat(LETTER_COLUMNS + COLUMN_GAP - lineWidth(start))), ...(right[at] ?? [])]
  })
}

function boxed(title: string, body: readonly Line[], terminal: Terminal): readonly Line[] {
  const { topLeft, topRight, bottomLeft, bottomRight, across, down } = terminal.glyphs.box
  const edge = span(down, 'faint')
  const rule = across.repeat(terminal.width - 3 - widthOf(title))
  return [
    [span(`${topLeft}${across}`, 'faint'), span(title, 'strong'), span(`${rule}${topRight}`, 'faint')],
    ...body.map((line) => [edge, span('  '), ...padded(line, terminal.width - 6), span('  '), edge]),
    [span(`${bottomLeft}${across.repeat(terminal.width - 2)}${bottomRight}`, 'faint')],
  ]
}

function padded(line: Line, columns: number): Line {
  return [...line, span(' '.repeat(Math.max(0, columns - lineWidth(line))))]
}
