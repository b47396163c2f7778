/** Code in the manner of the file it goes into. */
import type { Style } from '../syntax/syntax.ts'

/**
 * A template tag. The template is written with two spaces, single quotes, semicolons, trailing commas and line feeds;
 * what comes out is written as the file is, below an indentation. What is interpolated is source already and stays as it is.
 */
export function codeIn(
  style: Style,
  indent = '',
): (strings: TemplateStringsArray, ...values: readonly string[]) => string {
  return (strings, ...values) => {
    const parts = strings.map((part, index) => restyled(part, values[index], style, indent))
    return parts.map((part, index) => part + (values[index] ?? '')).join('')
  }
}

/** `next` is what is interpolated after the part; undefined after the last. */
function restyled(part: string, next: string | undefined, style: Style, indent: string): string {
  let text = part.replace(
    /\n(?!\n)((?: {2})*)/g,
    (_, steps: string) => `\n${indent}${style.indent.repeat(steps.length / 2)}`,
  )
  const isLineEnd = next === undefined || next === '' || /^\r?\n/.test(next)
  if (!style.semicolons) text = text.replace(isLineEnd ? /;(?=\n|$)/g : /;(?=\n)/g, '')
  if (!style.trailingCommas) text = text.replace(/,(?=\n\s*[}\])])/g, '')
  if (style.quote === '"') text = text.replaceAll("'", '"')
  return style.newline === '\r\n' ? text.replaceAll('\n', '\r\n') : text
}

/** A text as a literal of the file; the text must hold neither quotes nor backslashes. */
export function quoted(text: string, { quote }: Style): string {
  return `${quote}${text}${quote}`
}
