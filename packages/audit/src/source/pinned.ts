/** Where it is written which version of a dependency a package gets. */
import type { Location } from '../finding/finding.ts'
import { LOCKFILES } from './dependencies.ts'
import { createLocator } from './lines.ts'
import { manifestsOf } from './manifest.ts'
import { foldersUpward } from './folders.ts'
import type { SourceTree } from './tree.ts'

const FIELDS = ['dependencies', 'optionalDependencies', 'peerDependencies', 'devDependencies'] as const

/** Finds the entry in a lockfile of the tree, or the range in a manifest that no lockfile answers for. */
export function createPinnedAt(tree: SourceTree): (name: string, version: string, dir: string) => Location | undefined {
  const locks = new Map<string, string | undefined>()
  const textOf = (path: string): string | undefined => {
    if (!locks.has(path)) locks.set(path, tree.config(path))
    return locks.get(path)
  }
  const manifests = manifestsOf(tree)
  return (name, version, dir) => {
    const folders = dir.startsWith('..') ? [] : foldersUpward(dir)
    for (const path of folders.flatMap((folder) => LOCKFILES.map(([file]) => pathIn(folder, file)))) {
      const text = textOf(path)
      const span = text === undefined ? undefined : entryIn(text, name, version)
      if (span !== undefined) return createLocator(path, text!)(...span)
    }
    for (const folder of folders) {
      const manifest = manifests.find(({ path }) => path === pathIn(folder, 'package.json'))
      const range = FIELDS.map((field) => manifest?.stringAt(field, name)).find((found) => found !== undefined)
      if (manifest && range) return createLocator(manifest.path, manifest.text)(range.start, range.end)
    }
    return undefined
  }
}

/** Between the name of a package and its version in an entry of any lockfile. */
const LONGEST_HEAD = 400

/** The version in the first entry of that name that has it. */
function entryIn(text: string, name: string, version: string): readonly [number, number] | undefined {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + name.length)) {
    if (!isNameAt(text, at, name)) continue
    const found = text.slice(at + name.length, at + name.length + LONGEST_HEAD).indexOf(version)
    const start = at + name.length + found
    const isWhole = found !== -1 && !/[\w.-]/.test(text[start + version.length] ?? '')
    if (isWhole && isHead(text.slice(at + name.length, start))) return [start, start + version.length]
  }
  return undefined
}

/** `@scope/name` is another package than `name`. */
function isNameAt(text: string, at: number, name: string): boolean {
  const before = text.slice(Math.max(0, at - 13), at)
  return /(?:^|["'\s]|node_modules\/)$/.test(before) && /["'@:]/.test(text[at + name.length] ?? '')
}

/** `@`, or what opens an entry and its `version`, and nothing of the next entry. */
function isHead(between: string): boolean {
  return between === '@' || (/\bversion\b["']?:?\s+["']?$/.test(between) && !between.includes('}'))
}

function pathIn(folder: string, file: string): string {
  return folder === '' ? file : `${folder}/${file}`
}
