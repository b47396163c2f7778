/** Reads the import table of ARCHITECTURE.md and the import graph of the source, and names the arrows that point up. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { parseSync } from 'oxc-parser'

/** A part of the tree (a folder or one file) and what it may import: other parts, packages, `node:*`. */
export interface Part {
  readonly path: string
  readonly mayImport: readonly string[]
}

export interface Import {
  readonly from: string
  readonly specifier: string
}

/** Rows of the first table under the heading `## Import table`: part, what it may import; both in backticks. */
export function readImportTable(markdown: string): Part[] {
  const section = markdown.split(/^## Import table$/m)[1]?.split(/^## /m)[0] ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, first = '', second = ''] = line.split('|')
      return { path: ticked(first)[0] ?? '', mayImport: ticked(second) }
    })
}

function ticked(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
}

/** Every static, dynamic and re-exporting import of the TypeScript files under `folders`; examples are not ours to judge. */
export function readImports(root: string, folders: readonly string[]): Import[] {
  return folders.flatMap(sourceFiles(root)).flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8')
    const { module } = parseSync(path, text)
    return [
      ...module.staticImports.map((entry) => entry.moduleRequest.value),
      ...module.staticExports.flatMap((entry) => entry.entries.flatMap((each) => each.moduleRequest?.value ?? [])),
      ...module.dynamicImports.map(({ moduleRequest }) => text.slice(moduleRequest.start + 1, moduleRequest.end - 1)),
    ].map((specifier) => ({ from: path, specifier }))
  })
}

function sourceFiles(root: string): (folder: string) => string[] {
  return (folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .filter((path) => !path.includes('/examples/'))
      .toSorted()
}

/** One sentence for every import that the table does not allow. */
export function upwardArrows(table: readonly Part[], imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, specifier }) => {
    const part = partOf(table, from)
    if (part === undefined) return [`${from} belongs to no part of the table`]
    const target = specifier.startsWith('.') ? resolve(from, specifier) : specifier
    return isAllowed(table, part, target) ? [] : [`${from} imports ${target}, which ${part.path} may not`]
  })
}

/** Permission for a folder holds for what is in it. */
function isAllowed(table: readonly Part[], part: Part, target: string): boolean {
  if (partOf(table, target) !== undefined) return [part.path, ...part.mayImport].some((path) => covers(path, target))
  return part.mayImport.some((name) =>
    name.endsWith('*') ? target.startsWith(name.slice(0, -1)) : covers(name, target),
  )
}

function covers(path: string, target: string): boolean {
  return target === path || target.startsWith(`${path}/`)
}

/** The longest row that covers a path. */
function partOf(table: readonly Part[], path: string): Part | undefined {
  return table.filter((part) => covers(part.path, path)).toSorted((a, b) => b.path.length - a.path.length)[0]
}

/** One sentence for every rule that imports another rule. */
export function ruleToRuleArrows(imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, specifier }) => {
    const own = ruleFolder(from)
    const other = specifier.startsWith('.') ? ruleFolder(resolve(from, specifier)) : undefined
    return own !== undefined && other !== undefined && own !== other ? [`${own} imports ${other}`] : []
  })
}

function ruleFolder(path: string): string | undefined {
  return /\/rules\/([^/]+)\//.exec(path)?.[1]
}

function resolve(from: string, specifier: string): string {
  return join(dirname(from), specifier).split(sep).join('/')
}
