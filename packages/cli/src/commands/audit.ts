/** `sallyport audit`: source in, one report out. */
import {
  renderGithub,
  renderGitlab,
  renderHtml,
  renderJson,
  renderJunit,
  renderMarkdown,
  renderSarif,
  renderText,
  renderUnix,
  type Report,
  rules,
  type Severity,
} from '@sallyport/audit'
import type { Invocation } from '../arguments.ts'
import { auditUnder } from '../audited.ts'
import type { Threshold } from '../commands.ts'
import { describeTerminal, type Console } from '../console.ts'
import { deliver } from '../deliver.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'
import { readPages } from '../pages.ts'
import { linksFor, prefixOf } from '../repository.ts'
import { sourcesOf } from '../sources.ts'

type AuditInvocation = Extract<Invocation, { kind: 'audit' }>

const severities: readonly Severity[] = ['low', 'medium', 'high', 'critical']

/** Audits, delivers the report, and says by the exit code whether it holds a finding at or above the threshold. */
export async function auditCommand(invocation: AuditInvocation, console: Console): Promise<ExitCode> {
  const audited = await auditUnder(invocation, console)
  if ('refusal' in audited) return refuse(audited.refusal, console)
  const { report, config } = audited
  for (const document of [...invocation.also, invocation]) {
    const refusal = deliver(renderReport(report, { ...invocation, ...document }, console), document.output, console)
    if (refusal !== undefined) return refuse(refusal, console)
  }
  const threshold = invocation.failOn ?? config?.failOn ?? 'high'
  return reachesThreshold(report, threshold) ? exitCodes.findings : exitCodes.clean
}

function renderReport(report: Report, invocation: AuditInvocation, console: Console): string {
  const { format, output, noColor, showSuppressed } = invocation
  switch (format) {
    case 'json':
      return renderJson(report)
    case 'sarif':
      return renderSarif(report, rules, { pages: readPages(), showSuppressed })
    case 'markdown':
      return renderMarkdown(report, rules, { sources: sourcesOf(report), ...linksFor(report, console) })
    case 'html':
      return renderHtml(report, rules, { sources: sourcesOf(report) })
    case 'github':
      return renderGithub(report, rules, { prefix: prefixOf(report, console) })
    case 'gitlab':
      return renderGitlab(report, { prefix: prefixOf(report, console) })
    case 'junit':
      return renderJunit(report, rules)
    case 'unix':
      return renderUnix(report, { prefix: prefixOf(report, console) })
    case 'text': {
      const terminal = describeTerminal(console.stdout, console, noColor || output !== undefined)
      return renderText(report, rules, { ...terminal, sources: sourcesOf(report), showSuppressed })
    }
  }
}

function reachesThreshold(report: Report, threshold: Threshold): boolean {
  if (threshold === 'none') return false
  const lowest = severities.indexOf(threshold)
  return report.findings.some(({ severity }) => severities.indexOf(severity) >= lowest)
}
