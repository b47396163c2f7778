/** How much room printable text takes on a terminal. */
import { printable } from './printable.ts'

/** One grapheme as it is shown. */
export interface Cell {
  /** UTF-16 offset in the text it came from. */
  readonly index: number
  readonly text: string
  readonly width: number
}

const TAB = '  '
const ASCII = /^[\x20-\x7e]*$/
const EMOJI = /[\p{Emoji_Presentation}\ufe0f]/u
const MARK = /^\p{M}$/u
const WIDE =
  /^[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The cells of raw source text; tabs become spaces and hidden characters become visible. */
export function cellsOf(source: string, unicode: boolean): readonly Cell[] {
  return Array.from(graphemes.segment(source), ({ segment, index }) => {
    const text = segment === '\t' ? TAB : printable(segment, unicode)
    return { index, text, width: widthOf(text) }
  })
}

/** Columns that `text`, already printable, takes. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

/** `text`, already printable, cut to `width` columns. */
export function clipped(text: string, width: number, ellipsis: string): string {
  if (widthOf(text) <= width) return text
  return headOf(text, Math.max(0, width - ellipsis.length)) + ellipsis
}

/** As many graphemes of `text` from its start as fit into `width` columns. */
export function headOf(text: string, width: number): string {
  if (ASCII.test(text)) return text.slice(0, width)
  let head = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeWidth(segment)
    if (used > width) break
    head += segment
  }
  return head
}

function graphemeWidth(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2
  let width = 0
  for (const character of grapheme)
    width += MARK.test(character) || character === '\u200d' ? 0 : WIDE.test(character) ? 2 : 1
  return width
}
