import type { ExposureFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 8

export function detect(facts: ServerFacts): Verdict {
  if (!facts.carriesSecrets && facts.exposures.length === 0)
    return notApplicable('Neither sessions nor credentials travel to this server.')
  return judged(groups(facts.exposures).map(findingOf))
}

/** Logging is a habit: one finding for each file and kind. */
function groups(exposures: readonly ExposureFact[]): readonly (readonly ExposureFact[])[] {
  const byKey = new Map<string, ExposureFact[]>()
  for (const exposure of exposures) {
    const key = `${exposure.where}:${exposure.kind}:${exposure.audience}:${exposure.at.path}`
    byKey.set(key, [...(byKey.get(key) ?? []), exposure])
  }
  return [...byKey.values()]
}

function findingOf(exposures: readonly ExposureFact[]): FindingDraft {
  const [{ kind, where, audience }] = exposures as readonly [ExposureFact, ...ExposureFact[]]
  const thing = kind === 'session' ? 'session IDs' : 'credentials'
  const note = where === 'log' ? `${thing} are written to the log` : 'the IDs of all sessions are in the answer'
  return {
    what:
      where === 'log'
        ? `${capital(thing)} are written to the log as they are.`
        : `An answer lists the IDs of all sessions to ${AUDIENCES[audience]}.`,
    ...(audience === 'holders' && { partial: true }),
    trace: exposures.slice(0, MOST_STEPS).map(({ at }) => ({ note, location: at })),
    primary: 0,
    confidence: 'high',
  }
}

const AUDIENCES: Record<ExposureFact['audience'], string> = {
  everybody: 'whoever asks',
  users: 'every user who is let in',
  holders: 'whoever is let in',
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
