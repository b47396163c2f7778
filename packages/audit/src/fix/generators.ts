/** Sound generators in the place of guessable ones. */
import type { Edit } from '../finding/finding.ts'
import type { FileSyntax, Span } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import type { Place } from './fix.ts'
import { bring } from './imports.ts'
import { isCut, isText, joinedAround, pieceAround, type Piece } from './texts.ts'

/** Makes what is generated in these places of one file unguessable; undefined where it is not text, or too little is known. */
export function soundGenerator(places: readonly Place[]): readonly Edit[] | undefined {
  const [first] = places
  if (first === undefined) return undefined
  return handMadeUuid(first) ?? shortBytes(first) ?? guessableText(first.file, places)
}

/** `'xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx'.replace(/[xy]/g, () => …Math.random()…)` */
function handMadeUuid({ file, span }: Place): readonly Edit[] | undefined {
  const [inner] = file.functionsAround(span)
  const call = inner && file.callAround(inner)
  const callee = call && file.shapeOf(call.calleeSpan)
  if (call === undefined || callee?.kind !== 'member' || callee.name !== 'replace') return undefined
  const pattern = file.shapeOf(callee.object)
  if (pattern?.kind !== 'text' || !/^[x4y]{8}(?:-[x4y]{4}){3}-[x4y]{12}$/i.test(pattern.value)) return undefined
  const { as, edits } = bring(file, 'node:crypto', ['randomUUID'], [call])
  return [{ path: file.path, start: call.start, end: call.end, text: `${as[0]}()` }, ...edits]
}

/** `randomBytes(8)`, `nanoid(6)`: enough of the same. */
function shortBytes({ file, span }: Place): readonly Edit[] | undefined {
  const call = file.shapeOf(span)
  if (call?.kind !== 'call' || call.arguments.length !== 1 || isCut(pieceAround(file, span))) return undefined
  const [size] = call.arguments
  if (size === undefined || !/^\d+$/.test(file.textOf(size))) return undefined
  if (/(?:^|\.)randomBytes$/.test(call.callee))
    return [{ path: file.path, start: size.start, end: size.end, text: '32' }]
  if (/(?:^|\.)nanoid$/.test(call.callee)) return [{ path: file.path, start: size.start, end: size.end, text: '' }]
  return undefined
}

/** Text that is made of clocks and numbers. The first such part becomes random; if there is nothing else, that is all. */
function guessableText(file: FileSyntax, places: readonly Place[]): readonly Edit[] | undefined {
  const pieces = places.map(({ span }) => pieceAround(file, span))
  const [first] = pieces
  if (first === undefined || !isText(file, first)) return undefined
  const { joined, lead } = joinedAround(file, first, pieces)
  const whole = joined && isCut(pieceAround(file, joined)) ? pieceAround(file, joined) : undefined
  const target = whole ?? joined ?? first
  if (hasOtherUses(file, target)) return undefined
  const { text, edits } = generator(file, first, target)
  return [
    { path: file.path, start: target.start, end: target.end, text: whole || joined === undefined ? text : lead(text) },
    ...edits,
  ]
}

/** The same generator uncut where it was sound, else 32 random bytes. */
function generator(
  file: FileSyntax,
  piece: Piece,
  use: Span,
): { readonly text: string; readonly edits: readonly Edit[] } {
  const source = file.textOf(piece.source)
  if (/(?:^|\.)randomUUID\(\)$/.test(source)) return { text: source, edits: [] }
  const { as, edits } = bring(file, 'node:crypto', ['randomBytes'], [use])
  return { text: codeIn(file.style)`${as[0]!}(32).toString('base64url')`, edits }
}

/** A variable that is read in more than one place, and is not called as an ID is, may be a time or a number to others. */
function hasOtherUses(file: FileSyntax, value: Span): boolean {
  const statement = file.statementAround(value)
  const name = statement && /^\s*(?:export\s+)?(?:const|let|var)\s+(\w+)/.exec(file.textOf(statement))?.[1]
  const initial = name === undefined ? undefined : file.declarationOf(name, value)?.initial
  if (name === undefined || initial === undefined || initial.start > value.start || initial.end > value.end)
    return false
  return !/id$|key|token|session|handle|ticket|nonce/i.test(name) && file.mentions(name).length > 2
}
