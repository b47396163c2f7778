import { describe, expect, it } from 'vitest'
import type { Finding, Outcome, Report, Step } from '../../src/finding/finding.ts'
import { disagreements, labelsByFile } from './compare.ts'
import type { Example } from './examples.ts'
import { writeLabels } from './labels.ts'

const rule = 'unbound-session'

describe('a vulnerable example', () => {
  it('agrees when every step is labelled', () => {
    expect(disagreements(vulnerable(labelledServer), reportOf([lookedUp], 'fail'))).toEqual([])
  })

  it('disagrees when nothing is found', () => {
    expect(disagreements(vulnerable(labelledServer), reportOf([], 'pass'))).toEqual([
      'outcome is pass instead of fail: no reason given',
      'labelled, not found: server.ts:1:7-14 1 opened here',
      'labelled, not found: server.ts:3:1-6 2 looked up by ID alone',
    ])
  })

  it('disagrees when a step stands elsewhere or says something else', () => {
    const other = finding(rule, [step(1, 7, 14, 'opened here'), step(3, 1, 5, 'looked up')])
    expect(disagreements(vulnerable(labelledServer), reportOf([other], 'fail'))).toEqual([
      'labelled, not found: server.ts:3:1-6 2 looked up by ID alone',
      'found, not labelled: server.ts:3:1-5 2 looked up',
    ])
  })

  it('disagrees when another rule speaks', () => {
    const other = finding('session-fixation', [step(1, 1, 2, 'x')])
    expect(disagreements(vulnerable(labelledServer), reportOf([lookedUp, other], 'fail'))).toEqual([
      'session-fixation is not silent: server.ts:1:1 what is wrong',
    ])
  })

  it('disagrees when a step lies in a file that is not part of it', () => {
    const away = {
      ...step(3, 1, 6, 'looked up by ID alone'),
      location: { ...step(3, 1, 6, '').location, path: 'other.ts' },
    }
    expect(
      disagreements(
        vulnerable(labelledServer),
        reportOf([finding(rule, [step(1, 7, 14, 'opened here'), away])], 'fail'),
      ),
    ).toEqual([
      'a step lies outside the example: other.ts:3',
      'labelled, not found: server.ts:3:1-6 2 looked up by ID alone',
    ])
  })
})

describe('a safe example', () => {
  it('agrees with a rule that passes', () => {
    expect(disagreements(safe(server), reportOf([], 'pass'))).toEqual([])
  })

  it.each(['open', 'notApplicable'] as const)('disagrees with a rule that is %s', (outcome) => {
    expect(disagreements(safe(server), reportOf([], outcome))).toEqual([
      `outcome is ${outcome} instead of pass: no reason given`,
    ])
  })

  it('disagrees with a finding', () => {
    const [first] = disagreements(safe(server), reportOf([finding(rule, [step(1, 1, 6, 'x')])], 'pass'))
    expect(first).toBe('finding on a safe example: server.ts:1:1 what is wrong')
  })
})

it('labels written from the findings of a report agree with that report', () => {
  const found = finding(rule, [step(1, 7, 14, 'opened here'), step(2, 1, 6, 'looked up by ID alone')])
  const labels = labelsByFile(vulnerable(server), [found]).get('server.ts') ?? []
  expect(writeLabels(server, labels)).toBe(labelledServer)
})

it('two findings that share a step are labelled there once', () => {
  const twice = [finding(rule, [step(1, 7, 14, 'opened here')]), finding(rule, [step(1, 7, 14, 'opened here')])]
  expect(labelsByFile(vulnerable(server), twice).get('server.ts')).toHaveLength(1)
})

const server = 'const session = open()\nserve(session)'
const labelledServer =
  'const session = open()\n//    ^^^^^^^ 1 opened here\nserve(session)\n//<^^^^^ 2 looked up by ID alone'
const lookedUp = finding(rule, [step(1, 7, 14, 'opened here'), step(3, 1, 6, 'looked up by ID alone')])

function vulnerable(text: string): Example {
  return { rule, name: 'example', kind: 'vulnerable', root: '', entry: '', files: new Map([['server.ts', text]]) }
}

function safe(text: string): Example {
  return { ...vulnerable(text), kind: 'safe' }
}

function step(line: number, startColumn: number, endColumn: number, note: string): Step {
  return { note, location: { path: 'server.ts', startLine: line, startColumn, endLine: line, endColumn } }
}

function finding(id: string, trace: readonly Step[]): Finding {
  const words = { what: 'what is wrong', why: 'why it matters', todo: 'what to do' }
  return {
    ...words,
    rule: id,
    trace,
    fingerprint: '0',
    severity: 'high',
    confidence: 'high',
    partial: false,
    surface: 'runtime',
    fixes: [],
  }
}

function reportOf(findings: readonly Finding[], outcome: Outcome): Report {
  return {
    tool: { name: 'sallyport', version: '0' },
    formula: '1',
    subject: { kind: 'source', root: '.' },
    score: 0,
    grade: 'F',
    files: { analysed: 1, skipped: 0 },
    assessments: [{ rule, outcome, severity: 'high', impact: 10, findings: [], reasons: [] }],
    findings,
    profile: 'regular',
    suppressed: [],
    leftOut: 0,
    declared: [],
    notices: [],
    lifecycles: [],
    subjects: [],
    gaps: [],
  }
}
