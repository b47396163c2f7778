/** What test files of CodeQL expect, and how that compares with our findings: by file and line. */
import type { Finding } from '@sallyport/audit'

/** A region of lines in which one alert is expected. */
export interface Alert {
  readonly path: string
  readonly firstLine: number
  readonly lastLine: number
}

/** Which of our rules stand for a query. One of ours speaks of three attributes of a cookie, a query of one; keys have a rule of their own. */
export interface Match {
  readonly cwe: string
  readonly rules: readonly string[]
  readonly saying?: RegExp
}

export const matches: readonly Match[] = [
  { cwe: 'CWE-384', rules: ['session-fixation'] },
  { cwe: 'CWE-338', rules: ['predictable-session-id', 'weak-session-secret'] },
  { cwe: 'CWE-614', rules: ['insecure-session-cookie'], saying: /\bSecure\b/ },
  { cwe: 'CWE-1004', rules: ['insecure-session-cookie'], saying: /\bHttpOnly\b/ },
  { cwe: 'CWE-1275', rules: ['insecure-session-cookie'], saying: /\bSameSite\b/ },
]

/** What `codeql.json` keeps of one folder. */
export interface CodeqlRow {
  readonly cwe: string
  readonly rules: readonly string[]
  readonly expected: number
  readonly hits: number
  readonly extras: number
}

export interface Compared {
  readonly hits: number
  /** As `file:line`. */
  readonly misses: readonly string[]
  readonly extras: readonly string[]
}

/** One alert for each finding of a matching rule that stands in its region; several findings on one line are one. */
export function compare(alerts: readonly Alert[], findings: readonly Finding[], { rules, saying }: Match): Compared {
  const places = findings
    .filter((finding) => rules.includes(finding.rule) && (saying?.test(finding.what) ?? true))
    .flatMap(({ location }) => (location === undefined ? [] : [{ path: location.path, line: location.startLine }]))
  const isIn = (alert: Alert, { path, line }: { path: string; line: number }): boolean =>
    alert.path === path && line >= alert.firstLine && line <= alert.lastLine
  const misses = alerts.filter((alert) => !places.some((place) => isIn(alert, place)))
  const extras = places.filter((place) => !alerts.some((alert) => isIn(alert, place)))
  return {
    hits: alerts.length - misses.length,
    misses: misses.map(({ path, firstLine }) => `${path}:${firstLine}`),
    extras: [...new Set(extras.map(({ path, line }) => `${path}:${line}`))],
  }
}

/** The alerts that a folder of tests expects: of its `.expected` file, or of the comments in the code. Text by file name. */
export function alertsIn(files: ReadonlyMap<string, string>): readonly Alert[] {
  const tables = [...files].filter(([name]) => name.endsWith('.expected')).map(([, text]) => text)
  if (tables.length > 0) return tables.flatMap(alertsInTable)
  return [...files].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, index): Alert[] => {
      const isAlert = /\/\/ \$.*\bAlert\b/.test(line) && !/MISSING: *Alert/.test(line)
      return isAlert ? [{ path, firstLine: index + 1, lastLine: index + 1 }] : []
    }),
  )
}

/** Rows such as `| tst.js:9:1:14:2 | text | … |`; of a query with paths, those of its `#select` part. */
function alertsInTable(table: string): readonly Alert[] {
  const lines = table.split('\n')
  const from = lines.indexOf('#select') + 1
  const end = lines.findIndex((line, index) => index >= from && !line.startsWith('|'))
  return lines.slice(from, end === -1 ? undefined : end).flatMap((row): Alert[] => {
    const [, path, firstLine, lastLine] = /^\| ([^:|]+):(\d+):\d+:(\d+):\d+ \|/.exec(row) ?? []
    return path === undefined ? [] : [{ path, firstLine: Number(firstLine), lastLine: Number(lastLine) }]
  })
}
