/** The package.json files of a tree and around it. Nothing in them is trusted to have the right type. */
import { parseObject, stringEntries } from './json.ts'
import { absolute, join } from './walk.ts'
import type { Host } from './host.ts'
import type { PackageInfo } from './tree.ts'

/** Every package of the tree, and the nearest around it: someone who audits `src/` still means the package it belongs to. */
export function readPackages(
  configs: readonly string[],
  outer: readonly string[],
  textOf: (path: string) => string | undefined,
): readonly PackageInfo[] {
  const inside = configs
    .filter((path) => path === 'package.json' || path.endsWith('/package.json'))
    .map((path) => path.slice(0, -'/package.json'.length))
  return [...inside, ...outer]
    .toSorted()
    .flatMap((dir) => parsePackage(dir, textOf(join(dir, 'package.json')) ?? '') ?? [])
    .filter((info) => info.dir === '' || !isMarker(info))
}

/** A package.json that only sets the module type of a folder (`dist/cjs`) is no package. */
function isMarker(info: PackageInfo): boolean {
  return (
    info.name === undefined && info.imports === undefined && info.dependencies.size === 0 && info.scripts.size === 0
  )
}

/** Folders above the root (`..`, `../..`) that hold a package.json, up to the repository's own folder. */
export function outerFolders(host: Host, root: string): readonly string[] {
  const folders: string[] = []
  let dir = ''
  for (let level = 0; level < 6 && !exists(host, absolute(root, join(dir, '.git'))); level++) {
    dir = dir === '' ? '..' : `${dir}/..`
    if (exists(host, absolute(root, join(dir, 'package.json')))) folders.push(dir)
  }
  return folders
}

/** Whether a package lies around the root, not in it. */
export function isAround(info: PackageInfo): boolean {
  return info.dir.startsWith('..')
}

/** From a path to its nearest package. */
export function packageFinder(packages: readonly PackageInfo[]): (path: string) => PackageInfo | undefined {
  const byDir = new Map(packages.map((info) => [info.dir, info]))
  const around = packages.filter(isAround).toSorted((a, b) => a.dir.length - b.dir.length)[0]
  const find = (dir: string): PackageInfo | undefined => {
    const known = byDir.get(dir)
    if (known) return known
    return dir === '' ? around : find(dir.slice(0, Math.max(0, dir.lastIndexOf('/'))))
  }
  return (path) => find(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
}

function exists(host: Host, path: string): boolean {
  try {
    return host.stat(path) !== undefined
  } catch {
    return false
  }
}

const DEPENDENCY_FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies']

/** Reads one package.json; undefined if it is no JSON object. */
export function parsePackage(dir: string, text: string): PackageInfo | undefined {
  const raw = parseObject(text)
  if (!raw) return undefined
  return {
    dir,
    ...pick(raw, 'name'),
    ...pick(raw, 'version'),
    ...(raw['type'] === 'module' || raw['type'] === 'commonjs' ? { type: raw['type'] } : {}),
    main: raw['main'],
    module: raw['module'],
    types: raw['types'],
    exports: raw['exports'],
    imports: raw['imports'],
    bin: raw['bin'],
    scripts: new Map(stringEntries(raw['scripts'])),
    dependencies: mergedDependencies(raw),
  }
}

function mergedDependencies(raw: Record<string, unknown>): ReadonlyMap<string, string> {
  const merged = new Map<string, string>()
  for (const field of DEPENDENCY_FIELDS) {
    for (const [name, range] of stringEntries(raw[field])) if (!merged.has(name)) merged.set(name, range)
  }
  return merged
}

function pick<Key extends string>(raw: Record<string, unknown>, key: Key): { readonly [K in Key]?: string } {
  const value = raw[key]
  return typeof value === 'string' ? ({ [key]: value } as { readonly [K in Key]?: string }) : {}
}
