/** What kind of code each file is, judged by where it lies, what its package starts, and how its text looks. */
import type { Surface } from '../finding/finding.ts'
import type { PackageInfo } from './tree.ts'
import { entriesOf } from './entries.ts'

/** A file as read, before its surface is known. */
export interface Unplaced {
  readonly path: string
  readonly text: string
  readonly package: PackageInfo | undefined
}

export type Placement = ReadonlyMap<string, Surface>

const TEST_FOLDER =
  /(?:^|\/)(?:tests?|__tests?__|__fixtures__|__mocks__|__snapshots__|e2e|e2e-tests?|fixtures?|mocks|test-?(?:data|helpers?|utils?|support|kit|doubles?)|(?:integration|unit|smoke)-?tests?|cypress|playwright)\//i
const TEST_FILE =
  /(?:\.(?:test|tests|spec|e2e|bench|mock|fixture|stories)(?:-d)?|[-_](?:test|spec)|(?:^|\/)(?:vitest|jest|mocha|test)[.-]?setup[\w.-]*|(?:^|\/)setup-?tests?)\.[cm]?[jt]sx?$/i
/** `test-server.js` beside package.json tries a server out; `src/test-tools.ts` may be a tool. */
const TRIAL_FILE = /^(?:test[-_][\w.-]+|tests?)\.[cm]?[jt]sx?$/i
const TOP_TEST_FOLDER = /^specs?\//i
const EXAMPLE_FOLDER = /(?:^|\/)(?:examples?|demos?|samples?)\//i
const SCRIPT_FOLDER = /(?:^|\/)(?:scripts?|bench|benchmarks?|\.github|\.storybook|\.husky|\.changeset)\//i
const SEEDS_FOLDER =
  /^(?:seeds|seeders)\/|(?:^|\/)(?:db|database|prisma|drizzle|knex|migrations|[\w-]*(?:db|database|clickhouse|postgres)[\w-]*\/src)\/(?:seeds|seeders)\//i
const TOP_SCRIPT_FOLDER = /^(?:tools?|tooling|build-?tools|ci|hack)\//i
/** What a server of Nitro or Nuxt is configured by is what it runs with. */
const SCRIPT_FILE =
  /(?:(?:^|\/)(?!(?:nuxt|nitro)\.)[\w.-]+\.config|(?:^|\/)\.[\w.-]+rc|(?:^|\/)(?:gulpfile|gruntfile|jakefile|dangerfile)|(?:^|\/)vitest\.workspace)\.[cm]?[jt]sx?$/i
const VENDOR_FOLDER =
  /(?:^|\/)(?:vendor|vendored|third[-_]party|__generated__|generated|\.next|\.nuxt|\.output|\.svelte-kit|\.wrangler|coverage|bower_components|\.history)\//i
const BUILD_FOLDER = /^(?:dist|build|out|output|\.build)\//i
const MAYBE_BUILD_FOLDER = /^(?:lib|es|esm|cjs|umd)\//i
const BANNER = /@generated\b|\bdo not (?:edit|modify)\b/i

/** Places every file. A server's own entry is runtime even in `scripts/`; a built copy is `generated` where its source is there too. */
export function placeFiles(files: readonly Unplaced[]): Placement {
  const started = startedPlaces(files)
  const surfaces = new Map<string, Surface>()
  for (const file of files) surfaces.set(file.path, surfaceOf(file, started))
  demoteBuilds(files, surfaces)
  if (!some(surfaces, 'runtime')) promoteMinified(files, surfaces)
  return surfaces
}

/** Whether the text is the work of a minifier: hardly any line breaks. */
export function isMinified(text: string): boolean {
  if (text.length < 5_000) return false
  let lines = 1
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
  return text.length / lines > 400
}

interface Started {
  readonly files: ReadonlySet<string>
  /** Script folders from which a package starts something; helpers lie beside it. */
  readonly folders: ReadonlySet<string>
}

function startedPlaces(files: readonly Unplaced[]): Started {
  const paths = new Set(files.map((file) => file.path))
  const packages = new Set(files.flatMap((file) => file.package ?? []))
  const started = new Set<string>()
  for (const info of packages) for (const entry of entriesOf(info, paths)) started.add(entry)
  const folders = [...started].map((path) => path.slice(0, path.lastIndexOf('/') + 1)).filter((folder) => folder !== '')
  return { files: started, folders: new Set(folders) }
}

function surfaceOf(file: Unplaced, started: Started): Surface {
  const local = withinPackage(file)
  const isStarted = started.files.has(file.path)
  if (VENDOR_FOLDER.test(file.path)) return 'generated'
  if (isTest(file.path, local) && !(isStarted && TRIAL_FILE.test(local))) return 'test'
  if (EXAMPLE_FOLDER.test(file.path)) return 'example'
  if (isGenerated(file.text) && !isStarted) return 'generated'
  if ((isScript(file.path, local) || isAside(file)) && !isStarted && !started.folders.has(folderOf(file.path)))
    return 'script'
  return 'runtime'
}

