/** Verdicts beside expectations, as a table and as a section of the accuracy page. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome, Report } from '../../packages/audit/src/finding/finding.ts'
import type { Target } from './target.ts'

export interface Row {
  readonly rule: string
  readonly expected: Outcome
  readonly actual: Outcome | 'absent'
  readonly isRight: boolean
  readonly reason: string
}

export interface Result {
  readonly name: string
  readonly rows: readonly Row[]
  /** Why it could not be probed. */
  readonly failure?: string
}

export function resultOf({ name, expected }: Target, { assessments }: Report): Result {
  const rows = Object.entries(expected).map(([rule, { outcome, reason }]): Row => {
    const actual = assessments.find((one) => one.rule === rule)?.outcome ?? 'absent'
    return { rule, expected: outcome, actual, isRight: actual === outcome, reason }
  })
  return { name, rows }
}

/** For the terminal: what is wrong is marked, and has its reason. */
export function table(results: readonly Result[]): string {
  const lines = results.flatMap(({ name, rows, failure }) => [
    name,
    ...(failure === undefined ? [] : [`  could not be probed: ${failure}`]),
    ...rows.map((row) => `  ${row.isRight ? ' ' : '!'} ${row.rule.padEnd(32)} ${words(row)}`),
  ])
  const rows = results.flatMap((result) => result.rows)
  return [...lines, `${rows.filter(({ isRight }) => isRight).length} of ${rows.length} verdicts as expected`].join('\n')
}

function words({ expected, actual, isRight, reason }: Row): string {
  return isRight ? actual : `${actual}, expected ${expected}: ${reason}`
}

const TITLE = '## Live targets'

/** The page with its section of live targets as it is now. */
export function withSection(page: string, results: readonly Result[]): string {
  const [before = '', rest = ''] = page.split(`${TITLE}\n`)
  const next = rest.search(/^## /m)
  const after = next < 0 ? '' : rest.slice(next)
  return `${before.trimEnd()}\n\n${section(results)}\n${after === '' ? '' : `\n${after}`}`
}

/** From the verdicts that were kept. */
export function liveTargets(): string {
  const path = join(import.meta.dirname, 'results.json')
  return section(JSON.parse(readFileSync(path, 'utf8')) as readonly Result[])
}

function section(results: readonly Result[]): string {
  const rows = results.flatMap((result) => result.rows)
  const right = rows.filter(({ isRight }) => isRight).length
  const wrong = results.flatMap(({ name, rows: own }) =>
    own.filter(({ isRight }) => !isRight).map((row) => ({ name, row })),
  )
  return [
    TITLE,
    '',
    'Servers that others wrote, and some of ours that use what others wrote, started from npm on loopback and probed. What is expected is known from their source, from a published advisory, or from their fix. Measured by `npm run targets`, written by it with `--write`.',
    '',
    '| target | rule | expected | probed |',
    '|---|---|---|---|',
    ...results.flatMap(({ name, rows: own, failure }) =>
      failure === undefined
        ? own.map(
            ({ rule, expected, actual, isRight }) =>
              `| ${name} | \`${rule}\` | ${expected} | ${isRight ? actual : `**${actual}**`} |`,
          )
        : [`| ${name} | | | could not be probed |`],
    ),
    '',
    `${right} of ${rows.length} verdicts are as expected.`,
    ...wrong.flatMap(({ name, row }) => [
      '',
      `- ${name}, \`${row.rule}\`: ${row.actual}, expected ${row.expected}. ${row.reason}`,
    ]),
  ].join('\n')
}
