/** Handles that the server gives out and tools take as arguments. */
import type { Location } from '../finding/finding.ts'
import type { Callers } from './request-state.ts'

export interface StateHandleFact {
  readonly store: string
  readonly name: string
  /** Where state is kept under a new handle. */
  readonly minted: Location
  /** A task of the protocol, named by a client that asks for it; otherwise an argument of tools. */
  readonly isTask: boolean
  /** What happens to state found by an argument. */
  readonly uses: readonly HandleUseFact[]
  /** Whom callers can be told apart by. */
  readonly callers: Callers
  /** No sound generator, or too few bits: who has none can find one. */
  readonly guessable: boolean
}

export interface HandleUseFact {
  readonly lookup: Location
  readonly at: Location
  readonly how: 'answered' | 'changed' | 'used' | 'removed'
  /** Nobody compared its owner with the caller on some path here. */
  readonly bound: boolean
}
