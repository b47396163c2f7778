import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Assessment, Finding, Grade, Severity } from '../../src/finding/finding.ts'
import { severities } from '../../src/finding/severity.ts'
import { score } from '../../src/score/score.ts'
import { aFinding, anAssessment, aRule } from './build.ts'

interface Case {
  readonly assessment: Assessment
  readonly finding: Finding
}

/** A rule that fails by one finding. */
function failing(id: string, severity: Severity, impact: number): Case {
  return {
    assessment: anAssessment(id, { outcome: 'fail', severity, impact, findings: [id] }),
    finding: aFinding(aRule(id, severity, impact), id, { severity }),
  }
}

function scoreOf(cases: readonly Case[]): ReturnType<typeof score> {
  return score(
    cases.map(({ assessment }) => assessment),
    cases.map(({ finding }) => finding),
  )
}

describe('score', () => {
  test('is 100 and A where nothing fails', () => {
    expect(score([anAssessment('a'), anAssessment('b', { outcome: 'open' })], [])).toEqual({ score: 100, grade: 'A' })
  })

  test('takes the impact of each failing rule once, however many findings it has', () => {
    const rule = aRule('expiry', 'high', 15)
    const findings = [aFinding(rule, 'one'), aFinding(rule, 'two')]
    const assessment = anAssessment('expiry', { outcome: 'fail', findings: ['one', 'two'] })
    expect(score([assessment], findings)).toEqual({ score: 85, grade: 'B' })
  })

  test('does not fall below 0', () => {
    const cases = ['a', 'b', 'c', 'd', 'e'].map((id) => failing(id, 'critical', 25))
    expect(scoreOf(cases)).toEqual({ score: 0, grade: 'F' })
  })

  test.each<[impact: number, severity: Severity, grade: Grade]>([
    [10, 'medium', 'A'],
    [10.5, 'medium', 'B'],
    [8, 'high', 'B'],
    [5, 'critical', 'B'],
    [20, 'high', 'B'],
    [20.5, 'medium', 'C'],
    [30, 'low', 'C'],
    [31, 'low', 'D'],
    [40, 'low', 'D'],
    [40.5, 'low', 'F'],
  ])('%d points of a %s rule grade %s', (impact, severity, grade) => {
    expect(scoreOf([failing('a', severity, impact)])).toEqual({ score: 100 - impact, grade })
  })

  test('does not look at findings that decided no assessment', () => {
    const finding = aFinding(aRule('a', 'critical', 25), 'in-an-example', { surface: 'example' })
    expect(score([anAssessment('a')], [finding])).toEqual({ score: 100, grade: 'A' })
  })
})

describe('score, for any assessments', () => {
  const someCase = fc
    .record({ severity: fc.constantFrom(...severities), halves: fc.integer({ min: 0, max: 60 }), id: fc.uuid() })
    .map(({ severity, halves, id }) => failing(id, severity, halves / 2))
  const someCases = fc.uniqueArray(someCase, { selector: ({ assessment }) => assessment.rule, maxLength: 25 })
  const order = 'ABCDF'

  test('lies between 0 and 100', () => {
    fc.assert(
      fc.property(someCases, (cases) => {
        const { score: points } = scoreOf(cases)
        expect(points).toBeGreaterThanOrEqual(0)
        expect(points).toBeLessThanOrEqual(100)
      }),
    )
  })

  test('never rises, and the grade never improves, when one more rule fails', () => {
    fc.assert(
      fc.property(someCases, someCase, (cases, more) => {
        const before = scoreOf(cases)
        const after = scoreOf([...cases, more])
        expect(after.score).toBeLessThanOrEqual(before.score)
        expect(order.indexOf(after.grade)).toBeGreaterThanOrEqual(order.indexOf(before.grade))
      }),
    )
  })

  test('does not depend on their order', () => {
    const shuffled = someCases.chain((cases) =>
      fc.tuple(fc.constant(cases), fc.shuffledSubarray(cases, { minLength: cases.length })),
    )
    fc.assert(
      fc.property(shuffled, ([cases, others]) => {
        expect(scoreOf(others)).toEqual(scoreOf(cases))
      }),
    )
  })

  test('is A only without a critical or high finding', () => {
    fc.assert(
      fc.property(someCases, (cases) => {
        const severe = cases.some(({ finding }) => finding.severity === 'critical' || finding.severity === 'high')
        const { grade } = scoreOf(cases)
        expect(grade === 'A' && severe).toBe(false)
      }),
    )
  })
})
