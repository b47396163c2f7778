/** What every format says in the same words: on how much a grade rests, and what does not count. */
import {
  isExchange,
  nameOf,
  type Finding,
  type Location,
  type Outcome,
  type Report,
  type ReportSubject,
  type Suppression,
} from '../finding/finding.ts'
import { severities } from '../finding/severity.ts'

/** `Grade F, 25 of 100` */
export function headlineOf({ grade, score }: Pick<Report, 'grade' | 'score'>): string {
  return grade === null ? 'No grade' : `Grade ${grade}, ${score} of 100`
}

/** `audit of packages/server`, or `probe of http://127.0.0.1:3000/mcp` */
export function titleOf(subject: ReportSubject): string {
  return `${subject.kind === 'source' ? 'audit' : 'probe'} of ${nameOf(subject)}`
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
export function coverageOf({ assessments, grade }: Pick<Report, 'assessments' | 'grade'>): string {
  const count = (outcome: Outcome) => assessments.filter((assessment) => assessment.outcome === outcome).length
  const decided = count('pass') + count('fail')
  const rest = count('notApplicable') > 0 ? `, ${count('notApplicable')} not applicable` : ''
  const noun = assessments.length === 1 ? 'rule' : 'rules'
  if (grade === null)
    return `${decided} of ${assessments.length} ${noun} decided, ${count('open')} open${rest}: too little for a grade.`
  const worth = decided === 0 && count('open') > 0 ? ' With nothing decided it says nothing.' : ''
  return `Grade rests on ${decided} of ${assessments.length} ${noun}, ${count('open')} open${rest}.${worth}`
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

/** Of several servers, whose grade the report has; empty for one. */
export function worstOf({ subjects, score, grade }: Report): string {
  const worst = subjects.find((subject) => subject.score === score && subject.grade === grade)
  return worst ? `The grade is that of ${worst.root}, the lowest of ${subjects.length} servers.` : ''
}

/** The score as the sum a reader can check; empty where nothing was taken off, or several servers have a sum each. */
export function sumOf({ score, assessments, formula, subjects }: Report, minus: string): string {
  const costs = assessments.filter(({ outcome }) => outcome === 'fail').map(({ impact }) => impact)
  if (score === null || costs.length === 0 || subjects.length > 0) return ''
  const terms = costs.toSorted((one, other) => other - one).map((impact) => `${minus} ${impact}`)
  const floor = costs.reduce((sum, cost) => sum + cost, 0) > 100 ? ', but not below 0,' : ''
  return `100 ${terms.join(' ')}${floor} = ${score} (formula ${formula})`
}

/** Why a score of 90 or more is not an A. */
export function withheld({ score, grade }: Report): string {
  return score !== null && score >= 90 && grade !== 'A' ? 'No A with a critical or high finding.' : ''
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

/** What stands where the place of a finding would. */
export function noPlace({ trace }: Finding): string {
  return trace.some(isExchange) ? 'seen on the wire' : 'no place in source'
}

/** What a report rests on: `4 files analysed`, or `310 requests sent`. */
export function effortOf({ subject, files, probed }: Report): string {
  if (subject.kind === 'target') return `${counted(subject.requests, 'request')} sent`
  const live = probed ? `, ${counted(probed.requests, 'request')} sent to ${probed.url}` : ''
  return `${counted(files.analysed, 'file')} analysed${live}`
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
