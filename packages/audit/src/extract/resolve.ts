import type { SourceTree } from '../source/tree.ts'

export type Resolution =
  | { readonly kind: 'file'; readonly path: string }
  /** `subpath` is '' or starts without a slash: `@scope/pkg/a/b` is name `@scope/pkg`, subpath `a/b`. Builtins are named `node:crypto`, `node:fs` with subpath `promises`. */
  | { readonly kind: 'package'; readonly name: string; readonly subpath: string }
  | { readonly kind: 'missing' }

export type Resolve = (specifier: string, fromPath: string) => Resolution

/** A resolver over the files of a tree: no node_modules, no disk, no network. */
export declare function createResolver(tree: SourceTree): Resolve
