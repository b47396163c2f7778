/** A timer that ends the sessions of a container of transports. */
import type { StoreFact } from '../facts/facts.ts'
import type { Edit, Fix, Location } from '../finding/finding.ts'
import type { FileSyntax, Span, Syntax } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import { entryAt, partsOf, removal, type Entry } from './entries.ts'
import { placeAt, type Ground } from './fix.ts'
import { belonging, homeOf, type Home } from './homes.ts'
import { bring, moduleName } from './imports.ts'
import { endOfLine } from './lines.ts'
import { freeName, freeNameIn } from './names.ts'
import { handingOver, heldBy, transportsMade, type HandingOver, type Held } from './transports.ts'

/**
 * Ends what is missing an end: 30 minutes after the last use, 4 hours after the opening. Times are kept beside the
 * sessions, by their transports, so that no type has to change and nothing is left of a session that ended otherwise.
 */
export function sweepingFix(store: StoreFact, ground: Ground): Fix | undefined {
  const reached = usesOf(store, ground)
  const kept = keptIn(store, reached, ground)
  if (kept === undefined) return undefined
  const times = timesFor(kept, reached, store)
  const uses = times?.usedAt === undefined ? [] : reached
  if (times === undefined || !uses.every((use) => use !== undefined && canName(use, kept))) return undefined
  const { usedAt } = times
  if (usedAt !== undefined && uses.length === 0) return undefined
  const renewing = uses as readonly Use[]
  const edits = [
    ...sweep(kept, renewing, times),
    ...kept.opened.map((held) => noted(kept.file, held, times)),
    ...(usedAt === undefined
      ? []
      : [...renewing.flatMap((use) => renewed(use, usedAt)), ...imported(kept, renewing, usedAt)]),
  ]
  return { title: titleOf(times), kind: 'unsafe', edits }
}

interface Kept {
  readonly file: FileSyntax
  readonly home: Home
  readonly entry: Entry
  /** The part of an entry that is its transport; undefined where the entry is. */
  readonly part: string | undefined
  /** Transports that are put in. */
  readonly opened: readonly Held[]
}

/** Only where all that is put in has a name where that is done. */
function keptIn({ kind, insertions }: StoreFact, uses: Uses, { syntax }: Ground): Kept | undefined {
  const puts = insertions.map((at) => placeAt(at, syntax))
  const [first] = puts
  const entry = first && entryAt(first)
  if (first === undefined || entry === undefined) return undefined
  const { file } = first
  const home = homeOf(file, entry.container)
  const put = puts.map((place) => (place?.file === file ? putAt(file, kind, place.span, uses) : undefined))
  if (home === undefined || !put.every((each) => each !== undefined)) return undefined
  const [one] = put
  if (!put.every(({ part }) => part === one?.part)) return undefined
  return { file, home, entry, part: one?.part, opened: distinct(put.map(({ held }) => held)) }
}

interface Put {
  readonly held: Held
  readonly part: string | undefined
}

function putAt(file: FileSyntax, kind: StoreFact['kind'], span: Span, uses: Uses): Put | undefined {
  const entry = entryAt({ file, span })
  if (entry?.kind !== kind) return undefined
  const made = transportsMade(file)
  const around = made.find(({ start, end }) => start <= span.start && end >= span.end)
  const candidates = around ? [around] : made.filter((call) => isSameFunction(file, call, span))
  for (const held of candidates.flatMap((call) => heldBy(file, call) ?? [])) {
    if (nameOf(file, entry.value) === held.name) return { held, part: undefined }
    const part = partsOf(file, entry)?.properties.find(({ value }) => nameOf(file, value) === held.name)?.name
    if (part !== undefined) return { held, part }
  }
  return putWithPart(file, entry, span, uses)
}

/** `transport!` is `transport`. */
function nameOf(file: FileSyntax, value: Span): string {
  return file.textOf(value).replace(/!$/, '')
}

/** What was made elsewhere is a transport if requests are handed to that part: `session.transport.handleRequest(…)`. */
function putWithPart(file: FileSyntax, entry: Entry, span: Span, uses: Uses): Put | undefined {
  const [part, ...others] = new Set(uses.flatMap((use) => /\.(\w+)$/.exec(use?.transport ?? '')?.[1] ?? []))
  const statement = file.statementAround(span)
  const value = partsOf(file, entry)?.properties.find(({ name }) => name === part)?.value
  const shape = value && file.shapeOf(value)
  if (part === undefined || others.length > 0 || statement?.start !== span.start || shape?.kind !== 'name')
    return undefined
  return { held: { name: shape.name, statement }, part }
}

