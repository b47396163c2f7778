/** The order of severities. */
import type { Severity } from './finding.ts'

/** From the worst to the mildest. */
export const severities = ['critical', 'high', 'medium', 'low'] as const satisfies readonly Severity[]

/** The next milder severity; `low` stays. */
export function lowerSeverity(severity: Severity): Severity {
  return severities[severities.indexOf(severity) + 1] ?? 'low'
}

/** Whether `severity` is `least` or worse. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return severities.indexOf(severity) <= severities.indexOf(least)
}
