/** The page a developer reads in a terminal. */
import type { Finding, Report } from '../finding/finding.ts'
import type { RuleEntry } from '../rules/rule.ts'
import { inReadingOrder } from './order.ts'
import { scoredBy } from './scored.ts'
import {
  drawFinding,
  drawGaps,
  drawNotScored,
  drawRemarks,
  drawSubjects,
  drawSuppressed,
  drawTrace,
  head,
  type Page,
} from './text/page.ts'
import { drawLifecycles } from './text/lifecycle.ts'
import { paint } from './text/paint.ts'
import { drawPanel } from './text/panel.ts'
import { legible } from './text/printable.ts'
import { createSources } from './text/sources.ts'
import { type Line, span, terminalOf } from './text/terminal.ts'

export interface TextOptions {
  readonly color: boolean
  /** False: pure ASCII, whatever the sources hold. */
  readonly unicode: boolean
  /** Columns of the terminal. */
  readonly width: number
  /** Full texts by path, for code frames. A path that is missing here is shown without its code. */
  readonly sources: ReadonlyMap<string, string>
  /** Also lists what is suppressed, and why. */
  readonly showSuppressed?: boolean
}

/** The whole report as one page. Control characters of sources and paths never reach it. */
export function renderText(report: Report, rules: readonly RuleEntry[], options: TextOptions): string {
  const terminal = terminalOf(options)
  const shown = legible(report, options.unicode)
  const titles = new Map(rules.map(({ rule }) => [rule.id, legible(rule.title, options.unicode)]))
  const page: Page = { terminal, sources: createSources(options.sources, options.unicode), titles }
  const isScored = scoredBy(shown)
  const scored = inReadingOrder(shown.findings.filter(isScored), rules)
  const others = inReadingOrder(
    shown.findings.filter((finding) => !isScored(finding)),
    rules,
  )
  const sections = [
    head(shown, scored, page),
    ...drawFindings(scored, page),
    drawNotScored(others, page),
    options.showSuppressed ? drawSuppressed(shown.suppressed, page) : [],
    drawGaps(shown.gaps, page),
    ...drawRemarks(shown, page),
    ...drawLifecycles(shown.lifecycles, terminal),
    drawSubjects(shown),
    drawPanel(shown, rules, terminal),
    furtherReading(shown, scored),
  ]
  return paint(joined(sections), options.color)
}

/** The code frames of one finding, without colour; the finding is printable already. */
export function drawEvidence(finding: Finding, { sources, width }: Pick<TextOptions, 'sources' | 'width'>): string {
  const terminal = terminalOf({ color: false, unicode: true, width })
  return paint(drawTrace(finding, { terminal, sources: createSources(sources, true) }), false)
}

function drawFindings(findings: readonly Finding[], page: Page): readonly (readonly Line[])[] {
  const explained = new Map<string, string>()
  return findings.map((finding, index) => {
    const position = `${index + 1}/${findings.length}`
    const advice = JSON.stringify([finding.rule, finding.why, finding.todo])
    const earlier = explained.get(advice)
    if (earlier === undefined) explained.set(advice, position)
    return drawFinding(finding, position, earlier, page)
  })
}

function furtherReading({ tool }: Report, [first]: readonly Finding[]): readonly Line[] {
  return first ? [[span(`More on a rule: ${tool.name} explain ${first.rule}`, 'faint')]] : []
}

function joined(sections: readonly (readonly Line[])[]): readonly Line[] {
  return sections
    .filter((section) => section.length > 0)
    .flatMap((section, at) => (at === 0 ? section : [[], ...section]))
}
