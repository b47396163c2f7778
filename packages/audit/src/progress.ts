/** How far an audit is, for whoever waits for it. */
export interface Progress {
  /** What is being done, as a verb: `reading`, `parsing`, `following`. */
  readonly phase: string
  /** Files done in this phase. */
  readonly done: number
  /** Files in this phase; 0 where it is not known yet. */
  readonly total: number
}

export type OnProgress = (progress: Progress) => void
