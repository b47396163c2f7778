/** What a team says of names that the audit cannot follow: who authenticates, what keeps sessions. */

/** Names are `package#export`, a package alone for its default export, or `path/of/the/tree.ts#export`. */
export interface Declared {
  /** Functions that answer 401 or throw unless the caller is authenticated. */
  readonly authenticators: ReadonlySet<string>
  /** Classes and factories that keep sessions like a Map, with the timeouts that they enforce. */
  readonly stores: ReadonlyMap<string, readonly ('idle' | 'absolute')[]>
}

export const NOTHING_DECLARED: Declared = { authenticators: new Set(), stores: new Map() }

export function isDeclared({ authenticators, stores }: Declared, name: string): boolean {
  return authenticators.has(name) || stores.has(name)
}
