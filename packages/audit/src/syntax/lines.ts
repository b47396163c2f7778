/** Lines and their indentation. */
import type { NodeIndex } from './nodes.ts'
import type { Span } from './syntax.ts'

/** The white space that the line of an offset begins with. */
export function indentAt(offset: number, text: string): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? ''
}

/** The text of a span, each line after the first moved by a step. Lines that begin within a text are not: they are its content. */
export function indented(span: Span, step: string, index: NodeIndex): string {
  const contents = index.inside(span).filter(({ type }) => CONTENT.has(type))
  const [first = '', ...rest] = index.text.slice(span.start, span.end).split('\n')
  let at = span.start + first.length + 1
  const moved = rest.map((line) => {
    const isContent = contents.some(({ start, end }) => start < at && at <= end)
    at += line.length + 1
    return isContent || line.trim() === '' ? line : step + line
  })
  return [first, ...moved].join('\n')
}

const CONTENT = new Set(['TemplateElement', 'Literal', 'JSXText'])
