/** The report for a pull request: the grade first, a table of findings, and the evidence folded away. */
import {
  type Assessment,
  type Finding,
  type Gap,
  type Location,
  nameOf,
  type Report,
  type Severity,
} from '../finding/finding.ts'
import type { RuleEntry } from '../rules/rule.ts'
import { cell, code, fenced, html, prose } from './markdown/escape.ts'
import { inReadingOrder } from './order.ts'
import { scoredBy } from './scored.ts'
import {
  counted,
  coverageOf,
  effortOf,
  headlineOf,
  leftOutOf,
  noPlace,
  placeText,
  suppressedOf,
  tallyOf,
  worstOf,
} from './summary.ts'
import { drawEvidence } from './text.ts'
import { legible } from './text/printable.ts'

export interface MarkdownOptions {
  /** Full texts by path, for code frames. A path that is missing here is shown without its code. */
  readonly sources: ReadonlyMap<string, string>
  /** The address of a place, where the source can be read by those who read the report. */
  readonly link?: (location: Location) => string
}

/** GitHub refuses comments of more than 65,536 characters. */
const MOST_CHARACTERS = 60_000
const MOST_ROWS = 50
const FRAME_COLUMNS = 88

const MARK: Readonly<Record<Severity, string>> = { critical: '🔴', high: '🟠', medium: '🟡', low: '🔵' }
const OUTCOME: Readonly<Record<Assessment['outcome'], string>> = {
  fail: '✗ fail',
  open: '○ open',
  pass: '✓ pass',
  notApplicable: '– not applicable',
}

/** Markdown as GitHub and GitLab read it. What comes from source shows as text: no link, mention, image or markup. */
export function renderMarkdown(report: Report, rules: readonly RuleEntry[], options: MarkdownOptions): string {
  const shown = legible(report, true)
  const isScored = scoredBy(shown)
  const ordered = inReadingOrder(shown.findings, rules)
  const scored = ordered.filter(isScored)
  const others = ordered.filter((finding) => !isScored(finding))
  const sections = [
    `## Sallyport: ${headlineOf(shown)}`,
    `**${tallyOf(scored)}** ${shown.subject.kind === 'source' ? 'in' : 'at'} ${code(nameOf(shown.subject))} · ${effortOf(shown)}`,
    [coverageOf(shown), worstOf(shown), suppressedOf(shown), leftOutOf(shown)].filter((line) => line !== '').join(' '),
    subjectsTable(shown),
    findingsTable(scored, options),
    rulesTable(shown),
    list(
      'Not scored',
      others.map(
        (finding) => `${finding.severity} ${code(finding.rule)} ${placeOf(finding, options)} (${finding.surface})`,
      ),
    ),
    list('Gaps', shown.gaps.map(gapText)),
    list('Taken as given', shown.declared.map(prose)),
    list(
      'Suppressions to mend',
      shown.notices.map(
        ({ path, location, message }) => `${code(location ? placeText(location) : path)} ${prose(message)}`,
      ),
    ),
    `<sub>${shown.tool.name} ${prose(shown.tool.version)} · formula ${prose(shown.formula)}</sub>`,
  ].filter((section) => section !== '')
  return withEvidence(sections, scored, { rules, options })
}

function findingsTable(findings: readonly Finding[], options: MarkdownOptions): string {
  if (findings.length === 0) return ''
  const rows = findings.slice(0, MOST_ROWS).map((finding) => {
    const partial = finding.partial ? ' (partial)' : ''
    return `| ${MARK[finding.severity]} ${finding.severity} | **${cell(prose(finding.rule))}**${partial}<br>${cell(prose(finding.what))} | ${cell(placeOf(finding, options))} |`
  })
  const more =
    findings.length > MOST_ROWS ? [`\n…and ${findings.length - MOST_ROWS} more; the other formats list all.`] : []
  return ['| | finding | place |', '|---|---|---|', ...rows, ...more].join('\n')
}