function isTest(path: string, local: string): boolean {
  return TEST_FOLDER.test(path) || TEST_FILE.test(path) || TRIAL_FILE.test(local) || TOP_TEST_FOLDER.test(local)
}

function isScript(path: string, local: string): boolean {
  return SCRIPT_FOLDER.test(path) || SCRIPT_FILE.test(path) || TOP_SCRIPT_FOLDER.test(local) || SEEDS_FOLDER.test(path)
}

/** `tools/idp/server.js`, in a package of its own that says what it needs and nothing that it is there for: MCP is reason enough. */
function isAside({ path, package: info }: Unplaced): boolean {
  if (info === undefined || info.dir === '' || !TOP_SCRIPT_FOLDER.test(path)) return false
  if ([...info.dependencies.keys()].some((name) => SPEAKS_MCP.test(name))) return false
  return (
    info.scripts.size === 0 && [info.main, info.module, info.bin, info.exports].every((named) => named === undefined)
  )
}

/** `@modelcontextprotocol/sdk`, `fastmcp`, `mcp-framework` */
const SPEAKS_MCP = /^@modelcontextprotocol\/|(?:^|[/-])(?:fast)?mcp(?:$|-)/

function isGenerated(text: string): boolean {
  return isMinified(text) || BANNER.test(leadingComment(text))
}

/** A banner stands in the first comment; the same words further down are prose. */
function leadingComment(text: string): string {
  const start = text
    .slice(0, 1_000)
    .replace(/^\uFEFF?#!.*/, '')
    .trimStart()
  if (start.startsWith('/*')) return start.slice(0, start.indexOf('*/') + 2 || undefined)
  return /^(?:\/\/.*(?:\r?\n|$)\s*)*/.exec(start)?.[0] ?? ''
}

/** Marks built copies: of a package with other runtime code, its build folders; of a package with nothing but builds, the CommonJS twin. */
function demoteBuilds(files: readonly Unplaced[], surfaces: Map<string, Surface>): void {
  for (const group of byPackage(files)) {
    const runtime = group.filter((file) => surfaces.get(file.path) === 'runtime')
    const written = runtime.filter((file) => !BUILD_FOLDER.test(withinPackage(file)))
    const stems = new Set(
      written
        .filter((file) => !MAYBE_BUILD_FOLDER.test(withinPackage(file)))
        .map((file) => stemOf(withinPackage(file))),
    )
    for (const file of runtime)
      if (isBuilt(withinPackage(file), written.length > 0, stems)) surfaces.set(file.path, 'generated')
    if (written.length === 0) demoteTwins(runtime, surfaces)
  }
}

function isBuilt(local: string, hasWritten: boolean, stems: ReadonlySet<string>): boolean {
  if (BUILD_FOLDER.test(local)) return hasWritten
  return MAYBE_BUILD_FOLDER.test(local) && /\.[cm]?js$/.test(local) && stems.has(stemOf(local))
}

/** Packages publish the same module twice, as ESM and as CommonJS; one copy is enough. */
function demoteTwins(files: readonly Unplaced[], surfaces: Map<string, Surface>): void {
  const paths = new Set(files.map((file) => file.path))
  for (const { path } of files) {
    const inFolder = path.replace(/(^|\/)cjs\//, '$1esm/')
    const besides = [
      path.replace(/\.cjs$/, '.mjs'),
      path.replace(/\.cjs$/, '.js'),
      inFolder,
      inFolder.replace(/\.cjs$/, '.js'),
      inFolder.replace(/\.c?js$/, '.mjs'),
    ]
    if (besides.some((twin) => twin !== path && paths.has(twin))) surfaces.set(path, 'generated')
  }
}

/** Where nothing else runs, the bundle is the program. */
function promoteMinified(files: readonly Unplaced[], surfaces: Map<string, Surface>): void {
  for (const file of files) {
    if (surfaces.get(file.path) === 'generated' && !VENDOR_FOLDER.test(file.path) && isMinified(file.text))
      surfaces.set(file.path, 'runtime')
  }
}

function some(surfaces: ReadonlyMap<string, Surface>, wanted: Surface): boolean {
  for (const surface of surfaces.values()) if (surface === wanted) return true
  return false
}

function byPackage(files: readonly Unplaced[]): Iterable<Unplaced[]> {
  const groups = new Map<PackageInfo | undefined, Unplaced[]>()
  for (const file of files) {
    const group = groups.get(file.package)
    if (group) group.push(file)
    else groups.set(file.package, [file])
  }
  return groups.values()
}

function withinPackage(file: Unplaced): string {
  const dir = file.package?.dir ?? ''
  return dir !== '' && file.path.startsWith(`${dir}/`) ? file.path.slice(dir.length + 1) : file.path
}

/** `src/a/b.ts` and `lib/a/b.js` have the stem `a/b`. */
function stemOf(local: string): string {
  return local.replace(/^(?:src|lib|es|esm|cjs|umd|source)\//, '').replace(/\.[cm]?[jt]sx?$/, '')
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}
