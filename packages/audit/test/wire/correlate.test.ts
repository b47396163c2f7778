import { describe, expect, it } from 'vitest'
import { correlate } from '../../src/correlate.ts'
import type { Assessment, Finding, Outcome, Report } from '../../src/finding/finding.ts'
import { rules } from '../../src/rules/index.ts'
import { FORMULA_VERSION } from '../../src/score/score.ts'

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
