/** `paths` and `baseUrl` of the tsconfig.json nearest to a file. */
import { posix } from 'node:path'
import type { PackageInfo, SourceTree } from '../source/tree.ts'
import { isObject, parseLenientObject } from '../source/json.ts'
import { starMatch } from './exports.ts'

/** Candidate paths, without probing, for a bare specifier. */
export type Aliases = (specifier: string, fromPath: string) => readonly string[]

interface Config {
  /** Folder that bare specifiers may be relative to. */
  readonly baseUrl: string | undefined
  readonly paths: readonly (readonly [pattern: string, targets: readonly string[]])[]
}

/** The first that exists speaks for a folder. */
const CONFIG_NAMES = [
  'tsconfig.json',
  'jsconfig.json',
  'tsconfig.base.json',
  'tsconfig.build.json',
  'tsconfig.app.json',
  'tsconfig.node.json',
]

const EMPTY: Config = { baseUrl: undefined, paths: [] }

/** Reads each tsconfig once. One that extends an uninstalled package still has its own settings. */
export function createAliases(tree: SourceTree, workspaces: ReadonlyMap<string, PackageInfo>): Aliases {
  const byFolder = new Map<string, Config>()
  const configFor = (folder: string): Config => {
    const known = byFolder.get(folder)
    if (known) return known
    const config = readFirst(tree, folder) ?? (folder === '' ? EMPTY : configFor(parentOf(folder)))
    byFolder.set(folder, config)
    return config
  }
  return (specifier, fromPath) =>
    candidates(configFor(parentOf(fromPath)), specifier).map((path) => throughNodeModules(path, workspaces))
}

function candidates({ baseUrl, paths }: Config, specifier: string): readonly string[] {
  const base = baseUrl === undefined ? [] : [posix.join(baseUrl, specifier)]
  const exact = paths.find(([pattern]) => pattern === specifier)
  if (exact) return [...exact[1], ...base]
  const matches = paths.flatMap(([pattern, targets]) => {
    const star = starMatch(pattern, specifier)
    return star === undefined ? [] : [{ pattern, targets: targets.map((target) => target.replace('*', () => star)) }]
  })
  const longest = matches.toSorted((a, b) => b.pattern.indexOf('*') - a.pattern.indexOf('*'))[0]
  return [...(longest?.targets ?? []), ...base]
}

/** Workspaces are linked into node_modules, and some projects write their paths through the link. */
function throughNodeModules(path: string, workspaces: ReadonlyMap<string, PackageInfo>): string {
  const match = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)(?:\/(.*))?$/.exec(path)
  const workspace = match && workspaces.get(match[1] ?? '')
  return workspace ? posix.join(workspace.dir, match[2] ?? '') : path
}

function readFirst(tree: SourceTree, folder: string): Config | undefined {
  const path = CONFIG_NAMES.map((name) => posix.join(folder, name)).find((name) => tree.config(name) !== undefined)
  return path === undefined ? undefined : withReferences(tree, path)
}

/** A tsconfig.json of references only ("solution style") speaks through the projects it names. */
function withReferences(tree: SourceTree, path: string): Config {
  const seen = new Set<string>()
  const own = readConfig(tree, path, seen)
  if (own.paths.length > 0 || own.baseUrl !== undefined) return own
  const references = parseConfig(tree, path)?.['references']
  if (!Array.isArray(references)) return own
  const projects = references.slice(0, 20).flatMap((reference: unknown) => projectPaths(tree, path, reference))
  return projects.map((project) => readConfig(tree, project, seen)).find((config) => config.paths.length > 0) ?? own
}

function projectPaths(tree: SourceTree, from: string, reference: unknown): readonly string[] {
  if (!isObject(reference) || typeof reference['path'] !== 'string') return []
  // Only projects beside it: those elsewhere have files, and a tsconfig.json, of their own.
  const path = posix.join(parentOf(from), reference['path'])
  return path.endsWith('.json') && parentOf(path) === parentOf(from) && tree.config(path) !== undefined ? [path] : []
}

/** Each file counts once, so that a circle of `extends` ends. */
function readConfig(tree: SourceTree, path: string, seen: Set<string>): Config {
  const raw = seen.has(path) ? undefined : parseConfig(tree, path)
  seen.add(path)
  if (!raw) return EMPTY
  const inherited = inheritedConfig(tree, path, raw['extends'], seen)
  const options = isObject(raw['compilerOptions']) ? raw['compilerOptions'] : {}
  const folder = parentOf(path)
  const baseUrl = typeof options['baseUrl'] === 'string' ? posix.join(folder, options['baseUrl']) : inherited.baseUrl
  const paths = isObject(options['paths']) ? pathsOf(options['paths'], baseUrl ?? folder) : inherited.paths
  return { baseUrl, paths }
}

function parseConfig(tree: SourceTree, path: string): Record<string, unknown> | undefined {
  const text = tree.config(path)
  return text === undefined ? undefined : parseLenientObject(text)
}

function pathsOf(raw: Record<string, unknown>, folder: string): Config['paths'] {
  return Object.entries(raw).map(([pattern, targets]) => [
    pattern,
    (Array.isArray(targets) ? targets : []).flatMap((target: unknown) =>
      typeof target === 'string' ? [posix.join(folder, target)] : [],
    ),
  ])
}

/** The last of several parents wins. */
function inheritedConfig(tree: SourceTree, path: string, parents: unknown, seen: Set<string>): Config {
  let config = EMPTY
  for (const parent of Array.isArray(parents) ? parents.slice(0, 20) : [parents]) {
    if (typeof parent !== 'string') continue
    const found = extendedPath(tree, path, parent)
    if (found === undefined) continue
    const next = readConfig(tree, found, seen)
    config = { baseUrl: next.baseUrl ?? config.baseUrl, paths: next.paths.length > 0 ? next.paths : config.paths }
  }
  return config
}

/** A parent inside the tree: by path, or a workspace by name. */
function extendedPath(tree: SourceTree, from: string, parent: string): string | undefined {
  const relative = parent.startsWith('.') ? posix.join(parentOf(from), parent) : workspaceFile(tree, parent)
  if (relative === undefined) return undefined
  return [relative, `${relative}.json`, posix.join(relative, 'tsconfig.json')].find(
    (path) => tree.config(path) !== undefined,
  )
}

function workspaceFile(tree: SourceTree, specifier: string): string | undefined {
  const info = tree.packages.find(
    ({ name }) => name !== undefined && (specifier === name || specifier.startsWith(`${name}/`)),
  )
  return info?.name === undefined
    ? undefined
    : posix.join(info.dir, specifier.slice(info.name.length).replace(/^\//, ''))
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
