/** Reports and checkouts for the tests: small, and written by hand. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Finding, Report, Step } from '@sallyport/audit'

/** A folder with these files. */
export function checkout(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-corpus-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

export function finding(rule: string, path: string, lines: readonly number[], more: Partial<Finding> = {}): Finding {
  const trace: Step[] = lines.map((line) => ({
    note: 'here',
    location: { path, startLine: line, startColumn: 1, endLine: line, endColumn: 2 },
  }))
  const location = trace.at(-1)?.location
  return {
    fingerprint: '0123456789abcdef',
    rule,
    severity: 'high',
    confidence: 'high',
    partial: false,
    surface: 'runtime',
    what: 'what',
    why: 'why',
    todo: 'todo',
    ...(location ? { location } : {}),
    trace,
    fixes: [],
    ...more,
  }
}

export function report(findings: readonly Finding[]): Report {
  return {
    tool: { name: 'sallyport', version: '0.1.0' },
    formula: '1',
    score: 0,
    grade: 'F',
    subject: { kind: 'source', root: '.' },
    files: { analysed: 1, skipped: 0 },
    assessments: [],
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
