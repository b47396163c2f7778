import type { ExposureFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { codeIn } from '../../fix/code.ts'
import type { Ground } from '../../fix/fix.ts'
import { bring } from '../../fix/imports.ts'
import { freeName } from '../../fix/names.ts'
import type { FileSyntax, Span } from '../../syntax/syntax.ts'

/** Writes to the log what finds a session again and opens nothing; of headers no more than their names. */
export function fix({ location }: Finding, { facts, syntax }: Ground): Fix | undefined {
  const first = facts.exposures.find(({ at }) => location && isSamePlace(at, location))
  const file = first && syntax.file(first.at.path)
  if (file === undefined || first?.where !== 'log') return undefined
  const own = facts.exposures.filter((each) => isLikewise(each, first))
  const spans = own.map(({ parts }) => distinct(parts.map((part) => file.spanOf(part))))
  if (spans.some((each) => each.length === 0)) return undefined
  return first.kind === 'session' ? tagged(file, spans.flat()) : namesOnly(file, spans.flat())
}

/** A finding is of a file and a kind. */
function isLikewise({ at, kind, where }: ExposureFact, other: ExposureFact): boolean {
  return at.path === other.at.path && kind === other.kind && where === other.where
}

function distinct(spans: readonly Span[]): readonly Span[] {
  return spans.filter(({ start }, index) => spans.findIndex((other) => other.start === start) === index)
}

function tagged(file: FileSyntax, spans: readonly Span[]): Fix | undefined {
  if (!spans.every((span) => isId(file, span))) return undefined
  const helper = knownHelper(file) ?? newHelper(file)
  const edits = spans.map((span) => replaced(file, span, `${helper.name}(${idIn(file, span)})`))
  return {
    title: 'Log a tag of the session that finds it again and opens nothing',
    kind: 'unsafe',
    edits: [...edits, ...helper.edits],
  }
}

/**
 * `id`, `transport.sessionId`, `req.headers['mcp-session-id']`, or one of them with another value where it is not set. What
 * came of an ID and is not called one may be a whole message, of which nothing would be left.
 */
function isId(file: FileSyntax, span: Span): boolean {
  const shape = file.shapeOf(span)
  if (shape?.kind === 'binary') return /^(?:\?\?|\|\|)$/.test(shape.operator) && isId(file, shape.left)
  return (shape?.kind === 'name' || shape?.kind === 'member') && /(?:id|key|handle)['"\]!]*$/i.test(file.textOf(span))
}

/** `req.headers` */
function namesOnly(file: FileSyntax, spans: readonly Span[]): Fix | undefined {
  if (!spans.every((span) => file.textOf(span).endsWith('.headers'))) return undefined
  return {
    title: 'Log the names of headers without what they say',
    kind: 'unsafe',
    edits: spans.map((span) => replaced(file, span, `Object.keys(${file.textOf(span)})`)),
  }
}

/** `id ?? 'none'` needs no other value: a tag says itself that there is no ID. */
function idIn(file: FileSyntax, span: Span): string {
  const shape = file.shapeOf(span)
  const isText = shape?.kind === 'binary' && file.shapeOf(shape.right)?.kind === 'text'
  return isText ? idIn(file, shape.left) : file.textOf(span)
}

/** `{ id }` becomes `{ id: … }`. */
function replaced(file: FileSyntax, span: Span, code: string): Edit {
  const { path } = file
  const isShorthand = file
    .objects()
    .some(({ properties }) => properties.some(({ form, value }) => form === 'shorthand' && value.start === span.start))
  return { path, ...span, text: isShorthand ? `${file.textOf(span)}: ${code}` : code }
}

interface Helper {
  readonly name: string
  readonly edits: readonly Edit[]
}

const NAME = 'sessionTag'

/** One of ours, from before. */
function knownHelper(file: FileSyntax): Helper | undefined {
  const known = file.functions().find(({ name }) => name === NAME)
  const isOurs =
    known !== undefined &&
    file.blockAround(known)?.of === 'module' &&
    /\.update\(String\(id\)\)\.digest\(/.test(file.textOf(known))
  return isOurs ? { name: NAME, edits: [] } : undefined
}

function newHelper(file: FileSyntax): Helper {
  const { path, style, text, isTypeScript } = file
  const end = { start: text.length, end: text.length }
  const name = freeName(file, NAME)
  const { as, edits } = bring(file, 'node:crypto', ['createHash'], [end])
  const [unknown, string] = isTypeScript ? [': unknown', ': string'] : ['', '']
  const helper = codeIn(style)`
/** Finds what the log says of one session, and opens nothing. */
function ${name}(id${unknown})${string} {
  if (!id) return 'none';
  return ${as[0]!}('sha256').update(String(id)).digest('hex').slice(0, 8);
}
`
  return { name, edits: [...edits, { path, ...end, text: (text.endsWith('\n') ? '' : style.newline) + helper }] }
}
