/** Verdicts beside expectations, as a table and as a section of the accuracy page. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome, Report } from '../../packages/audit/src/finding/finding.ts'
import { type Expected, readTargets, type Target } from './target.ts'

export interface Row {
  readonly rule: string
  readonly expected: Outcome
  readonly actual: Outcome | 'absent'
  readonly isRight: boolean
  readonly reason: string
}

/** What a probe asked of its target, and what it took of this machine. */
export interface Cost {
  readonly requests: number
  /** Of the prober itself. */
  readonly cpuMs: number
  /** Of the target meanwhile, and of what it started. */
  readonly targetCpuMs?: number
  readonly wallMs: number
  /** As long as no request of the prober's waited for an answer: what it added of its own. */
  readonly idleMs?: number
}

export interface Result {
  readonly name: string
  readonly rows: readonly Row[]
  readonly cost?: Cost
  /** Why it could not be probed. */
  readonly failure?: string
}

export function resultOf({ name, expected }: Target, report: Report, cost: Cost): Result {
  const rows = Object.entries(expected).map(([rule, own]): Row => {
    const actual = report.assessments.find((one) => one.rule === rule)?.outcome ?? 'absent'
    const isRight = actual === own.outcome && saysAsExpected(rule, own, report)
    return { rule, expected: own.outcome, actual, isRight, reason: own.reason }
  })
  return { name, rows, cost }
}

function saysAsExpected(rule: string, { says, saysNot }: Expected, { findings }: Report): boolean {
  const said = findings.filter((one) => one.rule === rule).map(({ what }) => what)
  const isSaid = (text: string): boolean => said.some((what) => what.includes(text))
  return (says === undefined || isSaid(says)) && (saysNot === undefined || !isSaid(saysNot))
}

/** For the terminal. */
export function costLine({ requests, cpuMs, targetCpuMs, wallMs, idleMs }: Cost): string {
  const ofTarget = targetCpuMs === undefined ? '' : `, of the target ${seconds(targetCpuMs)} s`
  const idle = idleMs === undefined ? '' : `, idle for ${seconds(idleMs)} s`
  return `${requests} requests in ${seconds(wallMs)} s${idle}; CPU ${seconds(cpuMs)} s${ofTarget}`
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
    'Servers that others wrote, and some of ours that use what others wrote, started on loopback and probed. What is expected is known from reading their source, from a published advisory, or from their fix. Where no advisory is published they have a number. Measured by `npm run targets`, written by it with `--write`.',
    '',
    `${right} of ${rows.length} verdicts on ${results.length} targets are as expected.`,
    ...wrong.flatMap(({ name, row }) => [
      '',
      `- ${name}, \`${row.rule}\`: ${row.actual}, expected ${row.expected}. ${row.reason}`,
    ]),
    '',
    ...blindRuns(),
    '',
    'Fixes, before and after, by what differs:',
    '',
    ...fixes(results),
    '',
    mostAsked(results),
    '',
    ...howLong(results),
    '',
    'One letter for each verdict, in bold where it is not the expected one: **f**ail, **p**ass, **o**pen, **n**ot applicable; a dash where nothing was expected. CPU is that of the prober, its CPU that of the target and of what it starts; idle is how long no request waited for its answer: for silence, and at targets that are told of timeouts, for those to pass.',
    '',
    ...matrix(results),
    '',
    ...legend(),
  ].join('\n')
}

/** Each fix whose states are told apart, by a verdict or by a finding under the same verdict. */
function fixes(results: readonly Result[]): readonly string[] {
  const expected = new Map(readTargets().map((target) => [target.name, target.expected]))
  return results.flatMap(({ name, rows }) => {
    const fix = /^(Fix \d+), before$/.exec(name)?.[1]
    const after = results.find((one) => one.name === `${fix}, after`)
    if (fix === undefined || after === undefined) return []
    return rows.flatMap(({ rule, actual }) => {
      const then = after.rows.find((row) => row.rule === rule)
      const gone = expected.get(after.name)?.[rule]?.saysNot
      if (then === undefined || (then.actual === actual && gone === undefined)) return []
      const without = gone === undefined ? '' : `, without the finding that says "${gone}"`
      return [`- ${fix}, \`${rule}\`: ${actual}, then ${then.actual}${without}.`]
    })
  })
}

function mostAsked(results: readonly Result[]): string {
  const costs = results.flatMap(({ cost }) => cost ?? [])
  const most = (of: (cost: Cost) => number): number => Math.max(0, ...costs.map(of))
  return `The longest probe asked ${most(({ requests }) => requests)} requests of its target, and the dearest took ${seconds(most(({ cpuMs }) => cpuMs))} s of CPU.`
}

