/** Prose set in lines. */
import { headOf, widthOf } from './cells.ts'

/** `text`, already printable, broken at spaces into lines of at most `width` columns; a longer word is cut. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ').flatMap((long) => pieces(long, width))) {
    if (line === '') line = word
    else if (widthOf(line) + 1 + widthOf(word) <= width) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line)
  return lines
}

function pieces(word: string, width: number): readonly string[] {
  const cut: string[] = []
  let rest = word
  while (widthOf(rest) > width) {
    const head = headOf(rest, width) || [...rest].slice(0, 1).join('')
    cut.push(head)
    rest = rest.slice(head.length)
  }
  return [...cut, rest].filter((piece) => piece !== '')
}