function subjectsTable({ subjects }: Report): string {
  if (subjects.length === 0) return ''
  const rows = subjects.slice(0, MOST_ROWS).map(({ root, grade, score, assessments }) => {
    const failing = assessments.filter(({ outcome }) => outcome === 'fail').map(({ rule }) => code(rule))
    return `| ${cell(code(root))} | **${grade}** | ${score} | ${cell(failing.join(', '))} |`
  })
  const more = subjects.length > MOST_ROWS ? [`\n…and ${subjects.length - MOST_ROWS} more servers.`] : []
  return ['| server | grade | score | failing rules |', '|---|---|---:|---|', ...rows, ...more].join('\n')
}

function rulesTable({ assessments, suppressed }: Report): string {
  const rows = assessments.map((assessment) => {
    const known = suppressed.filter(({ rule }) => rule === assessment.rule).length
    const remarks = [...assessment.reasons.slice(0, 2).map(prose), ...(known > 0 ? [`${known} suppressed`] : [])]
    const points = assessment.outcome === 'fail' ? `−${assessment.impact}` : ''
    return `| ${OUTCOME[assessment.outcome]} | ${cell(code(assessment.rule))} | ${points} | ${cell(remarks.join('<br>'))} |`
  })
  return folded('Every rule', ['| | rule | points | |', '|---|---|---:|---|', ...rows].join('\n'))
}

function placeOf(finding: Finding, { link }: MarkdownOptions): string {
  const { location } = finding
  if (location === undefined) return noPlace(finding)
  const text = code(`${location.path}:${location.startLine}`)
  return link === undefined ? text : `[${text}](<${link(location).replace(/[<>\s\\|]/g, encodeURIComponent)}>)`
}

function gapText({ path, location, reason, rules = [] }: Gap): string {
  const leftOpen = rules.length > 0 ? ` Leaves open: ${rules.map(code).join(', ')}.` : ''
  return `${code(location ? placeText(location) : path)} ${prose(reason)}${leftOpen}`
}

function list(title: string, items: readonly string[]): string {
  if (items.length === 0) return ''
  const more = items.length > MOST_ROWS ? [`- …and ${items.length - MOST_ROWS} more`] : []
  return folded(
    `${title} (${items.length})`,
    [...items.slice(0, MOST_ROWS).map((item) => `- ${item}`), ...more].join('\n'),
  )
}

function folded(title: string, body: string): string {
  return `<details>\n<summary>${title}</summary>\n\n${body}\n\n</details>`
}

interface Evidence {
  readonly rules: readonly RuleEntry[]
  readonly options: MarkdownOptions
}

/** The evidence of as many findings as one comment can hold, after the table that names all. */
function withEvidence(sections: readonly string[], scored: readonly Finding[], { rules, options }: Evidence): string {
  const table = sections.findIndex((section) => section.startsWith('| |'))
  const [before, after] = [sections.slice(0, table + 1), sections.slice(table + 1)]
  let room = MOST_CHARACTERS - sections.join('\n\n').length
  const folds: string[] = []
  for (const finding of scored) {
    const fold = evidenceOf(finding, { rules, options })
    room -= fold.length + 2
    if (room < 0) break
    folds.push(fold)
  }
  const missing = scored.length - folds.length
  const note = missing > 0 ? [`The evidence of ${counted(missing, 'more finding')} does not fit here.`] : []
  return `${[...before, ...folds, ...note, ...after].join('\n\n')}\n`
}

function evidenceOf(finding: Finding, { options }: Evidence): string {
  const { severity, rule, why, todo, confidence } = finding
  const title = `<b>${severity}</b> ${html(rule)} · ${html(finding.location ? placeText(finding.location) : noPlace(finding))} · confidence ${confidence}`
  const frame = fenced(drawEvidence(finding, { sources: options.sources, width: FRAME_COLUMNS }))
  const fixes = finding.fixes.map((fix) => `**Fix** (${fix.kind}). ${prose(fix.title)}`)
  return folded(
    title,
    [prose(finding.what), frame, `**Why.** ${prose(why)}`, `**What to do.** ${prose(todo)}`, ...fixes].join('\n\n'),
  )
}
