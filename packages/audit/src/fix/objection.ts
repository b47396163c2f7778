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
  /** Whether a fix is to blame, where that can be told. */
  readonly blames?: (offer: Offer) => boolean
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
    const own = offers.filter(({ finding }) => finding.rule === rule)
    if (!areLeft(before, after, rule, own)) continue
    const paths = new Set(own.map(pathOf))
    const blamed = [...paths].filter((path) => areLeftIn(path, before, after, rule, own))
    return {
      reason: 'the finding is still there with it',
      blames: (offer) => offer.finding.rule === rule && (blamed.length === 0 || blamed.includes(pathOf(offer))),
    }
  }
  return undefined
}

/** More findings than there should be without those that are to be fixed. */
function areLeft(before: Shown, after: Shown, rule: string, own: readonly Offer[]): boolean {
  const targets = new Set(own.map(({ finding }) => finding.fingerprint))
  return countOf(after, rule) > countOf(before, rule) - targets.size
}

function areLeftIn(
  path: string | undefined,
  before: Shown,
  after: Shown,
  rule: string,
  own: readonly Offer[],
): boolean {
  const within = (shown: Shown): Shown => ({
    ...shown,
    findings: shown.findings.filter(({ location }) => location?.path === path),
  })
  return areLeft(
    within(before),
    within(after),
    rule,
    own.filter((offer) => pathOf(offer) === path),
  )
}

function pathOf({ finding }: Offer): string | undefined {
  return finding.location?.path
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
