/** The examples of every rule: servers that show a weakness, and twins that do not. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Example {
  readonly rule: string
  /** As a reader of the test results finds it: `unbound-session/vulnerable-post-only.ts`. */
  readonly name: string
  readonly kind: 'vulnerable' | 'safe'
  /** What is audited: one file, or the folder of an example of several. */
  readonly root: string
  /** The file that starts the server. */
  readonly entry: string
  /** Text by path, as a report on `root` names it. */
  readonly files: ReadonlyMap<string, string>
}

export const rulesFolder = fileURLToPath(new URL('../../src/rules', import.meta.url))

/** All examples under a folder of rules, sorted by name. */
export function listExamples(folder: string = rulesFolder): Example[] {
  return foldersIn(folder).flatMap((rule) => {
    const examples = join(folder, rule, 'examples')
    return namesIn(examples).flatMap((name) => exampleAt(rule, join(examples, name)) ?? [])
  })
}

const NAME = /^(?<kind>vulnerable|safe)-[a-z0-9-]+(?:\.[cm]?[jt]sx?)?$/
const SOURCE = /\.[cm]?[jt]sx?$/

function exampleAt(rule: string, root: string): Example | undefined {
  const kind = NAME.exec(basename(root))?.groups?.kind
  if (kind !== 'vulnerable' && kind !== 'safe') return undefined
  const isFolder = statSync(root).isDirectory()
  const paths = isFolder ? sourcesIn(root) : ['']
  const entry = isFolder ? join(root, paths.find((path) => path.startsWith('server.')) ?? 'server.ts') : root
  const files = new Map(paths.map((path) => [path || basename(root), readFileSync(join(root, path), 'utf8')]))
  return { rule, name: `${rule}/${basename(root)}`, kind, root, entry, files }
}

/** Where an example stands as its rule's fix leaves it, if it is kept: `x.fixed.ts`, `x.fixed/`. */
export function fixedRootOf({ root }: Pick<Example, 'root'>): string {
  return SOURCE.test(root) ? root.replace(SOURCE, '.fixed$&') : `${root}.fixed`
}

/** The file that starts an example as its rule's fix leaves it; undefined where none is kept. */
export function fixedEntryOf(example: Example): string | undefined {
  const root = fixedRootOf(example)
  if (statSync(root, { throwIfNoEntry: false }) === undefined) return undefined
  return example.root === example.entry ? root : join(root, basename(example.entry))
}

/** All files of an example as its rule's fix leaves them, by path; undefined where none are kept. */
export function fixedFiles({ root }: Example): ReadonlyMap<string, string> | undefined {
  const fixedRoot = fixedRootOf({ root })
  const stats = statSync(fixedRoot, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  return stats.isDirectory() ? allFiles(fixedRoot) : new Map([[basename(root), readFileSync(fixedRoot, 'utf8')]])
}

/** All files of an example, sources or not, by path. */
export function allFiles(root: string): ReadonlyMap<string, string> {
  if (!statSync(root).isDirectory()) return new Map([[basename(root), readFileSync(root, 'utf8')]])
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  return new Map(
    names.toSorted().map((path) => [path.slice(root.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8')]),
  )
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => SOURCE.test(path))
    .toSorted()
}

function foldersIn(folder: string): string[] {
  return namesIn(folder).filter((name) => statSync(join(folder, name)).isDirectory())
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}
