import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { codeIn } from '../../fix/code.ts'
import { isTraced, placeAt, type Ground, type Place } from '../../fix/fix.ts'
import { endOfLine } from '../../fix/lines.ts'
import { freeName } from '../../fix/names.ts'
import type { Block, Call, Declaration, FileSyntax, Span, Statement } from '../../syntax/syntax.ts'

/** Makes a server of the SDK anew for each transport that it is connected to. */
export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const fact = facts.sharedServers.find(({ created, used }) => isTraced(finding, created) && isTraced(finding, used))
  const place = fact?.what === 'server' ? placeAt(fact.used, syntax) : undefined
  const made = place && connectedAt(place)
  const edits = made && madeForEach(made)
  return edits && { title: 'Make a server of its own for every session', kind: 'unsafe', edits }
}

/** A server that is made once: `const server = …` at the top level, and the statements after it that fill it. */
interface Made {
  readonly file: FileSyntax
  readonly name: string
  readonly declaration: Declaration
  readonly filling: readonly Statement[]
}

/** `server.connect(…)` */
function connectedAt({ file, span }: Place): Made | undefined {
  const call = file.shapeOf(span)
  const name = call?.kind === 'call' ? /^(\w+)\.connect$/.exec(call.callee)?.[1] : undefined
  const declaration = name === undefined ? undefined : file.declarationOf(name, span)
  if (name === undefined || declaration?.initial === undefined || !declaration.isTopLevel) return undefined
  const { whole } = declaration
  const block = file.blockAround(whole)
  if (block === undefined || !/^const\s/.test(file.textOf(whole))) return undefined
  if (endOfInitial(file, declaration) !== whole.end) return undefined
  return { file, name, declaration, filling: fillingAfter(file, name, block, whole) }
}

/** Where a statement ends that declares nothing else. */
function endOfInitial({ text }: FileSyntax, { initial, whole }: Declaration): number {
  const rest = /^\s*;?/.exec(text.slice(initial?.end, whole.end))?.[0] ?? ''
  return (initial?.end ?? 0) + rest.length
}

/** What stands right behind and does nothing but fill the server. */
function fillingAfter(file: FileSyntax, name: string, { statements }: Block, { start }: Span): readonly Statement[] {
  const after = statements.slice(statements.findIndex((each) => each.start === start) + 1)
  const end = after.findIndex((each) => each.kind !== 'expression' || !fills(file, name, each))
  return end === -1 ? after : after.slice(0, end)
}

/** `server.registerTool(…)`, `server.onerror = …`, `addTools(server)`; not `process.on('exit', () => server.close())`, which once is enough of. */
function fills(file: FileSyntax, name: string, statement: Statement): boolean {
  const outer = file.calls(statement).filter(({ start }) => start === statement.start)
  if (outer.some(({ callee }) => callee === `${name}.connect` || callee === `${name}.close`)) return false
  const isGiven = outer.some((call) => call.arguments.some((argument) => file.textOf(argument) === name))
  return isGiven || file.textOf(statement).startsWith(`${name}.`)
}

/** Undefined where something else is done with the server than filling, connecting, and closing it before. */
function madeForEach(made: Made): readonly Edit[] | undefined {
  const { file, name, declaration, filling } = made
  const last = filling.at(-1) ?? declaration.whole
  const making = { start: declaration.whole.start, end: last.end }
  const connections = file.calls().filter((call) => call.callee === `${name}.connect` && !isWithin(call, making))
  const closings = connections.flatMap((call) => closingBefore(file, name, call) ?? [])
  const known = [making, ...connections.map(({ calleeSpan }) => calleeSpan), ...closings]
  const isKnown = (mention: Span): boolean => known.some((span) => isWithin(mention, span))
  if (connections.length === 0 || file.suspends(making) || !file.mentions(name).every(isKnown)) return undefined
  const maker = makerOf(made, making)
  return [
    maker.edit,
    ...connections.map(({ calleeSpan: { start } }) => ({
      path: file.path,
      start,
      end: start + name.length,
      text: maker.call,
    })),
    ...closings.map((span) => ({ path: file.path, ...withItsLines(file, span), text: '' })),
  ]
}

function isWithin(inner: Span, { start, end }: Span): boolean {
  return inner.start >= start && inner.end <= end
}

/** `if (server.isConnected()) await server.close()`: a server that is new is connected to nothing. */
function closingBefore(file: FileSyntax, name: string, call: Call): Span | undefined {
  const statement = file.statementAround(call)
  const before = statement && file.blockAround(call)?.statements.findLast(({ end }) => end <= statement.start)
  const closing = new RegExp(String.raw`^(?:if \(${name}\.isConnected\(\)\) )?\{?\s*await ${name}\.close\(\);?\s*\}?$`)
  return before && closing.test(file.textOf(before)) ? before : undefined
}

/** What is said of a statement in lines of their own above it is said of nothing any more. */
function withItsLines({ text, lineStart }: FileSyntax, { start, end }: Span): Span {
  const isComment = (from: number, to: number): boolean => /^[ \t]*\/\//.test(text.slice(from, to))
  let first = lineStart(start)
  while (first > 0 && isComment(lineStart(first - 1), first)) first = lineStart(first - 1)
  const rest = /^[ \t]*\r?\n/.exec(text.slice(end))?.[0] ?? ''
  return { start: first, end: end + rest.length }
}

interface Maker {
  readonly edit: Edit
  /** What makes a server. */
  readonly call: string
}

/** A function around what makes and fills the server; none where a call makes it that others can make as well. */
function makerOf({ file, name, declaration, filling }: Made, making: Span): Maker {
  const { path, style } = file
  const initial = declaration.initial!
  const shape = file.shapeOf(initial)
  if (filling.length === 0 && shape?.kind === 'call' && !shape.isNew && shape.arguments.length === 0) {
    const rest = /^[ \t]*(?:\r?\n){0,2}/.exec(file.text.slice(making.end))?.[0] ?? ''
    return { edit: { path, start: making.start, end: making.end + rest.length, text: '' }, call: file.textOf(initial) }
  }
  const maker = freeName(file, 'createServer', 'createMcpServer', 'openServer')
  const end = endOfLine(file, making.end)
  const text = codeIn(style)`function ${maker}() {
  ${file.indented({ start: making.start, end })}
  return ${name};
}`
  return { edit: { path, start: making.start, end, text }, call: `${maker}()` }
}
