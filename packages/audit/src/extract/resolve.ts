/** From an import specifier to a file of the tree or the name of a package. */
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import type { PackageInfo, SourceTree } from '../source/tree.ts'
import { inPackage, sourceCandidates, withSourceExtension } from '../source/entries.ts'
import { targetsIn, type Conditions } from './exports.ts'
import { createAliases } from './tsconfig.ts'

export type Resolution =
  | { readonly kind: 'file'; readonly path: string }
  /** `subpath` is '' or starts without a slash: `@scope/pkg/a/b` is name `@scope/pkg`, subpath `a/b`. Builtins are named `node:crypto`; `fs/promises` is `node:fs`, subpath `promises`. */
  | { readonly kind: 'package'; readonly name: string; readonly subpath: string }
  | { readonly kind: 'missing' }

export type Resolve = (specifier: string, fromPath: string) => Resolution

const MISSING: Resolution = { kind: 'missing' }
const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs']
const CONDITIONS: Conditions = new Set(['source', 'development', 'node', 'import', 'module', 'require', 'default'])

/** A resolver over the files of a tree: no node_modules, no disk, no network. */
export function createResolver(tree: SourceTree): Resolve {
  const paths = new Set(tree.files.map((file) => file.path))
  const workspaces = new Map(
    tree.packages.flatMap((info) => (info.name === undefined || info.dir.startsWith('..') ? [] : [[info.name, info]])),
  )
  const aliases = createAliases(tree, workspaces)
  const context: Context = { tree, paths, workspaces, aliases }
  const cache = new Map<string, Resolution>()
  return (specifier, fromPath) => {
    const key = `${posix.dirname(fromPath)}\0${specifier}`
    const known = cache.get(key)
    if (known) return known
    const resolution = resolveIn(context, specifier, fromPath)
    cache.set(key, resolution)
    return resolution
  }
}

interface Context {
  readonly tree: SourceTree
  readonly paths: ReadonlySet<string>
  readonly workspaces: ReadonlyMap<string, PackageInfo>
  readonly aliases: (specifier: string, fromPath: string) => readonly string[]
}

function resolveIn(context: Context, specifier: string, fromPath: string): Resolution {
  const bare = specifier.replace(/[?].*$/, '')
  if (bare === '' || bare.includes('\0')) return MISSING
  if (/^\.{1,2}(?:\/|$)/.test(bare)) return relative(context, bare, fromPath)
  if (bare.startsWith('/')) return MISSING
  if (bare.startsWith('#')) return ownImport(context, bare, fromPath) ?? aliased(context, bare, fromPath) ?? MISSING
  if (/^(?:npm|jsr):/.test(bare)) return named(context, withoutRegistry(bare))
  if (/^(?:astro|cloudflare):/.test(bare)) return { kind: 'package', name: bare, subpath: '' }
  if (bare.startsWith('node:') || isBuiltin(bare)) return builtin(bare)
  return aliased(context, bare, fromPath) ?? conventional(context, bare, fromPath) ?? named(context, bare)
}

/** A relative path may name what a build will make. */
function relative(context: Context, specifier: string, fromPath: string): Resolution {
  const path = within(posix.dirname(fromPath), specifier)
  const found = path === undefined ? undefined : (probe(path, context.paths) ?? probeBuilt(path, context.paths))
  return found === undefined ? MISSING : { kind: 'file', path: found }
}

/**
 * `@/x`, `~/x` and SvelteKit's `$lib/x` can be no package; where nothing explains them (a bundler's configuration is a program,
 * and some are written by a build) they mean the source folder, and what is called so in it.
 */
function conventional(context: Context, specifier: string, fromPath: string): Resolution | undefined {
  const local = /^(?:[@~]\/|\$(?=lib(?:\/|$)))(.+)$/.exec(specifier)?.[1]
  if (local === undefined) return undefined
  const dir = context.tree.packageOf(fromPath)?.dir ?? ''
  const folders = dir.startsWith('..') ? ['src', ''] : [posix.join(dir, 'src'), dir]
  const path = folders
    .map((folder) => probe(posix.join(folder, local), context.paths))
    .find((candidate) => candidate !== undefined)
  return path === undefined ? MISSING : { kind: 'file', path }
}

