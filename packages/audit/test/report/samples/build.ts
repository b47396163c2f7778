/** Hand-made reports without counting columns: places are found by the text they mark. */
import { createHash } from 'node:crypto'
import type {
  Assessment,
  Finding,
  Gap,
  Grade,
  Lifecycle,
  Location,
  Notice,
  Report,
  Severity,
  Step,
  Subject,
  SuppressedFinding,
} from '../../../src/finding/finding.ts'
import type { Rule, RuleEntry } from '../../../src/rules/rule.ts'
import { rule as clientSuppliedSessionId } from '../../../src/rules/client-supplied-session-id/rule.ts'
import { rule as missingSessionExpiry } from '../../../src/rules/missing-session-expiry/rule.ts'
import { rule as missingSessionInvalidation } from '../../../src/rules/missing-session-invalidation/rule.ts'
import { rule as plaintextTransport } from '../../../src/rules/plaintext-transport/rule.ts'
import { rule as predictableSessionId } from '../../../src/rules/predictable-session-id/rule.ts'
import { rule as sessionAsAuthentication } from '../../../src/rules/session-as-authentication/rule.ts'
import { rule as sessionFixation } from '../../../src/rules/session-fixation/rule.ts'
import { rule as sharedSessionState } from '../../../src/rules/shared-session-state/rule.ts'
import { rule as unboundSession } from '../../../src/rules/unbound-session/rule.ts'

/** A report and the sources it speaks of. */
export interface Sample {
  readonly report: Report
  readonly sources: ReadonlyMap<string, string>
}

/** The nine rules with words of their own, so that these pages change only when the page changes. */
export const rules: readonly RuleEntry[] = [
  reworded(sessionFixation, 'The session from before authentication is still the session after it'),
  reworded(plaintextTransport, 'Session tokens travel over plain HTTP'),
  reworded(missingSessionExpiry, 'Sessions never expire, or only by one of the two timeouts'),
  reworded(predictableSessionId, 'A session ID or token can be predicted'),
  reworded(sharedSessionState, 'One session can reach or overwrite the state of another'),
  reworded(missingSessionInvalidation, 'Logout, reset or close does not destroy the session'),
  reworded(clientSuppliedSessionId, 'An ID taken from the request becomes the ID of a new session'),
  reworded(unboundSession, 'A session is served to a principal who did not open it'),
  reworded(sessionAsAuthentication, 'A session ID alone is accepted as authentication'),
]

function reworded(rule: Rule, title: string): RuleEntry {
  return { rule: { ...rule, title } }
}

/** Where `marked` stands in a source; `within` narrows the search to what follows it. */
export function place(sources: ReadonlyMap<string, string>, path: string, marked: string, within = ''): Location {
  const text = sources.get(path) ?? ''
  const from = text.indexOf(within)
  const start = text.indexOf(marked, from)
  if (from === -1 || start === -1) throw new Error(`${path} holds no «${marked}» after «${within}»`)
  const [startLine, startColumn] = lineAndColumn(text, start)
  const [endLine, endColumn] = lineAndColumn(text, start + marked.length)
  return { path, startLine, startColumn, endLine, endColumn }
}

function lineAndColumn(text: string, offset: number): readonly [number, number] {
  const before = text.slice(0, offset).split('\n')
  return [before.length, (before.at(-1) ?? '').length + 1]
}

export function step(note: string, location: Location): Step {
  return { note, location }
}

type FindingParts = Pick<Finding, 'rule' | 'severity' | 'what' | 'why' | 'todo' | 'trace'> & Partial<Finding>

/** A finding with the usual rest; it stands at its last step. */
export function finding(parts: FindingParts): Finding {
  const location = parts.trace.at(-1)?.location
  const fingerprint = createHash('sha256').update(parts.what).digest('hex').slice(0, 16)
  return {
    fingerprint,
    confidence: 'high',
    partial: false,
    surface: 'runtime',
    fixes: [],
    ...(location && { location }),
    ...parts,
  }
}

interface ReportParts {
  readonly root: string
  readonly grade: Grade
  readonly score: number
  readonly files: Report['files']
  readonly findings?: readonly Finding[]
  readonly gaps?: readonly Gap[]
  readonly suppressed?: readonly SuppressedFinding[]
  readonly notices?: readonly Notice[]
  readonly declared?: readonly string[]
  readonly leftOut?: number
  readonly lifecycles?: readonly Lifecycle[]
  readonly subjects?: readonly Subject[]
  /** Reasons by rule. */
  readonly open?: Readonly<Record<string, readonly string[]>>
  readonly notApplicable?: Readonly<Record<string, readonly string[]>>
}

/** A report whose assessments follow from its findings and what is said to be open or not applicable. */
export function reportOf(parts: ReportParts): Report {
  const { root, grade, score, files, findings = [], gaps = [], open = {}, notApplicable = {} } = parts
  const { suppressed = [], notices = [], declared = [], leftOut = 0, lifecycles = [], subjects = [] } = parts
  const assess = (rule: Rule): Assessment => {
    const own = findings.filter((one) => one.rule === rule.id && one.surface === 'runtime')
    if (own.length > 0) return failed(rule, own)
    const outcome = open[rule.id] ? 'open' : notApplicable[rule.id] ? 'notApplicable' : 'pass'
    const reasons = open[rule.id] ?? notApplicable[rule.id] ?? []
    return { rule: rule.id, outcome, severity: rule.severity, impact: rule.impact, findings: [], reasons }
  }
  return {
    tool: { name: 'sallyport', version: '0.1.0' },
    formula: '1',
    subject: { kind: 'source', root },
    score,
    grade,
    files,
    assessments: rules.map(({ rule }) => assess(rule)),
    findings,
    suppressed,
    leftOut,
    declared,
    notices,
    lifecycles,
    subjects,
    gaps,
    profile: 'regular',
  }
}

const LOWER: Readonly<Record<Severity, Severity>> = { critical: 'high', high: 'medium', medium: 'low', low: 'low' }

function failed(rule: Rule, own: readonly Finding[]): Assessment {
  const partial = own.every((one) => one.partial)
  return {
    rule: rule.id,
    outcome: 'fail',
    severity: partial ? LOWER[rule.severity] : rule.severity,
    impact: partial ? rule.impact / 2 : rule.impact,
    findings: own.map(({ fingerprint }) => fingerprint),
    reasons: [],
  }
}
