import type { SourceTree } from './tree.ts'
import type { Host } from './host.ts'

export interface ReadOptions {
  readonly host?: Host
  /** Called now and then with the number of files read so far. */
  readonly onProgress?: (filesRead: number) => void
}

/** Reads every JavaScript and TypeScript file under `root` (a folder or one file) that may belong to a server. */
export declare function readSources(root: string, options?: ReadOptions): SourceTree
