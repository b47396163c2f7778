import type { ServerFacts, StreamFact } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  const streams = facts.tokens.some(({ expires }) => expires === false) ? [] : facts.streams
  if (streams.length === 0) return notApplicable('No stream is opened by a credential that ends by itself.')
  const unlimited = streams.filter(({ limited }) => !limited)
  return judged(byVerification(unlimited).map(findingOf))
}

/** One check of the credential lets in what several places keep open. */
function byVerification(streams: readonly StreamFact[]): readonly (readonly StreamFact[])[] {
  const groups = new Map<string, StreamFact[]>()
  for (const stream of streams) {
    const key = `${stream.how}:${stream.opened.path}`
    groups.set(key, [...(groups.get(key) ?? []), stream])
  }
  return [...groups.values()]
}

const MOST_STEPS = 4

const OPENED: Record<StreamFact['how'], string> = {
  session: 'The stream of a session',
  listen: 'A stream of subscriptions',
  answer: 'A stream of events',
  socket: 'A socket',
}

function findingOf(streams: readonly StreamFact[]): FindingDraft {
  const [{ how, verified }] = streams as readonly [StreamFact, ...StreamFact[]]
  return {
    what: `${OPENED[how]} is opened by a token that expires, and nothing closes it when the token has.`,
    trace: [
      { note: 'a token that expires is verified, once', location: verified },
      ...streams.slice(0, MOST_STEPS).map(({ opened }) => ({
        note: 'stays open for as long as the client likes',
        location: opened,
      })),
    ],
    primary: 1,
    confidence: how === 'listen' ? 'medium' : 'high',
  }
}
