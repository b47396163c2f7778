/** Where the transports of the SDKs are made, what holds them, and where a request is handed to one. */
import type { Call, FileSyntax, Span, Statement } from '../syntax/syntax.ts'

/** `new StreamableHTTPServerTransport(…)` and its like. */
export function transportsMade(file: FileSyntax): readonly Call[] {
  return file.calls().filter(({ isNew, callee }) => isNew && callee.endsWith('Transport'))
}

/** A name for what an expression makes, and the statement that gives it. */
export interface Held {
  readonly name: string
  readonly statement: Statement
}

/** `const transport = new …`, `transport = await …` */
export function heldBy(file: FileSyntax, made: Span): Held | undefined {
  const statement = file.statementAround(made)
  const before = statement && file.text.slice(statement.start, made.start)
  const name = before && /^(?:(?:const|let|var)\s+)?(\w+)\s*(?::[^=]*)?=\s*(?:await\s+)?$/.exec(before)?.[1]
  return name === undefined || name === '' || statement === undefined ? undefined : { name, statement }
}

/** A statement that hands a request to a transport. */
export interface HandingOver {
  /** The expression that names the transport. */
  readonly transport: string
  readonly statement: Statement
  readonly call: Call
}

/** Only where the statement does nothing else before: what stands in a condition may not be there at all. */
export function handingOver(file: FileSyntax, span: Span): HandingOver | undefined {
  const call = file.shapeOf(span)
  const callee = call?.kind === 'call' ? file.shapeOf(call.calleeSpan) : undefined
  const statement = file.statementAround(span)
  if (call?.kind !== 'call' || callee?.kind !== 'member' || statement === undefined) return undefined
  if (callee.name !== 'handleRequest' && callee.name !== 'handlePostMessage') return undefined
  if (callee.isOptional || file.textOf(callee.object).includes('?.')) return undefined
  if (!/^(?:return\s+)?(?:await\s+|void\s+)?$/.test(file.text.slice(statement.start, span.start))) return undefined
  return { transport: file.textOf(callee.object), statement, call }
}
