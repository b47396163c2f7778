/**
 * Probes servers that others wrote, started from npm on loopback, and says where the verdicts are not as expected.
 *
 *   npm run targets -- --cache <folder> [--checkouts <folder>] [--only <part of a name>] [--all] [--write]
 *
 * `--all` shows the rules without an expectation as well. `--write` keeps the verdicts in `corpus/targets/results.json`
 * and puts them into docs/accuracy.md; with `--only`, those of the others stay.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Report } from '../packages/audit/src/finding/finding.ts'
import { probe } from '../packages/audit/src/probe.ts'
import { parseProbeConfig } from '../packages/audit/src/wire/config.ts'
import { countIdle } from './targets/idle.ts'
import { type Cost, costLine, type Result, resultOf, table, withSection } from './targets/results.ts'
import { type Folders, start } from './targets/run.ts'
import { configurationOf, readTargets, type Target } from './targets/target.ts'

const { values: flags } = parseArgs({
  options: {
    cache: { type: 'string', default: process.env['SALLYPORT_TARGETS_CACHE'] ?? '' },
    checkouts: { type: 'string', default: process.env['SALLYPORT_CORPUS_CHECKOUTS'] ?? '' },
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
if (flags.cache === '') throw new Error('Name a folder outside the repository to install into: --cache <folder>.')

const folders: Folders = { cache: flags.cache, ...(flags.checkouts !== '' && { checkouts: flags.checkouts }) }
const results: Result[] = []
for (const target of readTargets().filter(isChosen)) results.push(await judged(target))
process.stdout.write(`${table(results)}\n`)
if (flags.write) keep(results)
process.exitCode = results.every(({ rows, failure }) => failure === undefined && rows.every(({ isRight }) => isRight))
  ? 0
  : 1

function isChosen({ name, fix }: Target): boolean {
  if (fix !== undefined && folders.checkouts === undefined) return false
  return flags.only === undefined || name.toLowerCase().includes(flags.only.toLowerCase())
}

async function judged(target: Target): Promise<Result> {
  process.stderr.write(`${target.name}\n`)
  try {
    const { report, cost } = await probed(target)
    process.stderr.write(`  ${costLine(cost)}\n`)
    if (flags.all) process.stderr.write(`${everything(report)}\n`)
    return resultOf(target, report, cost)
  } catch (error) {
    return { name: target.name, rows: [], failure: error instanceof Error ? error.message : String(error) }
  }
}

async function probed(target: Target): Promise<{ readonly report: Report; readonly cost: Cost }> {
  const { url, cpuMs: targetCpuMs, stop } = await start(target, folders)
  try {
    const config = parseProbeConfig(configurationOf(target, new URL(url).port), 'targets.json')
    const before = targetCpuMs()
    const [cpu, startedAt, idle] = [process.cpuUsage(), performance.now(), countIdle()]
    const report = await probe(url, { config })
    const idleMs = Math.round(idle.stop())
    const { user, system } = process.cpuUsage(cpu)
    const requests = report.subject.kind === 'target' ? (report.subject.requests ?? 0) : 0
    const wallMs = Math.round(performance.now() - startedAt)
    const after = targetCpuMs()
    const ofTarget = before !== undefined && after !== undefined && { targetCpuMs: after - before }
    return { report, cost: { requests, cpuMs: Math.round((user + system) / 1000), ...ofTarget, wallMs, idleMs } }
  } finally {
    await stop()
  }
}

function everything({ assessments, findings, subject }: Report): string {
  const asked = subject.kind === 'target' ? `  ${subject.requests} requests` : ''
  const said = findings.map(({ rule, what }) => `  ${rule}: ${what}`)
  return [
    asked,
    ...assessments.map(({ rule, outcome, reasons }) => `  ${rule} ${outcome} ${reasons.join(' ')}`),
    ...said,
  ].join('\n')
}

/** In the order of the targets; what was not probed now stays as it was. */
function keep(now: readonly Result[]): void {
  const path = join(import.meta.dirname, 'targets/results.json')
  const before = JSON.parse(readFileSync(path, 'utf8')) as readonly Result[]
  const all = readTargets().flatMap(({ name }) => [...now, ...before].find((one) => one.name === name) ?? [])
  writeFileSync(path, `${JSON.stringify(all, null, 1)}\n`)
  const page = join(import.meta.dirname, '../docs/accuracy.md')
  writeFileSync(page, withSection(readFileSync(page, 'utf8'), all))
}
