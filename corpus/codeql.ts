/**
 * Scores the auditor on test files of another analyser, CodeQL, that say line by line what it is to find. The files are
 * read where they are and never become part of this tree.
 *
 *   npm run codeql -- --cases <folder> [--write]
 *
 * The folder holds one folder for each weakness, `CWE-384` and so on, as in `javascript/ql/test/query-tests/Security` of
 * its repository. `--write` keeps the numbers in `codeql.json`, for the accuracy page.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { audit, AuditError, type Finding } from '@sallyport/audit'
import { alertsIn, type CodeqlRow, compare, type Compared, type Match, matches } from './alerts.ts'

const { values: flags } = parseArgs({
  options: {
    cases: { type: 'string', default: process.env['SALLYPORT_CODEQL_CASES'] ?? '' },
    write: { type: 'boolean', default: false },
  },
})
if (flags.cases === '') throw new Error('Name the folder of the test files: --cases <folder>. See corpus/README.md.')

const rows: CodeqlRow[] = []
for (const match of matches) {
  const folder = join(flags.cases, match.cwe)
  if (!existsSync(folder)) throw new Error(`not there: ${folder}`)
  const compared = compare(alertsOf(folder), await findingsIn(folder), match)
  process.stdout.write(story(match, compared))
  const { hits, misses, extras } = compared
  rows.push({ cwe: match.cwe, rules: match.rules, expected: hits + misses.length, hits, extras: extras.length })
}
process.stdout.write(`${sum('hits')} of ${sum('expected')} expected alerts, ${sum('extras')} extras\n`)
if (flags.write) writeFileSync(join(import.meta.dirname, 'codeql.json'), `${JSON.stringify(rows, null, 2)}\n`)

function sum(column: 'hits' | 'expected' | 'extras'): number {
  return rows.reduce((total, row) => total + row[column], 0)
}

async function findingsIn(folder: string): Promise<readonly Finding[]> {
  try {
    return (await audit(folder)).findings
  } catch (error) {
    if (error instanceof AuditError && error.code === 'no-server-code') return []
    throw error
  }
}

function alertsOf(folder: string): ReturnType<typeof alertsIn> {
  const files = readdirSync(folder).filter((name) => /\.(?:expected|[cm]?[jt]sx?)$/.test(name))
  return alertsIn(new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')])))
}

function story({ cwe, rules }: Match, { hits, misses, extras }: Compared): string {
  return [
    `${cwe}, ${rules.join(' and ')}: ${hits} of ${hits + misses.length}, ${extras.length} extras`,
    ...misses.map((place) => `  missed ${place}`),
    ...extras.map((place) => `  extra  ${place}`),
    '',
  ].join('\n')
}
