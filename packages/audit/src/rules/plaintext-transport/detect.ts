import type { ListenerFact, ServerFacts } from '../../facts/facts.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  if (facts.listeners.length === 0)
    return notApplicable('Nothing in this tree listens; whoever mounts it decides on TLS.')
  if (!facts.carriesSecrets) return notApplicable('Neither sessions nor credentials travel to this server.')
  const exposed = facts.listeners.filter((listener) => listener.reach === 'network' && isPlain(listener))
  const undecided = facts.listeners.filter((listener) => listener.reach === 'unknown' && isPlain(listener))
  return judged(
    exposed.map(exposedListener),
    undecided.map(
      (listener) => `The address of ${listener.what} in ${listener.at.path} could not be followed to its value.`,
    ),
  )
}

function isPlain(listener: ListenerFact): boolean {
  return !listener.tls && !listener.tlsEnforced && (listener.carriesSecrets || listener.takesCodes)
}

function exposedListener(listener: ListenerFact): FindingDraft {
  const address = listener.byDefault
    ? 'names no address, so it listens on every interface'
    : `listens on ${listener.hosts.join(' or ')}`
  return {
    what: `${listener.what} ${address} over plain HTTP, and nothing insists on TLS.`,
    trace: [...madeElsewhere(listener), { note: `${address}, without TLS`, location: listener.at }],
    confidence: 'high',
  }
}

/** Where a server is made that another file has listen. */
function madeElsewhere({ app, at }: ListenerFact): FindingDraft['trace'] {
  if (app === undefined || app.path === at.path) return []
  return [{ note: 'the server is made here, without TLS', location: app }]
}
