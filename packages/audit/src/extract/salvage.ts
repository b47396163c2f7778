/** What is left of a file when the statements that do not parse are taken out. The parser gives up a whole file for one mistake; we do not. */

/** A region of the text, UTF-16 offsets, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Salvage {
  /** As long as the original, line by line: offsets and places stay true. */
  readonly text: string
  readonly removed: readonly Span[]
}

/** Characters handed to the parser in all, so that hostile text does not cost its square. */
const BUDGET_CHARS = 8_000_000

/** Blanks each top-level piece that does not parse; undefined if that leaves nothing, or nothing is to blame. */
export function salvage(text: string, parses: (piece: string) => boolean): Salvage | undefined {
  const pieces = topLevelPieces(text)
  const removed: Span[] = []
  let budget = BUDGET_CHARS
  const fits = (start: number, end: number): boolean => {
    budget -= end - start
    return budget > 0 && parses(text.slice(start, end))
  }
  for (let index = 0; index < pieces.length;) {
    const count = piecesThatParse(pieces, index, fits)
    if (count === 0) removed.push(pieces[index]!)
    index += Math.max(1, count)
  }
  if (budget <= 0 || removed.length === 0 || removed.length === pieces.length) return undefined
  return { text: withBlanks(text, removed), removed }
}

/** How many pieces from here parse together: one, or more where a template runs along the left margin, or none. */
function piecesThatParse(pieces: readonly Span[], from: number, fits: (start: number, end: number) => boolean): number {
  const start = pieces[from]?.start ?? 0
  for (let count = 1; count <= 100; count++) {
    const last = pieces[from + count - 1]
    if (!last) return 0
    if (fits(start, last.end)) return count
  }
  return 0
}

/** A line that begins a statement at the left margin; what is indented, closes or carries on belongs to the piece before. */
const BEGINNING = /^(?!(?:else|catch|finally)\b)(?:[\w$@#"'([{/;!+-]|<{7}|={7}|>{7})/gm

function topLevelPieces(text: string): readonly Span[] {
  const starts = [...text.matchAll(BEGINNING)].map((match) => match.index)
  if (starts[0] !== 0) starts.unshift(0)
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? text.length }))
}

function withBlanks(text: string, removed: readonly Span[]): string {
  let [result, from] = ['', 0]
  for (const { start, end } of removed) {
    result += text.slice(from, start) + text.slice(start, end).replaceAll(/[^\r\n]/g, ' ')
    from = end
  }
  return result + text.slice(from)
}
