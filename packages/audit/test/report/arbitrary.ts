/** Reports that nobody would write: hostile text in every string, traces of any shape. */
import * as fc from 'fast-check'
import type {
  Assessment,
  Finding,
  Fix,
  Gap,
  Lifecycle,
  Location,
  Notice,
  Report,
  Step,
  Subject,
  SuppressedFinding,
  Transition,
} from '../../src/finding/finding.ts'
import { placesOf } from '../../src/finding/finding.ts'
import { rules } from './samples/build.ts'

const hostile = fc.constantFrom(
  '\u001b[2J',
  '\u001b]8;;https://example.org\u0007link\u001b]8;;\u0007',
  '\u009b31m',
  '\u202e',
  '\u2066',
  '\ud800',
  '\udc00',
  '\u2028',
  '\ufeff',
  '\r',
  '\n',
  '\t',
  '\u0000',
  '\u007f',
  '](https://example.org)',
  '{0}',
  '👩‍💻',
  'e\u0301\u0301\u0301\u0301\u0301\u0301',
  '会議',
  '\\u{1b}',
)

/** Text of which some is hostile. */
export const text = fc
  .array(fc.oneof(hostile, fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 6 })
  .map((parts) => parts.join(''))

const sentence = text.map((part) => `x${part}`)
const path = text.map((part) => `src/${part}`)
const position = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
const ruleId = fc.constantFrom(...rules.map(({ rule }) => rule.id), 'rule-of-tomorrow')
const severity = fc.constantFrom('critical', 'high', 'medium', 'low')
const fingerprint = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((number) => number.toString(16).padStart(16, '0'))

const location: fc.Arbitrary<Location> = fc
  .record({ path, startLine: position, startColumn: position, lines: fc.nat({ max: 3 }), columns: fc.nat({ max: 40 }) })
  .map(({ lines, columns, ...start }) => ({
    ...start,
    endLine: start.startLine + lines,
    endColumn: start.startColumn + columns,
  }))

const step: fc.Arbitrary<Step> = fc.record({ note: text, location })

const fix: fc.Arbitrary<Fix> = fc.record({
  title: text,
  kind: fc.constantFrom('safe', 'unsafe'),
  edits: fc.array(fc.record({ path, start: fc.nat(), end: fc.nat(), text }), { minLength: 1, maxLength: 3 }),
})

const finding: fc.Arbitrary<Finding> = fc.record(
  {
    fingerprint,
    rule: ruleId,
    severity,
    confidence: fc.constantFrom('high', 'medium', 'low'),
    partial: fc.boolean(),
    surface: fc.constantFrom('runtime', 'example', 'script', 'test', 'generated'),
    what: sentence,
    why: text,
    todo: text,
    location,
    trace: fc.array(step, { minLength: 1, maxLength: 5 }),
    fixes: fc.array(fix, { maxLength: 2 }),
  },
  {
    requiredKeys: [
      'fingerprint',
      'rule',
      'severity',
      'confidence',
      'partial',
      'surface',
      'what',
      'why',
      'todo',
      'trace',
      'fixes',
    ],
  },
)

const assessment: fc.Arbitrary<Assessment> = fc.record({
  rule: ruleId,
  outcome: fc.constantFrom('pass', 'fail', 'notApplicable', 'open'),
  severity,
  impact: fc.integer({ min: 0, max: 50 }).map((double) => double / 2),
  findings: fc.constant([]),
  reasons: fc.array(text, { maxLength: 4 }),
})

const subject: fc.Arbitrary<Subject> = fc.record({
  root: path,
  score: fc.integer({ min: 0, max: 100 }),
  grade: fc.constantFrom('A', 'B', 'C', 'D', 'F'),
  assessments: fc.array(
    assessment.map((one) => ({ ...one, outcome: 'pass' as const })),
    { maxLength: 3 },
  ),
})

const gap: fc.Arbitrary<Gap> = fc.record(
  { path, reason: sentence, location, rules: fc.array(ruleId, { maxLength: 3 }) },
  { requiredKeys: ['path', 'reason'] },
)