function builtin(specifier: string): Resolution {
  const [name, ...rest] = specifier.replace(/^node:/, '').split('/')
  return { kind: 'package', name: `node:${name}`, subpath: rest.join('/') }
}

/** Deno's `npm:express@5/sub` is `express/sub`. */
function withoutRegistry(specifier: string): string {
  return specifier.replace(/^(?:npm|jsr):\/?/, '').replace(/^((?:@[^/]+\/)?[^@/]+)@[^/]+/, '$1')
}

function aliased(context: Context, specifier: string, fromPath: string): Resolution | undefined {
  for (const candidate of context.aliases(specifier, fromPath)) {
    const path = probe(candidate, context.paths)
    if (path !== undefined) return { kind: 'file', path }
  }
  return undefined
}

/** package.json `imports`: `#db` → `./src/db.js`. */
function ownImport(context: Context, specifier: string, fromPath: string): Resolution | undefined {
  const info = context.tree.packageOf(fromPath)
  if (!info) return undefined
  for (const target of targetsIn(info.imports, specifier, CONDITIONS)) {
    if (!target.startsWith('.')) return named(context, target)
    const path = probeBuilt(inPackage(info.dir, target), context.paths)
    if (path !== undefined) return { kind: 'file', path }
  }
  return undefined
}

/** A package by name: a workspace (or the package itself) is a file, all others stay names. */
function named(context: Context, specifier: string): Resolution {
  const { name, subpath } = splitName(specifier)
  if (name === undefined) return MISSING
  const workspace = context.workspaces.get(name)
  const path = workspace && inWorkspace(workspace, subpath, context.paths)
  return path === undefined ? { kind: 'package', name, subpath } : { kind: 'file', path }
}

function inWorkspace(info: PackageInfo, subpath: string, paths: ReadonlySet<string>): string | undefined {
  const exported = targetsIn(info.exports, subpath === '' ? '.' : `./${subpath}`, CONDITIONS)
  const guesses =
    subpath === ''
      ? [info.module, info.main, info.types, './src/index', './index']
      : [`./src/${subpath}`, `./${subpath}`]
  for (const target of [...exported, ...guesses]) {
    const path = typeof target === 'string' ? probeBuilt(inPackage(info.dir, target), paths) : undefined
    if (path !== undefined) return path
  }
  return undefined
}

function splitName(specifier: string): { readonly name: string | undefined; readonly subpath: string } {
  const match = /^((?:@[^/@\s]+\/)?[^/@\s:][^/\s:]*)(?:\/(.*))?$/.exec(specifier)
  return { name: match?.[1], subpath: match?.[2] ?? '' }
}

/** A path as written → a file that exists: itself, its TypeScript source, with an extension, or the index of a folder. */
function probe(path: string | undefined, paths: ReadonlySet<string>): string | undefined {
  if (path === undefined) return undefined
  // The source comes before its output: `./x.js` beside `x.ts` is the copy of it.
  for (const candidate of withSourceExtension(path)) if (paths.has(candidate)) return candidate
  if (paths.has(path)) return path
  for (const extension of EXTENSIONS) if (paths.has(path + extension)) return path + extension
  const index = path === '' || path === '.' ? 'index' : `${path}/index`
  return EXTENSIONS.map((extension) => index + extension).find((candidate) => paths.has(candidate))
}

/** As probe, for paths of package.json, which name what a build makes. */
function probeBuilt(path: string, paths: ReadonlySet<string>): string | undefined {
  const normal = posix.normalize(path)
  const candidates = sourceCandidates(normal)
  const written = candidates.slice(1).find((candidate) => paths.has(candidate))
  return written ?? candidates.map((candidate) => probe(candidate, paths)).find((candidate) => candidate !== undefined)
}

/** Joined and normalised; undefined outside the tree. */
function within(folder: string, specifier: string): string | undefined {
  const path = posix.normalize(posix.join(folder, specifier)).replace(/\/$/, '')
  if (path.startsWith('..')) return undefined
  return path === '.' ? '' : path
}
