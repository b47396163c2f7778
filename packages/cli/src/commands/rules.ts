/** `sallyport rules`: what the auditor looks for, worst first. */
import { rules, type Rule, type Severity } from '@sallyport/audit'
import { createColors } from 'picocolors'
import type { Invocation } from '../arguments.ts'
import { describeTerminal, type Console } from '../console.ts'
import { exitCodes, type ExitCode } from '../exit.ts'

const worstFirst: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** Lists id, severity, impact on the score and title of every rule. */
export function rulesCommand({ noColor }: Extract<Invocation, { kind: 'rules' }>, console: Console): ExitCode {
  const { bold, dim } = createColors(describeTerminal(console.stdout, console, noColor).color)
  const listed = rules.map(({ rule }) => rule).toSorted(compareRules)
  const width = Math.max(...listed.map(({ id }) => id.length))
  for (const rule of listed) {
    const impact = `-${rule.impact}`.padStart(4)
    console.stdout.write(`${bold(rule.id.padEnd(width))}  ${rule.severity.padEnd(8)}  ${dim(impact)}  ${rule.title}\n`)
  }
  return exitCodes.clean
}

function compareRules(a: Rule, b: Rule): number {
  const bySeverity = worstFirst.indexOf(a.severity) - worstFirst.indexOf(b.severity)
  return bySeverity || b.impact - a.impact || (a.id < b.id ? -1 : 1)
}
