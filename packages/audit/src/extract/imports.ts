/** What a file imports by a written-down path, read without a parser. */
import type { SourceFile } from '../source/tree.ts'
import type { Resolve } from './resolve.ts'

const IMPORTS = /(?:\bfrom|\bimport|\brequire\()\s*\(?\s*['"]([^'"\n]{1,200})['"]/g

/** Files of the tree that a file imports. */
export function importsOf({ text, path }: SourceFile, resolve: Resolve): readonly string[] {
  return [...text.matchAll(IMPORTS)]
    .map((match) => match[1]!)
    .filter((specifier) => !specifier.startsWith('@modelcontextprotocol/'))
    .map((specifier) => resolve(specifier, path))
    .flatMap((target) => (target.kind === 'file' ? [target.path] : []))
}
