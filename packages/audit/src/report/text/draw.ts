/** A code frame as lines: source with the trace's steps drawn under it, numbered in their order. */
import { widthOf } from './cells.ts'
import { type Frame, linesToShow, type Mark } from './frames.ts'
import type { Sources } from './sources.ts'
import { type Line, type Role, span, stepNumber, type Terminal } from './terminal.ts'
import { type View, viewOf } from './view.ts'
import { wrapped } from './wrap.ts'

export interface Canvas {
  readonly terminal: Terminal
  readonly sources: Sources
  /** How the finding's own place is drawn. */
  readonly role: Role
  /** Columns of the line numbers. */
  readonly gutter: number
}

/** A note needs this much room to read well; where there is less under its mark, it starts further left. */
const NOTE_COLUMNS = 48

export function drawFrames(frames: readonly Frame[], canvas: Canvas): readonly Line[] {
  const { corner, bar } = canvas.terminal.glyphs
  const margin = ' '.repeat(canvas.gutter + 1)
  return frames.flatMap((frame, at) => [
    ...(at === 0 ? [] : [[span(margin + bar, 'faint')]]),
    [span(`${margin}${corner} `, 'faint'), span(frame.path, 'strong')],
    ...drawRegion(frame, canvas),
  ])
}

function drawRegion(frame: Frame, canvas: Canvas): readonly Line[] {
  const lines = linesToShow(frame).filter((line, at, all) =>
    isWorthShowing(line, [all[at - 1], all[at + 1]], frame, canvas),
  )
  return lines.flatMap((line, at) => [...elision(lines[at - 1], line, canvas), ...drawLine(line, frame, canvas)])
}

/** Marked lines always; context unless it is blank and borders on what is not shown. */
function isWorthShowing(
  line: number,
  [previous, next]: readonly (number | undefined)[],
  frame: Frame,
  canvas: Canvas,
): boolean {
  const text = canvas.sources.lineOf(frame.path, line)
  if (isMarked(line, frame)) return true
  if (text === undefined) return false
  return text.trim() !== '' || (previous === line - 1 && next === line + 1)
}

function isMarked(line: number, frame: Frame): boolean {
  return frame.marks.some(({ step }) => step.location.startLine === line)
}

function elision(previous: number | undefined, line: number, canvas: Canvas): readonly Line[] {
  const { elided } = canvas.terminal.glyphs
  return previous === undefined || line === previous + 1 ? [] : [[span(gutterText(elided, canvas), 'faint')]]
}

function drawLine(number: number, frame: Frame, canvas: Canvas): readonly Line[] {
  const line = canvas.sources.lineOf(frame.path, number)
  const marks = frame.marks.filter(({ step }) => step.location.startLine === number)
  if (line === undefined) return drawUnknownLine(number, marks, canvas)
  if (marks.length === 0)
    return [sourceRow(number, viewOf(line, 0, codeRoom(canvas), canvas.terminal), canvas, 'faint')]
  return drawMarkedLine(number, line, marks, canvas)
}

/** Marks too far apart for one view of a long line get a view each. */
function drawMarkedLine(number: number, line: string, marks: readonly Mark[], canvas: Canvas): readonly Line[] {
  const rows: Line[] = []
  let left = marks
  for (let next = left[0]; next !== undefined; next = left[0]) {
    const view = viewOf(line, startOffset(next, line), codeRoom(canvas), canvas.terminal)
    const first = next
    const here = left.filter((mark) => mark === first || view.covers(startOffset(mark, line)))
    left = left.filter((mark) => !here.includes(mark))
    rows.push(sourceRow(number, view, canvas, 'plain'), ...here.flatMap((mark) => drawMark(mark, line, view, canvas)))
  }
  return rows
}

function drawUnknownLine(number: number, marks: readonly Mark[], canvas: Canvas): readonly Line[] {
  const rows = marks.flatMap((mark) => noteRows(mark, 0, canvas))
  return rows.map((row, at) => (at === 0 ? [span(gutterText(String(number), canvas), 'faint'), ...row.slice(1)] : row))
}

function drawMark(mark: Mark, line: string, view: View, canvas: Canvas): readonly Line[] {
  const { primary, other, onwards } = canvas.terminal.glyphs
  const { startLine, endLine, endColumn } = mark.step.location
  const goesOn = endLine > startLine
  const from = view.columnAt(startOffset(mark, line))
  const to = view.columnAt(goesOn ? line.trimEnd().length : endColumn - 1)
  const stroke = (mark.primary ? primary : other).repeat(Math.max(1, to - from))
  const underline = (stroke + (goesOn ? onwards.repeat(2) : '')).slice(0, codeRoom(canvas) - from)
  const row = [emptyGutter(canvas), span(' '.repeat(from)), span(underline, roleOf(mark, canvas))]
  const note = noteText(mark, canvas)
  const end = from + widthOf(underline)
  if (end + 1 + widthOf(note) <= codeRoom(canvas)) return [[...row, span(' '), ...noteSpans(mark, canvas)]]
  return [row, ...noteRows(mark, from, canvas)]
}

function noteRows(mark: Mark, from: number, canvas: Canvas): readonly Line[] {
  const number = `${stepNumber(mark.order, canvas.terminal)} `
  const hang = widthOf(number)
  const columns = Math.min(hang + widthOf(mark.step.note), NOTE_COLUMNS)
  const indent = Math.min(from, Math.max(0, codeRoom(canvas) - columns))
  return wrapped(mark.step.note, Math.max(8, codeRoom(canvas) - indent - hang)).map((text, at) => [
    emptyGutter(canvas),
    span(' '.repeat(indent)),
    span(at === 0 ? number : ' '.repeat(hang), roleOf(mark, canvas)),
    span(text),
  ])
}

function noteSpans(mark: Mark, canvas: Canvas): Line {
  return [span(`${stepNumber(mark.order, canvas.terminal)} `, roleOf(mark, canvas)), span(mark.step.note)]
}

function noteText(mark: Mark, canvas: Canvas): string {
  return `${stepNumber(mark.order, canvas.terminal)} ${mark.step.note}`
}

function roleOf(mark: Mark, canvas: Canvas): Role {
  return mark.primary ? canvas.role : 'step'
}

function sourceRow(number: number, view: View, canvas: Canvas, role: Role): Line {
  return [span(gutterText(String(number), canvas), 'faint'), span(view.text, role)]
}

function emptyGutter(canvas: Canvas) {
  return span(gutterText('', canvas), 'faint')
}

function gutterText(text: string, canvas: Canvas): string {
  return `${text.padStart(canvas.gutter)} ${canvas.terminal.glyphs.bar} `
}

function codeRoom(canvas: Canvas): number {
  return canvas.terminal.width - canvas.gutter - 3
}

function startOffset(mark: Mark, line: string): number {
  return Math.min(line.length, Math.max(0, mark.step.location.startColumn - 1))
}
