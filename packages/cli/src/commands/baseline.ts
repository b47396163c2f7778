/** `sallyport baseline`: what is found today becomes what is known. */
import { join } from 'node:path'
import { renderBaseline } from '@sallyport/audit'
import type { Invocation } from '../arguments.ts'
import { auditUnder, baselinePath, folderOf } from '../audited.ts'
import type { Console } from '../console.ts'
import { deliver } from '../deliver.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'

const DEFAULT_NAME = 'sallyport.baseline.json'

/** Writes the baseline and says on standard error what it holds and how it comes into force. */
export async function baselineCommand(
  invocation: Extract<Invocation, { kind: 'baseline' | 'badge' }>,
  console: Console,
): Promise<ExitCode> {
  const audited = await auditUnder(invocation, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const { report, config, baseline } = audited
  const configured = baselinePath(invocation, config)
  const output = invocation.output ?? configured ?? join(folderOf(invocation.path), DEFAULT_NAME)
  const refusal = deliver(renderBaseline(report, baseline), output, console)
  if (refusal !== undefined) return refuse(refusal, console)
  const count =
    report.findings.length + report.suppressed.filter(({ suppression }) => suppression.by === 'baseline').length
  console.stderr.write(`${output} lists ${count} known ${count === 1 ? 'finding' : 'findings'}.\n`)
  if (output !== configured)
    console.stderr.write(`Use it with --baseline ${output}, or as "baseline" in sallyport.config.yaml.\n`)
  return exitCodes.clean
}
