/** The five grades and the want of one, large enough to read from across a room. */
import type { Grade } from '../../finding/finding.ts'

const LETTERS: Readonly<Record<Grade, readonly string[]>> = {
  A: [' ##### ', '##   ##', '#######', '##   ##', '##   ##'],
  B: ['###### ', '##   ##', '###### ', '##   ##', '###### '],
  C: [' ######', '##     ', '##     ', '##     ', ' ######'],
  D: ['###### ', '##   ##', '##   ##', '##   ##', '###### '],
  F: ['#######', '##     ', '#####  ', '##     ', '##     '],
}
const NONE: readonly string[] = ['       ', '       ', '#######', '       ', '       ']

/** Columns of a letter. */
export const LETTER_COLUMNS = 7

/** Rows of equal width, drawn with `block`. */
export function bigLetter(grade: Grade | null, block: string): readonly string[] {
  return (grade === null ? NONE : LETTERS[grade]).map((row) => row.replaceAll('#', block))
}
