/** Where the transports of the SDKs are made, and what holds them. */
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
