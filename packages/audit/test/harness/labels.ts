/**
 * Labels: comments under the code of an example that say what a trace must show there.
 *
 *     const session = sessions.get(id)
 *     //              ^^^^^^^^^^^^^^^^ 2 looked up by session ID alone
 *
 * Carets mark columns of the nearest line above that is not a label, the number is the step's place in its trace
 * (left out where the trace has one step), the rest is the step's note. As `//` stands in the way of the first two
 * columns, `//<` moves the carets three columns to the left. A span of several lines is labelled on its first line,
 * up to the end of that line.
 */
import type { Step } from '../../src/finding/finding.ts'

export interface Label {
  /** Of the code, counted in the file as it stands, labels included; 1-based like the columns. */
  readonly line: number
  readonly startColumn: number
  /** Exclusive. */
  readonly endColumn: number
  /** Undefined: the only step of its trace. */
  readonly step: number | undefined
  readonly note: string
}

/** The labels of a file, in the order in which they stand there. Throws where a line of carets is not a label. */
export function readLabels(text: string): Label[] {
  const lines = text.split('\n')
  const labels: Label[] = []
  let line = 0
  for (const [index, content] of lines.entries()) {
    if (!isLabel(content)) line = index + 1
    else labels.push(parseLabel(content, line, lines[line - 1]))
  }
  return labels
}

/** The file without its labels. */
export function stripLabels(text: string): string {
  return text
    .split('\n')
    .filter((line) => !isLabel(line))
    .join('\n')
}

/** The file with these labels instead of those it has. */
export function writeLabels(text: string, labels: readonly Label[]): string {
  return text
    .split('\n')
    .flatMap((content, index) => {
      if (isLabel(content)) return []
      return [content, ...inOrder(labels.filter(({ line }) => line === index + 1)).map(renderLabel)]
    })
    .join('\n')
}

/** What the steps of one trace look like as labels; `lineOf` gives the text of the line a step begins on. */
export function labelsOf(trace: readonly Step[], lineOf: (step: Step) => string): Label[] {
  return trace.map((step, index) => {
    const { startLine, endLine, startColumn, endColumn } = step.location
    const end = endLine > startLine ? lineOf(step).length + 1 : endColumn
    return {
      line: startLine,
      startColumn,
      endColumn: Math.max(end, startColumn + 1),
      step: trace.length > 1 ? index + 1 : undefined,
      note: step.note.replace(/\s+/g, ' ').trim(),
    }
  })
}

/** One line per label, the same for two labels that say the same. */
export function describeLabel({ line, startColumn, endColumn, step, note }: Label): string {
  return `${line}:${startColumn}-${endColumn} ${step ?? 1} ${note}`
}

const LABEL = /^(?<margin>\s*\/\/<? *)(?<carets>\^+) (?:(?<step>\d+) )?(?<note>\S.*)$/
const SHIFT = 3

function isLabel(line: string): boolean {
  return /^\s*\/\/<? *\^/.test(line)
}

function parseLabel(content: string, line: number, code: string | undefined): Label {
  const { margin, carets, step, note } = LABEL.exec(content)?.groups ?? {}
  if (margin === undefined || carets === undefined || note === undefined) throw new Error(`not a label: ${content}`)
  if (code === undefined) throw new Error(`no code above the label: ${content}`)
  const startColumn = margin.length + 1 - (margin.includes('<') ? SHIFT : 0)
  const endColumn = startColumn + carets.length
  if (endColumn > code.length + 2) throw new Error(`the label points beside its line: ${content}`)
  return { line, startColumn, endColumn, step: step === undefined ? undefined : Number(step), note: note.trimEnd() }
}

function renderLabel({ startColumn, endColumn, step, note }: Label): string {
  const margin = startColumn < SHIFT ? '//<'.padEnd(SHIFT + startColumn - 1) : '//'.padEnd(startColumn - 1)
  // A note that begins with a number would be read as a step.
  const number = step ?? (/^\d+ /.test(note) ? 1 : undefined)
  return `${margin}${'^'.repeat(endColumn - startColumn)} ${number === undefined ? '' : `${number} `}${note}`
}

function inOrder(labels: readonly Label[]): Label[] {
  return labels.toSorted((a, b) => (a.step ?? 0) - (b.step ?? 0) || a.startColumn - b.startColumn)
}
