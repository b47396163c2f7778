/** A file system in memory, for trees that no real disk here can hold: unreadable files, sockets, bottomless folders. */
import type { Entry, Host } from '../../src/source/host.ts'

export type Files = Readonly<Record<string, string | Uint8Array | Trouble>>

export class Trouble {
  readonly code: string
  constructor(code: string) {
    this.code = code
  }
}

/** Paths are absolute, `/app/…` by custom. A `Trouble` is listed but cannot be read. */
export function memoryHost(files: Files): Host {
  const paths = Object.keys(files)
  const isFolder = (path: string): boolean => paths.some((file) => file.startsWith(`${path}/`))
  return {
    list: (path) => entriesIn(path, paths),
    stat(path) {
      const content = files[path]
      if (content !== undefined) return { kind: 'file', size: sizeOf(content) }
      return isFolder(path) ? { kind: 'folder', size: 0 } : undefined
    },
    realPath: (path) => (files[path] !== undefined || isFolder(path) ? path : undefined),
    read(path) {
      const content = files[path]
      if (content === undefined) throw systemError('ENOENT')
      if (content instanceof Trouble) throw systemError(content.code)
      return typeof content === 'string' ? Buffer.from(content) : content
    },
  }
}

function entriesIn(folder: string, paths: readonly string[]): readonly Entry[] {
  const kinds = new Map<string, Entry['kind']>()
  for (const path of paths) {
    if (!path.startsWith(`${folder}/`)) continue
    const [name = '', ...rest] = path.slice(folder.length + 1).split('/')
    kinds.set(name, rest.length > 0 ? 'folder' : 'file')
  }
  return [...kinds].map(([name, kind]) => ({ name, kind }))
}

function sizeOf(content: string | Uint8Array | Trouble): number {
  if (content instanceof Trouble) return 1
  return typeof content === 'string' ? Buffer.byteLength(content) : content.length
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: refused`), { code })
}
