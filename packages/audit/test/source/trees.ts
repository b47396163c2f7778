/** Trees for tests, in memory or on disk. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readSources } from '../../src/source/read.ts'
import { createLocator } from '../../src/source/lines.ts'
import type { SourceFile, SourceTree } from '../../src/source/tree.ts'
import { memoryHost, type Files } from './memory-host.ts'

/** A tree in memory; names are relative to its root. */
export function treeOf(files: Files, root = '/app'): SourceTree {
  const placed = Object.fromEntries(Object.entries(files).map(([name, content]) => [`/app/${name}`, content]))
  return readSources(root, { host: memoryHost(placed) })
}

/** A folder on disk that goes when the test ends. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}

export function fileOf(path: string, text: string): SourceFile {
  return { path, text, surface: 'runtime', locate: createLocator(path, text) }
}

export function pathsOf(tree: SourceTree): readonly string[] {
  return tree.files.map((file) => file.path)
}

export function surfacesOf(tree: SourceTree): Record<string, string> {
  return Object.fromEntries(tree.files.map((file) => [file.path, file.surface]))
}

export function reasonsOf(tree: SourceTree): Record<string, string> {
  return Object.fromEntries(tree.gaps.map((gap) => [gap.path, gap.reason]))
}
