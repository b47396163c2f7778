/**
 * Whether anybody has written to the database since one last looked: asked at every request, and so worth asking in the
 * cheapest way that is exact.
 */
import { fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { SqliteDatabase } from './database.ts'

/** Whether something was committed since the last call, by whatever process; true at the first. */
export type HasChanged = () => boolean

/**
 * By the header of the WAL index, where it can be read and is seen to change when something is written; else by asking
 * SQLite, which takes and gives back locks for it and costs four times as much.
 *
 * @param path of the file that this process opened as `database`; undefined where it is not known
 * @param write commits something that was not there before
 */
export function watchChanges(database: SqliteDatabase, path: string | undefined, write: () => void): HasChanged {
  const byHeader = path === undefined ? undefined : watchHeader(`${path}-shm`)
  if (!byHeader) return watchDataVersion(database)
  byHeader()
  if (byHeader()) return watchDataVersion(database)
  write()
  return byHeader() ? byHeader : watchDataVersion(database)
}

function watchDataVersion(database: SqliteDatabase): HasChanged {
  const statement = database.prepare('PRAGMA data_version')
  let last = -1
  return () => {
    const { data_version: version } = statement.get() as { data_version: number }
    if (version === last) return false
    last = version
    return true
  }
}

/**
 * https://www.sqlite.org/walformat.html#the_wal_index_header: every process that commits writes this header before its
 * commit returns, with a counter and a checksum over it all. The file is shared memory, and on these systems what is
 * written to shared memory is what is read from the file.
 */
const coherent: ReadonlySet<string> = new Set(['linux', 'darwin'])
const headerVersion = 3_007_000
const headerBytes = 48
/** In 32-bit words: the version of the header, the counter of commits, the checksum. */
const word = { version: 0, commits: 2, checksum: 10 } as const

function watchHeader(path: string): HasChanged | undefined {
  if (!coherent.has(process.platform)) return undefined
  const bytes = Buffer.alloc(headerBytes)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, headerBytes / 4)
  let [commits, checksum, more] = [Number.NaN, Number.NaN, Number.NaN]
  try {
    const file = openIndex(path)
    if (readSync(file, bytes, 0, headerBytes, 0) !== headerBytes || words[word.version] !== headerVersion)
      return undefined
    return () => {
      readSync(file, bytes, 0, headerBytes, 0)
      if (words[word.commits] === commits && words[word.checksum] === checksum && words[word.checksum + 1] === more)
        return false
      commits = words[word.commits] as number
      checksum = words[word.checksum] as number
      more = words[word.checksum + 1] as number
      return true
    }
  } catch {
    return undefined
  }
}

/**
 * Where a process closes a file, it gives up all its locks on it, those of SQLite among them. So a file stays open and
 * serves whoever opens the same database again.
 */
const opened = new Map<string, number>()

function openIndex(path: string): number {
  const known = opened.get(path)
  if (known !== undefined) {
    const { ino, dev } = fstatSync(known)
    const there = statSync(path, { throwIfNoEntry: false })
    if (there?.ino === ino && there.dev === dev) return known
  }
  const file = openSync(path, 'r')
  opened.set(path, file)
  return file
}
