import { describe, expect, it } from 'vitest'
import { correlate } from '../../src/correlate.ts'
import type { Assessment, Finding, Outcome, Report } from '../../src/finding/finding.ts'
import { rules } from '../../src/rules/index.ts'
import { FORMULA_VERSION, score as scoreOf } from '../../src/score/score.ts'

const RULE = 'unbound-session'

describe('one rule, seen both ways', () => {
  it('fails surely where both fail', () => {
    const merged = correlate(sourceWith('fail'), liveWith('fail'), rules)
    expect(merged.assessments).toMatchObject([{ outcome: 'fail', impact: 20, findings: ['source', 'wire'] }])
    expect(merged.findings[0]).toMatchObject({ confidence: 'high' })
    expect(merged.findings[0]?.what).toBe('it is weak Suspected in source, confirmed on the wire.')
    expect(merged.score).toBe(80)
  })

  it('is open where the server withstood it, and says how', () => {
    const merged = correlate(sourceWith('fail'), liveWith('pass'), rules)
    expect(merged.assessments).toMatchObject([{ outcome: 'open', findings: [] }])
    expect(merged.findings).toMatchObject([{ fingerprint: 'source', confidence: 'low' }])
    expect(merged.findings[0]?.what).toContain('it withstood POST by bob')
    expect(merged.score).toBe(100)
  })

  it.each<[Outcome, Outcome, Outcome]>([
    ['pass', 'fail', 'fail'],
    ['open', 'fail', 'fail'],
    ['notApplicable', 'fail', 'fail'],
    ['notApplicable', 'pass', 'pass'],
    ['notApplicable', 'open', 'open'],
    ['open', 'pass', 'open'],
    ['pass', 'open', 'pass'],
    ['fail', 'open', 'fail'],
    ['fail', 'notApplicable', 'fail'],
  ])('is %s in source, %s on the wire, %s together', (source, wire, together) => {
    expect(correlate(sourceWith(source), liveWith(wire), rules).assessments[0]?.outcome).toBe(together)
  })

  it('says which server was asked', () => {
    expect(correlate(sourceWith('pass'), liveWith('pass'), rules).probed).toEqual({
      url: 'http://127.0.0.1:1/mcp',
      eras: ['legacy'],
      requests: 9,
    })
  })
})

describe('one of several servers', () => {
  const [wiki, shop] = [failing('wiki'), failing('shop')]

  it('has to be named', () => {
    expect(() => correlate(several(wiki, shop), liveWith('pass'), rules)).toThrow(RangeError)
    expect(() => correlate(several(wiki, shop), liveWith('pass'), rules, 'bank')).toThrow(RangeError)
  })

  it('is what the wire refutes, and no other', () => {
    const { subjects, assessments, findings, score } = correlate(several(wiki, shop), liveWith('pass'), rules, 'wiki')
    expect(subjects.map((one) => [one.root, one.score, one.assessments[0]?.outcome])).toEqual([
      ['wiki', 100, 'open'],
      ['shop', 80, 'fail'],
    ])
    expect(assessments).toMatchObject([{ outcome: 'fail', findings: ['shop'] }])
    expect(findings.map(({ confidence }) => confidence)).toEqual(['low', 'medium'])
    expect(score).toBe(80)
  })

  it('fails as a whole what the wire shows of it', () => {
    const sound = { ...failing('wiki'), outcome: 'pass', findings: [] } as const
    const merged = correlate(several(sound, sound), liveWith('fail'), rules, 'wiki')
    expect(merged.subjects.map((one) => one.score)).toEqual([80, 100])
    expect(merged.assessments).toMatchObject([{ outcome: 'fail', findings: ['wire'] }])
    expect(merged.score).toBe(80)
  })

  it('refutes nothing that another shares with it', () => {
    const { findings, assessments } = correlate(several(wiki, failing('wiki')), liveWith('pass'), rules, 'wiki')
    expect(findings).toMatchObject([{ what: 'it is weak', confidence: 'medium' }])
    expect(assessments).toMatchObject([{ outcome: 'fail' }])
  })
})

function failing(fingerprint: string): Assessment {
  return { rule: RULE, outcome: 'fail', severity: 'critical', impact: 20, findings: [fingerprint], reasons: [] }
}

/** A wiki and a shop, each with what its assessment says. */
function several(wiki: Assessment, shop: Assessment): Report {
  const found = [...new Set([...wiki.findings, ...shop.findings])]
  const own = (root: string, assessment: Assessment) => ({
    root,
    ...scoreOf([assessment], found.map(finding)),
    assessments: [assessment],
  })
  const whole = { ...wiki, findings: found }
  return {
    ...sourceWith('pass'),
    assessments: [whole],
    findings: found.map(finding),
    subjects: [own('wiki', wiki), own('shop', shop)],
  }
}

function sourceWith(outcome: Outcome): Report {
  return reportOf({ kind: 'source', root: '.' }, outcome, 'source')
}

function liveWith(outcome: Outcome): Report {
  return reportOf({ kind: 'target', url: 'http://127.0.0.1:1/mcp', eras: ['legacy'], requests: 9 }, outcome, 'wire')
}

function reportOf(subject: Report['subject'], outcome: Outcome, fingerprint: string): Report {
  const assessment: Assessment = {
    rule: RULE,
    outcome,
    severity: 'critical',
    impact: 20,
    findings: outcome === 'fail' ? [fingerprint] : [],
    reasons: [],
    ...(outcome === 'pass' && { tried: ['POST by bob'] }),
  }
  return {
    tool: { name: 'sallyport', version: '0' },
    formula: FORMULA_VERSION,
    subject,
    profile: 'regular',
    files: { analysed: 1, skipped: 0 },
    score: 0,
    grade: 'F',
    assessments: [assessment],
    findings: outcome === 'fail' ? [finding(fingerprint)] : [],
    subjects: [],
    suppressed: [],
    leftOut: 0,
    declared: [],
    notices: [],
    lifecycles: [],
    gaps: [],
  }
}

function finding(fingerprint: string): Finding {
  return {
    fingerprint,
    rule: RULE,
    severity: 'critical',
    confidence: 'medium',
    partial: false,
    surface: 'runtime',
    what: 'it is weak',
    why: '',
    todo: '',
    trace: [],
    fixes: [],
  }
}
