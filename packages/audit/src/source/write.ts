/** Puts changed files in the place of those that were read: all of them or none, each at once. */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'

/** A text that was read, and the one to take its place. */
export interface Change {
  /** Relative to the root, `/`-separated. */
  readonly path: string
  readonly before: string
  readonly after: string
}

/** A file that must not, or could not, be written. Nothing was, or what was is named. */
export class UnwritableError extends Error {
  readonly code = 'ERR_UNWRITABLE'
  override readonly name = 'UnwritableError'
}

/**
 * Writes changes under `folder`, an absolute path. Refuses what is a link, lies behind one, or is not any more what was
 * read. Each file is written beside its old self and then renamed over it, so that a reader sees one or the other; mode,
 * owner and place stay. Where one cannot be, those before it get their old texts back, which lie ready by then. Throws
 * UnwritableError.
 */
export function writeChanges(folder: string, changes: readonly Change[]): void {
  const staged: Staged[] = []
  const written: Staged[] = []
  try {
    for (const change of changes) staged.push(stage(folder, change))
    for (const each of staged) {
      renameSync(each.after, each.target)
      written.push(each)
    }
  } catch (error) {
    const left = written.filter((each) => !isRestored(each))
    for (const each of staged) discard(left.includes(each) ? [each.after] : [each.after, each.before])
    if (error instanceof UnwritableError) throw error
    throw new UnwritableError(`The changes could not be written (${codeOf(error)}).${remains(left)}`, { cause: error })
  }
  for (const { before } of staged) discard([before])
}

/** Two files beside a third: what is to take its place, and what it was. */
interface Staged {
  readonly path: string
  readonly target: string
  readonly after: string
  readonly before: string
}

function stage(folder: string, { path, before, after }: Change): Staged {
  const target = targetOf(folder, path)
  if (readFileSync(target, 'utf8') !== before)
    throw new UnwritableError(`${path} has changed since it was read; nothing was written.`)
  const old = besides(target, before)
  try {
    return { path, target, after: besides(target, after), before: old }
  } catch (error) {
    rmSync(old, { force: true })
    throw error
  }
}

/** A new file in the folder of another, with its mode and its owner; returns its path. */
function besides(target: string, text: string): string {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  const { mode, uid, gid } = lstatSync(target)
  const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    // Not writeSync, which may write a part and say so.
    writeFileSync(file, text)
    // Only root may give files away, and only root's would otherwise change hands.
    if (process.getuid?.() === 0) fchownSync(file, uid, gid)
    fchmodSync(file, mode & 0o7777)
    fsyncSync(file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
  return temporary
}

function isRestored({ before, target }: Staged): boolean {
  try {
    renameSync(before, target)
    return true
  } catch {
    return false
  }
}

function discard(temporaries: readonly string[]): void {
  for (const path of temporaries)
    try {
      rmSync(path, { force: true })
    } catch {
      // What cannot be removed is in nobody's way.
    }
}

function remains(left: readonly Staged[]): string {
  if (left.length === 0) return ' Nothing was.'
  const list = left.map(({ path, before }) => `${path} (as it was: ${basename(before)} beside it)`).join(', ')
  return ` These were, and could not be put back: ${list}.`
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

/** The file's real place, which must be the one it was found in. */
function targetOf(folder: string, path: string): string {
  const root = realpathSync(folder)
  const target = resolve(root, path)
  const isPlain = lstatSync(target, { throwIfNoEntry: false })?.isFile() === true
  if (!isPlain || !target.startsWith(root.endsWith(sep) ? root : root + sep) || realpathSync(target) !== target)
    throw new UnwritableError(`${path} is no plain file within the audited folder; nothing was written.`)
  return target
}
