/** Where lines end, for what is to stand on its own. */
import type { FileSyntax } from '../syntax/syntax.ts'

/** The end of what follows an offset on its line, if that is no more than a semicolon or a comment; else the offset. */
export function endOfLine({ text }: FileSyntax, offset: number): number {
  const rest = /^[ \t]*(?:;[ \t]*)?(?:\/\/[^\r\n]*)?(?=\r?\n|$)/.exec(text.slice(offset))
  return rest ? offset + rest[0].length : offset
}
