/** A JSON report → whether its grade follows from what it lists, by the published formula and the published rules. */
import type { Assessment, Finding, Score } from '../finding/finding.ts'
import { lowerSeverity } from '../finding/severity.ts'
import type { Rule } from '../rules/rule.ts'
import { FORMULA_VERSION, score } from './score.ts'

/** What a check of a report gives. `unreadable`: it is no report, or one of another formula. */
export type Verification =
  | ({ readonly kind: 'agrees'; readonly subjects: number } & Score)
  | ({ readonly kind: 'differs'; readonly differences: readonly string[] } & Score)
  | { readonly kind: 'unreadable'; readonly reason: string }

/** The parts of the document that a grade rests on. */
interface Graded {
  readonly score: number
  readonly grade: string
  readonly assessments: readonly Assessment[]
}

interface Document extends Graded {
  readonly formula: string
  readonly findings: readonly Finding[]
  readonly declared: readonly string[]
  readonly subjects?: readonly (Graded & { readonly root: string })[]
}

/** Recomputes the grade of a parsed JSON report. Trusts none of its numbers that can be derived. */
export function verifyReport(document: unknown, rules: readonly Rule[]): Verification {
  if (isObject(document) && document['grade'] === null)
    return { kind: 'unreadable', reason: 'The report gives no grade: too little was decided.' }
  if (!isDocument(document)) return { kind: 'unreadable', reason: 'This is no JSON report of sallyport audit.' }
  if (document.formula !== FORMULA_VERSION)
    return {
      kind: 'unreadable',
      reason: `The report was scored by formula ${document.formula}; this version knows formula ${FORMULA_VERSION}.`,
    }
  const graded = document.subjects?.length ? document.subjects : [document]
  const scores = graded.map(({ assessments }) => score(assessments, document.findings))
  const lowest = scores.reduce((worst, one) => (isWorse(one, worst) ? one : worst))
  const differences = [
    ...graded.flatMap((one, at) => differencesIn(one, scores[at] ?? lowest, document, rules)),
    ...(agrees(document, lowest)
      ? []
      : [`The report says ${words(document)}, but its assessments give ${words(lowest)}.`]),
  ]
  const distinct = [...new Set(differences)]
  if (distinct.length > 0) return { kind: 'differs', differences: distinct, ...lowest }
  return { kind: 'agrees', subjects: graded.length, ...lowest }
}

function isWorse(one: Score, other: Score): boolean {
  return one.score < other.score || (one.score === other.score && one.grade > other.grade)
}

function agrees(said: Pick<Graded, 'score' | 'grade'>, derived: Score): boolean {
  return said.score === derived.score && said.grade === derived.grade
}

function words({ grade, score: points }: Pick<Graded, 'score' | 'grade'>): string {
  return `grade ${grade} with ${points} of 100`
}

function differencesIn(
  graded: Graded & { root?: string },
  derived: Score,
  document: Document,
  rules: readonly Rule[],
): readonly string[] {
  const own =
    agrees(graded, derived) || graded.root === undefined
      ? []
      : [`${graded.root}: the report says ${words(graded)}, but its assessments give ${words(derived)}.`]
  return [...own, ...graded.assessments.flatMap((one) => assessmentDifferences(one, document, rules))]
}

function assessmentDifferences(
  assessment: Assessment,
  { findings, declared }: Document,
  rules: readonly Rule[],
): readonly string[] {
  const rule = rules.find(({ id }) => id === assessment.rule)
  if (rule === undefined) return [`There is no rule ${assessment.rule} in this version.`]
  if (assessment.outcome !== 'fail')
    return assessment.findings.length > 0 ? [`${rule.id} does not fail, and yet names findings.`] : []
  const own = findings.filter(({ fingerprint }) => assessment.findings.includes(fingerprint))
  if (own.length === 0 || own.some((finding) => finding.rule !== rule.id))
    return [`${rule.id} fails by findings that the report does not hold.`]
  const impact = own.every(({ partial }) => partial) ? rule.impact / 2 : rule.impact
  const wrong = own.filter(
    ({ severity, partial }) => severity !== (partial ? lowerSeverity(rule.severity) : rule.severity),
  )
  return [
    ...(assessment.impact === impact ? [] : [`${rule.id} costs ${impact} points, not ${assessment.impact}.`]),
    ...(wrong.length > 0 && declared.length === 0
      ? [`Findings of ${rule.id} have another severity than the rule, and no configuration says so.`]
      : []),
  ]
}

function isDocument(value: unknown): value is Document {
  if (!isObject(value)) return false
  const { tool, formula, findings, declared, subjects } = value
  return (
    isObject(tool) &&
    tool['name'] === 'sallyport' &&
    typeof formula === 'string' &&
    Array.isArray(declared) &&
    isGraded(value) &&
    Array.isArray(findings) &&
    findings.every(isFinding) &&
    (subjects === undefined ||
      (Array.isArray(subjects) &&
        subjects.every((one) => isGraded(one) && typeof (one as { root?: unknown }).root === 'string')))
  )
}

function isGraded(value: unknown): boolean {
  if (!isObject(value)) return false
  const { score: points, grade, assessments } = value
  return (
    typeof points === 'number' &&
    typeof grade === 'string' &&
    Array.isArray(assessments) &&
    assessments.every(isAssessment)
  )
}

function isAssessment(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value['rule'] === 'string' &&
    typeof value['outcome'] === 'string' &&
    typeof value['impact'] === 'number' &&
    Array.isArray(value['findings'])
  )
}

function isFinding(value: unknown): boolean {
  return (
    isObject(value) &&
    ['fingerprint', 'rule', 'severity'].every((name) => typeof value[name] === 'string') &&
    typeof value['partial'] === 'boolean'
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
