/** Prose set in lines. */
import { headOf, widthOf } from './cells.ts'

/** `text`, already printable, broken at spaces into lines of at most `width` columns; a longer word is cut, a path after a slash. */
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
    const whole = headOf(rest, width) || [...rest].slice(0, 1).join('')
    const head = whole.slice(0, whole.lastIndexOf('/') + 1) || whole
    cut.push(head)
    rest = rest.slice(head.length)
  }
  return [...cut, rest].filter((piece) => piece !== '')
}
