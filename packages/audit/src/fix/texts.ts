/** Texts that are put together: which part a value is made into, and what that part is joined with. */
import type { FileSyntax, Shape, Span } from '../syntax/syntax.ts'

/** What is made of one value before it is joined with others: `Math.random().toString(36).slice(2)`. */
export interface Piece extends Span {
  readonly source: Span
  /** Whether a method or `String` has made text of it. */
  readonly isText: boolean
  readonly isCut: boolean
}

const TEXT_METHODS = new Set([
  'toString',
  'toFixed',
  'toUpperCase',
  'toLowerCase',
  'replace',
  'replaceAll',
  'padStart',
  'padEnd',
  'trim',
  'toISOString',
])
const CUTTING = new Set(['slice', 'substring', 'substr', 'charAt', 'at'])
const ARITHMETIC = new Set(['*', '/', '-', '%', '**', '|', '&', '^', '<<', '>>', '>>>'])

export function pieceAround(file: FileSyntax, source: Span): Piece {
  let piece: Piece = { start: source.start, end: source.end, source, isText: false, isCut: false }
  for (const shape of file.expressionsAround(source)) {
    const wider = widened(file, piece, shape)
    if (wider === undefined) break
    piece = wider
  }
  return piece
}

/** The piece with what is done to it next, or undefined where it is used as it is. */
function widened(file: FileSyntax, piece: Piece, shape: Shape): Piece | undefined {
  const around = { ...piece, start: shape.start, end: shape.end }
  if (shape.kind === 'member')
    return isSame(shape.object, piece) ? (isMethod(shape.name) ? around : undefined) : undefined
  if (shape.kind === 'binary') return ARITHMETIC.has(shape.operator) ? around : undefined
  if (shape.kind !== 'call') return undefined
  const isArgument = shape.arguments.some((argument) => isSame(argument, piece))
  if (isArgument && /^Math\.\w+$|^(?:Number|parseInt)$/.test(shape.callee)) return around
  if (isArgument && shape.callee === 'String' && !shape.isNew) return { ...around, isText: true }
  const callee = isSame(shape.calleeSpan, piece) ? file.shapeOf(shape.calleeSpan) : undefined
  if (callee?.kind !== 'member') return undefined
  return { ...around, isText: true, isCut: piece.isCut || CUTTING.has(callee.name ?? '') }
}

function isMethod(name: string | undefined): boolean {
  return name !== undefined && (TEXT_METHODS.has(name) || CUTTING.has(name))
}

export function isCut(piece: Piece): boolean {
  return piece.isCut
}

/** Whether a piece is text, or becomes text by what it is joined with. */
export function isText(file: FileSyntax, piece: Piece): boolean {
  return (
    piece.isText ||
    joinsOf(file, piece).some(
      (shape) => shape.kind === 'template' || operandsOf(file, shape).some((operand) => isTextual(file, operand)),
    )
  )
}

function isTextual(file: FileSyntax, span: Span): boolean {
  const shape = file.shapeOf(span)
  return (
    shape?.kind === 'text' ||
    shape?.kind === 'template' ||
    (shape?.kind === 'call' && shape.callee.endsWith('.toString'))
  )
}

export interface Joined {
  /** The whole text, if nothing but these pieces and fixed text is in it. */
  readonly joined: Span | undefined
  /** The whole text with another value in the place of all pieces: what fixed text it begins with stays. */
  readonly lead: (value: string) => string
}

/** The text that a piece is joined into, together with the other pieces. */
export function joinedAround(file: FileSyntax, piece: Piece, pieces: readonly Piece[]): Joined {
  const joined = joinsOf(file, piece).at(-1)
  const parts = joined ? operandsOf(file, joined) : []
  const isPiece = (part: Span): boolean => pieces.some((each) => isSame(each, part))
  const isOnlyPieces = parts.length > 0 && parts.every((part) => isPiece(part) || file.shapeOf(part)?.kind === 'text')
  if (joined === undefined || !isOnlyPieces) return { joined: undefined, lead: (value) => value }
  const first = parts.find(isPiece) ?? piece
  const head = file.text.slice(joined.start, first.start)
  // Of a template all before the first value is its head; nothing but the mark and the opening is no head at all.
  const lead = (value: string): string =>
    joined.kind !== 'template' ? head + value : head === '`${' ? value : `${head}${value}}\``
  return { joined, lead }
}

/** The templates and sums that a piece is directly part of, the innermost first. */
function joinsOf(file: FileSyntax, piece: Span): readonly Shape[] {
  const joins: Shape[] = []
  let inner: Span = piece
  for (const shape of file.expressionsAround(piece)) {
    if (!isWider(shape, piece)) continue
    const isJoin =
      shape.kind === 'template'
        ? shape.parts.some((part) => isSame(part, inner))
        : shape.kind === 'binary' && shape.operator === '+'
    if (!isJoin) break
    joins.push(shape)
    inner = shape
  }
  return joins
}

function isWider(outer: Span, inner: Span): boolean {
  return outer.end - outer.start > inner.end - inner.start
}

/** What a sum or template is made of; of a template its values. */
function operandsOf(file: FileSyntax, shape: Shape): readonly Span[] {
  if (shape.kind === 'template') return shape.parts
  if (shape.kind !== 'binary' || shape.operator !== '+') return [shape]
  return [shape.left, shape.right].flatMap((side) => {
    const inner = file.shapeOf(side)
    return inner?.kind === 'binary' && inner.operator === '+' ? operandsOf(file, inner) : [side]
  })
}

function isSame(one: Span, other: Span): boolean {
  return one.start === other.start && one.end === other.end
}
