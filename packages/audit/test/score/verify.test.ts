import { describe, expect, test } from 'vitest'
import { renderJson } from '../../src/report/json.ts'
import { verifyReport } from '../../src/score/verify.ts'
import { rules as entries } from '../report/samples/build.ts'
import { bundledServer } from '../report/samples/bundled-server.ts'
import { cleanServer } from '../report/samples/clean-server.ts'
import { largeServer } from '../report/samples/large-server.ts'
import { notesServer } from '../report/samples/notes-server.ts'

const rules = entries.map(({ rule }) => rule)

function documentOf({ report }: typeof notesServer) {
  return JSON.parse(renderJson(report))
}

/** The findings that its rules fail by. */
function scoredIn(document: any): any[] {
  const decisive = document.assessments.flatMap((one: any) => one.findings)
  return document.findings.filter((one: any) => decisive.includes(one.fingerprint))
}

describe('a report', () => {
  test.each(Object.entries({ notesServer, cleanServer, bundledServer, largeServer }))(
    '%s deserves its grade',
    (_, sample) => {
      const { score, grade } = sample.report
      expect(verifyReport(documentOf(sample), rules)).toEqual({ kind: 'agrees', subjects: 1, score, grade })
    },
  )

  test.each<[string, (document: any) => void, RegExp]>([
    [
      'a better score',
      (d) => (d.score += 1),
      /^The report says grade F with 36\.5 of 100, but its assessments give grade F with 35\.5 of 100\.$/,
    ],
    ['a better grade', (d) => (d.grade = 'A'), /says grade A/],
    [
      'a cheaper rule',
      (d) => (d.assessments.find((one: any) => one.outcome === 'fail').impact = 1),
      /costs \d+ points, not 1\./,
    ],
    [
      'a failed rule that passes',
      (d) => (d.assessments.find((one: any) => one.outcome === 'fail').outcome = 'pass'),
      /does not fail, and yet names findings/,
    ],
    ['a finding that is gone', (d) => d.findings.splice(0), /fails by findings that the report does not hold/],
    ['a milder finding', (d) => (scoredIn(d)[0].severity = 'low'), /have another severity than the rule/],
    [
      'a rule of its own',
      (d) =>
        d.assessments.push({ rule: 'fine', outcome: 'pass', severity: 'low', impact: 1, findings: [], reasons: [] }),
      /There is no rule fine/,
    ],
  ])('with %s does not', (_, change, difference) => {
    const document = documentOf(notesServer)
    change(document)
    const verification = verifyReport(document, rules)
    expect(verification.kind).toBe('differs')
    expect((verification as { differences: readonly string[] }).differences.join('\n')).toMatch(
      new RegExp(difference.source, 'm'),
    )
  })

  test('a severity that the configuration gave is no difference', () => {
    const document = documentOf(notesServer)
    for (const finding of document.findings) if (finding.severity === 'critical') finding.severity = 'high'
    document.declared = ['Severities changed: session-fixation is high (sallyport.config.yaml).']
    expect(verifyReport(document, rules)).toMatchObject({ kind: 'agrees' })
  })

  test('of several servers has the grade of the worst', () => {
    const [worse, better] = [documentOf(notesServer), documentOf(cleanServer)]
    const subject = (root: string, { score, grade, assessments }: any) => ({ root, score, grade, assessments })
    const both = { ...worse, subjects: [subject('a', worse), subject('b', better)] }
    expect(verifyReport(both, rules)).toMatchObject({ kind: 'agrees', subjects: 2, score: worse.score })
    const lifted = { ...both, subjects: [subject('a', { ...worse, score: 99 }), subject('b', better)] }
    expect(verifyReport(lifted, rules)).toMatchObject({
      kind: 'differs',
      differences: [expect.stringMatching(/^a: the report says/)],
    })
  })

  test('of another formula is not judged', () => {
    expect(verifyReport({ ...documentOf(notesServer), formula: '0' }, rules)).toMatchObject({ kind: 'unreadable' })
  })
})

test.each([null, 1, [], {}, { tool: { name: 'other' } }, { tool: { name: 'sallyport' }, formula: '1', score: 1 }])(
  '%j is no report',
  (value) => {
    expect(verifyReport(value, rules)).toEqual({
      kind: 'unreadable',
      reason: 'This is no JSON report of sallyport audit.',
    })
  },
)