const suppressed: fc.Arbitrary<SuppressedFinding> = fc
  .tuple(
    finding,
    fc.record(
      {
        by: fc.constantFrom('comment', 'config', 'baseline', 'since'),
        reason: sentence,
        expires: fc.constant('2027-01-31'),
      },
      { requiredKeys: ['by', 'reason'] },
    ),
  )
  .map(([one, suppression]) => ({ ...one, suppression }))

const notice: fc.Arbitrary<Notice> = fc.record(
  {
    kind: fc.constantFrom('unused', 'no-reason', 'expired', 'unknown-rule', 'malformed'),
    message: sentence,
    path,
    location,
  },
  { requiredKeys: ['kind', 'message', 'path'] },
)

const transition: fc.Arbitrary<Transition> = fc.record({
  name: fc.constantFrom('open', 'authenticate', 'regenerate', 'resume', 'expire-idle', 'terminate', 'close'),
  from: fc.constantFrom('none', 'open', 'authenticated'),
  to: fc.constantFrom('open', 'authenticated', 'ended'),
  presence: fc.constantFrom('present', 'partial', 'missing', 'unknown', 'notApplicable'),
  summary: text,
  places: fc.array(step, { maxLength: 3 }),
})

const lifecycle: fc.Arbitrary<Lifecycle> = fc.record({
  store: text,
  kind: fc.constant('map'),
  holds: fc.constantFrom('streamable', 'sse', 'web', 'own'),
  location,
  states: fc.constantFrom(['none', 'open', 'ended'], ['none', 'open', 'authenticated', 'ended']),
  transitions: fc.array(transition, { maxLength: 5 }),
})

export const report: fc.Arbitrary<Report> = fc
  .record({
    tool: fc.constant({ name: 'sallyport', version: '0.1.0' }),
    formula: fc.constant('1'),
    subject: fc.record({ kind: fc.constant('source'), root: text }),
    score: fc.integer({ min: 0, max: 200 }).map((double) => double / 2),
    grade: fc.constantFrom('A', 'B', 'C', 'D', 'F'),
    files: fc.record({ analysed: fc.nat(), skipped: fc.nat() }),
    assessments: fc.array(assessment, { maxLength: 9 }),
    subjects: fc.oneof(fc.constant([]), fc.array(subject, { minLength: 2, maxLength: 3 })),
    findings: fc.array(finding, { maxLength: 4 }),
    profile: fc.constantFrom('regular', 'pedantic', 'auditor'),
    suppressed: fc.array(suppressed, { maxLength: 2 }),
    leftOut: fc.nat({ max: 3 }),
    declared: fc.array(sentence, { maxLength: 2 }),
    notices: fc.array(notice, { maxLength: 2 }),
    lifecycles: fc.array(lifecycle, { maxLength: 2 }),
    gaps: fc.array(gap, { maxLength: 4 }),
  })
  .map((one) => ({ ...one, assessments: decided(one) }))

/** Failed rules take the findings in turn, all but every fourth; a rule that gets none has passed. */
function decided({ assessments, findings }: Report): readonly Assessment[] {
  const failed = assessments.filter(({ outcome }) => outcome === 'fail')
  return assessments.map((one) => {
    const turn = failed.indexOf(one)
    if (turn === -1) return one
    const own = findings.filter((_, at) => at % 4 !== 3 && at % failed.length === turn)
    const fingerprints = own.map((each) => each.fingerprint)
    return { ...one, findings: fingerprints, outcome: own.length > 0 ? ('fail' as const) : ('pass' as const) }
  })
}

/** A report with sources for some of its files. */
export const reportWithSources = fc
  .tuple(report, fc.array(text, { minLength: 1, maxLength: 8 }))
  .map(([one, lines]) => {
    const source = lines.join('\n')
    const paths = one.findings.flatMap(({ trace }) => placesOf(trace).map((each) => each.location.path))
    return { report: one, sources: new Map(paths.filter((_, at) => at % 3 !== 2).map((each) => [each, source])) }
  })
