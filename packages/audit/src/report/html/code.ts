/** Code with the steps of a trace marked in it. */
import type { Finding } from '../../finding/finding.ts'
import { type Frame, framesOf, linesToShow, type Mark } from '../text/frames.ts'
import { printable } from '../text/printable.ts'
import type { Sources } from '../text/sources.ts'
import { html, type Markup } from './markup.ts'

/** A longer line is cut around its first mark: a bundle may be one line of a megabyte. */
const LONGEST_LINE = 300
const BEFORE_MARK = 80

/** The frames of a finding, in the order in which its trace reaches them. */
export function codeOf(finding: Finding, id: string, sources: Sources): Markup {
  const frames = framesOf(finding)
  if (frames.length === 0) return html``
  return html`<div class="frames">${frames.map((frame) => frameOf(frame, id, sources))}</div>`
}

function frameOf(frame: Frame, id: string, sources: Sources): Markup {
  const numbers = linesToShow(frame).filter(
    (number) => isMarked(number, frame) || isWorthShowing(number, frame, sources),
  )
  const rows = numbers.map((number, at) => {
    const gap = at > 0 && numbers[at - 1] !== number - 1
    return html`${gap && html`<li class="gap" aria-hidden="true">⋮</li>`}${lineOf(number, frame, id, sources)}`
  })
  return html`<figure class="frame">
    <figcaption>${frame.path}</figcaption>
    <ol class="code" tabindex="0" aria-label="${`Code of ${frame.path}`}">
      ${rows}
    </ol>
  </figure>`
}

function isMarked(number: number, frame: Frame): boolean {
  return frame.marks.some(({ step }) => step.location.startLine === number)
}

/** Context is known, and no blank line at the border of what is shown. */
function isWorthShowing(number: number, frame: Frame, sources: Sources): boolean {
  const text = sources.lineOf(frame.path, number)
  if (text === undefined) return false
  return text.trim() !== '' || (isMarked(number - 1, frame) && isMarked(number + 1, frame))
}

function lineOf(number: number, frame: Frame, id: string, sources: Sources): Markup {
  const marks = frame.marks
    .filter(({ step }) => step.location.startLine === number)
    .toSorted((a, b) => a.step.location.startColumn - b.step.location.startColumn)
  const line = sources.lineOf(frame.path, number)
  const badges = marks.map((mark) => badge(mark, id))
  return html`<li class="${marks.length > 0 ? 'marked' : 'context'}" value="${number}">
    <span class="no">${number}</span><span class="steps">${badges}</span
    ><code>${line !== undefined && segments(line, marks)}</code>
  </li>`
}

/** The line in pieces, so that what marks cover can be marked. */
function segments(whole: string, marks: readonly Mark[]): readonly Markup[] {
  const ranges = marks.map((mark) => rangeOf(mark, whole.length))
  const [from, to] = windowOf(whole, Math.min(...ranges.map(({ start }) => start)))
  const inside = (offset: number) => Math.min(to, Math.max(from, offset))
  const borders = [from, to, ...ranges.flatMap(({ start, end }) => [inside(start), inside(end)])]
  const cuts = [...new Set(borders)].toSorted((a, b) => a - b)
  const pieces = cuts.slice(0, -1).map((start, at) => {
    const end = cuts[at + 1] ?? to
    const covering = ranges.filter((range) => range.start <= start && range.end >= end)
    return piece(
      printable(whole.slice(start, end).replaceAll('\t', '  '), true),
      covering.map(({ mark }) => mark),
    )
  })
  return [html`${from > 0 && '…'}`, ...pieces, html`${to < whole.length && '…'}`]
}

function piece(text: string, marks: readonly Mark[]): Markup {
  if (marks.length === 0) return html`${text}`
  const steps = `Step ${marks.map(({ order }) => order).join(', ')}`
  return html`<mark class="${marks.some(({ primary }) => primary) ? 'primary' : 'other'}" title="${steps}"
    >${text}</mark
  >`
}

interface Range {
  readonly mark: Mark
  readonly start: number
  readonly end: number
}

function rangeOf(mark: Mark, length: number): Range {
  const { startLine, startColumn, endLine, endColumn } = mark.step.location
  const start = Math.min(length, Math.max(0, startColumn - 1))
  return { mark, start, end: endLine > startLine ? length : Math.min(length, Math.max(start, endColumn - 1)) }
}

function windowOf(line: string, focus: number): readonly [from: number, to: number] {
  if (line.length <= LONGEST_LINE) return [0, line.length]
  const from = Number.isFinite(focus) ? Math.max(0, Math.min(focus - BEFORE_MARK, line.length - LONGEST_LINE)) : 0
  return [from, from + LONGEST_LINE]
}

function badge({ order, primary }: Mark, id: string): Markup {
  return html`<a
    class="step${primary && ' primary'}"
    href="#${id}-${order}"
    id="${id}-${order}-code"
    aria-label="${`Step ${order}`}"
    >${order}</a
  >`
}
