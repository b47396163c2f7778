/** Remembers who opened each transport of the SDK, and lets nobody else through to it. */
import type { DispatchFact } from '../../facts/facts.ts'
import type { Edit, Finding, Fix } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { callerHeldAs, isInScope, type Caller } from '../../fix/callers.ts'
import { codeIn } from '../../fix/code.ts'
import type { Ground } from '../../fix/fix.ts'
import { callsOf } from '../../fix/follow.ts'
import { declaredBefore, endOfLine } from '../../fix/lines.ts'
import { freeName } from '../../fix/names.ts'
import { handingOver, heldBy, transportsMade, type HandingOver, type Held } from '../../fix/transports.ts'
import type { Call, FileSyntax, Span, Statement } from '../../syntax/syntax.ts'

export function fix(finding: Finding, { facts, syntax }: Ground): Fix | undefined {
  const dispatches = openOn(finding, facts.dispatches)
  const [first] = dispatches
  const file = first && syntax.file(first.at.path)
  const filled = facts.stores.find(({ id }) => id === first?.store)?.insertions ?? []
  if (file === undefined || !dispatches.every((each) => isByPerson(each, file))) return undefined
  if (filled.some(({ path }) => path !== file.path)) return undefined
  const uses = distinct(dispatches.map(({ at }) => file.spanOf(at))).map((span) => useAt(file, span))
  if (!uses.every((use) => use !== undefined)) return undefined
  const callers = first!.callers
    .filter((name) => dispatches.every((each) => each.callers.includes(name)))
    .flatMap((name) => callerHeldAs(name, uses[0]!.statement, file, syntax) ?? [])
  for (const caller of callers) {
    const edits = guarded(file, caller, uses)
    if (edits) return { title: 'Let nobody but its owner through to a session', kind: 'unsafe', edits }
  }
  return undefined
}

/** The requests that the finding is about: all that reach sessions of its store unasked. */
function openOn({ trace: [lookup] }: Finding, dispatches: readonly DispatchFact[]): readonly DispatchFact[] {
  const known = dispatches.find((each) => lookup?.location && isSamePlace(each.lookup, lookup.location))
  return dispatches.filter((each) => each.store === known?.store && !each.bound)
}

function isByPerson({ at, authenticated, credential }: DispatchFact, file: FileSyntax): boolean {
  return at.path === file.path && authenticated === 'always' && credential === 'personal'
}

function distinct(spans: readonly Span[]): readonly Span[] {
  return spans.filter((span, index) => spans.findIndex(({ start }) => start === span.start) === index)
}

interface Use extends HandingOver {
  /** What refuses the request; undefined where it is answered by what is returned. */
  readonly refusal: string | undefined
}

function useAt(file: FileSyntax, span: Span): Use | undefined {
  const found = handingOver(file, span)
  return found && { ...found, refusal: refusalIn(file, found.call) }
}

/** In the manner of what answers: Express, node:http, or a Response. */
function refusalIn(file: FileSyntax, { arguments: [, response] }: Call): string | undefined {
  const name = response && file.textOf(response)
  if (name === undefined || !/^[\w.]+$/.test(name)) return undefined
  const isExpress = file.calls().some(({ callee }) => callee === `${name}.status` || callee === `${name}.sendStatus`)
  return isExpress ? `${name}.status(404).end()` : `${name}.writeHead(404).end()`
}

function guarded(file: FileSyntax, caller: Caller, uses: readonly Use[]): readonly Edit[] | undefined {
  const opened = openedIn(file, caller)
  if (opened === undefined || !uses.every(({ statement }) => isInScope(caller, file, statement))) return undefined
  const owners = freeName(file, 'owners', 'sessionOwners')
  return [
    declared(file, owners, caller, uses[0]!),
    ...opened.map((held) => remembered(file, held, `${owners}.set(${held.name}, ${caller.code})`)),
    ...uses.flatMap((use) => asked(file, use, `${owners}.get(${use.transport}) !== ${caller.code}`)),
  ]
}

/** Where transports with sessions are made and the caller can be named; undefined if one is made elsewhere. */
function openedIn(file: FileSyntax, caller: Caller): readonly Held[] | undefined {
  const made = transportsMade(file).filter((call) => !isStateless(file, call))
  const opened = made.map((call) => openedBy(file, caller, call))
  return made.length > 0 && opened.every((held) => held !== undefined) ? opened.flat() : undefined
}

/** `sessionIdGenerator: undefined`: it serves one request and is no session. */
function isStateless(file: FileSyntax, { arguments: [options] }: Call): boolean {
  const shape = options && file.shapeOf(options)
  const generator =
    shape?.kind === 'object' ? shape.properties.find(({ name }) => name === 'sessionIdGenerator') : undefined
  return generator !== undefined && file.textOf(generator.value) === 'undefined'
}

/** Where it is made; where nobody there knows the caller, wherever the function that makes it is called. */
function openedBy(file: FileSyntax, caller: Caller, made: Span): readonly Held[] | undefined {
  const held = heldBy(file, made)
  if (held && isInScope(caller, file, held.statement)) return [held]
  const [maker] = file.functionsAround(made)
  if (maker?.name === undefined) return undefined
  const calls = callsOf(file, maker)
  const opened = calls.map((call) => heldBy(file, call))
  return calls.length > 0 && opened.every((each) => each && isInScope(caller, file, each.statement))
    ? opened.flatMap((each) => each ?? [])
    : undefined
}

function declared(file: FileSyntax, owners: string, caller: Caller, { statement }: Use): Edit {
  const text = codeIn(file.style)`

/** Who opened the session of a transport. */
const ${owners} = new WeakMap${file.isTypeScript ? '<object, unknown>' : ''}();${caller.helper}`
  return declaredBefore(file, statement, text)
}

function remembered(file: FileSyntax, { statement }: Held, call: string): Edit {
  const end = endOfLine(file, statement.end)
  return { path: file.path, start: end, end, text: codeIn(file.style, file.indentAt(statement.start))`\n${call};` }
}

function asked(file: FileSyntax, { transport, statement, refusal, naming }: Use, test: string): readonly Edit[] {
  const { path, style } = file
  const start = beforeTouching(file, transport, statement)
  const code = codeIn(style, file.indentAt(statement.start))
  const refused =
    refusal === undefined ? code`\n  return new Response(null, { status: 404 });` : code`\n  ${refusal};\n  return;`
  const named = naming ? code`${naming.code};\n` : ''
  const text = code`${named}// For anybody but its owner a session does not exist.
if (${test}) {${refused}
}
`
  return [{ path, start, end: start, text }, ...(naming ? [naming.edit] : [])]
}

/** A stranger must not renew the session either: `session.usedAt = …`, `usedAt.set(transport, …)` come after the question. */
function beforeTouching(file: FileSyntax, transport: string, statement: Statement): number {
  const before = file.blockAround(statement)?.statements.filter(({ end }) => end <= statement.start) ?? []
  const last = before.findLastIndex((each) => !isTouch(file, transport, each))
  return (before[last + 1] ?? statement).start
}

function isTouch(file: FileSyntax, transport: string, within: Span): boolean {
  const [root = ''] = transport.split('.')
  const writes = file.assignments(within).filter(({ target }) => file.textOf(target).startsWith(`${root}.`))
  const notes = file
    .calls(within)
    .filter(({ callee, arguments: [key] }) => callee.endsWith('.set') && key && file.textOf(key) === transport)
  return [...writes, ...notes].some(({ start }) => start === within.start)
}
