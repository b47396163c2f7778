/** Findings and the fixes that their rules offer. */
import type { Examined } from './examine.ts'
import type { Finding, Gap } from './finding/finding.ts'
import { createSyntax } from './syntax/read.ts'

export interface Offered {
  readonly findings: readonly Finding[]
  /** One for every fix that failed: it must cost neither the finding nor the audit, nor go unmentioned. */
  readonly gaps: readonly Gap[]
}

/** The findings, each with what its rule offers against it. */
export function withFixes(findings: readonly Finding[], { rules, facts, tree }: Examined): Offered {
  const ground = { facts, syntax: createSyntax(tree) }
  const mends = new Map(rules.map(({ rule, fix }) => [rule.id, fix]))
  const gaps: Gap[] = []
  const offered = findings.map((finding) => {
    try {
      const fix = mends.get(finding.rule)?.(finding, ground)
      return fix === undefined ? finding : { ...finding, fixes: [...finding.fixes, fix] }
    } catch (error) {
      gaps.push(failureOf(finding, error))
      return finding
    }
  })
  return { findings: offered, gaps }
}

function failureOf({ rule, location }: Finding, error: unknown): Gap {
  const message = error instanceof Error ? error.message : String(error)
  return {
    path: location?.path ?? '.',
    reason: `The fix for ${rule} failed and is not offered (${message}).`,
    ...(location && { location }),
  }
}
