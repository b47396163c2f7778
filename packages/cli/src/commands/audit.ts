/** `sallyport audit`: source in, one report out; with `--fix` mended source too. */
import { correlate, type Report, rules } from '@sallyport/audit'
import type { Fixing, Invocation, Probing } from '../arguments.ts'
import { auditUnder, mendUnder } from '../audited.ts'
import type { Threshold } from '../commands.ts'
import type { Console } from '../console.ts'
import { deliver } from '../deliver.ts'
import { deliverBeside, deliverReport } from '../documents.ts'
import { refuse, type ExitCode } from '../exit.ts'
import { deliverProbed, probeThen } from './probe.ts'
import { renderDiff, renderMended, renderProof, writeOrSayWhyNot } from '../mended.ts'

type AuditInvocation = Extract<Invocation, { kind: 'audit' }>

/** Audits, delivers the report, and says by the exit code whether it holds a finding at or above the threshold. */
export async function auditCommand(invocation: AuditInvocation, console: Console): Promise<ExitCode> {
  if (invocation.fix !== undefined) {
    if (invocation.probe !== undefined) return proveCommand(invocation, invocation.fix, invocation.probe, console)
    return fixCommand(invocation, invocation.fix, console)
  }
  const audited = await auditUnder(invocation, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const { report, config } = audited
  const asked = askedOf(invocation, config)
  if (invocation.probe === undefined) return deliverReport(report, asked, console)
  const obstacle = whyNotCorrelated(report, invocation.subject)
  if (obstacle !== undefined) return refuse(obstacle, console)
  return probeThen(invocation.probe, console, (live) =>
    deliverProbed(correlate(report, live, rules, invocation.subject), live, asked, console),
  )
}

/** One server is probed: of several it has to be said which. */
function whyNotCorrelated({ subjects }: Report, subject: string | undefined): string | undefined {
  if (subjects.some(({ root }) => root === subject)) return undefined
  if (subjects.length === 0)
    return subject === undefined ? undefined : 'The tree holds one server, and --subject chooses among several.'
  const roots = subjects.map(({ root }) => root).join(', ')
  return subject === undefined
    ? `The tree holds several servers. Say which one is probed: --subject <folder>, one of ${roots}.`
    : `The tree holds no server in ${subject}. Those that it holds: ${roots}.`
}

/**
 * Mends, then delivers the report on what is left. A dry run delivers a diff instead, and its exit code speaks of the
 * source as it is.
 */
async function fixCommand(invocation: AuditInvocation, fix: Fixing, console: Console): Promise<ExitCode> {
  const audited = await mendUnder(invocation, fix.kinds, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const { mended, config } = audited
  const obstacle = fix.dryRun ? deliver(renderDiff(mended), invocation.output, console) : writeOrSayWhyNot(mended, fix)
  if (obstacle !== undefined) return refuse(obstacle, console)
  console.stderr.write(renderMended(mended, fix))
  const asked = askedOf(invocation, config)
  if (!fix.dryRun) return deliverReport(mended.after, asked, console)
  return deliverBeside(mended.before, asked, console)
}

/** Attacks the server, mends its source, starts it again, and shows which attacks no longer work. */
async function proveCommand(
  invocation: AuditInvocation,
  fix: Fixing,
  probing: Probing,
  console: Console,
): Promise<ExitCode> {
  const audited = await mendUnder(invocation, fix.kinds, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const { mended, config } = audited
  const unclear = whyNotCorrelated(mended.before, invocation.subject)
  if (unclear !== undefined) return refuse(unclear, console)
  const before = await probeThen<Report | ExitCode>(probing, console, (live, isInterrupted) =>
    isInterrupted ? refuse('The probe was interrupted. Nothing was fixed.', console) : live,
  )
  if (typeof before === 'number') return before
  const obstacle = writeOrSayWhyNot(mended, fix)
  if (obstacle !== undefined) return refuse(obstacle, console)
  console.stderr.write(renderMended(mended, fix))
  return probeThen(probing, console, (after) => {
    console.stderr.write(renderProof(before, after))
    return deliverProbed(
      correlate(mended.after, after, rules, invocation.subject),
      after,
      askedOf(invocation, config),
      console,
    )
  })
}

function askedOf(invocation: AuditInvocation, config: { readonly failOn?: Threshold } | undefined) {
  return { ...invocation, failOn: invocation.failOn ?? config?.failOn ?? ('high' as const) }
}
