/** Live drafts → findings. */
import { createHash } from 'node:crypto'
import type { Rule } from '../rules/rule.ts'
import type { Exchange, Finding, LiveFindingDraft } from './finding.ts'
import { lowerSeverity } from './severity.ts'

/** A rule and what its `judge` claimed. */
export interface LiveClaim {
  readonly rule: Rule
  readonly draft: LiveFindingDraft
}

/** What is shown of a body: enough to see the proof. */
const LONGEST_BODY = 4_000
const LONGEST_HEADER = 1_000
const MOST_HEADERS = 60

/** Findings of all claims in their order. `place`: what names the target in fingerprints, the same on every machine. */
export function liveFindingsOf(claims: readonly LiveClaim[], place: string): readonly Finding[] {
  const seen = new Map<string, number>()
  return claims.map((claim) => {
    const identity = [claim.rule.id, 'wire', place, claim.draft.key].join('\0')
    const occurrence = seen.get(identity) ?? 0
    seen.set(identity, occurrence + 1)
    return findingOf(claim, createHash('sha256').update(`${identity}\0${occurrence}`).digest('hex').slice(0, 16))
  })
}

function findingOf({ rule, draft }: LiveClaim, fingerprint: string): Finding {
  const partial = draft.partial ?? false
  return {
    fingerprint,
    rule: rule.id,
    severity: partial ? lowerSeverity(rule.severity) : rule.severity,
    confidence: draft.confidence,
    partial,
    surface: 'runtime',
    what: draft.what,
    why: draft.why ?? rule.why,
    todo: draft.todo ?? rule.todo,
    trace: draft.trace.map(({ note, exchange }) => ({ note, exchange: shown(exchange) })),
    primary: draft.primary ?? draft.trace.length - 1,
    fixes: [],
  }
}

/** As much of an exchange as a report holds. */
function shown({ actor, request, response, failure }: Exchange): Exchange {
  return {
    actor,
    request: { ...request, headers: headers(request.headers), ...(request.body && { body: cut(request.body) }) },
    ...(response && {
      response: { status: response.status, headers: headers(response.headers), body: cut(response.body) },
    }),
    ...(failure !== undefined && { failure }),
  }
}

function headers(all: Exchange['request']['headers']): Exchange['request']['headers'] {
  return all.slice(0, MOST_HEADERS).map(([name, value]) => [name, value.slice(0, LONGEST_HEADER)])
}

function cut(text: string): string {
  return text.length <= LONGEST_BODY ? text : `${text.slice(0, LONGEST_BODY)}…`
}
