/** The comments of one file, as the parser sees them: a comment in a string is none. */
import { parseSync } from 'oxc-parser'
import type { SourceFile } from '../source/tree.ts'
import { safeWays } from './parse.ts'

export interface Comment {
  /** Without its marks. */
  readonly text: string
  /** UTF-16 offsets, marks included. */
  readonly start: number
  readonly end: number
}

/** Comments in the order of the file; none of a file that cannot be parsed, in which nothing is found either. */
export function commentsOf(file: SourceFile): readonly Comment[] {
  for (const { attempt } of safeWays(file)) {
    const { errors, comments } = parseSync(file.path, file.text, attempt)
    if (errors.every(({ severity }) => severity !== 'Error'))
      return comments.map(({ value, start, end }) => ({ text: value, start, end }))
  }
  return []
}
