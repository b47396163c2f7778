/** Brings names of a module into a file, in the file's own way. */
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import type { Edit } from '../finding/finding.ts'
import type { FileSyntax, Import, Span } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import { endOfLine } from './lines.ts'
import { freeName } from './names.ts'

/** How a file says what it needs, and the edits that make it so. */
export interface Brought {
  /** For each name asked for, what to write: `randomBytes`, `crypto.randomBytes`. */
  readonly as: readonly string[]
  readonly edits: readonly Edit[]
}

/**
 * `names` of `module`, for use at `uses`. What is imported already is used, an import of the module is extended, and only
 * else one is added. A name that the file has given to something else is brought under another.
 */
export function bring(file: FileSyntax, module: string, names: readonly string[], uses: readonly Span[]): Brought {
  const known = file.imports.filter((each) => isSameModule(each.module, module) && !each.isTypeOnly)
  const found = names.map((name) => importedAs(file, known, name, uses))
  if (found.every((name) => name !== undefined)) return { as: found, edits: [] }
  const whole = wholeOf(known, module)
  if (whole !== undefined && means(file, whole, known, uses))
    return { as: names.map((name, index) => found[index] ?? `${whole}.${name}`), edits: [] }
  const locals = new Map<string, string>()
  for (const [index, name] of names.entries())
    if (found[index] === undefined)
      locals.set(name, freeName(file, name, `node${name[0]!.toUpperCase()}${name.slice(1)}`))
  return {
    as: names.map((name, index) => found[index] ?? locals.get(name)!),
    edits: extended(file, known, locals) ?? [added(file, module, locals)],
  }
}

/**
 * How a file says the name of another one of the tree: as it does already, else as it says those of its neighbours.
 * Undefined where it does not import any way that shows.
 */
export function moduleName({ path, imports }: FileSyntax, other: string): string | undefined {
  const relative = imports.map(({ module }) => module).filter((module) => module.startsWith('.'))
  const known = relative.find((module) => isModuleOf(posix.join(posix.dirname(path), module), other))
  if (known !== undefined) return known
  const [neighbour] = relative
  if (neighbour === undefined) return undefined
  const bare = posix.relative(posix.dirname(path), other).replace(EXTENSION, EXTENSION.exec(neighbour)?.[0] ?? '')
  return bare.startsWith('.') ? bare : `./${bare}`
}

const EXTENSION = /\.[cm]?[jt]sx?$/

/** TypeScript files may be called by the names that they will have as JavaScript. */
function isModuleOf(name: string, path: string): boolean {
  const [one, other] = [name.replace(EXTENSION, ''), path.replace(EXTENSION, '')]
  return one === other || `${one}/index` === other
}

/** A name for all of a module. A default import is one where the module is one of Node's; of others one cannot say. */
function wholeOf(known: readonly Import[], module: string): string | undefined {
  return known
    .map(({ namespace, whole }) => namespace ?? (isBuiltin(module) ? whole : undefined))
    .find((name) => name !== undefined)
}

function importedAs(
  file: FileSyntax,
  known: readonly Import[],
  name: string,
  uses: readonly Span[],
): string | undefined {
  const local = known.flatMap(({ names }) => names).find(({ imported, isType }) => imported === name && !isType)?.local
  return local !== undefined && means(file, local, known, uses) ? local : undefined
}

/** Whether a name that is imported still means that where it is to be used. */
function means(file: FileSyntax, name: string, known: readonly Import[], uses: readonly Span[]): boolean {
  return uses.every((use) => {
    const declaration = file.declarationOf(name, use)
    return known.some(
      ({ start, end }) => declaration !== undefined && declaration.span.start >= start && declaration.span.end <= end,
    )
  })
}

/** Names that stand in order are kept in order. */
function extended(
  file: FileSyntax,
  known: readonly Import[],
  names: ReadonlyMap<string, string>,
): readonly Edit[] | undefined {
  const open = known.find(({ lastName }) => lastName !== undefined)
  if (open?.lastName === undefined) return undefined
  const separator = file.textOf(open).includes('\n') ? `,${file.style.newline}${file.indentAt(open.lastName)}` : ', '
  const present = open.names.map(({ imported }) => imported)
  const isSorted = present.every((name, index) => index === 0 || present[index - 1]! <= name)
  const places = new Map<number | undefined, string[]>()
  for (const [name, local] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const next = isSorted ? open.names.find(({ imported }) => imported > name)?.span.start : undefined
    places.set(next, [...(places.get(next) ?? []), specifier([name, local], open.form)])
  }
  return [...places].map(([at, list]) =>
    at === undefined
      ? insertion(file, open.lastName!, list.map((each) => separator + each).join(''))
      : insertion(file, at, list.map((each) => each + separator).join('')),
  )
}

function specifier([name, local]: readonly [string, string], form: Import['form']): string {
  if (name === local) return name
  return form === 'import' ? `${name} as ${local}` : `${name}: ${local}`
}

/** After the last import of Node's own modules, else before the first import, else at the top. */
function added(file: FileSyntax, module: string, names: ReadonlyMap<string, string>): Edit {
  const form = file.isModule ? 'import' : 'require'
  const list = [...names].map((name) => specifier(name, form)).join(', ')
  const code = codeIn({ ...file.style, quote: quoteOfImports(file) })
  const from = isBuiltin(module) ? builtinAsHere(file, module) : module
  const statement =
    form === 'import' ? code`import { ${list} } from '${from}';` : code`const { ${list} } = require('${from}');`
  const { newline } = file.style
  const own = file.imports.filter((each) => each.form === form)
  const before = isBuiltin(module) ? own.findLast((each) => isBuiltin(each.module)) : own.at(-1)
  if (before) return insertion(file, endOfLine(file, before.end), newline + statement)
  const [first] = own
  if (first) return insertion(file, first.start, statement + newline)
  // The first of a file is set apart from what follows.
  const isApart = /^\s*?\r?\n/.test(file.text.slice(file.top))
  return insertion(file, file.top, statement + newline + (isApart ? '' : newline))
}

/** Imports may be written otherwise than texts. */
function quoteOfImports(file: FileSyntax): '"' | "'" {
  const last = file.imports.at(-1)
  const mark = last && /["'](?=\)?;?$)/.exec(file.textOf(last))?.[0]
  return mark === '"' || mark === "'" ? mark : file.style.quote
}

function insertion({ path }: FileSyntax, at: number, text: string): Edit {
  return { path, start: at, end: at, text }
}

/** `crypto` where the file writes its own without `node:`. */
function builtinAsHere(file: FileSyntax, module: string): string {
  const bare = module.replace(/^node:/, '')
  const others = file.imports.filter((each) => isBuiltin(each.module))
  const isPlain = others.length > 0 && others.every((each) => !each.module.startsWith('node:'))
  return isPlain ? bare : `node:${bare}`
}

function isBuiltin(module: string): boolean {
  return module.startsWith('node:') || builtinModules.includes(module)
}

function isSameModule(one: string, other: string): boolean {
  return one.replace(/^node:/, '') === other.replace(/^node:/, '')
}
