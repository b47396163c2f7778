/** A timer that ends the sessions of a container of transports. */
import type { StoreFact } from '../facts/facts.ts'
import type { Edit, Fix, Location } from '../finding/finding.ts'
import type { Declaration, FileSyntax, Span } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import { entryAt, partsOf, removal, type Entry } from './entries.ts'
import { placeAt, type Ground } from './fix.ts'
import { endOfLine, isSetApart } from './lines.ts'
import { freeName } from './names.ts'
import { handingOver, heldBy, transportsMade, type Held } from './transports.ts'

/**
 * Ends what is missing an end: 30 minutes after the last use, 4 hours after the opening. Times are kept beside the
 * sessions, by their transports, so that no type has to change and nothing is left of a session that ended otherwise.
 */
export function sweepingFix(store: StoreFact, ground: Ground): Fix | undefined {
  const kept = keptIn(store, ground)
  const uses = kept && usesOf(store, kept, ground)
  if (kept === undefined || uses === undefined || uses.length === 0) return undefined
  const times = timesFor(kept.file, store)
  if (times === undefined) return undefined
  const edits = [
    declared(kept, times),
    ...kept.opened.map((held) => noted(kept.file, held, times)),
    ...(times.usedAt === undefined ? [] : uses.map((use) => renewed(kept.file, use, times.usedAt!))),
  ]
  return { title: titleOf(times), kind: 'unsafe', edits }
}

interface Kept {
  readonly file: FileSyntax
  readonly declaration: Declaration
  readonly entry: Entry
  /** The part of an entry that is its transport; undefined where the entry is. */
  readonly part: string | undefined
  /** Transports that are put in. */
  readonly opened: readonly Held[]
}

/** Only where all that is put in is made in the same file, under names. */
function keptIn({ kind, insertions }: StoreFact, { syntax }: Ground): Kept | undefined {
  const puts = insertions.map((at) => placeAt(at, syntax))
  const [first] = puts
  const entry = first && entryAt(first)
  if (first === undefined || entry === undefined) return undefined
  const { file } = first
  const declaration = declarationOf(file, entry.container)
  const put = puts.map((place) => (place?.file === file ? putAt(file, kind, place.span) : undefined))
  if (declaration === undefined || !put.every((each) => each !== undefined)) return undefined
  const [one] = put
  if (!put.every(({ part }) => part === one?.part)) return undefined
  return { file, declaration, entry, part: one?.part, opened: distinct(put.map(({ held }) => held)) }
}

/** Of the variable that the container is, or is a part of. */
function declarationOf(file: FileSyntax, container: Span): Declaration | undefined {
  const root = /^(\w+)(?:\.\w+)*$/.exec(file.textOf(container))?.[1]
  const declaration = root === undefined ? undefined : file.declarationOf(root, container)
  return declaration?.kind === 'const' || declaration?.kind === 'let' ? declaration : undefined
}

interface Put {
  readonly held: Held
  readonly part: string | undefined
}

function putAt(file: FileSyntax, kind: StoreFact['kind'], span: Span): Put | undefined {
  const entry = entryAt({ file, span })
  if (entry?.kind !== kind) return undefined
  const made = transportsMade(file)
  const around = made.find(({ start, end }) => start <= span.start && end >= span.end)
  const candidates = around ? [around] : made.filter((call) => isSameFunction(file, call, span))
  for (const held of candidates.flatMap((call) => heldBy(file, call) ?? [])) {
    if (file.textOf(entry.value) === held.name) return { held, part: undefined }
    const part = partsOf(file, entry)?.properties.find(({ value }) => file.textOf(value) === held.name)?.name
    if (part !== undefined) return { held, part }
  }
  return undefined
}

function isSameFunction(file: FileSyntax, one: Span, other: Span): boolean {
  return file.functionsAround(one)[0]?.start === file.functionsAround(other)[0]?.start
}

function distinct(held: readonly Held[]): readonly Held[] {
  return held.filter(({ statement }, index) => held.findIndex((o) => o.statement.start === statement.start) === index)
}

interface Use {
  readonly transport: string
  readonly at: number
}

/** Where requests reach sessions. What ends one without its transport does not renew it. */
function usesOf({ id }: StoreFact, { file, declaration, entry }: Kept, { facts }: Ground): readonly Use[] | undefined {
  const reached = facts.dispatches.filter(({ store }) => store === id)
  const uses = distinctPlaces(
    reached.filter((each) => each.verb !== 'DELETE' || isHandedOver(file, each.at)).map(({ at }) => at),
  )
  const found = uses.map((at) => (at.path === file.path ? handingOver(file, file.spanOf(at)) : undefined))
  const [root = ''] = file.textOf(entry.container).split('.')
  if (
    !found.every(
      (use) => use !== undefined && file.declarationOf(root, use.statement)?.span.start === declaration.span.start,
    )
  )
    return undefined
  return found.map((use) => ({ transport: use!.transport, at: use!.statement.start }))
}

function isHandedOver(file: FileSyntax, at: Location): boolean {
  return at.path === file.path && handingOver(file, file.spanOf(at)) !== undefined
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
function timesFor(file: FileSyntax, { limits }: StoreFact): Times | undefined {
  if (limits.some(({ optional }) => optional)) return undefined
  const lacks = (kind: 'idle' | 'absolute'): boolean => !limits.some((limit) => limit.kind === kind)
  return {
    openedAt: lacks('absolute') ? freeName(file, 'openedAt', 'sessionOpenedAt') : undefined,
    usedAt: lacks('idle') ? freeName(file, 'usedAt', 'sessionUsedAt') : undefined,
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

function declared({ file, declaration, entry, part }: Kept, times: Times): Edit {
  const { path, style } = file
  const end = endOfLine(file, declaration.whole.end)
  const code = codeIn(style, file.indentAt(declaration.whole.start))
  const container = file.textOf(entry.container)
  const entries = entry.kind === 'map' ? container : `Object.entries(${container})`
  const item = part === undefined ? 'transport' : part === 'transport' ? '{ transport }' : `{ ${part}: transport }`
  const text = code`

// Sessions end ${endsOf(times)}.${weakMaps(file, code, times)}
setInterval(() => {
  const now = Date.now();
  for (const [id, ${item}] of ${entries}) {${tests(code, times)}
    transport.close().catch(console.error);
    ${removal(file, entry, 'id')};
  }
}, 60 * 1000).unref();`
  return { path, start: end, end, text: isSetApart(file, end) ? text : text + style.newline }
}

type Code = ReturnType<typeof codeIn>

function weakMaps({ isTypeScript }: FileSyntax, code: Code, { openedAt, usedAt }: Times): string {
  const type = isTypeScript ? '<object, number>' : ''
  return [openedAt, usedAt]
    .map((name) => (name === undefined ? '' : code`\nconst ${name} = new WeakMap${type}();`))
    .join('')
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

function renewed(file: FileSyntax, { transport, at }: Use, usedAt: string): Edit {
  const text = codeIn(file.style, file.indentAt(at))`${usedAt}.set(${transport}, Date.now());\n`
  return { path: file.path, start: at, end: at, text }
}
