import { describe, expect, test } from 'vitest'
import type { Surface } from '../../src/finding/finding.ts'
import { assess, type Detection, type Evidence } from '../../src/score/assess.ts'
import { aFinding, aLocation, aRule, judged } from './build.ts'

const rule = aRule('expiry', 'high', 15)
const passing: Detection = { rule, verdict: judged() }

function only(detection: Detection, evidence: Partial<Evidence> = {}) {
  return assess([detection], { findings: [], gaps: [], scored: new Set<Surface>(['runtime']), ...evidence })[0]
}

describe('assess', () => {
  test('a rule that judged and found nothing passes', () => {
    expect(only(passing)).toEqual({
      rule: 'expiry',
      outcome: 'pass',
      severity: 'high',
      impact: 15,
      findings: [],
      reasons: [],
    })
  })

  test('a rule that cannot apply says why', () => {
    const verdict = { kind: 'notApplicable', reason: 'The server keeps no sessions.' } as const
    expect(only({ rule, verdict })).toMatchObject({
      outcome: 'notApplicable',
      reasons: ['The server keeps no sessions.'],
    })
  })

  test('a rule fails by its own findings', () => {
    const findings = [aFinding(rule, 'one'), aFinding(aRule('other'), 'two')]
    expect(only(passing, { findings })).toMatchObject({
      outcome: 'fail',
      impact: 15,
      severity: 'high',
      findings: ['one'],
    })
  })

  test('a rule fails whatever else stayed unknown', () => {
    const gaps = [{ path: 'a.ts', reason: 'The file could not be parsed.', rules: ['expiry'] }]
    const detection = { rule, verdict: judged([], ['The store is unknown.']) }
    expect(only(detection, { findings: [aFinding(rule, 'one')], gaps })).toMatchObject({ outcome: 'fail', reasons: [] })
  })

  test('a partial weakness is one severity lower and costs half', () => {
    const findings = [aFinding(rule, 'one', { partial: true })]
    expect(only(passing, { findings })).toMatchObject({ outcome: 'fail', severity: 'medium', impact: 7.5 })
  })

  test('one full weakness beside a partial one costs the full impact', () => {
    const findings = [aFinding(rule, 'one', { partial: true }), aFinding(rule, 'two')]
    expect(only(passing, { findings })).toMatchObject({ severity: 'high', impact: 15, findings: ['one', 'two'] })
  })

  test('a finding outside the scored code does not make its rule fail', () => {
    expect(only(passing, { findings: [aFinding(rule, 'one', { surface: 'example' })] })).toMatchObject({
      outcome: 'pass',
    })
  })

  test('a rule that left something undecided is open', () => {
    expect(only({ rule, verdict: judged([], ['The store is unknown.']) })).toMatchObject({
      outcome: 'open',
      reasons: ['The store is unknown.'],
    })
  })

  test('a rule that crashed is open', () => {
    expect(only({ rule, verdict: { kind: 'crashed', reason: 'It failed.' } })).toMatchObject({
      outcome: 'open',
      reasons: ['It failed.'],
    })
  })

  test('a gap that names a rule opens it, another does not', () => {
    const location = aLocation('src/auth.ts', 7)
    const gap = { path: 'src/auth.ts', reason: 'The middleware is unknown.', location }
    expect(only(passing, { gaps: [{ ...gap, rules: ['fixation'] }] })).toMatchObject({ outcome: 'pass' })
    expect(only(passing, { gaps: [gap] })).toMatchObject({ outcome: 'pass' })
    expect(only(passing, { gaps: [{ ...gap, rules: ['expiry'] }] })).toMatchObject({
      outcome: 'open',
      reasons: ['src/auth.ts:7: The middleware is unknown.'],
    })
  })

  test('assessments are ordered by rule', () => {
    const detections = ['c', 'a', 'b'].map((id) => ({ rule: aRule(id), verdict: judged() }))
    const scored = new Set<Surface>(['runtime'])
    expect(assess(detections, { findings: [], gaps: [], scored }).map(({ rule: id }) => id)).toEqual(['a', 'b', 'c'])
  })
})