function isSameFunction(file: FileSyntax, one: Span, other: Span): boolean {
  return file.functionsAround(one)[0]?.start === file.functionsAround(other)[0]?.start
}

function distinct(held: readonly Held[]): readonly Held[] {
  return held.filter(({ statement }, index) => held.findIndex((o) => o.statement.start === statement.start) === index)
}

interface Use extends HandingOver {
  readonly file: FileSyntax
}

/** Undefined stands for a place where nothing can be said of the session that is used. */
type Uses = readonly (Use | undefined)[]

/** Where requests reach sessions. What ends one without its transport does not renew it. */
function usesOf({ id }: StoreFact, { facts, syntax }: Ground): Uses {
  const reached = facts.dispatches.filter(({ store }) => store === id)
  const places = distinctPlaces(
    reached.filter((each) => each.verb !== 'DELETE' || useAt(each.at, syntax) !== undefined).map(({ at }) => at),
  )
  return places.map((at) => useAt(at, syntax))
}

function useAt(at: Location, syntax: Syntax): Use | undefined {
  const file = syntax.file(at.path)
  const found = file && handingOver(file, file.spanOf(at))
  return found && { ...found, file }
}

/** Whether what is declared for the container can be named where a session is used. */
function canName({ file, statement }: Use, { file: own, home, entry }: Kept): boolean {
  if (home.kind === 'variable' && !home.declaration.isTopLevel) {
    const [root = ''] = own.textOf(entry.container).split('.')
    return file === own && file.declarationOf(root, statement)?.span.start === home.declaration.span.start
  }
  return file === own || (own.isModule && file.isModule && moduleName(file, own.path) !== undefined)
}

function distinctPlaces(places: readonly Location[]): readonly Location[] {
  const key = ({ path, startLine, startColumn }: Location): string => `${path}:${startLine}:${startColumn}`
  return [...new Map(places.map((at) => [key(at), at])).values()]
}

/** Names for the times that are missing. */
interface Times {
  readonly openedAt: string | undefined
  readonly usedAt: string | undefined
}

/** Where a limit is there but turned off, its owner has to turn it on. */
function timesFor({ file }: Kept, uses: Uses, { limits }: StoreFact): Times | undefined {
  if (limits.some(({ optional }) => optional)) return undefined
  const lacks = (kind: 'idle' | 'absolute'): boolean => !limits.some((limit) => limit.kind === kind)
  const files = [...new Set([file, ...uses.flatMap((use) => use?.file ?? [])])]
  return {
    openedAt: lacks('absolute') ? freeName(file, 'openedAt', 'sessionOpenedAt') : undefined,
    usedAt: lacks('idle') ? freeNameIn(files, 'usedAt', 'sessionUsedAt') : undefined,
  }
}

function titleOf(times: Times): string {
  return `End sessions ${endsOf(times)}`
}

function endsOf({ openedAt, usedAt }: Times): string {
  return [
    ...(usedAt === undefined ? [] : ['30 minutes after their last use']),
    ...(openedAt === undefined ? [] : ['4 hours after they were opened']),
  ].join(' and ')
}

function sweep({ file, home, entry, part }: Kept, uses: readonly Use[], times: Times): readonly Edit[] {
  const container = file.textOf(entry.container)
  const entries = entry.kind === 'map' ? container : `Object.entries(${container})`
  const isPartial = entry.kind === 'record' && mayBeUndefined(file, home, entry.container)
  const isShared = uses.some((use) => use.file !== file)
  return belonging(file, home, {
    comment: `Sessions end ${endsOf(times)}.`,
    what: `When sessions were ${toldOf(times)}, by their transports.`,
    declared: (code) => weakMaps(file, code, times, isShared),
    run: (code) => {
      const item = isPartial ? itemThatMayBeUndefined(part, code) : itemOf(part)
      return code`
setInterval(() => {
  const now = Date.now();
  for (const [id, ${item.name}] of ${entries}) {${item.first}${tests(code, times)}
    transport.close().catch(console.error);
    ${removal(file, entry, 'id')};
  }
}, 60 * 1000).unref();`
    },
  })
}

