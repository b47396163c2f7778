import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../src/finding/finding.ts'
import { renderJson } from '../../src/report/json.ts'
import schema from '../../src/report/report.schema.json' with { type: 'json' }
import { reportOf } from './samples/build.ts'
import { bundledServer } from './samples/bundled-server.ts'
import { cleanServer } from './samples/clean-server.ts'
import { largeServer } from './samples/large-server.ts'
import { notesServer } from './samples/notes-server.ts'

const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema)

function documentOf(report: Report) {
  return JSON.parse(renderJson(report))
}

describe('the document', () => {
  test.each(Object.entries({ notesServer, cleanServer, bundledServer, largeServer }))(
    '%s keeps the schema',
    (_, { report }) => {
      validate(documentOf(report))
      expect(validate.errors).toBeNull()
    },
  )

  test('holds the fields of the contract, in order', () => {
    const document = documentOf(notesServer.report)
    expect(Object.keys(document)).toEqual([
      'tool',
      'formula',
      'subject',
      'profile',
      'files',
      'score',
      'grade',
      'assessments',
      'findings',
      'suppressed',
      'leftOut',
      'declared',
      'notices',
      'lifecycles',
      'gaps',
    ])
    expect(Object.keys(document.findings[1])).toEqual([
      'fingerprint',
      'rule',
      'severity',
      'confidence',
      'partial',
      'surface',
      'message',
      'location',
      'trace',
      'fixes',
    ])
  })

  test('says what is wrong, why it matters and what to do in one message', () => {
    const [finding] = documentOf(notesServer.report).findings
    expect(finding.message).toBe(
      "Sessions have an absolute timeout of 8 hours but no idle timeout. A session ID that Mallory finds within the day still opens Alice's session, though she left hours ago. Give every session an idle timeout, for example 30 minutes since its last authorized request.",
    )
  })

  test('holds nothing but the contract', () => {
    const report = { ...cleanServer.report, secret: 'x', tool: { name: 'sallyport', version: '1.0.0', path: '/home' } }
    expect(renderJson(report)).not.toMatch(/secret|home/)
  })

  test('is safe to print and loses no character', () => {
    const root = 'a\u001b[2J\u009b31m\u202e\u2028\u{e0041}\ud800'
    const report = reportOf({ root, score: 100, grade: 'A', files: { analysed: 1, skipped: 0 } })
    expect(renderJson(report)).not.toMatch(/[^\x20-\x7e\n]/)
    expect(documentOf(report).subject.root).toBe(root)
  })
})

describe('the schema refuses', () => {
  type Change = (document: any) => void

  test.each<[string, Change]>([
    ['a document without a score', (d) => delete d.score],
    ['a field it does not know', (d) => (d.verdict = 'fine')],
    ['a score above 100', (d) => (d.score = 101)],
    ['a score below 0', (d) => (d.score = -1)],
    ['a score in words', (d) => (d.score = 'high')],
    ['a grade E', (d) => (d.grade = 'E')],
    ['another tool', (d) => (d.tool.name = 'other')],
    ['an outcome it does not know', (d) => (d.assessments[0].outcome = 'skipped')],
    ['a failed rule without findings', (d) => (d.assessments[0].findings = [])],
    ['an assessment without reasons', (d) => delete d.assessments[0].reasons],
    ['a severity it does not know', (d) => (d.findings[0].severity = 'info')],
    ['a finding without a fingerprint', (d) => delete d.findings[0].fingerprint],
    ['a fingerprint that is not 16 hex digits', (d) => (d.findings[0].fingerprint = 'ABC')],
    ['a finding without a trace', (d) => (d.findings[0].trace = [])],
    ['a finding without a message', (d) => (d.findings[0].message = '')],
    ['line 0', (d) => (d.findings[0].location.startLine = 0)],
    ['half a column', (d) => (d.findings[0].location.startColumn = 1.5)],
    ['an absolute path', (d) => (d.findings[0].location.path = '/etc/passwd')],
    ['a step without a place', (d) => delete d.findings[0].trace[0].location],
    ['an edit before the file', (d) => (d.findings[1].fixes[0].edits[0].start = -1)],
    ['a fix without edits', (d) => (d.findings[1].fixes[0].edits = [])],
    ['a fix of unknown kind', (d) => (d.findings[1].fixes[0].kind = 'maybe')],
    ['a suppressed finding that does not say why', (d) => d.suppressed.push(d.findings[0])],
    ['a suppressed finding among the others', (d) => (d.findings[0].suppression = { by: 'config', reason: 'why' })],
    ['a notice without a file', (d) => d.notices.push({ kind: 'unused', message: 'x' })],
    ['a gap without a reason', (d) => delete d.gaps[0].reason],
    ['a negative count of files', (d) => (d.files.skipped = -1)],
  ])('%s', (_, change) => {
    const document = documentOf(notesServer.report)
    expect(validate(document)).toBe(true)
    change(document)
    expect(validate(document)).toBe(false)
  })
})
