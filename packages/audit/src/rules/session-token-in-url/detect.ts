import type { ServerFacts, UrlTokenFact } from '../../facts/facts.ts'
import type { FindingDraft, Step } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

const MOST_STEPS = 8

export function detect(facts: ServerFacts): Verdict {
  if (!facts.carriesSecrets && facts.urlTokens.length === 0)
    return notApplicable('Neither sessions nor credentials travel to this server.')
  return judged(byKind(facts.urlTokens).map(findingOf))
}

/** One finding per kind and way: reading it in three routes, or under two names, is one habit. */
function byKind(tokens: readonly UrlTokenFact[]): readonly (readonly UrlTokenFact[])[] {
  const groups = new Map<string, UrlTokenFact[]>()
  for (const token of tokens) {
    const key = `${token.kind}:${token.way}:${token.ofConnection}`
    groups.set(key, [...(groups.get(key) ?? []), token])
  }
  return [...groups.values()]
}

function findingOf(tokens: readonly UrlTokenFact[]): FindingDraft {
  const [first] = tokens
  const what = first?.kind === 'session' ? 'A session ID' : 'A credential'
  const verb = first?.way === 'sent' ? 'is sent in' : 'is accepted in'
  const isOfConnection = tokens.every(({ ofConnection }) => ofConnection)
  return {
    what: `${what} ${verb} ${partsOf(tokens)}${isOfConnection ? ', as the SSE transport has it' : ''}: it is written down wherever the URL passes.`,
    trace: stepsOf(tokens),
    confidence: 'high',
    primary: 0,
    // It dies with its connection, and the transport of that revision knows no other way.
    partial: isOfConnection,
  }
}

function partsOf(tokens: readonly UrlTokenFact[]): string {
  return [...new Set(tokens.map(({ part }) => part))].join(' and ')
}

function stepsOf(tokens: readonly UrlTokenFact[]): readonly Step[] {
  const steps = new Map<string, Step>()
  for (const { kind, way, part, read, at } of tokens) {
    if (read !== undefined) add(steps, { note: `read from ${part}`, location: read })
    const use = kind === 'session' ? 'names the session that is served' : 'accepted as the caller’s credential'
    add(steps, { note: way === 'sent' ? `written into ${part}` : use, location: at })
  }
  return [...steps.values()].slice(0, MOST_STEPS)
}

function add(steps: Map<string, Step>, step: Step): void {
  const { path, startLine, startColumn } = step.location
  const key = `${path}:${startLine}:${startColumn}`
  if (!steps.has(key)) steps.set(key, step)
}
