/** Builders of the plain data that scoring reads, so that a test names only what it is about. */
import type {
  Assessment,
  Finding,
  FindingDraft,
  Gap,
  Location,
  Severity,
  Step,
  Surface,
} from '../../src/finding/finding.ts'
import type { ServerFacts } from '../../src/facts/facts.ts'
import { defineRule, type Rule, type RuleEntry, type Verdict } from '../../src/rules/rule.ts'
import type { SourceFile, SourceTree } from '../../src/source/tree.ts'

export function aRule(id: string, severity: Severity = 'high', impact = 15): Rule {
  return defineRule({
    id,
    title: 'A weakness',
    severity,
    impact,
    cwe: ['CWE-384'],
    requirements: ['asvs-5.0/7.2.4'],
    eras: ['legacy'],
    why: 'Mallory uses it.',
    todo: 'Mend it.',
  })
}

export function aLocation(path: string, startLine: number, startColumn = 1): Location {
  return { path, startLine, startColumn, endLine: startLine, endColumn: startColumn + 10 }
}

export function aStep(path: string, line: number, column = 1): Step {
  return { note: 'here', location: aLocation(path, line, column) }
}

export function aDraft(path: string, line: number, rest: Partial<FindingDraft> = {}): FindingDraft {
  return { what: 'It is weak.', trace: [aStep(path, line)], confidence: 'high', ...rest }
}

export function aFinding(rule: Rule, fingerprint: string, rest: Partial<Finding> = {}): Finding {
  return {
    fingerprint,
    rule: rule.id,
    severity: rule.severity,
    confidence: 'high',
    partial: false,
    surface: 'runtime',
    what: 'It is weak.',
    why: rule.why,
    todo: rule.todo,
    trace: [aStep('server.ts', 1)],
    fixes: [],
    ...rest,
  }
}

export function anAssessment(rule: string, rest: Partial<Assessment> = {}): Assessment {
  return { rule, outcome: 'pass', severity: 'high', impact: 15, findings: [], reasons: [], ...rest }
}

export function judged(findings: readonly FindingDraft[] = [], open: readonly string[] = []): Verdict {
  return { kind: 'judged', findings, open }
}

export function entry(rule: Rule, detect: () => Verdict): RuleEntry {
  return { rule, detect }
}

export interface FileSketch {
  readonly path: string
  readonly text?: string
  readonly surface?: Surface
}

/** A tree of files that only have a path, a text and a surface. */
export function aTree(sketches: readonly FileSketch[], gaps: readonly Gap[] = []): SourceTree {
  const files = sketches.map(({ path, text = '', surface = 'runtime' }): SourceFile => {
    return { path, text, surface, locate: () => aLocation(path, 1) }
  })
  return {
    root: '/srv/notes',
    files,
    packages: [],
    gaps,
    skipped: 0,
    file: (path) => files.find((file) => file.path === path),
    packageOf: () => undefined,
    versionOf: () => undefined,
    versionWithin: () => undefined,
    deployments: [],
    config: () => undefined,
  }
}

/** Facts of which the pipeline itself reads one field; the rules of these tests read none. */
export function someFacts(hasServerCode = true): ServerFacts {
  return { hasServerCode, stores: [], servers: [] } as unknown as ServerFacts
}
