/** The vocabulary of prediction: handles as they were issued, and what is known of a part of them. */

/** One handle and the moment of its issue: sent for at, received at, by our clock. */
export interface IssuedHandle {
  readonly handle: string
  readonly sentAtMs: number
  readonly receivedAtMs: number
}

/** When the handle that is announced will be issued, by our clock. */
export interface Moment {
  readonly fromMs: number
  readonly toMs: number
}

/** A stretch of every handle of a sample. */
export interface Column {
  readonly texts: readonly string[]
  readonly issued: readonly IssuedHandle[]
}

/** What a stretch of the handles is. */
export interface Part {
  readonly kind: 'constant' | 'counter' | 'clock' | 'uuid' | 'math-random' | 'digest' | 'increasing' | 'unknown'
  /** In plain words: "a counter". */
  readonly label: string
  readonly texts: readonly string[]
  /** Upper bound on what an outsider who knows the kind has to guess. */
  readonly atMostBits: number
  /** What the stretch can be in the handle `ahead` after the next one, the likeliest first; absent where nobody can tell. */
  readonly next?: (ahead: number, moment: Moment) => readonly string[]
}
