import type { EventStoreFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.eventStores.length === 0) return notApplicable('Streams cannot be resumed here.')
  return judged(facts.eventStores.filter(({ shared }) => shared).map(findingOf))
}

function findingOf({ created, used }: EventStoreFact): FindingDraft {
  return {
    what: 'One event store serves the streams of all sessions: whoever names an event of another session is sent what followed it.',
    trace: [
      { note: 'made once, for all sessions', location: created },
      { note: 'replays to this session whatever Last-Event-ID names', location: used },
    ],
    primary: 0,
    confidence: 'high',
  }
}
