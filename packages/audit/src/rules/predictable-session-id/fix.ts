import type { EntropyFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { placeAt, type Ground, type Place } from '../../fix/fix.ts'
import { soundGenerator } from '../../fix/generators.ts'
import { isFree } from '../../fix/names.ts'
import type { FileSyntax, Span } from '../../syntax/syntax.ts'

/** Puts a sound generator where the guessable one stands; what else the ID is made of stays. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const mint = facts.mints.find(({ at }) => finding.location && isSamePlace(at, finding.location))
  const sources = (mint?.sources ?? []).filter(isReplaceable)
  const places = sources.flatMap(({ at }) => placeAt(at, syntax) ?? [])
  const [first] = places
  if (first === undefined || sources.length !== places.length) return undefined
  if (places.some(({ file }) => file !== first.file)) return undefined
  const edits = timedUuid(first) ?? soundGenerator(places)
  return edits && { title: 'Take the ID from a cryptographic generator', kind: 'safe', edits }
}

/** A counter keeps IDs apart and does no harm beside enough random bits; constants neither. */
function isReplaceable({ kind }: EntropyFact): boolean {
  return kind === 'csprng' || kind === 'math-random' || kind === 'clock'
}

/** Version 1, 6 or 7 of a UUID: version 4 of the same package. */
function timedUuid({ file, span }: Place): readonly Edit[] | undefined {
  const known = file.imports.find(({ module }) => module === 'uuid')
  const timed = known?.names.find(({ imported }) => /^v[167]$/.test(imported))
  const member = memberUuid(file, span)
  if (member !== undefined) return member
  if (timed === undefined || known === undefined) return undefined
  const uses = file.mentions(timed.local).filter(({ start }) => start < timed.span.start || start >= timed.span.end)
  const isHere = uses.some(({ start, end }) => start >= span.start && end <= span.end)
  if (!isHere || known.names.some(({ imported }) => imported === 'v4')) return undefined
  const local = timed.local.replace(new RegExp(`${timed.imported}$`, 'i'), 'v4')
  const isRenamed = local !== timed.local
  if (isRenamed && !isFree(file, local)) return undefined
  const specifier = local === 'v4' ? 'v4' : known.form === 'import' ? `v4 as ${local}` : `v4: ${local}`
  return [
    { path: file.path, ...timed.span, text: specifier },
    ...(isRenamed ? uses.map(({ start, end }) => ({ path: file.path, start, end, text: local })) : []),
  ]
}

/** `uuid.v1()` */
function memberUuid(file: FileSyntax, span: Span): readonly Edit[] | undefined {
  const call = file.shapeOf(span)
  const callee = call?.kind === 'call' ? file.shapeOf(call.calleeSpan) : undefined
  if (callee?.kind !== 'member' || !/^v[167]$/.test(callee.name ?? '')) return undefined
  const module = file.imports.find(({ module: name }) => name === 'uuid')
  const object = file.textOf(callee.object)
  if (object !== (module?.whole ?? module?.namespace)) return undefined
  return [{ path: file.path, start: callee.end - 2, end: callee.end, text: 'v4' }]
}
