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

/** A file that must not, or could not, be written. Nothing was. */
export class UnwritableError extends Error {
  readonly code = 'ERR_UNWRITABLE'
  override readonly name = 'UnwritableError'
}

/**
 * Writes changes under `folder`, an absolute path. Refuses what is a link, lies behind one, or is not any more what was
 * read. Each file is written beside its old self and then renamed over it, so that a reader sees one or the other; mode,
 * owner and place stay. Throws UnwritableError.
 */
export function writeChanges(folder: string, changes: readonly Change[]): void {
  const staged: Staged[] = []
  try {
    for (const change of changes) staged.push(stage(folder, change))
    for (const { temporary, target } of staged) renameSync(temporary, target)
  } catch (error) {
    for (const { temporary } of staged) rmSync(temporary, { force: true })
    if (error instanceof UnwritableError) throw error
    throw new UnwritableError(
      `The changes could not be written (${(error as NodeJS.ErrnoException).code ?? String(error)}).`,
      { cause: error },
    )
  }
}

interface Staged {
  readonly temporary: string
  readonly target: string
}

function stage(folder: string, { path, before, after }: Change): Staged {
  const target = targetOf(folder, path)
  if (readFileSync(target, 'utf8') !== before)
    throw new UnwritableError(`${path} has changed since it was read; nothing was written.`)
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  const { mode, uid, gid } = lstatSync(target)
  const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    // Not writeSync, which may write a part and say so.
    writeFileSync(file, after)
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
  return { temporary, target }
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
