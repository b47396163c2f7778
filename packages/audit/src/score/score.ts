/** Assessments → score and grade, by the published formula. */
import type { Assessment, Finding, Grade, Score, Subject } from '../finding/finding.ts'
import { compareText } from '../finding/findings.ts'
import { isAtLeast } from '../finding/severity.ts'

/** Changes with every change of the formula below or of what `assess` counts. */
export const FORMULA_VERSION = '1'

/**
 * 100 minus the impact of every failing rule, once per rule and not below 0. A at 90 or more with no critical and no
 * high finding, B at 80, C at 70, D at 60, else F. Findings that decided no assessment are not looked at.
 */
export function score(assessments: readonly Assessment[], findings: readonly Finding[]): Score {
  const failing = assessments.filter(({ outcome }) => outcome === 'fail')
  const points = failing.reduce((left, { impact }) => left - impact, 100)
  const decisive = new Set(failing.flatMap((assessment) => assessment.findings))
  const severe = findings.some((finding) => decisive.has(finding.fingerprint) && isAtLeast(finding.severity, 'high'))
  return { score: Math.max(0, points), grade: gradeOf(points, severe) }
}

/** Of several servers the worst; undefined of none. */
export function lowestOf(subjects: readonly Subject[]): Score | undefined {
  const [worst] = subjects.toSorted((a, b) => a.score - b.score || compareText(b.grade, a.grade))
  return worst && { score: worst.score, grade: worst.grade }
}

function gradeOf(points: number, severe: boolean): Grade {
  if (points >= 90 && !severe) return 'A'
  if (points >= 80) return 'B'
  if (points >= 70) return 'C'
  return points >= 60 ? 'D' : 'F'
}
