import type { EventStoreFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { isSamePlace } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.eventStores.length === 0) return notApplicable('Streams cannot be resumed here.')
  return judged(facts.eventStores.filter(({ shared }) => shared).map(findingOf))
}

function findingOf({ created, used, how, replays }: EventStoreFact): FindingDraft {
  return {
    what: WHAT[how],
    trace: [
      ...(how === 'handed' || isSamePlace(created, used)
        ? []
        : [{ note: 'made once, for all sessions', location: created }]),
      { note: 'replays to this session whatever Last-Event-ID names', location: used },
      ...(replays === undefined ? [] : [{ note: 'whichever stream that event is of', location: replays }]),
    ],
    primary: 0,
    confidence: how === 'handed' ? 'medium' : 'high',
  }
}

const WHAT: Record<EventStoreFact['how'], string> = {
  given:
    'One event store serves the streams of all sessions: whoever names an event of another session is sent what followed it.',
  'by-hand':
    'What was sent to all sessions is kept in one place, and what follows Last-Event-ID is sent again, whichever session it was for.',
  handed:
    'The event store that this transport is handed is asked for whatever follows Last-Event-ID: nothing asks whether that event is of this session.',
}
