/** Several servers in one tree: which there are, and what belongs to each. */
import { createResolver } from './extract/resolve.ts'
import { importsOf } from './extract/imports.ts'
import type { ServerFacts } from './facts/facts.ts'
import type { Location } from './finding/finding.ts'
import { surfaceOf } from './finding/findings.ts'
import type { Evidence } from './score/assess.ts'
import type { SourceTree } from './source/tree.ts'

/** One server: the folder of its package, and the files that it is made of, those included that it imports. */
export interface Server {
  /** `/`-separated, relative to the audited folder; `.` for that folder itself. */
  readonly root: string
  readonly contains: (path: string) => boolean
}

/**
 * The servers of a tree, ordered by folder; none where it is one server or less. A server is a package that serves and
 * that no other serving package imports: a package of shared code belongs to those who use it.
 */
export function serversIn(tree: SourceTree, facts: ServerFacts, { findings, scored }: Evidence): readonly Server[] {
  const serving = new Set(
    facts.servers.filter(({ path }) => scored.has(surfaceOf(tree, path))).map(({ path }) => packageDir(tree, path)),
  )
  if (serving.size < 2) return []
  const closures = new Map([...serving].map((dir) => [dir, closureOf(tree, dir)]))
  const isImported = (dir: string) =>
    [...closures].some(([other, files]) => other !== dir && [...files].some((path) => packageDir(tree, path) === dir))
  const tops = [...serving].filter((dir) => !isImported(dir)).toSorted()
  if (tops.length < 2) return []
  const servers = tops.map((dir) => serverOf(dir, closures, tops))
  // Findings in code that no server imports count somewhere too: for its package.
  const homeless = findings
    .flatMap(({ location, surface }) => (location && scored.has(surface) ? [location.path] : []))
    .filter((path) => !servers.some(({ contains }) => contains(path)))
  const rest = [...new Set(homeless.map((path) => packageDir(tree, path)))].toSorted()
  return [...servers, ...rest.map((dir) => serverOf(dir, new Map([[dir, closureOf(tree, dir)]]), tops))]
}

function serverOf(dir: string, closures: ReadonlyMap<string, ReadonlySet<string>>, tops: readonly string[]): Server {
  const files = closures.get(dir) ?? new Set<string>()
  const others = tops.filter((other) => other !== dir && isWithin(other, dir))
  return {
    root: dir === '' ? '.' : dir,
    // What is no source file (a package.json, a lockfile) belongs to the nearest server around it.
    contains: (path) => files.has(path) || (isWithin(path, dir) && !others.some((other) => isWithin(path, other))),
  }
}

/** The part of the facts that speaks of one server. What is said of the tree as a whole stays. */
export function factsWithin(facts: ServerFacts, contains: (path: string) => boolean): ServerFacts {
  const entries = Object.entries(facts).map(([name, value]: [string, unknown]) => [
    name,
    Array.isArray(value) ? value.filter((item: unknown) => isOf(item, contains)) : value,
  ])
  return Object.fromEntries(entries) as ServerFacts
}

function isOf(fact: unknown, contains: (path: string) => boolean): boolean {
  const place = isLocation(fact) ? fact : Object.values(fact as object).find(isLocation)
  return place === undefined || contains(place.path)
}

function isLocation(value: unknown): value is Location {
  return typeof value === 'object' && value !== null && 'path' in value && 'startLine' in value
}

/** Folder of the package that a file belongs to; '' where there is none in the tree. */
function packageDir(tree: SourceTree, path: string): string {
  const dir = tree.packageOf(path)?.dir ?? ''
  return dir.startsWith('..') ? '' : dir
}

/** Every file of a package and every file that these import, directly or not. */
function closureOf(tree: SourceTree, dir: string): ReadonlySet<string> {
  const resolve = createResolver(tree)
  const files = new Set<string>()
  const pending = tree.files.map(({ path }) => path).filter((path) => packageDir(tree, path) === dir)
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const file = files.has(path) ? undefined : tree.file(path)
    files.add(path)
    if (file !== undefined) pending.push(...importsOf(file, resolve))
  }
  return files
}

function isWithin(path: string, dir: string): boolean {
  return dir === '' || path === dir || path.startsWith(`${dir}/`)
}
