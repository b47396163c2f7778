/** The file system as it was at a revision: reads Git's objects and changes nothing. */
import { spawnSync } from 'node:child_process'
import { realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Entry, Host, Stat } from './host.ts'
import { isConfig, isSource } from './kinds.ts'

/** Git does not know the revision, or the folder is in no repository. */
export class UnknownRevisionError extends Error {
  readonly code = 'ERR_UNKNOWN_REVISION'
  override readonly name = 'UnknownRevisionError'
}

interface Blob {
  readonly id: string
  readonly size: number
  readonly link: boolean
}

/** Above this a blob is skipped, as the audit skips large files. */
const MAX_BLOB_BYTES = 16 * 1024 * 1024
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024

/**
 * A host that shows the repository around `root` as it was at `revision`, under the paths it has now. Throws
 * UnknownRevisionError. Git runs with its hooks, filters and network access off: the repository is not trusted.
 */
export function gitHost(root: string, revision: string): Host {
  const real = realpathSync(resolve(root))
  const folder = statSync(real).isFile() ? dirname(real) : real
  const top = git(folder, ['rev-parse', '--show-toplevel'])
    .toString('utf8')
    .replace(/\r?\n$/, '')
  const tree = git(folder, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{tree}`])
    .toString('utf8')
    .trim()
  const files = listFiles(folder, top, tree)
  const folders = foldersOf(files, top)
  let contents: ReadonlyMap<string, Buffer> | undefined
  const stat = (path: string): Stat | undefined => {
    const file = files.get(path)
    if (file) return { kind: file.link ? 'other' : 'file', size: file.size }
    return folders.has(path) || path === `${top}/.git` ? { kind: 'folder', size: 0 } : undefined
  }
  return {
    stat,
    list: (path) => [...(folders.get(path) ?? new Map<string, Entry>()).values()],
    realPath: (path) => (stat(path) ? path : realIn(path, stat)),
    read(path) {
      contents ??= readBlobs(folder, files)
      const content = contents.get(files.get(path)?.id ?? '')
      if (content === undefined) throw Object.assign(new Error(`${path} was not read`), { code: 'ENOENT' })
      return content
    },
  }
}

/** The commit that is checked out around `root`; undefined where Git knows none. */
export function commitOf(root: string): string | undefined {
  try {
    const real = realpathSync(resolve(root))
    return git(statSync(real).isFile() ? dirname(real) : real, ['rev-parse', '--verify', '--quiet', 'HEAD'])
      .toString('utf8')
      .trim()
  } catch {
    return undefined
  }
}

/**
 * Which of some files Git could not bring back, were they overwritten: those whose content is not that of the last commit.
 * Line ends do not count, since a checkout may set them. Undefined where `folder` is in no repository; throws
 * UnknownRevisionError where Git will not say.
 */
export function uncommittedIn(folder: string, texts: ReadonlyMap<string, string>): readonly string[] | undefined {
  if (!isInRepository(folder)) return undefined
  const paths = [...texts.keys()]
  const askable = paths.filter((path) => !path.includes('\n'))
  const output = git(folder, ['cat-file', '--batch'], askable.map((path) => `HEAD:./${path}\n`).join(''))
  const committed = new Map(batchOf(output).map((content, index) => [askable[index], content] as const))
  return paths.filter((path) => plainText(committed.get(path)?.toString('utf8')) !== plainText(texts.get(path)))
}

function isInRepository(folder: string): boolean {
  try {
    git(folder, ['rev-parse', '--git-dir'])
    return true
  } catch (error) {
    if (error instanceof Error && /not a git repository|ENOENT/.test(error.message)) return false
    throw error
  }
}

function plainText(text: string | undefined): string | undefined {
  return text?.replaceAll('\r\n', '\n')
}

/** The answers of `cat-file --batch`, in order; undefined where there is no such blob. */
function batchOf(output: Buffer): readonly (Buffer | undefined)[] {
  const answers: (Buffer | undefined)[] = []
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(10, at)
    if (end === -1) break
    const size = /^[0-9a-f]+ blob (\d+)$/.exec(output.toString('latin1', at, end))?.[1]
    answers.push(size === undefined ? undefined : output.subarray(end + 1, end + 1 + Number(size)))
    at = end + 1 + (size === undefined ? 0 : Number(size) + 1)
  }
  return answers
}

/** A path through links, as the disk resolves it today. */
function realIn(path: string, stat: (path: string) => Stat | undefined): string | undefined {
  try {
    const real = realpathSync(path)
    return stat(real) ? real : undefined
  } catch {
    return undefined
  }
}

function listFiles(folder: string, top: string, tree: string): ReadonlyMap<string, Blob> {
  const output = git(folder, ['ls-tree', '-r', '-z', '-l', '--full-tree', tree]).toString('utf8')
  const files = new Map<string, Blob>()
  for (const line of output.split('\0')) {
    const match = /^(\d+) blob ([0-9a-f]+) +(\d+)\t([^]+)$/.exec(line)
    if (match) files.set(`${top}/${match[4]}`, { id: match[2]!, size: Number(match[3]), link: match[1] === '120000' })
  }
  return files
}

/** Entries by folder, by name. */
function foldersOf(files: ReadonlyMap<string, Blob>, top: string): ReadonlyMap<string, ReadonlyMap<string, Entry>> {
  const folders = new Map<string, Map<string, Entry>>()
  const add = (path: string, kind: Entry['kind']): void => {
    const folder = path.slice(0, path.lastIndexOf('/'))
    const name = path.slice(folder.length + 1)
    const known = folders.get(folder)
    if (known) known.set(name, { name, kind })
    else folders.set(folder, new Map([[name, { name, kind }]]))
    if (known === undefined && folder.length > top.length) add(folder, 'folder')
  }
  for (const [path, { link }] of files) add(path, link ? 'link' : 'file')
  return folders
}

/** Contents of all files that an audit may ask for, by id; one process for all. */
function readBlobs(folder: string, files: ReadonlyMap<string, Blob>): ReadonlyMap<string, Buffer> {
  const wanted = [...files].filter(([path, { size, link }]) => !link && size <= MAX_BLOB_BYTES && isWanted(path))
  const ids = [...new Set(wanted.map(([, { id }]) => id))]
  const output = git(folder, ['cat-file', '--batch'], `${ids.join('\n')}\n`)
  const contents = new Map<string, Buffer>()
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(10, at)
    const header = /^([0-9a-f]+) blob (\d+)$/.exec(output.toString('latin1', at, end))
    if (end === -1) break
    at = end + 1
    if (header === null) continue
    const size = Number(header[2])
    contents.set(header[1]!, output.subarray(at, at + size))
    at += size + 1
  }
  return contents
}

function isWanted(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return isSource(name) || isConfig(name) || name === '.gitignore'
}

const SAFE = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'protocol.allow=never']

function git(folder: string, args: readonly string[], input = ''): Buffer {
  const all = ['-C', folder, '--no-pager', '--no-replace-objects', ...SAFE, ...args]
  const { status, stdout, stderr, error } = spawnSync('git', all, {
    // Windows looks for programs in the current folder first: that must not be the audited one.
    cwd: dirname(process.execPath),
    input,
    maxBuffer: MAX_OUTPUT_BYTES,
    env: {
      ...ownEnvironment(),
      GIT_NO_LAZY_FETCH: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      LC_ALL: 'C',
    },
  })
  if (status === 0) return stdout
  const said = error ? error.message : stderr.toString('utf8').split('\n')[0]
  throw new UnknownRevisionError(said === '' || said === undefined ? 'Git does not know it.' : `Git says: ${said}`)
}

/** Within a hook, Git's variables speak of the repository that runs the hook, which need not be the audited one. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^GIT_/i.test(name)))
}
