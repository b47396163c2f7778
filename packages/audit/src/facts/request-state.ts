/** What becomes of the `requestState` that a client brings back. */
import type { Location } from '../finding/finding.ts'

/**
 * Whom the callers of a program can be told apart by: people, who holds the one key, nobody; `one` starts it and talks
 * to it through a pipe.
 */
export type Callers = 'people' | 'one-key' | 'nobody' | 'one'

/** One handler that reads state. */
export interface RequestStateFact {
  /** Where it comes in. */
  readonly at: Location
  /** Where such state goes out, if that was seen. */
  readonly out: Location | undefined
  /** What depends on it though nothing has shown that it is what went out. */
  readonly uses: readonly { readonly at: Location; readonly how: 'decision' | 'effect' | 'answer' }[]
  /** Whether, on some way, it is shown to be what went out, and where, if one call does that. */
  readonly isChecked: boolean
  readonly checked: Location | undefined
  /** Where it is taken apart before that, if it is. */
  readonly decoded: Location | undefined
  /** What it brings about where it is known to be what went out. */
  readonly outcomes: readonly StateOutcomeFact[]
  readonly callers: Callers
  /** Whether it could be brought to another handler, or with other arguments. */
  readonly fitsElsewhere: boolean
}

export interface StateOutcomeFact {
  readonly at: Location
  /** The record that it names was found under it on the server; otherwise the client carries the state itself. */
  readonly record: Location | undefined
  /** What of the caller was compared: the person, the application that people share, nothing. */
  readonly principal: 'person' | 'client' | 'nobody'
  /** Its age is limited; undefined where that could not be followed. */
  readonly expires: boolean | undefined
  /** It is compared with the request that it came with. */
  readonly request: boolean
  /** What shows that it is genuine cannot be seen, and may compare more. */
  readonly unseen: boolean
  /** Done twice it is more than done once, and nothing remembers that it was done. */
  readonly repeats: boolean
}
