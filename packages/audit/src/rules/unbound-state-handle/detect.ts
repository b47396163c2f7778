import type { ServerFacts } from '../../facts/facts.ts'
import type { HandleUseFact, StateHandleFact } from '../../facts/handles.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 8

export function detect(facts: ServerFacts): Verdict {
  if (facts.stateHandles.length === 0) return notApplicable('No tool takes a handle that this server gave out.')
  if (facts.pipedOnly) return notApplicable('Served through a pipe only: there is no second principal.')
  switch (facts.callers) {
    case 'personal':
      return judged(facts.stateHandles.flatMap((handle) => unboundFinding(handle, OF_OTHERS) ?? []))
    case 'shared':
      return notApplicable('One shared credential is one principal: there is nobody else to tell apart.')
    case 'none':
      return anonymous(facts)
  }
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

/** Nobody proves who they are: a handle that cannot be guessed is a capability, one that can be is open to all. */
function anonymous(facts: ServerFacts): Verdict {
  const guessable = facts.stateHandles.filter((handle) => handle.guessable)
  if (guessable.length === 0)
    return notApplicable('Callers are anonymous, and handles are hard to guess: whoever has one may use it.')
  const isReached = facts.listeners.some(({ reach }) => reach === 'network')
  if (!isReached) return notApplicable('Anonymous, and not known to be reached from the network.')
  return judged(guessable.flatMap((handle) => unboundFinding(handle, OF_ANYBODY) ?? []))
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
  const steps: Step[] = []
  for (const { lookup, at, how } of uses) {
    if (how !== 'removed') add(steps, { note: 'looked up by the argument alone', location: lookup })
    add(steps, { note: `${how} ${words}`, location: at })
  }
  return steps
}

function add(steps: Step[], step: Step): void {
  const { path, startLine, startColumn } = step.location
  const isKnown = steps.some(
    ({ location }) =>
      location.path === path && location.startLine === startLine && location.startColumn === startColumn,
  )
  if (!isKnown) steps.push(step)
}
