/** The parts of the page around a code frame: head, findings, what is listed only, gaps. */
import {
  type Finding,
  type Gap,
  placesOf,
  type Report,
  type SuppressedFinding,
  type Suppression,
} from '../../finding/finding.ts'
import { severities } from '../../finding/severity.ts'
import { GRADE_ROLE } from './panel.ts'
import { counted, effortOf, noPlace, placeText, titleOf } from '../summary.ts'
import { clipped, widthOf } from './cells.ts'
import { drawDiagram, drawReproduction } from './diagram.ts'
import { drawFrames } from './draw.ts'
import { framesOf } from './frames.ts'
import type { Sources } from './sources.ts'
import { type Line, lineWidth, span, type Terminal } from './terminal.ts'
import { wrapped } from './wrap.ts'

export interface Page {
  readonly terminal: Terminal
  readonly sources: Sources
  readonly titles: ReadonlyMap<string, string>
}

const LABEL_COLUMNS = 12
const SEVERITY_COLUMNS = 10

/** Beyond this many a list says how many more there are. */
const LISTED = 20

/** Places named for one reason. */
const PLACES_SHOWN = 3

export function head(report: Report, scored: readonly Finding[], { terminal }: Page): readonly Line[] {
  const { tool, subject, files } = report
  const skipped = files.skipped > 0 ? `, ${files.skipped} skipped` : ''
  const analysed = `${effortOf(report)}${skipped}`
  const subjectText = clipped(
    titleOf(subject),
    terminal.width - widthOf(tool.name + tool.version) - 3,
    terminal.glyphs.ellipsis,
  )
  return [
    [span(tool.name, 'strong'), span(` ${tool.version}`, 'faint'), span(`  ${subjectText}`)],
    ...fitted(
      [span(`${analysed} ${terminal.glyphs.dot} `, 'faint'), ...tally(scored)],
      beside(report, scored),
      terminal,
    ),
  ]
}

/** One line where both fit, else two. */
function fitted(line: Line, rest: Line, terminal: Terminal): readonly Line[] {
  if (rest.length === 0) return [line]
  const whole = [...line, span(', ', 'faint'), ...rest]
  return lineWidth(whole) <= terminal.width ? [whole] : [line, rest]
}

/** What a reader of a short tally must not overlook: rules that are undecided, findings that are listed but not scored. */
function beside({ assessments, findings }: Report, scored: readonly Finding[]): Line {
  const open = assessments.filter(({ outcome }) => outcome === 'open').length
  const others = findings.length - scored.length
  const undecided = open > 0 ? [span(`${counted(open, 'rule')} open`, 'unsure')] : []
  const unscored = others > 0 ? [span(`${others} more not scored`, 'faint')] : []
  return undecided.length > 0 && unscored.length > 0
    ? [...undecided, span(', ', 'faint'), ...unscored]
    : [...undecided, ...unscored]
}

function tally(findings: readonly Finding[]): Line {
  if (findings.length === 0) return [span('no weakness found', 'good')]
  const counts = severities.map((severity) => ({
    severity,
    count: findings.filter((f) => f.severity === severity).length,
  }))
  const parts = counts.filter(({ count }) => count > 0)
  const spans = parts.map(({ severity, count }, at) => [
    span(at === 0 ? ': ' : ', ', 'faint'),
    span(`${count} ${severity}`, severity),
  ])
  return [span(counted(findings.length, 'finding')), ...spans.flat()]
}

/** One finding in full. `earlier`: the finding that has already said the same why and what to do. */
export function drawFinding(
  finding: Finding,
  position: string,
  earlier: string | undefined,
  page: Page,
): readonly Line[] {
  const { terminal } = page
  return [
    bannerOf(finding, position, terminal),
    ...wrapped(page.titles.get(finding.rule) ?? '', terminal.width).map((text): Line => [span(text, 'strong')]),
    ...factsOf(finding, terminal),
    [],
    ...drawTrace(finding, page),
    [],
    ...advice(finding, earlier, terminal),
    ...drawReproduction(finding),
  ]
}

