/** A requirement: one clause of a standard, in our own words, with the place where it can be read. */

/** The clause's force. `none`: the standard says it without one of the key words of RFC 2119. */
export type Keyword = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'none'

export interface Requirement {
  /** `<source>/<clause>`, for example `asvs-5.0/7.3.1`. Never changes once published. */
  readonly id: string
  readonly keyword: Keyword
  /** Title of the standard or page. */
  readonly source: string
  /** Public address of the section that holds the clause. */
  readonly link: string
  /** Dated MCP revisions that say so; without `last` the clause still stands. */
  readonly revisions?: { readonly first: string; readonly last?: string }
  /** What it asks, one sentence in our own words. */
  readonly text: string
}

export type Clause = Omit<Requirement, 'id' | 'source'>

/** Gives each clause of one source its id and the source's title. */
export function clausesOf<const Id extends `${string}/${string}`>(
  source: string,
  clauses: Readonly<Record<Id, Clause>>,
): Readonly<Record<Id, Requirement>> {
  const entries = Object.entries<Clause>(clauses).map(([id, clause]) => [id, { id, source, ...clause }])
  return Object.freeze(Object.fromEntries(entries))
}
