/** `sallyport verify`: whether a report deserves its grade. */
import { readFileSync } from 'node:fs'
import { rules, verifyReport } from '@sallyport/audit'
import type { Invocation } from '../arguments.ts'
import type { Console } from '../console.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'

/** Says what the grade is by the published formula; exits 1 where the report says otherwise. */
export function verifyCommand({ report }: Extract<Invocation, { kind: 'verify' }>, console: Console): ExitCode {
  const document = readJson(report)
  if ('refusal' in document) return refuse(document.refusal, console)
  const verification = verifyReport(
    document.value,
    rules.map(({ rule }) => rule),
  )
  switch (verification.kind) {
    case 'unreadable':
      return refuse(`${report}: ${verification.reason}`, console)
    case 'differs':
      console.stdout.write(
        `${report} does not deserve its grade:\n${verification.differences.map((one) => `  ${printable(one)}\n`).join('')}`,
      )
      return exitCodes.findings
    case 'agrees':
      console.stdout.write(
        `${report}: grade ${verification.grade}, ${verification.score} of 100, as the report says.\n`,
      )
      return exitCodes.clean
  }
}

function readJson(path: string): { readonly value: unknown } | { readonly refusal: string } {
  try {
    return { value: JSON.parse(readFileSync(path, 'utf8')) as unknown }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      return {
        refusal: `There is nothing at ${path}.\nWrite a report first: sallyport audit --format json --output <file>`,
      }
    return { refusal: `${path} cannot be read as JSON: ${printable(code ?? message)}.` }
  }
}

/** A report may come from anywhere: nothing in it steers the terminal. */
function printable(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replace(/[^\x20-\x7e]/g, '?')
}
