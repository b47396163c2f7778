import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { audit, type AuditOptions } from '../../src/audit.ts'
import { AuditError } from '../../src/audit-error.ts'
import type { Gap, Report } from '../../src/finding/finding.ts'
import type { RuleEntry } from '../../src/rules/rule.ts'
import type { SourceTree } from '../../src/source/tree.ts'
import { aDraft, aRule, aStep, aTree, entry, judged, someFacts } from './build.ts'

const expiry = aRule('expiry', 'high', 15)
const fixation = aRule('fixation', 'critical', 25)
const server = aTree([{ path: 'server.ts', text: 'a\nb\nc\n' }])

interface Setting {
  readonly rules: readonly RuleEntry[]
  readonly tree?: SourceTree
  readonly gaps?: readonly Gap[]
  readonly options?: AuditOptions
}

function auditOf({ rules, tree = server, gaps = [], options }: Setting): Promise<Report> {
  return audit('.', options, { read: () => tree, extract: () => ({ facts: someFacts(), gaps }), rules })
}

describe('audit', () => {
  test('makes findings of drafts', async () => {
    const draft = aDraft('server.ts', 2, { trace: [aStep('server.ts', 2), aStep('server.ts', 3)], primary: 0 })
    const report = await auditOf({ rules: [entry(expiry, () => judged([draft]))] })
    expect(report).toMatchObject({
      tool: { name: 'sallyport', version: manifest.version },
      subject: { kind: 'source', root: '.' },
      score: 85,
      grade: 'B',
      files: { analysed: 1, skipped: 0 },
      findings: [
        {
          rule: 'expiry',
          severity: 'high',
          partial: false,
          surface: 'runtime',
          why: expiry.why,
          todo: expiry.todo,
          location: { startLine: 2 },
          fixes: [],
        },
      ],
    })
    expect(report.assessments[0]!.findings).toEqual([report.findings[0]!.fingerprint])
  })

  test('keeps the words of a detector that knows better', async () => {
    const draft = aDraft('server.ts', 1, { why: 'Sessions of Alice never end.', todo: 'Add an idle timeout.' })
    const report = await auditOf({ rules: [entry(expiry, () => judged([draft]))] })
    expect(report.findings[0]).toMatchObject({ why: 'Sessions of Alice never end.', todo: 'Add an idle timeout.' })
  })

  test('lowers a partial weakness', async () => {
    const report = await auditOf({ rules: [entry(expiry, () => judged([aDraft('server.ts', 1, { partial: true })]))] })
    expect(report).toMatchObject({ score: 92.5, grade: 'A' })
    expect(report.findings[0]).toMatchObject({ severity: 'medium', partial: true })
    expect(report.assessments[0]).toMatchObject({ severity: 'medium', impact: 7.5 })
  })

  test('a rule that throws is a gap, and the others go on', async () => {
    const broken = entry(fixation, () => {
      throw new TypeError('no facts')
    })
    const report = await auditOf({ rules: [broken, entry(expiry, () => judged([aDraft('server.ts', 1)]))] })
    expect(report.assessments).toMatchObject([
      { rule: 'expiry', outcome: 'fail' },
      { rule: 'fixation', outcome: 'open' },
    ])
    expect(report.gaps).toMatchObject([{ rules: ['fixation'] }])
    expect(report.gaps[0]!.reason).toMatch(
      /^The rule fixation failed at score\/audit\.test\.ts:\d+ and gave no verdict \(TypeError: no facts\)\.$/,
    )
  })

  test('a draft without a place is a crash of its rule', async () => {
    const report = await auditOf({ rules: [entry(expiry, () => judged([aDraft('server.ts', 1, { trace: [] })]))] })
    expect(report).toMatchObject({ score: 100, findings: [], assessments: [{ outcome: 'open' }] })
  })

  test('a rule that source cannot show does not apply', async () => {
    const report = await auditOf({ rules: [{ rule: expiry }] })
    expect(report.assessments).toMatchObject([{ outcome: 'notApplicable' }])
  })
})

