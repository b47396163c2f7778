/** Runs the rules over the facts. A rule that throws costs its own verdict and nobody else's. */
import type { Gap } from './finding/finding.ts'
import { primaryStep, type Claim } from './finding/findings.ts'
import type { ServerFacts } from './facts/facts.ts'
import type { RuleEntry } from './rules/rule.ts'
import type { Detection } from './score/assess.ts'

/** What every rule says of these facts, in the order of the rules. */
export function detectAll(rules: readonly RuleEntry[], facts: ServerFacts): Detection[] {
  return rules.map((entry) => detectOne(entry, facts))
}

/** The drafts of all rules that judged. */
export function claimsOf(detections: readonly Detection[]): Claim[] {
  return detections.flatMap(({ rule, verdict }) =>
    verdict.kind === 'judged' ? verdict.findings.map((draft) => ({ rule, draft })) : [],
  )
}

/** One gap per rule that crashed. */
export function crashesOf(detections: readonly Detection[]): Gap[] {
  return detections.flatMap(({ rule, verdict }) =>
    verdict.kind === 'crashed' ? [{ path: '.', reason: verdict.reason, rules: [rule.id] }] : [],
  )
}

function detectOne({ rule, detect }: RuleEntry, facts: ServerFacts): Detection {
  if (detect === undefined) {
    return { rule, verdict: { kind: 'notApplicable', reason: 'Source alone cannot show this weakness.' } }
  }
  try {
    const verdict = detect(facts)
    // A draft without a place would only fail later, where it takes the whole report with it.
    if (verdict.kind === 'judged') verdict.findings.forEach(primaryStep)
    return { rule, verdict }
  } catch (error) {
    return { rule, verdict: { kind: 'crashed', reason: describeCrash(rule.id, error) } }
  }
}

function describeCrash(id: string, error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const place = error instanceof Error ? placeOf(error.stack) : undefined
  return `The rule ${id} failed${place === undefined ? '' : ` at ${place}`} and gave no verdict (${message}).`
}

/** File and line of the innermost frame, without the folders of the machine that ran it. */
function placeOf(stack: string | undefined): string | undefined {
  const frame = /([\w.-]+\/)?([\w.-]+\.[cm]?[jt]s):(\d+):\d+\)?$/m.exec(stack ?? '')
  return frame === null ? undefined : `${frame[1] ?? ''}${frame[2]}:${frame[3]}`
}
