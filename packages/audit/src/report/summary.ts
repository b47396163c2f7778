/** What every format says in the same words: on how much a grade rests, and what does not count. */
import type { Assessment, Finding, Location, Outcome, Report, Suppression } from '../finding/finding.ts'
import { severities } from '../finding/severity.ts'

/** `Grade F, 25 of 100` */
export function headlineOf({ grade, score }: Report): string {
  return `Grade ${grade}, ${score} of 100`
}

/** `2 critical, 1 medium`, or that there is none. */
export function tallyOf(findings: readonly Finding[]): string {
  const counts = severities.map((severity) => ({
    severity,
    count: findings.filter((one) => one.severity === severity).length,
  }))
  const named = counts.filter(({ count }) => count > 0).map(({ severity, count }) => `${count} ${severity}`)
  return named.length === 0 ? 'no weakness found' : named.join(', ')
}

/** Which rules were decided, and which were not. */
export function coverageOf(assessments: readonly Assessment[]): string {
  const count = (outcome: Outcome) => assessments.filter((assessment) => assessment.outcome === outcome).length
  const decided = count('pass') + count('fail')
  const rest = count('notApplicable') > 0 ? `, ${count('notApplicable')} not applicable` : ''
  const noun = assessments.length === 1 ? 'rule' : 'rules'
  return `Grade rests on ${decided} of ${assessments.length} ${noun}, ${count('open')} open${rest}.`
}

const SOURCES: readonly (readonly [Suppression['by'], string])[] = [
  ['comment', 'by comments'],
  ['config', 'by the configuration'],
  ['baseline', 'by the baseline'],
  ['since', 'known at an earlier revision'],
]

/** How many findings do not count because somebody decided so. Said in every report, also of none. */
export function suppressedOf({ suppressed }: Report): string {
  const parts = SOURCES.map(([by, words]) => ({
    words,
    count: suppressed.filter(({ suppression }) => suppression.by === by).length,
  }))
  const named = parts.filter(({ count }) => count > 0).map(({ words, count }) => `${count} ${words}`)
  const total = `${counted(suppressed.length, 'finding')} suppressed`
  return named.length === 0 ? `${total}.` : `${total}, not scored: ${named.join(', ')}.`
}

/** What a profile does not list; empty where it lists all. */
export function leftOutOf({ leftOut, profile }: Report): string {
  return leftOut === 0
    ? ''
    : `${counted(leftOut, 'finding')} left out by the profile ${profile}; --profile auditor lists all.`
}

/** `src/server.ts:12:3` */
export function placeText({ path, startLine, startColumn }: Location): string {
  return `${path}:${startLine}:${startColumn}`
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