describe('audit, by surface', () => {
  const everywhere = aTree([
    { path: 'src/server.ts' },
    { path: 'examples/demo.ts', surface: 'example' },
    { path: 'test/server.test.ts', surface: 'test' },
    { path: 'dist/server.js', surface: 'generated' },
  ])
  const rules = [entry(expiry, () => judged(everywhere.files.map(({ path }) => aDraft(path, 1))))]

  test('leaves out tests and generated code, lists examples, scores runtime code', async () => {
    const report = await auditOf({ rules, tree: everywhere })
    expect(paths(report)).toEqual(['examples/demo.ts', 'src/server.ts'])
    expect(report.assessments[0]!.findings).toEqual([report.findings[1]!.fingerprint])
  })

  test('lists tests on request, under the same fingerprints', async () => {
    const [some, all] = [
      await auditOf({ rules, tree: everywhere }),
      await auditOf({ rules, tree: everywhere, options: { includeTests: true } }),
    ]
    expect(all.findings).toHaveLength(4)
    expect(all.findings).toEqual(expect.arrayContaining([...some.findings]))
    expect(all.assessments).toEqual(some.assessments)
  })

  test('a rule with findings in examples alone passes', async () => {
    const elsewhere = [entry(expiry, () => judged([aDraft('examples/demo.ts', 1)]))]
    const report = await auditOf({ rules: elsewhere, tree: everywhere })
    expect(report).toMatchObject({ score: 100, grade: 'A', assessments: [{ outcome: 'pass', findings: [] }] })
    expect(report.findings).toHaveLength(1)
  })

  test.each(['example', 'test'] as const)(
    'in a tree of nothing but %s code, that code is the subject',
    async (surface) => {
      const tree = aTree([{ path: 'some/server.ts', surface }])
      const report = await auditOf({ rules: [entry(expiry, () => judged([aDraft('some/server.ts', 1)]))], tree })
      expect(report).toMatchObject({ score: 85, assessments: [{ outcome: 'fail' }] })
    },
  )

  test('a gap in a test opens nothing, one in a file that could not be read does', async () => {
    const pass = [entry(expiry, () => judged())]
    const gap = { reason: 'The file could not be parsed.', rules: ['expiry'] }
    const inTest = await auditOf({ rules: pass, tree: everywhere, gaps: [{ ...gap, path: 'test/server.test.ts' }] })
    const unread = await auditOf({ rules: pass, tree: everywhere, gaps: [{ ...gap, path: 'src/huge.ts' }] })
    expect(inTest.assessments).toMatchObject([{ outcome: 'pass' }])
    expect(inTest.gaps).toHaveLength(1)
    expect(unread.assessments).toMatchObject([
      { outcome: 'open', reasons: ['src/huge.ts: The file could not be parsed.'] },
    ])
  })
})

describe('audit, refused', () => {
  test('a tree without server code has no grade', async () => {
    const gaps = [{ path: 'a.ts', reason: 'The file could not be parsed.' }]
    const refused = audit(
      'notes',
      {},
      { read: () => aTree([], gaps), extract: () => ({ facts: someFacts(false), gaps: [] }), rules: [] },
    )
    await expect(refused).rejects.toThrow(AuditError)
    await expect(refused).rejects.toMatchObject({ code: 'no-server-code', gaps })
  })

  test('a path that names nothing is unreadable', async () => {
    await expect(audit('/srv/there/is/nothing/here')).rejects.toMatchObject({ name: 'AuditError', code: 'unreadable' })
  })
})

describe('the JSON document', () => {
  const table = { critical: 'high', high: 'medium', medium: 'low', low: 'low' } as const
  const someRule = fc.record({
    severity: fc.constantFrom('critical', 'high', 'medium', 'low'),
    impact: fc.integer({ min: 1, max: 25 }),
    drafts: fc.array(fc.record({ line: fc.integer({ min: 1, max: 3 }), partial: fc.boolean() }), { maxLength: 3 }),
  })

  test('holds all that score and grade rest on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(someRule, { maxLength: 9 }), async (sketches) => {
        const rules = sketches.map(({ severity, impact, drafts }, index) =>
          entry(aRule(`rule-${index}`, severity, impact), () =>
            judged(drafts.map(({ line, partial }) => aDraft('server.ts', line, { partial }))),
          ),
        )
        const document = JSON.parse(JSON.stringify(await auditOf({ rules }))) as Report
        expect(recompute(document)).toEqual({ score: document.score, grade: document.grade })
        for (const { rule, impact, severity, findings } of document.assessments) {
          const published = rules.find((other) => other.rule.id === rule)!.rule
          const own = document.findings.filter((finding) => findings.includes(finding.fingerprint))
          const partial = own.length > 0 && own.every((finding) => finding.partial)
          expect(impact).toBe(partial ? published.impact / 2 : published.impact)
          expect(severity).toBe(partial ? table[published.severity] : published.severity)
        }
      }),
    )
  })

  test('does not depend on the order of rules or drafts', async () => {
    const drafts = [aDraft('server.ts', 3), aDraft('server.ts', 1), aDraft('server.ts', 1, { what: 'It is weaker.' })]
    const rules = [entry(expiry, () => judged(drafts)), entry(fixation, () => judged(drafts))]
    const reversed = [
      entry(fixation, () => judged(drafts.toReversed())),
      entry(expiry, () => judged(drafts.toReversed())),
    ]
    expect(JSON.stringify(await auditOf({ rules: reversed }))).toBe(JSON.stringify(await auditOf({ rules })))
  })
})

/** The published formula once more, from the document alone. */
function recompute({ assessments, findings }: Report): { score: number; grade: string } {
  let points = 100
  let severe = false
  for (const assessment of assessments) {
    if (assessment.outcome !== 'fail') continue
    points -= assessment.impact
    severe ||= findings.some((finding) => {
      return assessment.findings.includes(finding.fingerprint) && ['critical', 'high'].includes(finding.severity)
    })
  }
  const grade = points >= 90 && !severe ? 'A' : points >= 80 ? 'B' : points >= 70 ? 'C' : points >= 60 ? 'D' : 'F'
  return { score: Math.max(0, points), grade }
}

function paths(report: Report): (string | undefined)[] {
  return report.findings.map(({ location }) => location?.path)
}
