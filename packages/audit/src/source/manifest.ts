/** Places in a package.json, for who wants to change it. */
import { findNodeAtLocation, parseTree } from 'jsonc-parser'
import type { SourceTree } from './tree.ts'

export interface Manifest {
  /** Relative to the root. */
  readonly path: string
  readonly text: string
  /** The span of a string value below keys, quotes aside; undefined where there is none, or it holds escapes. */
  stringAt(
    ...keys: readonly string[]
  ): { readonly start: number; readonly end: number; readonly value: string } | undefined
}

/** Every package.json that lies in the tree. */
export function manifestsOf(tree: SourceTree): readonly Manifest[] {
  return tree.packages.flatMap(({ dir }) => {
    const path = dir === '' ? 'package.json' : `${dir}/package.json`
    const text = dir.startsWith('..') ? undefined : tree.config(path)
    return text === undefined ? [] : [manifestOf(path, text)]
  })
}

function manifestOf(path: string, text: string): Manifest {
  const mark = text.charCodeAt(0) === 0xfeff ? 1 : 0
  const root = parseTree(text.slice(mark))
  return {
    path,
    text,
    stringAt(...keys) {
      const node = root && findNodeAtLocation(root, [...keys])
      if (node === undefined || typeof node.value !== 'string' || node.length !== node.value.length + 2)
        return undefined
      const start = node.offset + mark + 1
      return { start, end: start + node.value.length, value: node.value }
    },
  }
}
