/** Source → SourceTree: discovers, reads and places every file that may belong to a server. */
import { dirname, posix, resolve as resolvePath, sep } from 'node:path'
import type { Gap, Surface } from '../finding/finding.ts'
import { decode } from './decode.ts'
import { createVersionOf } from './dependencies.ts'
import { foldersUpward } from './folders.ts'
import { disk, type Host } from './host.ts'
import { isConfig, isDeployment, isSource } from './kinds.ts'
import { createLocator } from './lines.ts'
import { isAround, outerFolders, packageFinder, readPackages } from './packages.ts'
import { isMinified, placeFiles, type Unplaced } from './surface.ts'
import type { SourceFile, SourceTree } from './tree.ts'
import { absolute, codeOf, walk, type Bounds, type Walk } from './walk.ts'

export interface ReadOptions {
  readonly host?: Host
  /** Called every hundred files with the number of files read so far. */
  readonly onProgress?: (filesRead: number) => void
  readonly bounds?: Bounds
  readonly selection?: Selection
}

/** What a team says of the files of its tree. */
export interface Selection {
  /** Files that are not read. */
  readonly leaveOut: (path: string) => boolean
  /** The surface of a file, where it is not judged by its name and place. */
  readonly surfaceOf: (path: string) => Surface | undefined
}

/** Larger files are bundles or data; a parser would need seconds and hundreds of megabytes for them. */
const MAX_FILE_BYTES = 2 * 1024 * 1024
/** Lockfiles of large repositories reach tens of megabytes. */
const MAX_CONFIG_BYTES = 64 * 1024 * 1024

/** The root does not exist or is neither a folder nor a source file. */
export class UnreadableRootError extends Error {
  readonly code = 'ERR_UNREADABLE_ROOT'
  override readonly name = 'UnreadableRootError'
}

/** Reads every JavaScript and TypeScript file under `root` (a folder or one file) that may belong to a server. Throws only UnreadableRootError. */
export function readSources(root: string, options: ReadOptions = {}): SourceTree {
  const host = options.host ?? disk
  const { folder, walked } = discover(host, root, options.bounds)
  const { selection } = options
  const sources = selection ? walked.sources.filter((path) => !selection.leaveOut(path)) : walked.sources
  const gaps = [...walked.gaps]
  const configs = new Set(walked.configs)
  const textOf = (path: string): string | undefined => readConfig(host, folder, path, configs)
  const packages = readPackages(walked.configs, outerFolders(host, folder), textOf)
  const findPackage = packageFinder(packages)
  const { read, skipped } = readFiles(host, folder, sources, gaps, options.onProgress)
  const surfaces = placeFiles(read.map(({ path, text }) => ({ path, text, package: findPackage(path) })))
  const files = read.map(({ path, text }): SourceFile => ({
    path,
    text,
    surface: selection?.surfaceOf(path) ?? surfaces.get(path) ?? 'runtime',
    locate: createLocator(path, text),
  }))
  for (const file of files)
    if (isMinifiedAside(file))
      gaps.push({
        path: file.path,
        reason: 'The file is minified or generated (hardly any line breaks); findings in it are not reported.',
      })
  const deployments = readDeployments(walked.configs, textOf)
  return assemble({ folder, deployments, files, packages, gaps, skipped, textOf })
}

interface Discovery {
  /** Absolute, links resolved. */
  readonly folder: string
  readonly walked: Walk
}

function discover(host: Host, root: string, bounds: Bounds | undefined): Discovery {
  const real = host.realPath(resolvePath(root))
  const kind = real === undefined ? undefined : host.stat(real)?.kind
  if (real === undefined || kind === undefined) throw new UnreadableRootError(`There is nothing at ${root}.`)
  if (kind === 'folder') return { folder: toSlashes(real), walked: walkFolder(host, toSlashes(real), bounds) }
  if (kind === 'file' && isSource(real)) return discoverOne(host, real)
  throw new UnreadableRootError(`${root} is neither a folder nor a JavaScript or TypeScript file.`)
}

function discoverOne(host: Host, real: string): Discovery {
  const folder = toSlashes(dirname(real))
  const name = toSlashes(real).slice(toSlashes(real).lastIndexOf('/') + 1)
  return { folder, walked: { sources: [name], configs: siblingConfigs(host, folder), ignoredFolders: [], gaps: [] } }
}

function siblingConfigs(host: Host, folder: string): readonly string[] {
  try {
    return host.list(folder).flatMap((entry) => (entry.kind === 'file' && isConfig(entry.name) ? [entry.name] : []))
  } catch {
    return []
  }
}

