/** From a name to what it was given, as far as that is sure. */
import type { Call, FileSyntax, FunctionShape, Shape, Span } from '../syntax/syntax.ts'

/** What stands in a place; for a constant that is a name of it, what the constant is. Nothing is followed further. */
export function followed(file: FileSyntax, span: Span): Shape | undefined {
  const shape = file.shapeOf(span)
  if (shape?.kind !== 'name') return shape
  const declaration = file.declarationOf(shape.name, span)
  return declaration?.kind === 'const' && declaration.initial ? file.shapeOf(declaration.initial) : shape
}

/** What a call of a function of this file gives back, if that is one expression. */
export function returned(file: FileSyntax, span: Span): Span | undefined {
  const call = file.shapeOf(span)
  const callee = call?.kind === 'call' ? file.shapeOf(call.calleeSpan) : undefined
  if (callee?.kind !== 'name') return undefined
  const declaration = file.declarationOf(callee.name, callee)
  const own = file
    .functions()
    .find(
      ({ name, start, end }) =>
        name === callee.name &&
        declaration !== undefined &&
        start >= declaration.whole.start &&
        end <= declaration.whole.end,
    )
  return own && resultOf(file, own)
}

/** Where this file calls a function by its name, bare or on `this`. */
export function callsOf(file: FileSyntax, { name }: FunctionShape): readonly Call[] {
  return file.calls().filter(({ callee }) => callee.replace(/^this\.#?/, '') === name)
}

/** What a function gives back, if that is one expression. */
export function resultOf(
  file: FileSyntax,
  { body, isExpression }: { readonly body: Span; readonly isExpression: boolean },
): Span | undefined {
  if (isExpression) return body
  const returns = file.returns(body)
  return returns.length === 1 ? returns[0] : undefined
}
