/** `sallyport audit`: source in, one report out. */
import type { Invocation } from '../arguments.ts'
import { auditUnder } from '../audited.ts'
import type { Console } from '../console.ts'
import { deliverReport } from '../documents.ts'
import { refuse, type ExitCode } from '../exit.ts'

type AuditInvocation = Extract<Invocation, { kind: 'audit' }>

/** Audits, delivers the report, and says by the exit code whether it holds a finding at or above the threshold. */
export async function auditCommand(invocation: AuditInvocation, console: Console): Promise<ExitCode> {
  const audited = await auditUnder(invocation, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const { report, config } = audited
  return deliverReport(report, { ...invocation, failOn: invocation.failOn ?? config?.failOn ?? 'high' }, console)
}