/** What stands for an entry in the head of the loop, and what comes first in it. */
interface Item {
  readonly name: string
  readonly first: string
}

function itemOf(part: string | undefined): Item {
  return { name: part === undefined ? 'transport' : taken(part), first: '' }
}

function itemThatMayBeUndefined(part: string | undefined, code: Code): Item {
  if (part === undefined) return { name: 'transport', first: code`\n    if (transport === undefined) continue;` }
  const first = code`\n    if (session === undefined) continue;\n    const ${taken(part)} = session;`
  return { name: 'session', first }
}

function taken(part: string): string {
  return part === 'transport' ? '{ transport }' : `{ ${part}: transport }`
}

/** `Partial<Record<…>>`, `{ [id: string]: T | undefined }`, or the name of such a type: what is under a key may be undefined. */
function mayBeUndefined(file: FileSyntax, home: Home, container: Span): boolean {
  const declared = declaredAs(file, home, container)
  const name = /^\s*[?!]?\s*:\s*(\w+)\s*(?:[=;]|$)/.exec(declared)?.[1]
  const type = name === undefined ? undefined : file.declarationOf(name, container)
  return /\bPartial<|\bundefined\b/.test(type === undefined ? declared : file.textOf(type.whole))
}

/** What is written behind the name of a variable or a field. */
function declaredAs(file: FileSyntax, home: Home, container: Span): string {
  const [root = '', field = ''] = file.textOf(container).split('.')
  const name = home.kind === 'variable' ? root : field
  const member = home.kind === 'field' ? home.of.members.find((each) => each.name === name) : undefined
  const text =
    home.kind === 'variable'
      ? file.text.slice(home.declaration.span.start, home.declaration.whole.end)
      : member && file.textOf(member)
  return text?.slice(text.indexOf(name) + name.length) ?? ''
}

function toldOf({ openedAt, usedAt }: Times): string {
  return [...(openedAt === undefined ? [] : ['opened']), ...(usedAt === undefined ? [] : ['last used'])].join(' and ')
}

type Code = ReturnType<typeof codeIn>

function weakMaps({ isTypeScript }: FileSyntax, code: Code, { openedAt, usedAt }: Times, isShared: boolean): string {
  const type = isTypeScript ? '<object, number>' : ''
  const kept = (name: string | undefined, before: string): string =>
    name === undefined ? '' : code`\n${before}const ${name} = new WeakMap${type}();`
  return kept(openedAt, '') + kept(usedAt, isShared ? 'export ' : '')
}

function tests(code: Code, { openedAt, usedAt }: Times): string {
  const idle = usedAt && code`\n    const isIdle = now - (${usedAt}.get(transport) ?? 0) > 30 * 60 * 1000;`
  const old = openedAt && code`\n    const isOld = now - (${openedAt}.get(transport) ?? 0) > 4 * 60 * 60 * 1000;`
  const neither = [...(idle ? ['!isIdle'] : []), ...(old ? ['!isOld'] : [])].join(' && ')
  return `${idle ?? ''}${old ?? ''}${code`\n    if (${neither}) continue;`}`
}

function noted(file: FileSyntax, { name, statement }: Held, times: Times): Edit {
  const { path, style } = file
  const end = endOfLine(file, statement.end)
  const code = codeIn(style, file.indentAt(statement.start))
  const text = [times.openedAt, times.usedAt]
    .map((each) => (each === undefined ? '' : code`\n${each}.set(${name}, Date.now());`))
    .join('')
  return { path, start: end, end, text }
}

function renewed({ file, transport, statement: { start }, naming }: Use, usedAt: string): readonly Edit[] {
  const code = codeIn(file.style, file.indentAt(start))
  const named = naming ? code`${naming.code};\n` : ''
  const text = `${named}${code`${usedAt}.set(${transport}, Date.now());\n`}`
  return [{ path: file.path, start, end: start, text }, ...(naming ? [naming.edit] : [])]
}

/** For the files that use sessions which another one keeps. */
function imported({ file: own }: Kept, uses: readonly Use[], usedAt: string): readonly Edit[] {
  const others = [...new Set(uses.map(({ file }) => file))].filter((file) => file !== own)
  return others.flatMap((file) => {
    const statements = uses.filter((use) => use.file === file).map(({ statement }) => statement)
    return bring(file, moduleName(file, own.path)!, [usedAt], statements).edits
  })
}
