/** Where the transports of the SDKs are made, what holds them, and where a request is handed to one. */
import type { Edit } from '../finding/finding.ts'
import type { Call, FileSyntax, Member, Span, Statement } from '../syntax/syntax.ts'
import { freeName } from './names.ts'

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
  /** What names the transport before the statement. */
  readonly transport: string
  readonly statement: Statement
  readonly call: Call
  /** Where the transport has no name yet, as in `(await open()).handleRequest(…)`: the statement that gives it one, and its use. */
  readonly naming: Naming | undefined
}

export interface Naming {
  readonly code: string
  readonly edit: Edit
}

/** Only where the statement does nothing else before: what stands in a condition may not be there at all. */
export function handingOver(file: FileSyntax, span: Span): HandingOver | undefined {
  const call = file.shapeOf(span)
  const callee = call?.kind === 'call' ? file.shapeOf(call.calleeSpan) : undefined
  const statement = file.statementAround(span)
  if (call?.kind !== 'call' || callee?.kind !== 'member' || statement === undefined) return undefined
  if (callee.name !== 'handleRequest' && callee.name !== 'handlePostMessage') return undefined
  const transport = file.textOf(callee.object)
  if (callee.isOptional || transport.includes('?.')) return undefined
  if (!HANDING.test(file.text.slice(statement.start, span.start))) return undefined
  if (isName(transport)) return { transport, statement, call, naming: undefined }
  const whole = withParentheses(file, callee)
  if (whole === undefined) return undefined
  const name = freeName(file, 'transport', 'sessionTransport')
  const naming = { code: `const ${name} = ${transport}`, edit: { path: file.path, ...whole, text: name } }
  return { transport: name, statement, call, naming }
}

/** What a member is read of, with the parentheses around it. */
function withParentheses({ text }: FileSyntax, { start, object }: Member): Span | undefined {
  const opened = text.slice(start, object.start).replace(/\s/g, '')
  const closed = new RegExp(`^(?:\\s*\\)){${opened.length}}`).exec(text.slice(object.end))
  return /^\(*$/.test(opened) && closed ? { start, end: object.end + closed[0].length } : undefined
}

/** `return await`, `const response = await` */
const HANDING = /^(?:return\s+|(?:(?:const|let)\s+)?\w+\s*=\s*)?(?:await\s+|void\s+)?$/

/** What may be written twice, since it does nothing: `session.transport`, `(transport as Transport)`, `sessions.get(id)!`. */
function isName(text: string): boolean {
  return !/\bawait\b|\bnew\b|[=`]/.test(text) && !/[\w)\]]\s*\(/.test(text.replace(/\.get\([\w.]+\)/g, ''))
}
