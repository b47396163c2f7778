import type { Finding, Fix } from '../../finding/finding.ts'
import { codeIn } from '../../fix/code.ts'
import { type Ground, placeOf } from '../../fix/fix.ts'
import { followed } from '../../fix/follow.ts'
import { bring } from '../../fix/imports.ts'
import { freeName } from '../../fix/names.ts'
import type { FileSyntax, Shape, Span } from '../../syntax/syntax.ts'

/** Compares digests: they are of one length, and their time tells nothing of what went in. */
export function fix(finding: Finding, { syntax }: Ground): Fix | undefined {
  const place = placeOf(finding, syntax)
  if (place === undefined) return undefined
  const { file, span } = place
  const comparison = comparisonIn(file.shapeOf(span), file)
  // The helpers compare texts and bytes, and refuse what is neither: a number is not even like itself.
  if (comparison === undefined || comparison.sides.some((side) => isNumber(file, side))) return undefined
  const helper = knownHelper(file, comparison.of) ?? newHelper(file, comparison.of)
  const call = `${helper.name}(${comparison.one}, ${comparison.other})`
  return {
    title: 'Compare digests in constant time',
    kind: comparison.isLoose ? 'unsafe' : 'safe',
    edits: [
      { path: file.path, start: span.start, end: span.end, text: comparison.isNegated ? `!${call}` : call },
      ...helper.edits,
    ],
  }
}

interface Comparison {
  readonly one: string
  readonly other: string
  readonly sides: readonly Span[]
  readonly isNegated: boolean
  /** `==`, by which a number is like a text. */
  readonly isLoose: boolean
  readonly of: 'texts' | 'bytes'
}

function comparisonIn(shape: Shape | undefined, file: FileSyntax): Comparison | undefined {
  if (shape?.kind === 'binary' && /^[!=]==?$/.test(shape.operator))
    return {
      one: file.textOf(shape.left),
      other: file.textOf(shape.right),
      sides: [shape.left, shape.right],
      isNegated: shape.operator.startsWith('!'),
      isLoose: shape.operator.length === 2,
      of: 'texts',
    }
  const [argument] = shape?.kind === 'call' && shape.arguments.length === 1 ? shape.arguments : []
  const method = shape?.kind === 'call' ? file.shapeOf(shape.calleeSpan) : undefined
  if (argument === undefined || method?.kind !== 'member' || method.name !== 'equals' || method.isOptional)
    return undefined
  return {
    one: file.textOf(method.object),
    other: file.textOf(argument),
    sides: [],
    isNegated: false,
    isLoose: false,
    of: 'bytes',
  }
}

/** `Number(…)`, `parseInt(…)`, `+x`, `7`, or a name of one. */
function isNumber(file: FileSyntax, side: Span): boolean {
  const shape = followed(file, side)
  const text = file.textOf(shape ?? side)
  return /^(?:[+-]|\d)/.test(text) || (shape?.kind === 'call' && MAKES_NUMBERS.test(shape.callee))
}

const MAKES_NUMBERS = /^(?:Number|BigInt|(?:Number\.)?parse(?:Int|Float))$/

interface Helper {
  readonly name: string
  readonly edits: Fix['edits']
}

const NAMES = { texts: 'isSameSecret', bytes: 'areSameBytes' } as const

/** One of ours, from before. */
function knownHelper(file: FileSyntax, of: Comparison['of']): Helper | undefined {
  const name = NAMES[of]
  const known = file.functions().find((each) => each.name === name)
  const isOurs =
    known !== undefined &&
    file.blockAround(known)?.of === 'module' &&
    /timingSafeEqual\(digest\(\w+\), digest\(\w+\)\)/.test(file.textOf(known))
  return isOurs ? { name, edits: [] } : undefined
}

function newHelper(file: FileSyntax, of: Comparison['of']): Helper {
  const { path, style, text } = file
  const end = { start: text.length, end: text.length }
  const name = freeName(file, NAMES[of])
  const { as, edits } = bring(file, 'node:crypto', ['createHash', 'timingSafeEqual'], [end])
  const [createHash = '', timingSafeEqual = ''] = as
  const typed = (type: string): string => (file.isTypeScript ? `: ${type}` : '')
  const content = of === 'texts' ? 'string' : 'Uint8Array'
  const code = codeIn(style)
  const guard =
    of === 'texts'
      ? code`
  if (typeof one !== 'string' || typeof other !== 'string') return false;`
      : ''
  const both = typed(of === 'texts' ? 'unknown' : content)
  const helper = code`
/** Takes as long for a wrong ${of === 'texts' ? 'secret' : 'value'} as for the right one. */
function ${name}(one${both}, other${both})${typed('boolean')} {${guard}
  const digest = (content${typed(content)}) => ${createHash}('sha256').update(content).digest();
  return ${timingSafeEqual}(digest(one), digest(other));
}
`
  return { name, edits: [...edits, { path, ...end, text: (text.endsWith('\n') ? '' : style.newline) + helper }] }
}