/** The code around the steps of a trace, and the exchanges in it. */
export function drawTrace(
  finding: Finding,
  { terminal, sources }: Pick<Page, 'terminal' | 'sources'>,
): readonly Line[] {
  const gutter = Math.max(
    4,
    ...placesOf(finding.trace).map(({ location }) => String(location.startLine + 1).length + 1),
  )
  return [
    ...drawFrames(framesOf(finding), { terminal, sources, role: finding.severity, gutter }),
    ...drawDiagram(finding, terminal),
  ]
}

function bannerOf(finding: Finding, position: string, terminal: Terminal): Line {
  const { rule } = terminal.glyphs
  const tag = [
    span(`${rule}${rule} `, finding.severity),
    span(finding.severity.toUpperCase(), finding.severity),
    span(`  ${finding.rule} `, 'strong'),
  ]
  const end = ` ${position} ${rule}${rule}`
  const fill = rule.repeat(Math.max(2, terminal.width - lineWidth(tag) - widthOf(end)))
  return [...tag, span(fill, 'faint'), span(end, 'faint')]
}

function factsOf(finding: Finding, terminal: Terminal): readonly Line[] {
  const { dot } = terminal.glyphs
  const facts = [`confidence ${finding.confidence}`, ...(finding.partial ? ['partial weakness: half the points'] : [])]
  const place = finding.location ? placeText(finding.location) : noPlace(finding)
  const rest = ` ${dot} ${facts.join(` ${dot} `)}`
  if (widthOf(place) + widthOf(rest) <= terminal.width) return [[span(place), span(rest, 'faint')]]
  return [[span(place)], [span(facts.join(` ${dot} `), 'faint')]]
}

function advice(finding: Finding, earlier: string | undefined, terminal: Terminal): readonly Line[] {
  const fixes = finding.fixes.flatMap((fix) => labelled('Fix', `${fix.title} (${fix.kind})`, terminal))
  const what = labelled('What', finding.what, terminal)
  if (earlier !== undefined)
    return [...what, ...fixes, ...labelled('', `Why and what to do: as for ${earlier}.`, terminal)]
  return [
    ...what,
    ...labelled('Why', finding.why, terminal),
    ...labelled('What to do', finding.todo, terminal),
    ...fixes,
  ]
}

function labelled(label: string, text: string, terminal: Terminal): readonly Line[] {
  return wrapped(text, terminal.width - LABEL_COLUMNS).map((line, at) => [
    span((at === 0 ? label : '').padEnd(LABEL_COLUMNS), 'strong'),
    span(line),
  ])
}

/** Findings on examples, scripts and the like: a line each. */
export function drawNotScored(findings: readonly Finding[], page: Page): readonly Line[] {
  if (findings.length === 0) return []
  const rows = findings.slice(0, LISTED).flatMap((finding) => listed(finding, page.terminal))
  const title = [span('Not scored', 'strong'), span('  examples, scripts and the like', 'faint')]
  return [title, ...rows, ...unlisted(findings.length)]
}

/** On one line where it fits, else the place on a line of its own: a path that a terminal breaks cannot be followed. */
function listed(finding: Finding, terminal: Terminal): readonly Line[] {
  const start = [span(`  ${finding.severity.padEnd(SEVERITY_COLUMNS)}`, finding.severity), span(finding.rule)]
  const place = finding.location ? placeText(finding.location) : noPlace(finding)
  const end = span(`${place} (${finding.surface})`, 'faint')
  if (lineWidth([...start, end]) + 2 <= terminal.width) return [[...start, span('  '), end]]
  return [start, [span(' '.repeat(SEVERITY_COLUMNS + 2)), end]]
}

