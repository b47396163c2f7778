/** The part of a source line that fits on the page. A line may be a megabyte long: only what is near is looked at. */
import { type Cell, cellsOf } from './cells.ts'
import type { Terminal } from './terminal.ts'

export interface View {
  readonly text: string
  /** Column of a UTF-16 offset of the line, brought within the view. */
  columnAt(offset: number): number
  /** Whether the offset is in view. */
  covers(offset: number): boolean
}

/** `line` in at most `room` columns, clipped around `focus`, a UTF-16 offset. */
export function viewOf(line: string, focus: number, room: number, terminal: Terminal): View {
  const whole = line.length <= room ? cellsOf(line, terminal.unicode) : undefined
  if (whole && widthOfAll(whole) <= room) return viewThrough(whole, '', '', line.length)
  return clippedView(line, focus, room, terminal)
}

function clippedView(line: string, focus: number, room: number, terminal: Terminal): View {
  const { ellipsis } = terminal.glyphs
  const from = characterStart(line, Math.max(0, focus - room))
  const near = cellsOf(line.slice(from, focus + 2 * room), terminal.unicode)
  const cells = near.map((cell) => ({ ...cell, index: cell.index + from }))
  const first = firstInView(cells, focus, Math.floor(room / 4))
  const left = (cells[first]?.index ?? 0) > 0 ? ellipsis : ''
  const end = endInView(cells, first, room - left.length - ellipsis.length)
  const endOffset = cells[end]?.index ?? Math.min(line.length, focus + 2 * room)
  return viewThrough(cells.slice(first, end), left, endOffset < line.length ? ellipsis : '', endOffset)
}

function firstInView(cells: readonly Cell[], focus: number, lead: number): number {
  let first = cells.findLastIndex((cell) => cell.index <= focus)
  let used = 0
  while (first > 0) {
    used += cells[first - 1]?.width ?? 0
    if (used > lead) break
    first--
  }
  return Math.max(0, first)
}

function endInView(cells: readonly Cell[], first: number, room: number): number {
  let end = first
  let used = 0
  while (end < cells.length) {
    used += cells[end]?.width ?? 0
    if (used > room && end > first) break
    end++
  }
  return end
}

function viewThrough(cells: readonly Cell[], left: string, right: string, endOffset: number): View {
  const startOffset = cells[0]?.index ?? 0
  return {
    text: left + cells.map((cell) => cell.text).join('') + right,
    covers: (offset) => offset >= startOffset && (offset < endOffset || right === ''),
    columnAt: (offset) => {
      const before = cells.filter((_, at) => (cells[at + 1]?.index ?? endOffset) <= offset)
      return left.length + widthOfAll(before)
    },
  }
}

function widthOfAll(cells: readonly Cell[]): number {
  return cells.reduce((width, cell) => width + cell.width, 0)
}

/** Moves off the second half of a surrogate pair. */
function characterStart(text: string, offset: number): number {
  const unit = text.charCodeAt(offset)
  return unit >= 0xdc00 && unit <= 0xdfff ? offset + 1 : offset
}
