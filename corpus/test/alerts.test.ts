import { describe, expect, test } from 'vitest'
import type { Finding } from '@sallyport/audit'
import { alertsIn, compare, type Match } from '../alerts.ts'
import { finding } from './report.ts'

const expected = `#select
| tst.js:4:2:6:3 | text | tst.js:1:1:1:2 | source | says what |
| tst.js:9:1:9:5 | text | tst.js:9:1:9:5 | source | says what |
edges
| tst.js:1:1:1:2 | a | tst.js:4:2:6:3 | b | |
`

describe('what a folder of tests expects', () => {
  test('is what the table selects', () => {
    expect(alertsIn(new Map([['X.expected', expected]]))).toEqual([
      { path: 'tst.js', firstLine: 4, lastLine: 6 },
      { path: 'tst.js', firstLine: 9, lastLine: 9 },
    ])
  })

  test('is all of a table without parts', () => {
    expect(alertsIn(new Map([['X.expected', '| tst.js:2:1:2:9 | text | Says what. |\n']]))).toHaveLength(1)
  })

  test('is what the comments say where there is no table', () => {
    const code = 'a() // $ Alert\nb() // $ MISSING: Alert\nc() // $ Source\n'
    expect(alertsIn(new Map([['tst.js', code]]))).toEqual([{ path: 'tst.js', firstLine: 1, lastLine: 1 }])
  })
})

test('findings are compared by region and by what they say', () => {
  const match: Match = { cwe: 'CWE-1004', rules: ['insecure-session-cookie'], saying: /\bHttpOnly\b/ }
  const found = (line: number, what: string): Finding => finding('insecure-session-cookie', 'tst.js', [line], { what })
  const findings = [
    found(5, 'set without HttpOnly'),
    found(9, 'set without Secure'),
    found(12, 'set without HttpOnly and Secure'),
    finding('weak-session-secret', 'tst.js', [9]),
  ]
  expect(compare(alertsIn(new Map([['X.expected', expected]])), findings, match)).toEqual({
    hits: 1,
    misses: ['tst.js:9'],
    extras: ['tst.js:12'],
  })
})
