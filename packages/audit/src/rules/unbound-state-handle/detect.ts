import type { ServerFacts } from '../../facts/facts.ts'
import type { HandleUseFact, StateHandleFact } from '../../facts/handles.ts'
import type { Callers } from '../../facts/request-state.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { atDistinctPlaces } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 8

export function detect(facts: ServerFacts): Verdict {
  const handles = facts.stateHandles.filter(({ isTask }) => !isTask)
  if (handles.length === 0) return notApplicable('No tool takes a handle that this server gave out.')
  const of = (callers: Callers): readonly StateHandleFact[] => handles.filter((handle) => handle.callers === callers)
  const owned = of('people')
  const isReached = facts.listeners.some(({ reach }) => reach === 'network')
  // Where nobody proves who they are, a handle is a capability: one that can be guessed is open to all.
  const open = of('nobody').filter(({ guessable }) => guessable && isReached)
  if (owned.length === 0 && open.length === 0) return notApplicable(reasonFor(handles))
  return judged([
    ...owned.flatMap((handle) => unboundFinding(handle, OF_OTHERS) ?? []),
    ...open.flatMap((handle) => unboundFinding(handle, OF_ANYBODY) ?? []),
  ])
}

function reasonFor(handles: readonly StateHandleFact[]): string {
  if (handles.some(({ callers }) => callers === 'nobody'))
    return 'Callers are anonymous; a handle is a capability to whoever has it.'
  return handles.some(({ callers }) => callers === 'one-key')
    ? 'One shared credential is one principal: there is nobody else to tell apart.'
    : 'Served through a pipe only: there is no second principal.'
}

interface Words {
  readonly what: string
  readonly use: string
  readonly confidence: FindingDraft['confidence']
  readonly why?: string
  readonly todo?: string
}

const OF_OTHERS: Words = {
  what: 'is given to whoever names it: the verified caller is never compared with its owner',
  use: 'without comparing the owner',
  confidence: 'high',
}

const OF_ANYBODY: Words = {
  what: 'is given to whoever names it, no credential is verified, and its handles can be guessed',
  use: 'for whoever guesses the handle',
  confidence: 'medium',
  why: 'Where callers are anonymous, a handle is all that keeps strangers apart. Mallory counts, and reads what others keep here.',
  todo: 'Verify a credential and bind state to its principal. Where callers stay anonymous, make handles of 128 random bits, and let them expire.',
}

function unboundFinding(handle: StateHandleFact, words: Words): FindingDraft | undefined {
  const open = handle.uses.filter(({ bound }) => !bound)
  if (open.length === 0) return undefined
  const { use, what, ...rest } = words
  return {
    what: `State in ${handle.name} ${what}.`,
    trace: [{ note: 'kept under a new handle', location: handle.minted }, ...stepsOf(open, use)].slice(0, MOST_STEPS),
    primary: 1,
    ...rest,
  }
}

function stepsOf(uses: readonly HandleUseFact[], words: string): readonly Step[] {
  const steps = uses.flatMap(({ lookup, at, how }) => [
    ...(how === 'removed' ? [] : [{ note: 'looked up by the argument alone', location: lookup }]),
    { note: `${how} ${words}`, location: at },
  ])
  return atDistinctPlaces(steps)
}
