/**
 * Lines to a string. An own table of ten roles rather than a colour library: a page names what a stretch of text is,
 * colours nest nowhere, and whether to colour at all is the caller's word, so nothing looks at the environment.
 */
import type { Line, Role, Span } from './terminal.ts'

/** SGR parameters from the sixteen colours that every theme has chosen for itself. */
const SGR: Readonly<Record<Role, string>> = {
  plain: '',
  strong: '1',
  faint: '2',
  step: '36',
  good: '32',
  unsure: '35',
  critical: '1;31',
  high: '31',
  medium: '33',
  low: '34',
}

/** The page, each line ended by a line feed and without trailing space. */
export function paint(lines: readonly Line[], color: boolean): string {
  return lines
    .map(
      (line) =>
        `${trimmed(line)
          .map((part) => paintSpan(part, color))
          .join('')}\n`,
    )
    .join('')
}

function paintSpan({ text, role }: Span, color: boolean): string {
  const parameters = SGR[role]
  return color && parameters !== '' && text.trim() !== '' ? `\u001b[${parameters}m${text}\u001b[0m` : text
}

function trimmed(line: Line): Line {
  const last = line.findLastIndex(({ text }) => text.trim() !== '')
  return line.slice(0, last + 1).map((part, index) => (index === last ? { ...part, text: part.text.trimEnd() } : part))
}
