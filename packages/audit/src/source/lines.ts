/** From offsets to lines and columns. */
import type { Location } from '../finding/finding.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const BYTE_ORDER_MARK = 0xfeff

/** A function from UTF-16 offsets to 1-based places; the line table is made when first asked. */
export function createLocator(path: string, text: string): (start: number, end: number) => Location {
  let starts: readonly number[] | undefined
  return (start, end) => {
    starts ??= lineStarts(text)
    const from = clamp(start, text.length)
    const to = Math.max(from, clamp(end, text.length))
    const [startLine, startColumn] = placeOf(from, starts, text)
    const [endLine, endColumn] = placeOf(to, starts, text)
    return { path, startLine, startColumn, endLine, endColumn }
  }
}

/** Where each line starts. A line ends with LF, CRLF or a lone CR. */
export function lineStarts(text: string): readonly number[] {
  return text.includes('\r') ? startsAfterAnyBreak(text) : startsAfterLineFeed(text)
}

function startsAfterLineFeed(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function startsAfterAnyBreak(text: string): readonly number[] {
  const starts = [0]
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === LINE_FEED) starts.push(at + 1)
    else if (unit === CARRIAGE_RETURN && text.charCodeAt(at + 1) !== LINE_FEED) starts.push(at + 1)
  }
  return starts
}

function placeOf(offset: number, starts: readonly number[], text: string): readonly [line: number, column: number] {
  const line = lastStartAtOrBefore(offset, starts)
  const column = offset - (starts[line] ?? 0) + 1
  // Editors do not count the mark as a column.
  const marked = line === 0 && column > 1 && text.charCodeAt(0) === BYTE_ORDER_MARK
  return [line + 1, marked ? column - 1 : column]
}

function lastStartAtOrBefore(offset: number, starts: readonly number[]): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}

function clamp(offset: number, length: number): number {
  return offset >= 0 ? Math.min(Math.trunc(offset), length) : 0
}

/** The offsets of a place: what `createLocator` does, undone. */
export function offsetsOf(location: Location, text: string, starts: readonly number[]): { start: number; end: number } {
  const { startLine, startColumn, endLine, endColumn } = location
  return { start: offsetOf(startLine, startColumn, text, starts), end: offsetOf(endLine, endColumn, text, starts) }
}

function offsetOf(line: number, column: number, text: string, starts: readonly number[]): number {
  const marked = line === 1 && text.charCodeAt(0) === BYTE_ORDER_MARK
  return clamp((starts[line - 1] ?? text.length) + column - 1 + (marked ? 1 : 0), text.length)
}
