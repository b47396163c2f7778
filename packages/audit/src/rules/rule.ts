/** What a rule is: identity (data) and views (pure functions). */
import type { RequirementId } from '@sallyport/requirements'
import type { FindingDraft, Severity, Step } from '../finding/finding.ts'
import type { ServerFacts } from '../facts/facts.ts'
import type { Mend } from '../fix/fix.ts'
import type { Scenario } from '../wire/scenario.ts'

/** Who a rule is. No logic. */
export interface Rule {
  /** kebab-case, the name of the weakness; equals its folder's name. */
  readonly id: string
  /** One line, no full stop. */
  readonly title: string
  readonly severity: Severity
  /** Points taken from 100 when the rule fails. */
  readonly impact: number
  /** For example `CWE-384`. */
  readonly cwe: readonly `CWE-${number}`[]
  readonly requirements: readonly RequirementId[]
  /** Revisions concerned: legacy = up to 2025-11-25, modern = 2026-07-28. */
  readonly eras: readonly ('legacy' | 'modern')[]
  /** Why it matters, one or two sentences: Mallory's attack in plain words. */
  readonly why: string
  /** What to do, one or two imperative sentences. */
  readonly todo: string
}

export function defineRule<const R extends Rule>(rule: R): R {
  return rule
}

/** What `detect` says of one subject. */
export type Verdict =
  | { readonly kind: 'notApplicable'; readonly reason: string }
  | {
      readonly kind: 'judged'
      readonly findings: readonly FindingDraft[]
      /** What stayed undecided, one sentence each; without findings the rule is `open`. */
      readonly open: readonly string[]
    }

export type Detect = (facts: ServerFacts) => Verdict

/** One entry of the generated index. */
export interface RuleEntry {
  readonly rule: Rule
  readonly detect?: Detect
  readonly scenario?: Scenario
  readonly fix?: Mend
}

export function judged(findings: readonly FindingDraft[], open: readonly string[] = []): Verdict {
  return { kind: 'judged', findings: onceEach(findings), open }
}

/** Stores of the same make have the same weakness at the same place: whoever reads it once has read it. */
function onceEach(findings: readonly FindingDraft[]): readonly FindingDraft[] {
  const told = new Map<string, FindingDraft>()
  for (const finding of findings) {
    const key = [finding.what, ...finding.trace.map(placeOf)].join('|')
    if (!told.has(key)) told.set(key, finding)
  }
  return [...told.values()]
}

function placeOf({ location }: Step): string {
  return `${location.path}:${location.startLine}:${location.startColumn}`
}

export function notApplicable(reason: string): Verdict {
  return { kind: 'notApplicable', reason }
}