/** Every server of the tree with its own grade: a line each. */
export function drawSubjects({ subjects }: Report): readonly Line[] {
  if (subjects.length === 0) return []
  const rows = subjects.map(({ root, grade, score, assessments }): Line => {
    const failing = assessments.filter(({ outcome }) => outcome === 'fail').length
    const rest = `${String(score).padStart(5)} / 100   ${counted(failing, 'failing rule')}`
    return [span(`  ${grade}  `, GRADE_ROLE[grade]), span(rest.padEnd(34), 'faint'), span(root)]
  })
  return [[span('Servers', 'strong'), span('  each with its own grade', 'faint')], ...rows]
}

/** Findings that somebody decided to live with: a line each, and why. */
export function drawSuppressed(findings: readonly SuppressedFinding[], { terminal }: Page): readonly Line[] {
  if (findings.length === 0) return []
  const rows = findings.flatMap((finding) => [
    ...listed(finding, terminal),
    ...wrapped(reasonOf(finding.suppression), terminal.width - 4).map((text): Line => [span(`    ${text}`)]),
  ])
  return [[span('Suppressed', 'strong'), span('  not scored', 'faint')], ...rows]
}

function reasonOf({ by, reason, expires }: Suppression): string {
  return `${by}: ${reason}${expires === undefined ? '' : ` (until ${expires})`}`
}

/** What the audit did not see for itself, and what to mend about suppressions. */
export function drawRemarks({ declared, notices }: Report, { terminal }: Page): readonly (readonly Line[])[] {
  const taken = declared.flatMap((text) => wrapped(text, terminal.width - 2)).map((text): Line => [span(`  ${text}`)])
  const rows = notices
    .slice(0, LISTED)
    .flatMap(({ message, path, location }) => [
      [span(`  ${location ? placeText(location) : path}`, 'faint')],
      ...wrapped(message, terminal.width - 4).map((text): Line => [span(`    ${text}`)]),
    ])
  return [
    taken.length > 0 ? [[span('Taken as given', 'strong'), span('  by the configuration', 'faint')], ...taken] : [],
    rows.length > 0 ? [[span('Suppressions to mend', 'strong')], ...rows, ...unlisted(notices.length)] : [],
  ]
}

/** What was not understood, gaps of one reason together. Those that leave rules open come first. */
export function drawGaps(gaps: readonly Gap[], { terminal }: Page): readonly Line[] {
  if (gaps.length === 0) return []
  const groups = groupedByReason(gaps).toSorted((one, other) => rulesLeftOpen(other) - rulesLeftOpen(one))
  const title = [span('Gaps', 'strong'), span('  what could not be read or understood', 'faint')]
  return [title, ...groups.slice(0, LISTED).flatMap((group) => gapRows(group, terminal)), ...unlisted(groups.length)]
}

type GapGroup = readonly [Gap, ...Gap[]]

function groupedByReason(gaps: readonly Gap[]): readonly GapGroup[] {
  const groups = new Map<string, [Gap, ...Gap[]]>()
  for (const gap of gaps) {
    const key = JSON.stringify([gap.reason, gap.rules ?? []])
    const group = groups.get(key)
    if (group) group.push(gap)
    else groups.set(key, [gap])
  }
  return [...groups.values()]
}

function rulesLeftOpen([{ rules = [] }]: GapGroup): number {
  return rules.length
}

function gapRows(group: GapGroup, terminal: Terminal): readonly Line[] {
  const [{ reason, rules = [] }] = group
  const places = group.slice(0, PLACES_SHOWN).map((gap) => (gap.location ? placeText(gap.location) : gap.path))
  const more = group.length - places.length
  const leftOpen = rules.length > 0 ? wrapped(`leaves open: ${rules.join(', ')}`, terminal.width - 4) : []
  return [
    ...wrapped(reason, terminal.width - 2).map((text): Line => [span(`  ${text}`)]),
    ...places.map((text): Line => [span(`    ${text}`, 'faint')]),
    ...(more > 0 ? [[span(`    and ${more} more`, 'faint')]] : []),
    ...leftOpen.map((text): Line => [span(`    ${text}`, 'unsure')]),
  ]
}

function unlisted(count: number): readonly Line[] {
  return count > LISTED ? [[span(`  and ${count - LISTED} more; the json and sarif formats list all`, 'faint')]] : []
}
