/** The whole public surface of the auditor. */
export { audit, type AuditOptions } from './audit.ts'
export { AuditError } from './audit-error.ts'
export type * from './finding/finding.ts'
export { renderJson } from './report/json.ts'
export { renderSarif } from './report/sarif.ts'
export { renderText } from './report/text.ts'
export { rules } from './rules/index.ts'
export type { Rule, RuleEntry } from './rules/rule.ts'
