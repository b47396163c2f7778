/** Runs a program and says what it cost: wall time, CPU time and peak memory of the whole process. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Cost {
  readonly wallMs: number
  /** User and system time, children included. */
  readonly cpuMs: number
  readonly peakMiB: number
}

export interface Run extends Cost {
  readonly stdout: string
  readonly stderr: string
}

const gnuTime = '/usr/bin/time'
const usagePreload = join(import.meta.dirname, 'usage.js')

/** Runs `node <args>`. Throws where it does not exit with one of the expected codes. */
export function runNode(args: readonly string[], { expected = [0], env = {} }: RunOptions = {}): Run {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const usageFile = join(folder, 'usage')
  const [command, ...rest] = commandLine(args, usageFile)
  const start = performance.timeOrigin + performance.now()
  const child = spawnSync(command, rest, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: { ...process.env, BENCH_USAGE: usageFile, BENCH_SPAWNED: String(start), ...env },
  })
  const wallMs = performance.timeOrigin + performance.now() - start
  const usage = existsSync(usageFile) ? readFileSync(usageFile, 'utf8') : ''
  rmSync(folder, { recursive: true })
  if (!expected.includes(child.status ?? -1))
    throw new Error(`node ${args.join(' ')} exited with ${child.status}:\n${child.stderr}`)
  return { wallMs, ...parseUsage(usage), stdout: child.stdout, stderr: child.stderr }
}

export interface RunOptions {
  readonly expected?: readonly number[]
  readonly env?: Readonly<Record<string, string>>
}

/** GNU time sees the whole process and what it waited for; without it the process counts itself at its exit. */
function commandLine(args: readonly string[], usageFile: string): [string, ...string[]] {
  if (process.platform === 'linux' && existsSync(gnuTime))
    return [gnuTime, '--quiet', '-f', '%U %S %M', '-o', usageFile, process.execPath, ...args]
  return [process.execPath, '--import', usagePreload, ...args]
}

/** Seconds of user time, seconds of system time, KiB at the peak. */
function parseUsage(text: string): Pick<Cost, 'cpuMs' | 'peakMiB'> {
  const [user = NaN, system = NaN, kibibytes = NaN] = text.trim().split(/\s+/).slice(-3).map(Number)
  return { cpuMs: (user + system) * 1000, peakMiB: kibibytes / 1024 }
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

export interface Candidate {
  readonly name: string
  readonly run: () => Cost
}

export interface Series {
  readonly name: string
  /** Run by run. */
  readonly costs: readonly Cost[]
}

/** Runs the candidates in turn, so that a noisy moment hits all of them alike. */
export function alternate(candidates: readonly Candidate[], runs: number): Series[] {
  const rounds = Array.from({ length: runs }, () => candidates.map(({ run }) => run()))
  return candidates.map(({ name }, index) => ({ name, costs: rounds.flatMap((round) => round[index] ?? []) }))
}

export function medianCost(costs: readonly Cost[]): Cost {
  return {
    wallMs: median(costs.map(({ wallMs }) => wallMs)),
    cpuMs: median(costs.map(({ cpuMs }) => cpuMs)),
    peakMiB: median(costs.map(({ peakMiB }) => peakMiB)),
  }
}

/** Median of the ratios of CPU time, run by run. */
export function cpuRatio(costs: readonly Cost[], base: readonly Cost[]): number {
  return median(costs.map(({ cpuMs }, run) => cpuMs / (base[run]?.cpuMs ?? NaN)))
}
