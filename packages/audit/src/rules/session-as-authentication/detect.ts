import type { DispatchFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.stores.length === 0) return notApplicable('The server keeps no sessions.')
  if (!facts.verifiesCredentials) return notApplicable('No path of this server verifies a credential.')
  if (isAnonymousByDefault(facts))
    return notApplicable('On loopback only, and a credential is asked for only where one is configured.')
  const bare = facts.dispatches.filter((dispatch) => dispatch.authenticated === 'never')
  const unseen = bare.filter((dispatch) => dispatch.behindUnknown)
  const naked = bare.filter((dispatch) => !dispatch.behindUnknown)
  return judged(
    onePerPlace(naked).map(nakedFinding),
    unseen.length > naked.length
      ? ['Whether middleware that could not be read verifies credentials is not known.']
      : [],
  )
}

/** No session is reached by a credential unless somebody sets one for all callers, and none by the network. */
function isAnonymousByDefault({ dispatches, listeners }: ServerFacts): boolean {
  const asked = dispatches.filter(({ authenticated }) => authenticated !== 'never')
  const isOption =
    asked.length > 0 && asked.every((it) => it.authenticated === 'optional' && it.credential === 'shared')
  return isOption && listeners.length > 0 && listeners.every(({ reach }) => reach === 'loopback')
}

function onePerPlace(dispatches: readonly DispatchFact[]): readonly (readonly DispatchFact[])[] {
  const groups = new Map<string, DispatchFact[]>()
  for (const dispatch of dispatches) groups.set(dispatch.store, [...(groups.get(dispatch.store) ?? []), dispatch])
  return [...groups.values()]
}

function nakedFinding(dispatches: readonly DispatchFact[]): FindingDraft {
  const routes = [...new Set(dispatches.map(titleOf))]
  const [first] = dispatches
  const steps = dispatches.flatMap((dispatch) =>
    dispatch.route === undefined ? [] : [{ note: noteOf(dispatch), location: dispatch.route.at }],
  )
  return {
    what: `${routes.slice(0, 3).join(' and ')}: the session ID alone is accepted, though other routes verify a credential.`,
    trace: [...unique(steps), { note: 'served on the session ID alone', location: first!.at }],
    confidence: 'high',
  }
}

/** `POST /mcp`; `*` stands for whatever is asked for. */
function titleOf({ verb, route }: DispatchFact): string {
  const parts = [verb === '*' ? '' : verb, route?.path === '*' ? '' : (route?.path ?? '')].filter((part) => part !== '')
  return parts.length > 0 ? parts.join(' ') : 'Any request'
}

function noteOf(dispatch: DispatchFact): string {
  return dispatch.ownerStandsIn
    ? 'without a credential, the owner of the session is taken for the caller'
    : 'no credential is verified on this route'
}

function unique<T extends { readonly location: { readonly path: string; readonly startLine: number } }>(
  steps: readonly T[],
): readonly T[] {
  return steps
    .filter(
      (step, index) =>
        steps.findIndex(
          (other) => other.location.path === step.location.path && other.location.startLine === step.location.startLine,
        ) === index,
    )
    .slice(0, 4)
}
