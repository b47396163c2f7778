/** Why fixes do not hold. */
import type { Finding, Fix, Gap } from '../finding/finding.ts'

/** A finding and the fix for it. */
export interface Offer {
  readonly finding: Finding
  readonly fix: Fix
}

/** What source shows: every finding, listed or not, every gap, and how much each rule left undecided. */
export interface Shown {
  readonly findings: readonly Finding[]
  readonly gaps: readonly Gap[]
  readonly undecided: ReadonlyMap<string, readonly string[]>
}

export interface Objection {
  readonly reason: string
  /** The rule whose fixes are to blame, where that is known. */
  readonly rule?: string
}

/**
 * Why the source is no better with these fixes than without; undefined where it is. Each has to take its finding away,
 * and together they may bring no finding, no gap and no doubt. Findings are counted by rule: where one stands, and how
 * its code reads, is just what edits change.
 */
export function objectionTo(before: Shown, after: Shown, offers: readonly Offer[]): Objection | undefined {
  return (
    because(newGap(before, after)) ??
    stillThere(before, after, offers) ??
    because(newFinding(before, after) ?? newDoubt(before, after))
  )
}

function newGap(before: Shown, after: Shown): string | undefined {
  const gap = after.gaps.find(({ path }) => gapsIn(after, path) > gapsIn(before, path))
  return gap && `with it, ${gap.path} could not be read whole: ${gap.reason}`
}

function gapsIn({ gaps }: Shown, path: string): number {
  return gaps.filter((gap) => gap.path === path).length
}

function because(reason: string | undefined): Objection | undefined {
  return reason === undefined ? undefined : { reason }
}

function stillThere(before: Shown, after: Shown, offers: readonly Offer[]): Objection | undefined {
  for (const rule of new Set(offers.map(({ finding }) => finding.rule))) {
    const targets = new Set(offers.flatMap(({ finding }) => (finding.rule === rule ? [finding.fingerprint] : [])))
    if (countOf(after, rule) > countOf(before, rule) - targets.size)
      return { reason: 'the finding is still there with it', rule }
  }
  return undefined
}

function newFinding(before: Shown, after: Shown): string | undefined {
  const added = after.findings.find(({ rule }) => countOf(after, rule) > countOf(before, rule))
  return added && `it would bring a finding of ${added.rule}: ${added.what}`
}

function newDoubt(before: Shown, after: Shown): string | undefined {
  for (const [rule, reasons] of after.undecided)
    if (reasons.length > (before.undecided.get(rule)?.length ?? 0))
      return `with it, ${rule} could not be decided any more: ${reasons.at(-1)}`
  return undefined
}

function countOf({ findings }: Shown, rule: string): number {
  return findings.filter((finding) => finding.rule === rule).length
}
