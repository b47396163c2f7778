/** `sallyport badge`: the grade as an SVG. */
import { commitOf, renderBadge } from '@sallyport/audit'
import type { Invocation } from '../arguments.ts'
import { auditUnder } from '../audited.ts'
import type { Console } from '../console.ts'
import { deliver } from '../deliver.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'

/** Audits and writes the badge, with the commit that is checked out. */
export async function badgeCommand(
  invocation: Extract<Invocation, { kind: 'baseline' | 'badge' }>,
  console: Console,
): Promise<ExitCode> {
  const audited = await auditUnder(invocation, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const commit = commitOf(invocation.path)
  const badge = renderBadge(audited.report, commit === undefined ? {} : { commit })
  const refusal = deliver(badge, invocation.output, console)
  return refusal === undefined ? exitCodes.clean : refuse(refusal, console)
}
