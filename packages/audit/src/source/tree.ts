/** The source under audit as values: files, packages, and what could not be read. */
import type { Gap, Location, Surface } from '../finding/finding.ts'

export interface SourceFile {
  /** Relative to the root, `/`-separated. */
  readonly path: string
  /** As the file holds it, without a byte order mark. */
  readonly text: string
  readonly surface: Surface
  /** The region between two UTF-16 offsets; offsets outside the text are clamped. */
  locate(start: number, end: number): Location
}

/** A package.json, as far as the audit needs it. */
export interface PackageInfo {
  /** Folder relative to the root; '' for the root itself; `..`, `../..` for a package around the root. */
  readonly dir: string
  readonly name?: string
  readonly version?: string
  readonly type?: 'module' | 'commonjs'
  /** Raw fields: packages under audit are not trusted to be well-formed. */
  readonly main?: unknown
  readonly module?: unknown
  readonly types?: unknown
  readonly exports?: unknown
  readonly imports?: unknown
  readonly bin?: unknown
  readonly scripts: ReadonlyMap<string, string>
  /** Ranges of dependencies, optional, peer and development dependencies, in this order of preference. */
  readonly dependencies: ReadonlyMap<string, string>
}

/** The version of a dependency, and how sure we are of it. */
export interface DependencyVersion {
  readonly version: string
  /** `locked`: a lockfile or an exact range pins it. `minimum`: the lowest version that package.json admits. */
  readonly from: 'locked' | 'minimum'
  /** Of a range the first version that it no longer admits, where it has one. */
  readonly below?: string
}

/** A file that is no source but has places to point at. */
export type SettingsFile = Pick<SourceFile, 'path' | 'text' | 'locate'>

export interface SourceTree {
  /** Absolute path of the folder that all paths are relative to. */
  readonly root: string
  /** Sorted by path. */
  readonly files: readonly SourceFile[]
  readonly packages: readonly PackageInfo[]
  readonly gaps: readonly Gap[]
  /** Files seen but not kept: too large, binary, unreadable, not UTF-8. */
  readonly skipped: number
  file(path: string): SourceFile | undefined
  /** The nearest package.json above a file; around the root if none is inside. */
  packageOf(path: string): PackageInfo | undefined
  /** The version of a dependency as the package around `fromPath` sees it. */
  versionOf(packageName: string, fromPath: string): DependencyVersion | undefined
  /** The exact version of what an installed package depends on itself, where a lockfile says. */
  versionWithin(outer: string, packageName: string, fromPath: string): string | undefined
  /** Compose files, outside of tests and examples. */
  readonly deployments: readonly SettingsFile[]
  /** Text of a configuration file of the tree (tsconfig.json and the like), or undefined. */
  config(path: string): string | undefined
}
