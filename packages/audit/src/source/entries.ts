/** Which files a package starts or exports. */
import type { PackageInfo } from './tree.ts'

const STARTING_SCRIPT = /^(?:start|serve|server|dev|mcp|prod|http|sse)(?:$|[:\-_.])/i
const CODE = /\.[cm]?[jt]sx?$/

/** Paths, among `paths`, that package.json names as main, bin, export or in a start script. A named `dist/x.js` stands for `src/x.ts`. */
export function entriesOf(info: PackageInfo, paths: ReadonlySet<string>): readonly string[] {
  const named = [info.main, info.module, info.bin, info.exports].flatMap(stringsIn)
  for (const [name, script] of info.scripts)
    if (STARTING_SCRIPT.test(name)) named.push(...script.split(/[\s"'=;&|]+/).filter((word) => CODE.test(word)))
  return named.flatMap((name) => sourceFor(inPackage(info.dir, name), paths) ?? [])
}

/** The source file that a path of package.json means: itself, or what it was built from. */
export function sourceFor(path: string, paths: ReadonlySet<string>): string | undefined {
  return sourceCandidates(path).find((candidate) => paths.has(candidate))
}

const BUILT_FOLDERS = /(^|\/)(?:dist|build|out|lib|output|esm|cjs)\/(?:(?:esm|cjs|es|src|node|types)\/)*/g

/** Longer than any path that a file system takes. */
const LONGEST_PATH = 4_096

/** Where a built file may come from, the likeliest first; nowhere, if it is named by what is no path. */
export function sourceCandidates(path: string): readonly string[] {
  if (path.length > LONGEST_PATH) return []
  const places = [path]
  for (const match of path.matchAll(BUILT_FOLDERS)) {
    const before = path.slice(0, match.index) + match[1]
    const after = path.slice(match.index + match[0].length)
    places.push(`${before}src/${after}`, before + after)
  }
  return places.flatMap((place, index) =>
    index === 0 ? [place, ...withSourceExtension(place)] : [...withSourceExtension(place), place],
  )
}

const SOURCE_EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  js: ['ts', 'tsx', 'mts', 'jsx'],
  jsx: ['tsx'],
  mjs: ['mts', 'ts'],
  cjs: ['cts', 'ts'],
}

/** TypeScript names its output: `./x.js` is written for `./x.ts`. */
export function withSourceExtension(path: string): readonly string[] {
  const match = /^(.*)\.([cm]?jsx?)$/.exec(path.replace(/\.d\.([cm]?)ts$/, '.$1js'))
  if (!match) return []
  return (SOURCE_EXTENSIONS[match[2] ?? ''] ?? []).map((extension) => `${match[1]}.${extension}`)
}

/** Every string inside a value of package.json, however nested; bounded, because the value is not ours. */
export function stringsIn(value: unknown, depth = 0): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || depth > 8) return []
  return Object.values(value).flatMap((inner) => stringsIn(inner, depth + 1))
}

/** A path of package.json relative to the root of the tree. */
export function inPackage(dir: string, name: string): string {
  const local = name.replace(/^(?:\.\/)+/, '')
  return dir === '' ? local : `${dir}/${local}`
}