/** A folder that is nothing but built (a published package, or a checkout that ignores its only code) is read with its build. */
function walkFolder(host: Host, folder: string, bounds: Bounds | undefined): Walk {
  const options = bounds ? { honourGitignore: true, bounds } : { honourGitignore: true }
  const walked = walk(host, folder, '', options)
  const builds = walked.ignoredFolders.filter((path) => /(?:^|\/)(?:dist|build|out|lib)$/.test(path))
  if (builds.length === 0 || walked.sources.some(isOwnCode)) return walked
  const inner = builds.map((path) => walk(host, folder, path, { ...options, honourGitignore: false }))
  return {
    sources: [...walked.sources, ...inner.flatMap((part) => part.sources)],
    configs: [...walked.configs, ...inner.flatMap((part) => part.configs)],
    ignoredFolders: walked.ignoredFolders,
    gaps: [...walked.gaps, ...inner.flatMap((part) => part.gaps)],
  }
}

function isOwnCode(path: string): boolean {
  return !/\.config\.[cm]?[jt]s$|(?:^|\/)(?:tests?|__tests__|scripts?|examples?)\//.test(path)
}

interface ReadFiles {
  readonly read: readonly Pick<Unplaced, 'path' | 'text'>[]
  readonly skipped: number
}

function readFiles(
  host: Host,
  folder: string,
  sources: readonly string[],
  gaps: Gap[],
  onProgress: ReadOptions['onProgress'],
): ReadFiles {
  const read: Pick<Unplaced, 'path' | 'text'>[] = []
  let skipped = 0
  for (const path of sources.toSorted()) {
    const result = readFile(host, absolute(folder, path))
    if ('text' in result) read.push({ path, text: result.text })
    else {
      gaps.push({ path, reason: result.reason })
      skipped++
    }
    if (read.length % 100 === 0) onProgress?.(read.length)
  }
  return { read, skipped }
}

function readFile(host: Host, path: string): ReturnType<typeof decode> {
  try {
    const size = host.stat(path)?.size ?? 0
    if (size > MAX_FILE_BYTES)
      return { reason: `The file is larger than 2 MB (${(size / 1024 / 1024).toFixed(1)} MB); it was not analysed.` }
    return decode(host.read(path))
  } catch (error) {
    return { reason: `The file could not be read (${codeOf(error)}).` }
  }
}

function readDeployments(
  paths: readonly string[],
  textOf: (path: string) => string | undefined,
): SourceTree['deployments'] {
  return paths
    .filter((path) => isDeployment(posix.basename(path)) && !/(?:^|\/)(?:tests?|e2e|examples?|fixtures?)\//.test(path))
    .flatMap((path) => {
      const text = textOf(path)
      return text === undefined ? [] : [{ path, text, locate: createLocator(path, text) }]
    })
}

const AROUND_ROOT = /^(?:\.\.\/)+(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lock)$/

/** Configuration of the tree itself or, for package.json and lockfiles, of the folders around it. Absent, huge or unreadable is the same to a reader. */
function readConfig(host: Host, folder: string, path: string, configs: ReadonlySet<string>): string | undefined {
  if (!configs.has(path) && !AROUND_ROOT.test(path)) return undefined
  try {
    const full = absolute(folder, path)
    const stat = host.stat(full)
    if (stat?.kind !== 'file' || stat.size > MAX_CONFIG_BYTES) return undefined
    const decoded = decode(host.read(full))
    return 'text' in decoded ? decoded.text : undefined
  } catch {
    return undefined
  }
}

function isMinifiedAside(file: SourceFile): boolean {
  return (
    file.surface === 'generated' &&
    !/(?:^|\/)(?:dist|build|out|vendor|public|static|assets|coverage)\//.test(file.path) &&
    isMinified(file.text)
  )
}

interface Parts extends Pick<SourceTree, 'deployments' | 'files' | 'packages' | 'gaps' | 'skipped'> {
  readonly folder: string
  readonly textOf: (path: string) => string | undefined
}

function assemble({ folder, deployments, files, packages, gaps, skipped, textOf }: Parts): SourceTree {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const packageOf = packageFinder(packages)
  const outer = packages
    .filter(isAround)
    .map((info) => info.dir)
    .toSorted((a, b) => a.length - b.length)
  const { versionOf, versionWithin } = createVersionOf({
    root: folder,
    packages,
    foldersAbove: (dir) => (dir.startsWith('..') ? outer.slice(outer.indexOf(dir)) : [...foldersUpward(dir), ...outer]),
    textOf: (dir, name) => textOf(dir === '' ? name : `${dir}/${name}`),
  })
  return {
    root: folder,
    files,
    packages,
    gaps,
    skipped,
    file: (path) => byPath.get(path),
    packageOf,
    versionOf: (packageName, fromPath) => versionOf(packageName, packageOf(fromPath)),
    versionWithin: (around, packageName, fromPath) => versionWithin(around, packageName, packageOf(fromPath)),
    deployments,
    config: textOf,
  }
}

function toSlashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/')
}
