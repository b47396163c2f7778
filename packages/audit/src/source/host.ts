/** What the audit asks of a file system; injected, so that tests can refuse, and nothing else ever touches the disk. */
import { readdirSync, readFileSync, realpathSync, statSync, type Dirent, type Stats } from 'node:fs'

export interface Host {
  /** Names in a folder, with what they are. `link` is not followed. Throws where the folder cannot be read. */
  list(path: string): readonly Entry[]
  /** Kind and size of what a path names, links followed; undefined where nothing is there, or nothing that may be looked at. */
  stat(path: string): Stat | undefined
  /** The path with every link resolved; undefined for a dangling link or a loop. */
  realPath(path: string): string | undefined
  /** Bytes of a file. Throws where it cannot be read. */
  read(path: string): Uint8Array
}

export interface Entry {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'link' | 'other'
}

export interface Stat {
  readonly kind: 'file' | 'folder' | 'other'
  readonly size: number
}

/** The real file system. */
export const disk: Host = {
  list: (path) =>
    readdirSync(path, { withFileTypes: true }).map((entry) => ({ name: entry.name, kind: kindOf(entry) })),
  stat(path) {
    const stats = statsOf(path)
    return stats && { kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other', size: stats.size }
  },
  realPath(path) {
    try {
      return realpathSync(path)
    } catch {
      return undefined
    }
  },
  read: (path) => readFileSync(path),
}

/** A loop of links, a path through a file and a folder that is locked hold as little for an audit as no file at all. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function kindOf(entry: Dirent): Entry['kind'] {
  if (entry.isSymbolicLink()) return 'link'
  if (entry.isDirectory()) return 'folder'
  return entry.isFile() ? 'file' : 'other'
}
