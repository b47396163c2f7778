/** Where lines end, for what is to stand on its own. */
import type { Edit } from '../finding/finding.ts'
import type { FileSyntax, Span } from '../syntax/syntax.ts'

/** The end of what follows an offset on its line, if that is no more than a semicolon or a comment; else the offset. */
export function endOfLine({ text }: FileSyntax, offset: number): number {
  const rest = /^[ \t]*(?:;[ \t]*)?(?:\/\/[^\r\n]*)?(?=\r?\n|$)/.exec(text.slice(offset))
  return rest ? offset + rest[0].length : offset
}

/** Puts a declaration at the top level, before the statement that a place belongs to; both ends are set apart by a blank line. */
export function declaredBefore(file: FileSyntax, place: Span, declaration: string): Edit {
  const { path, top, style } = file
  const statement = file.statementAround(file.functionsAround(place).at(-1) ?? place)
  const before = statement && file.blockAround(statement)?.statements.findLast(({ end }) => end <= statement.start)
  const at = before ? endOfLine(file, before.end) : top
  return { path, start: at, end: at, text: isSetApart(file, at) ? declaration : declaration + style.newline }
}

/** Whether a blank line follows an offset at the end of a line. */
export function isSetApart({ text }: FileSyntax, offset: number): boolean {
  return /^[^\S\n]*\n[^\S\n]*\r?\n/.test(text.slice(offset))
}
