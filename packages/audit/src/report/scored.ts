/** Which findings count. */
import type { Finding, Report } from '../finding/finding.ts'

/** Whether a finding made its rule fail. The assessments say so; a finding's surface alone does not. */
export function scoredBy({ assessments }: Report): (finding: Finding) => boolean {
  const decisive = new Set(assessments.flatMap(({ findings }) => findings))
  return ({ fingerprint }) => decisive.has(fingerprint)
}
