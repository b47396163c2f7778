/** `sallyport explain`: the page of one rule. */
import type { Invocation } from '../arguments.ts'
import { describeTerminal, type Console } from '../console.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'
import { renderPage } from '../page.ts'
import { readPages } from '../pages.ts'
import { closest } from '../suggest.ts'

/** Prints the page for a terminal, and its Markdown as it stands for a pipe. */
export function explainCommand(
  { rule, noColor }: Extract<Invocation, { kind: 'explain' }>,
  console: Console,
): ExitCode {
  const pages = readPages()
  const page = pages.get(rule)
  if (page === undefined) return refuse(unknownRule(rule, [...pages.keys()]), console)
  const terminal = describeTerminal(console.stdout, console, noColor)
  const forReading = console.stdout.isTTY === true || terminal.color
  console.stdout.write(forReading ? renderPage(page, terminal) : page)
  return exitCodes.clean
}

function unknownRule(rule: string, ids: readonly string[]): string {
  const meant = closest(rule, ids)
  return `There is no rule "${rule}".${meant ? ` Did you mean ${meant}?` : ''} All rules: sallyport rules`
}
