/** Where the time goes between the shell prompt and the report. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildInstrumented } from './instrument.ts'
import { median, runNode } from './process.ts'

interface Laps {
  /** Milliseconds since the epoch at which the process began. */
  readonly timeOrigin: number
  /** Milliseconds since then, like all that follow. */
  readonly bootstrapped: number
  readonly laps: readonly { readonly name: string; readonly start: number; readonly end: number }[]
}

export type Phases = Readonly<Record<string, number>>

/** Median milliseconds of each phase, in order. */
export async function measurePhases(subject: string, runs: number): Promise<Phases> {
  const program = await buildInstrumented()
  const all = Array.from({ length: runs }, () => runOnce(program, subject))
  const names = Object.keys(all[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(all.map((phases) => phases[name] ?? NaN))]))
}

function runOnce(program: string, subject: string): Phases {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-phases-'))
  const file = join(folder, 'phases.json')
  const before = performance.timeOrigin + performance.now()
  const { wallMs } = runNode([program, 'audit', subject, '--fail-on', 'none', '--format', 'text'], {
    env: { BENCH_PHASES: file },
  })
  const laps = JSON.parse(readFileSync(file, 'utf8')) as Laps
  rmSync(folder, { recursive: true })
  return phasesOf(laps, before - laps.timeOrigin, wallMs)
}

/** `spawned`: when the parent started the process, on the child's clock; negative. */
function phasesOf({ bootstrapped, laps }: Laps, spawned: number, wallMs: number): Phases {
  const first = (name: string): number => laps.find((lap) => lap.name === name)?.start ?? NaN
  const last = (name: string): number => laps.findLast((lap) => lap.name === name)?.end ?? NaN
  const spent = (name: string): number =>
    laps.filter((lap) => lap.name === name).reduce((sum, { start, end }) => sum + end - start, 0)
  return {
    'Node starts': bootstrapped - spawned,
    'the command loads': first('main') - bootstrapped,
    'the auditor and the parser load': first('readSources') - first('main'),
    read: spent('readSources'),
    parse: spent('parse'),
    'extract, without parsing': spent('extract') - spent('parse'),
    detect: spent('detectAll'),
    'assess and score':
      first('renderText') -
      last('detectAll') +
      first('extract') -
      last('readSources') +
      first('detectAll') -
      last('extract'),
    render: spent('renderText'),
    'write and exit': spawned + wallMs - last('renderText'),
  }
}
