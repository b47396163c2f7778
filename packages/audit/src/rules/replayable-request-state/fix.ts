/** Gives each state that the codec of the SDK seals a number of its own, and takes each number back once. */
import type { Finding, Fix } from '../../finding/finding.ts'
import type { Ground } from '../../fix/fix.ts'
import { bring } from '../../fix/imports.ts'
import { endOfLine } from '../../fix/lines.ts'
import { freeName } from '../../fix/names.ts'
import { codecsIn, redeemedOnce, sealedType } from '../../fix/request-states.ts'
import type { Call, FileSyntax } from '../../syntax/syntax.ts'

export function fix({ location }: Finding, { syntax }: Ground): Fix | undefined {
  const file = location && syntax.file(location.path)
  const [codec, ...others] = file ? codecsIn(file) : []
  const statement = file && codec && file.statementAround(codec)
  if (file === undefined || codec === undefined || statement === undefined || others.length > 0) return undefined
  const before = file.text.slice(statement.start, codec.start)
  const name = /^const (\w+) = $/.exec(before)?.[1]
  if (name === undefined || file.blockAround(statement)?.of !== 'module') return undefined
  const names = {
    sealed: freeName(file, 'sealed', 'sealedStates'),
    codec: name,
    redeemed: freeName(file, 'redeemed'),
    type: typeOf(file, codec),
  }
  const uuid = bring(file, 'node:crypto', ['randomUUID'], [statement])
  const { path } = file
  const start = statement.start + 'const '.length
  const end = endOfLine(file, statement.end)
  return {
    title: 'Redeem each requestState once',
    kind: 'unsafe',
    edits: [
      ...uuid.edits,
      { path, start, end: start + name.length, text: names.sealed },
      { path, start: codec.calleeSpan.end, end: openOf(file, codec), text: sealedType(file, names.type) },
      { path, start: end, end, text: redeemedOnce(file, names, uuid.as[0]!, lifeOf(file, codec)) },
    ],
  }
}

/** Where the arguments begin, after what says of which type the state is. */
function openOf(file: FileSyntax, { calleeSpan, arguments: [options] }: Call): number {
  return file.text.lastIndexOf('(', options?.start ?? calleeSpan.end)
}

function typeOf(file: FileSyntax, codec: Call): string {
  return /^<([^]+)>$/.exec(file.text.slice(codec.calleeSpan.end, openOf(file, codec)).trim())?.[1] ?? 'unknown'
}

/** In milliseconds: as the codec is told, else its own ten minutes. */
function lifeOf(file: FileSyntax, { arguments: [options] }: Call): string {
  const shape = options && file.shapeOf(options)
  const told = shape?.kind === 'object' ? shape.properties.find(({ name }) => name === 'ttlSeconds') : undefined
  return told ? `(${file.textOf(told.value)}) * 1000`.replace(/^\((\w+)\)/, '$1') : '600_000'
}