/** What a probe is to take at the most, where it waits for no limit to pass. */
const MOST_MS = 5_000

/** A target that is told of a limit is watched until it has passed. */
function howLong(results: readonly Result[]): readonly string[] {
  const waiting = new Set(
    readTargets().flatMap(({ name, config }) => (config?.['timeouts'] === undefined ? [] : [name])),
  )
  const timed = results.flatMap(({ name, cost }) => (cost && !waiting.has(name) ? [{ name, ...cost }] : []))
  const long = timed.filter(({ wallMs }) => wallMs > MOST_MS)
  const own = timed.filter(({ cpuMs, idleMs = 0 }) => cpuMs + idleMs <= MOST_MS)
  return [
    `Of ${timed.length} targets that were told of no limit to wait for, ${timed.length - long.length} were probed in ${seconds(MOST_MS)} s or less on a machine of two cores with nothing else to do. What the prober adds of its own, its CPU and the time in which it waits for nothing that it asked, is that much or less in ${own.length}. Those that took longer:`,
    '',
    ...long.map((one) => `- ${one.name}: ${costLine(one)}`),
  ]
}

/** Some were judged by reading before they were probed for the first time. */
function blindRuns(): readonly string[] {
  const runs = JSON.parse(readFileSync(join(import.meta.dirname, 'blind.json'), 'utf8')) as readonly BlindRun[]
  const said = runs.map(({ rows }, index) => {
    const wrong = rows.filter(([, , expected, probed]) => expected !== probed)
    const of = (wanted: Outcome): number => wrong.filter(([, , , probed]) => probed === wanted).length
    const undecided = of('open') + of('notApplicable')
    const differing =
      wrong.length === 0
        ? ''
        : `: of the others ${undecided} said less than could be known, ${of('pass')} passed what is weak, ${of('fail')} failed what is not`
    const targets = new Set(rows.map(([target]) => target)).size
    return `${index === 0 ? 'At the first' : 'After what this had shown was mended, at the first'} run on ${targets} targets that the prober had not met, ${rows.length - wrong.length} of ${rows.length} verdicts were as expected${differing}.`
  })
  return ['Expectations of the targets called blind were written down before their first probe.', '', said.join(' ')]
}

interface BlindRun {
  readonly rows: readonly (readonly [target: string, rule: string, expected: Outcome, probed: Outcome])[]
}

function matrix(results: readonly Result[]): readonly string[] {
  const numbers = COLUMNS.map((_, index) => index + 1)
  return [
    `| target | ${numbers.join(' | ')} | requests | CPU | its CPU | wall | idle |`,
    `|---|${numbers.map(() => '---|').join('')}--:|--:|--:|--:|--:|`,
    ...results.map(({ name, rows, cost, failure }) =>
      failure === undefined && cost !== undefined
        ? `| ${name} | ${COLUMNS.map((rule) => letterOf(rows, rule)).join(' | ')} | ${cost.requests} | ${seconds(cost.cpuMs)} s | ${orDash(cost.targetCpuMs)} | ${seconds(cost.wallMs)} s | ${orDash(cost.idleMs)} |`
        : `| ${name} | ${numbers.map(() => '').join(' | ')} | could not be probed | | | | |`,
    ),
  ]
}

/** Every rule of which something is expected somewhere. */
const COLUMNS = [
  'session-fixation',
  'client-supplied-session-id',
  'unbound-session',
  'session-as-authentication',
  'predictable-session-id',
  'shared-session-state',
  'event-replay-across-sessions',
  'session-token-in-url',
  'session-token-exposure',
  'missing-session-expiry',
  'missing-session-invalidation',
  'missing-origin-check',
  'insecure-session-cookie',
  'unchecked-token-audience',
  'header-body-mismatch',
  'unsigned-request-state',
  'unbound-request-state',
  'replayable-request-state',
] as const

function letterOf(rows: readonly Row[], rule: string): string {
  const row = rows.find((one) => one.rule === rule)
  if (row === undefined) return '-'
  const letter = row.actual.slice(0, 1)
  return row.isRight ? letter : `**${letter}**`
}

function orDash(ms: number | undefined): string {
  return ms === undefined ? '-' : `${seconds(ms)} s`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}

function legend(): readonly string[] {
  return COLUMNS.map((rule, index) => `${index + 1}. \`${rule}\``)
}
