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

/**
 * Blanks each top-level piece that does not parse, or of a function or class that does not, the definitions and
 * registrations in it that are to blame; undefined if that leaves nothing, or nothing is to blame.
 */
export function salvage(text: string, parses: (piece: string) => boolean): Salvage | undefined {
  let budget = BUDGET_CHARS
  const tries = (piece: string): boolean => {
    budget -= piece.length
    return budget > 0 && parses(piece)
  }
  const pieces = piecesOf(text, BEGINNING, 0, text.length)
  const whole = brokenAmong(pieces, (start, end) => tries(text.slice(start, end)))
  const removed = whole.flatMap((piece) => brokenWithin(text, piece, tries) ?? [piece])
  if (budget <= 0 || removed.length === 0) return undefined
  const rest = withBlanks(text, removed)
  return /\S/.test(rest) ? { text: rest, removed } : undefined
}

function brokenAmong(pieces: readonly Span[], fits: (start: number, end: number) => boolean): readonly Span[] {
  const broken: Span[] = []
  for (let index = 0; index < pieces.length;) {
    const count = piecesThatParse(pieces, index, fits)
    if (count === 0) broken.push(pieces[index]!)
    index += Math.max(1, count)
  }
  return broken
}

const FLOW = /^(?:if|for|while|do|switch|try|return|throw|await)\b/
const CLASS = /^(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\b/

/** The parts of a function's or class's body that break it; undefined where it is not theirs to go alone. */
function brokenWithin(text: string, piece: Span, parses: (piece: string) => boolean): readonly Span[] | undefined {
  const body = bodyOf(text, piece)
  if (body === undefined) return undefined
  const [head, foot] = [text.slice(piece.start, body.start), text.slice(body.end, piece.end)]
  if (!parses(head + foot)) return undefined
  const parts = piecesOf(
    text,
    new RegExp(`^${body.indent}(?!(?:else|catch|finally)\\b)${FIRST}`, 'gm'),
    body.start,
    body.end,
  )
  const broken = brokenAmong(parts, (start, end) => parses(head + text.slice(start, end) + foot))
  const goAlone =
    CLASS.test(head) || broken.every(({ start, end }) => bringsFunction(text.slice(start, end).trimStart()))
  return broken.length > 0 && broken.length < parts.length && goAlone ? broken : undefined
}

/** A route, a definition: it has functions of its own. Any other statement may be a check that those after it rely on. */
function bringsFunction(code: string): boolean {
  return !FLOW.test(code) && /=>|\bfunction\b/.test(code)
}

/** The lines between the one that opens a block and the one at the margin that closes it, and how far its statements stand in. */
function bodyOf(text: string, { start, end }: Span): (Span & { readonly indent: string }) | undefined {
  const opening = /\{[ \t]*\r?\n(?=([ \t]+)\S)/.exec(text.slice(start, end))
  const closing = text.slice(start, end).lastIndexOf('\n}')
  if (opening === null || closing < 0) return undefined
  const [from, to] = [start + opening.index + opening[0].length, start + closing + 1]
  return from < to ? { start: from, end: to, indent: opening[1]! } : undefined
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

const FIRST = String.raw`(?:[\w$@#"'([{/;!+-]|<{7}|={7}|>{7})`
/** A line that begins a statement at the left margin; what is indented, closes or carries on belongs to the piece before. */
const BEGINNING = new RegExp(`^(?!(?:else|catch|finally)\\b)${FIRST}`, 'gm')

function piecesOf(text: string, beginning: RegExp, from: number, to: number): readonly Span[] {
  const starts = [...text.slice(from, to).matchAll(beginning)].map((match) => from + match.index)
  if (starts[0] !== from) starts.unshift(from)
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? to }))
}

function withBlanks(text: string, removed: readonly Span[]): string {
  let [result, from] = ['', 0]
  for (const { start, end } of removed) {
    result += text.slice(from, start) + text.slice(start, end).replaceAll(/[^\r\n]/g, ' ')
    from = end
  }
  return result + text.slice(from)
}
