/**
 * What an audit costs.
 *
 *   npm run bench -- <tree> [--one-file <path>] [--grow <tree>] [--runs 5] [--only tree,one-file,growth]
 *
 * <tree>: a large repository, audited beside a bare parse and beside ESLint (`npm ci --prefix bench` fetches it).
 * --one-file: a server of one file, from shell prompt to report. --grow: a small server, copied 1, 4 and 16 times.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readSources } from '../packages/audit/src/source/read.ts'
import { measurePhases } from './phases.ts'
import { alternate, type Cost, cpuRatio, median, medianCost, runNode, type Series } from './process.ts'

const bench = import.meta.dirname
const command = join(bench, '../packages/cli/bin/sallyport.js')
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'one-file': {
      type: 'string',
      default: join(bench, '../packages/audit/src/rules/unbound-session/examples/vulnerable-lookup-by-id.ts'),
    },
    grow: { type: 'string', default: join(bench, '../examples/notes-server') },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: 'tree,one-file,growth' },
  },
})
const runs = Number(flags.runs)
const parts = flags.only.split(',')

print(
  `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, medians of ${runs} alternating runs`,
)
if (parts.includes('tree')) benchTree(treeArgument())
if (parts.includes('one-file')) await benchOneFile(resolve(flags['one-file']))
if (parts.includes('growth')) benchGrowth(resolve(flags.grow))

function treeArgument(): string {
  if (positionals[0] === undefined)
    throw new Error('Name the tree: npm run bench -- <tree>, or --only one-file,growth.')
  return resolve(positionals[0])
}

/** An audit as a whole process; both exit codes are a report. */
function auditOf(subject: string, format = 'json'): Cost {
  return runNode([command, 'audit', subject, '--format', format, '--fail-on', 'none'])
}

function benchTree(tree: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const list = join(folder, 'files')
  const { files } = readSources(tree)
  writeFileSync(list, files.map(({ path }) => join(tree, path)).join('\n'))
  const bytes = files.reduce((sum, { text }) => sum + text.length, 0)
  const hasEslint = existsSync(join(bench, 'node_modules/eslint'))
  const parse = { name: 'bare parse', run: () => runNode([join(bench, 'bare-parse.js'), list]) }
  const audit = { name: 'audit', run: () => auditOf(tree) }
  const eslint = { name: 'ESLint', run: () => runNode([join(bench, 'eslint.js'), tree, list]) }
  const series = alternate(hasEslint ? [parse, audit, eslint] : [parse, audit], runs)
  rmSync(folder, { recursive: true })
  print(`\n## ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB\n`)
  printCosts(series, true)
  const [, audited, linted] = series
  if (audited && linted) {
    print(`\nThe audit needs ${cpuRatio(audited.costs, linted.costs).toFixed(2)} of the CPU time of ESLint.`)
  } else print('\nESLint is not installed: npm ci --prefix bench')
}

async function benchOneFile(file: string): Promise<void> {
  const series = alternate([{ name: 'audit', run: () => auditOf(file, 'text') }], runs)
  print(`\n## One file, from shell prompt to report\n`)
  printCosts(series)
  const phases = await measurePhases(file, runs)
  const total = Object.values(phases).reduce((sum, milliseconds) => sum + milliseconds, 0)
  print('\n| where the time goes | ms |\n| --- | ---: |')
  for (const [name, milliseconds] of Object.entries(phases)) print(`| ${name} | ${milliseconds.toFixed(1)} |`)
  print(`| all (a build with stopwatches) | ${total.toFixed(1)} |`)
}

/** Linear: a copy costs the same among 16 as among 4. What a process costs before its first file does not count. */
function benchGrowth(server: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-growth-'))
  const sizes = [1, 4, 16]
  for (const size of sizes) copyTree(server, join(folder, String(size)), size)
  const candidates = sizes.map((size) => ({ name: `${size} ×`, run: () => auditOf(join(folder, String(size))) }))
  const series = alternate(candidates, runs)
  rmSync(folder, { recursive: true })
  print(`\n## Growth: ${readSources(server).files.length} files, copied\n`)
  printCosts(series, true)
  print(`\nA copy costs ${growthOf(series).toFixed(2)} times as much CPU from 4 to 16 as from 1 to 4 (1 is linear).`)
}

/** Cost of one more copy among many, beside that among few. */
function growthOf(series: readonly Series[]): number {
  const [one = [], four = [], sixteen = []] = series.map(({ costs }) => costs.map(({ cpuMs }) => cpuMs))
  return median(
    one.map((base, run) => ((sixteen[run] ?? NaN) - (four[run] ?? NaN)) / 12 / (((four[run] ?? NaN) - base) / 3)),
  )
}

function copyTree(source: string, target: string, copies: number): void {
  for (let copy = 1; copy <= copies; copy++) {
    cpSync(source, join(target, `copy-${copy}`), {
      recursive: true,
      filter: (path) => !/[\\/](node_modules|\.git)$/.test(path),
    })
  }
}

/** `compared`: with the ratio of CPU time to the first series. */
function printCosts(series: readonly Series[], compared = false): void {
  const base = series[0]?.costs ?? []
  const [title, rule] = compared ? [` CPU beside ${series[0]?.name} |`, ' ---: |'] : ['', '']
  print(`| | CPU, s | wall, s | peak, MiB |${title}\n| --- | ---: | ---: | ---: |${rule}`)
  for (const { name, costs } of series) {
    const { cpuMs, wallMs, peakMiB } = medianCost(costs)
    const times = [cpuMs, wallMs].map((milliseconds) => (milliseconds / 1000).toFixed(2)).join(' | ')
    const ratio = compared ? ` ${cpuRatio(costs, base).toFixed(2)} × |` : ''
    print(`| ${name} | ${times} | ${peakMiB.toFixed(0)} |${ratio}`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
