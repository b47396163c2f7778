/** Which version of a dependency a package gets. */
import { parseBunLock } from './lockfiles/bun.ts'
import type { Lockfile } from './lockfiles/lockfile.ts'
import { parseNpmLock } from './lockfiles/npm.ts'
import { parsePnpmLock } from './lockfiles/pnpm.ts'
import { parseYarnLock } from './lockfiles/yarn.ts'
import type { DependencyVersion, PackageInfo } from './tree.ts'
import { ceilingOf, compareVersions, minimumOf } from './version.ts'

/** By preference where one folder has several. */
export const LOCKFILES: readonly (readonly [name: string, parse: (text: string) => Lockfile | undefined])[] = [
  ['package-lock.json', parseNpmLock],
  ['npm-shrinkwrap.json', parseNpmLock],
  ['pnpm-lock.yaml', parsePnpmLock],
  ['yarn.lock', parseYarnLock],
  ['bun.lock', parseBunLock],
]

export interface Surroundings {
  /** Absolute path that all folders are relative to. */
  readonly root: string
  readonly packages: readonly PackageInfo[]
  /** Folders from a package's own upward to the outermost one that may be read. */
  foldersAbove(dir: string): readonly string[]
  /** Text of a file, undefined if there is none. */
  textOf(dir: string, name: string): string | undefined
}

export type VersionOf = (packageName: string, from: PackageInfo | undefined) => DependencyVersion | undefined

/** What an installed package depends on itself; known from a lockfile only. */
type VersionWithin = (outer: string, packageName: string, from: PackageInfo | undefined) => string | undefined

/** Lockfiles are read when first asked for, once. */
export function createVersionOf(surroundings: Surroundings): {
  readonly versionOf: VersionOf
  readonly versionWithin: VersionWithin
} {
  const lockfiles = new Map<string, Lockfile | undefined>()
  const lockfileIn = (dir: string): Lockfile | undefined => {
    if (!lockfiles.has(dir)) lockfiles.set(dir, readLockfile(surroundings, dir))
    return lockfiles.get(dir)
  }
  const versionWithin: VersionWithin = (outer, packageName, from) => {
    const dir = from?.dir ?? ''
    const folder = surroundings.foldersAbove(dir).find((above) => lockfileIn(above) !== undefined)
    if (folder === undefined) return undefined
    return lockfileIn(folder)?.versionWithin(outer, packageName, relative(surroundings.root, folder, dir))
  }
  const versionOf: VersionOf = (packageName, from) => {
    const range = from === undefined ? onlyRange(packageName, surroundings) : rangeIn(packageName, from, surroundings)
    const locked = lockedVersion(packageName, from?.dir ?? '', range, surroundings, lockfileIn)
    const own = from?.dependencies.get(packageName)
    // What is installed for the package around it is held to what that one asks for.
    const isBorrowed = own === undefined && locked === lockedVersion(packageName, '', range, surroundings, lockfileIn)
    if (locked !== undefined && !isOutdated(locked, isBorrowed ? range : own))
      return { version: locked, from: 'locked' }
    const here = surroundings.packages.find((info) => info.name === packageName)?.version
    if (here !== undefined) return { version: here, from: 'locked' }
    return range === undefined ? undefined : versionOfRange(range)
  }
  return { versionOf, versionWithin }
}

/** A lockfile that package.json has left behind is renewed by the next installation, or refused by it. */
function isOutdated(locked: string, range: string | undefined): boolean {
  const minimum = range === undefined ? undefined : minimumOf(range)
  return minimum !== undefined && compareVersions(locked, minimum) < 0
}

/** A range of one version pins it as a lockfile does. */
function versionOfRange(range: string): DependencyVersion | undefined {
  const minimum = minimumOf(range)
  if (minimum === undefined) return undefined
  if (range.trim().replace(/^[=v]+/, '') === minimum) return { version: minimum, from: 'locked' }
  const below = ceilingOf(range)
  return { version: minimum, from: 'minimum', ...(below && { below }) }
}

function readLockfile(surroundings: Surroundings, dir: string): Lockfile | undefined {
  for (const [name, parse] of LOCKFILES) {
    const text = surroundings.textOf(dir, name)
    const lockfile = text === undefined ? undefined : parse(text)
    if (lockfile) return lockfile
  }
  return undefined
}

function lockedVersion(
  name: string,
  dir: string,
  range: string | undefined,
  surroundings: Surroundings,
  lockfileIn: (dir: string) => Lockfile | undefined,
): string | undefined {
  for (const folder of surroundings.foldersAbove(dir)) {
    const lockfile = lockfileIn(folder)
    // A workspace may lean on what the root of its repository depends on.
    if (lockfile)
      return (
        lockfile.version(name, relative(surroundings.root, folder, dir), range) ?? lockfile.version(name, '', range)
      )
  }
  return undefined
}

/** The range in the package itself, else in the packages around it. */
function rangeIn(name: string, from: PackageInfo, surroundings: Surroundings): string | undefined {
  for (const folder of surroundings.foldersAbove(from.dir)) {
    const range = surroundings.packages.find((info) => info.dir === folder)?.dependencies.get(name)
    if (range !== undefined) return range
  }
  return undefined
}

/** Files that no package is around run with what a manifest elsewhere in the tree says, where all that say it agree: it is put around them at installation. */
function onlyRange(name: string, { packages }: Surroundings): string | undefined {
  const [range, ...others] = new Set(packages.flatMap(({ dependencies }) => dependencies.get(name) ?? []))
  return others.length === 0 ? range : undefined
}

/** Folder `dir` as seen from a folder around it. Seen from `..` the root has a name. */
function relative(root: string, folder: string, dir: string): string {
  if (folder === dir) return ''
  if (folder === '') return dir
  const levels = folder.startsWith('..') ? folder.split('/').length : 0
  if (levels > 0) return [...root.split('/').slice(-levels), ...(dir === '' ? [] : [dir])].join('/')
  return dir.startsWith(`${folder}/`) ? dir.slice(folder.length + 1) : ''
}
