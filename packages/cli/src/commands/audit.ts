/** `sallyport audit`: source in, one report out. */
import { writeFileSync } from 'node:fs'
import {
  AuditError,
  audit,
  renderJson,
  renderSarif,
  renderText,
  rules,
  type Report,
  type Severity,
} from '@sallyport/audit'
import manifest from '../../package.json' with { type: 'json' }
import type { Invocation } from '../arguments.ts'
import type { Threshold } from '../commands.ts'
import { describeTerminal, type Console } from '../console.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'
import { readPages } from '../pages.ts'
import { progressLine } from '../progress.ts'
import { sourcesOf } from '../sources.ts'

type AuditInvocation = Extract<Invocation, { kind: 'audit' }>

const severities: readonly Severity[] = ['low', 'medium', 'high', 'critical']

/** Audits, delivers the report, and says by the exit code whether it holds a finding at or above the threshold. */
export async function auditCommand(invocation: AuditInvocation, console: Console): Promise<ExitCode> {
  const report = await auditWithProgress(invocation, console)
  if (report instanceof AuditError) return refuse(describeRefusal(report), console)
  const document = renderReport(report, invocation, console)
  const refusal = deliver(document, invocation.output, console)
  if (refusal !== undefined) return refuse(refusal, console)
  return reachesThreshold(report, invocation.failOn) ? exitCodes.findings : exitCodes.clean
}

async function auditWithProgress(invocation: AuditInvocation, console: Console): Promise<Report | AuditError> {
  const progress = progressLine(console, () => performance.now())
  try {
    return await audit(invocation.path, {
      includeTests: invocation.includeTests,
      tool: { name: manifest.name, version: manifest.version },
      onProgress: progress.update,
    })
  } catch (error) {
    if (error instanceof AuditError) return error
    throw error
  } finally {
    progress.clear()
  }
}

/** What went wrong, what may be behind it, and a way on. */
function describeRefusal({ code, message, gaps }: AuditError): string {
  const wayOn = code === 'unreadable' ? 'Check the path' : 'Name the folder that holds the server'
  const [gap] = gaps
  const behind = gap
    ? ` Not understood: ${gap.path}: ${gap.reason}${gaps.length > 1 ? ` (and ${gaps.length - 1} more)` : ''}`
    : ''
  return `${message}${behind}\n${wayOn}: sallyport audit <path>`
}

function renderReport(report: Report, { format, output, noColor }: AuditInvocation, console: Console): string {
  switch (format) {
    case 'json':
      return renderJson(report)
    case 'sarif':
      return renderSarif(report, rules, { pages: readPages() })
    case 'text': {
      const terminal = describeTerminal(console.stdout, console, noColor || output !== undefined)
      return renderText(report, rules, { ...terminal, sources: sourcesOf(report) })
    }
  }
}

/** Writes the document where it belongs; returns why it could not. */
function deliver(document: string, output: string | undefined, console: Console): string | undefined {
  if (output === undefined) {
    console.stdout.write(document)
    return undefined
  }
  try {
    writeFileSync(output, document)
    return undefined
  } catch (error) {
    return `cannot write --output ${output}: ${reasonOf(error as NodeJS.ErrnoException)}`
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'its folder does not exist. Create the folder or name another file.'
  if (code === 'EISDIR') return 'it is a folder. Name a file in it.'
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'permission denied. Name a file you may write.'
  return `${message}.`
}

function reachesThreshold(report: Report, threshold: Threshold): boolean {
  if (threshold === 'none') return false
  const lowest = severities.indexOf(threshold)
  return report.findings.some(({ severity }) => severities.indexOf(severity) >= lowest)
}
