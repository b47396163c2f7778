/** What the fixes make of an example, whose labels are no part of the server. */
import { dirname } from 'node:path'
import { mend, type Mended } from '../../src/mend.ts'
import { disk } from '../../src/source/host.ts'
import { overlay } from '../../src/source/overlay.ts'
import { allFiles, type Example } from './examples.ts'
import { stripLabels } from './labels.ts'

export interface MendedExample {
  readonly mended: Mended
  /** All files as they would be, by path. */
  readonly files: ReadonlyMap<string, string>
}

export async function mendExample({ root, entry, files }: Example): Promise<MendedExample> {
  const folder = root === entry ? dirname(root) : root
  const plain = new Map([...allFiles(root)].map(([path, text]) => [path, files.has(path) ? stripLabels(text) : text]))
  const host = overlay(disk, new Map([...plain].map(([path, text]) => [`${folder}/${path}`, text])))
  const mended = await mend(root, { kinds: 'all', host })
  return { mended, files: new Map([...plain, ...mended.changes.map(({ path, after }) => [path, after] as const)]) }
}
