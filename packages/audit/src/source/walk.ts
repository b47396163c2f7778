/** Discovery: which files of a folder may hold code. Links are never followed, so no loop and no way out of the root exists. */
import ignore, { type Ignore } from 'ignore'
import type { Gap } from '../finding/finding.ts'
import type { Entry, Host } from './host.ts'
import { readGitignore } from './gitignore.ts'
import { isConfig, isSource } from './kinds.ts'

export interface Walk {
  /** Paths of source files, relative, in no particular order. */
  readonly sources: readonly string[]
  /** Paths of JSON files and lockfiles. */
  readonly configs: readonly string[]
  /** Folders left out because a .gitignore names them. */
  readonly ignoredFolders: readonly string[]
  readonly gaps: readonly Gap[]
}

export interface Bounds {
  readonly depth: number
  readonly entries: number
  readonly files: number
}

/** Far above any project that a person could review; they stop a tree made to exhaust us. */
export const BOUNDS: Bounds = { depth: 100, entries: 2_000_000, files: 100_000 }

const NEVER_ENTERED = new Set([
  'node_modules',
  'bower_components',
  'jspm_packages',
  '.git',
  '.hg',
  '.svn',
  '.yarn',
  '.pnpm-store',
])

interface Folder {
  readonly path: string
  readonly depth: number
  readonly ignores: readonly ScopedIgnore[]
}

/** The patterns of one .gitignore and the folder they are relative to. */
interface ScopedIgnore {
  readonly base: string
  readonly patterns: Ignore
}

interface Found {
  readonly sources: string[]
  readonly configs: string[]
  readonly ignoredFolders: string[]
  readonly gaps: Gap[]
  entries: number
}

/** Walks `from` (relative to root; '' for the root) and everything below it. */
export function walk(
  host: Host,
  root: string,
  from: string,
  options: { honourGitignore: boolean; bounds?: Bounds },
): Walk {
  const found: Found = { sources: [], configs: [], ignoredFolders: [], gaps: [], entries: 0 }
  const bounds = options.bounds ?? BOUNDS
  const pending: Folder[] = [{ path: from, depth: 0, ignores: [] }]
  for (let folder = pending.pop(); folder; folder = pending.pop()) {
    const exhausted = exhaustedBound(found, bounds)
    if (exhausted) {
      found.gaps.push({ path: folder.path || '.', reason: exhausted })
      break
    }
    const entries = list(host, root, folder, found)
    found.entries += entries.length
    const ignores = options.honourGitignore ? withGitignore(host, root, folder, entries, found) : []
    for (const entry of entries) visit(host, root, { ...folder, ignores }, entry, { found, bounds, pending })
  }
  return found
}

function exhaustedBound(found: Found, bounds: Bounds): string | undefined {
  if (found.entries > bounds.entries)
    return `The tree has more than ${bounds.entries} entries; the walk stopped here and the rest was not analysed.`
  if (found.sources.length > bounds.files)
    return `The tree has more than ${bounds.files} source files; the walk stopped here and the rest was not analysed.`
  return undefined
}

function list(host: Host, root: string, folder: Folder, found: Found): readonly Entry[] {
  try {
    return host.list(absolute(root, folder.path))
  } catch (error) {
    found.gaps.push({ path: folder.path || '.', reason: `The folder could not be read (${codeOf(error)}).` })
    return []
  }
}

interface State {
  readonly found: Found
  readonly bounds: Bounds
  readonly pending: Folder[]
}

function visit(host: Host, root: string, folder: Folder, entry: Entry, { found, bounds, pending }: State): void {
  const path = join(folder.path, entry.name)
  if (entry.kind === 'folder') {
    if (NEVER_ENTERED.has(entry.name)) return
    if (isIgnored(`${path}/`, folder.ignores)) found.ignoredFolders.push(path)
    else if (folder.depth >= bounds.depth)
      found.gaps.push({
        path,
        reason: `Folders nest more than ${bounds.depth} deep here; what lies below was not analysed.`,
      })
    else pending.push({ path, depth: folder.depth + 1, ignores: folder.ignores })
  } else if (entry.kind === 'link') {
    const reason =
      NEVER_ENTERED.has(entry.name) || isIgnored(path, folder.ignores) ? undefined : linkGap(host, root, path)
    if (reason) found.gaps.push({ path, reason })
  } else if (entry.kind === 'file') {
    if (isSource(entry.name)) {
      if (!isIgnored(path, folder.ignores)) found.sources.push(path)
    } else if (isConfig(entry.name)) found.configs.push(path)
  } else if (isSource(entry.name)) {
    found.gaps.push({ path, reason: 'This is a pipe, a socket or a device, not a file; it was not read.' })
  }
}

/** Why an unfollowed link leaves something unseen. A link to a place inside the root that is no loop hides nothing: the walk meets its target anyway. */
function linkGap(host: Host, root: string, path: string): string | undefined {
  const target = host.realPath(absolute(root, path))
  if (target === undefined)
    return isSource(path) || !/\.\w+$/.test(path)
      ? 'The symbolic link leads nowhere or to itself; it was not followed.'
      : undefined
  const here = absolute(root, path)
  if (here.startsWith(withSlash(target)))
    return 'The symbolic link leads to a folder that contains it (a loop); it was not followed.'
  if (target === root || target.startsWith(withSlash(root))) return undefined
  const matters = isSource(target) || stat(host, target) === 'folder'
  return matters ? 'The symbolic link leads out of the audited folder; it was not followed.' : undefined
}

function stat(host: Host, path: string): string | undefined {
  try {
    return host.stat(path)?.kind
  } catch {
    return undefined
  }
}

function withGitignore(
  host: Host,
  root: string,
  folder: Folder,
  entries: readonly Entry[],
  found: Found,
): readonly ScopedIgnore[] {
  if (!entries.some((entry) => entry.name === '.gitignore' && entry.kind === 'file')) return folder.ignores
  const path = join(folder.path, '.gitignore')
  const rules = readGitignore(host, absolute(root, path))
  if (rules.refused > 0)
    found.gaps.push({
      path,
      reason: `${rules.refused} of its patterns could not be honoured (unreadable, or too many wildcards to match safely).`,
    })
  const base = folder.path === '' ? '' : `${folder.path}/`
  return rules.patterns.length === 0
    ? folder.ignores
    : [...folder.ignores, { base, patterns: ignore().add(rules.patterns) }]
}

/** As git decides: the deepest .gitignore with a matching pattern has the last word. */
function isIgnored(path: string, ignores: readonly ScopedIgnore[]): boolean {
  for (let index = ignores.length - 1; index >= 0; index--) {
    const { base, patterns } = ignores[index]!
    const result = patterns.test(path.slice(base.length))
    if (result.ignored) return true
    if (result.unignored) return false
  }
  return false
}

/** The code of a system error (`EACCES`), or its message. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

export function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

export function absolute(root: string, path: string): string {
  if (path === '') return root
  return root.endsWith('/') ? root + path : `${root}/${path}`
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
