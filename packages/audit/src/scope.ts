/** Which code a report speaks of, and which decides its score. */
import type { Surface } from './finding/finding.ts'
import type { SourceTree } from './source/tree.ts'

export interface Scope {
  /** Surfaces whose findings are listed. */
  readonly reported: ReadonlySet<Surface>
  /** Surfaces whose findings make a rule fail. */
  readonly scored: ReadonlySet<Surface>
}

/** From what a server runs to what only stands beside it. */
const tiers: readonly (readonly Surface[])[] = [['runtime'], ['example', 'script'], ['test', 'generated']]

/**
 * Runtime code is scored, examples and scripts are listed with it, tests and generated code on request. A tree that
 * holds nothing of a tier is about the next one: in a folder of examples the examples are the servers.
 */
export function scopeOf(tree: SourceTree, includeTests: boolean): Scope {
  const present = new Set(tree.files.map((file) => file.surface))
  const scored = tiers.find((tier) => tier.some((surface) => present.has(surface))) ?? ['runtime']
  const listed = includeTests ? tiers.flat() : tiers.slice(0, 2).flat()
  return { reported: new Set([...listed, ...scored]), scored: new Set([...scored, 'runtime']) }
}
