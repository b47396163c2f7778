/** One report, in every format that was asked for, and the exit code that it means. */
import {
  renderGithub,
  renderGitlab,
  renderGitlabSast,
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
import type { Documents } from './arguments.ts'
import type { Threshold } from './commands.ts'
import { describeTerminal, type Console } from './console.ts'
import { deliver } from './deliver.ts'
import { exitCodes, refuse, type ExitCode } from './exit.ts'
import { readPages } from './pages.ts'
import { linksFor, prefixOf } from './repository.ts'
import { sourcesOf } from './sources.ts'

interface Extras {
  readonly showSuppressed?: boolean
}

const severities: readonly Severity[] = ['low', 'medium', 'high', 'critical']

/** Writes the documents, and says by the exit code whether the report holds a finding at or above the threshold. */
export function deliverReport(report: Report, asked: Documents & Extras, console: Console): ExitCode {
  return deliverAll(report, [...asked.also, asked], asked, console)
}

/** The same without the main document, in whose place something else was delivered. */
export function deliverBeside(report: Report, asked: Documents & Extras, console: Console): ExitCode {
  return deliverAll(report, asked.also, asked, console)
}

function deliverAll(
  report: Report,
  documents: readonly Pick<Documents, 'format' | 'output'>[],
  asked: Documents & Extras,
  console: Console,
): ExitCode {
  for (const document of documents) {
    const refusal = deliver(renderReport(report, { ...asked, ...document }, console), document.output, console)
    if (refusal !== undefined) return refuse(refusal, console)
  }
  return reachesThreshold(report, asked.failOn ?? 'high') ? exitCodes.findings : exitCodes.clean
}

function renderReport(report: Report, documents: Documents & Extras, console: Console): string {
  const { format, output, noColor, showSuppressed = false } = documents
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
    case 'gitlab-sast':
      return renderGitlabSast(report, rules, { prefix: prefixOf(report, console), at: momentOf(console) })
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

/** Now; builds that are to give the same bytes twice say so by `SOURCE_DATE_EPOCH`, in seconds. */
function momentOf({ env }: Console): Date {
  const epoch = env['SOURCE_DATE_EPOCH'] ?? ''
  return /^\d{1,11}$/.test(epoch) ? new Date(Number(epoch) * 1_000) : new Date()
}

function reachesThreshold(report: Report, threshold: Threshold): boolean {
  if (threshold === 'none') return false
  const lowest = severities.indexOf(threshold)
  return report.findings.some(({ severity }) => severities.indexOf(severity) >= lowest)
}
