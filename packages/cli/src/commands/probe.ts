/** `sallyport probe`: a running server in, one report out. */
import { readFileSync } from 'node:fs'
import {
  ConfigError,
  emptyConfig,
  parseProbeConfig,
  probe,
  ProbeError,
  type ProbeConfig,
  TargetError,
} from '@sallyport/audit'
import manifest from '../../package.json' with { type: 'json' }
import type { Invocation } from '../arguments.ts'
import type { Console } from '../console.ts'
import { deliverReport } from '../documents.ts'
import { refuse, type ExitCode } from '../exit.ts'
import { progressLine } from '../progress.ts'

type ProbeInvocation = Extract<Invocation, { kind: 'probe' }>

/** Probes, delivers the report, and says by the exit code whether it holds a finding at or above the threshold. */
export async function probeCommand(invocation: ProbeInvocation, console: Console): Promise<ExitCode> {
  const interrupt = new AbortController()
  const stop = (): void => interrupt.abort()
  const progress = progressLine(console, () => performance.now(), 'requests')
  process.once('SIGINT', stop)
  try {
    const config = configFor(invocation)
    if (invocation.authorized) announce(invocation.url, config, console)
    const report = await probe(invocation.url, {
      config,
      ...(invocation.ca !== undefined && { ca: textOf(invocation.ca) }),
      authorized: invocation.authorized,
      signal: interrupt.signal,
      onProgress: progress.update,
      tool: { name: manifest.name, version: manifest.version },
    })
    progress.clear()
    return deliverReport(report, invocation, console)
  } catch (error) {
    progress.clear()
    const isOurs = error instanceof ConfigError || error instanceof TargetError || error instanceof ProbeError
    if (isOurs) return refuse(error.message, console)
    throw error
  } finally {
    process.off('SIGINT', stop)
  }
}

/** Whoever authorizes a probe sees what it will do. */
function announce(url: string, { principals, budget }: ProbeConfig, console: Console): void {
  const names = ['nobody', ...Object.keys(principals)].join(', ')
  console.stderr.write(
    `Probing ${JSON.stringify(url)} as ${names}: at most ${budget.requests} requests in ${budget.seconds} seconds. It opens sessions, presents them as others, and closes them. It calls read-only tools and those that the configuration names.\n`,
  )
}

function configFor({ config }: ProbeInvocation): ProbeConfig {
  return config === undefined ? emptyConfig : parseProbeConfig(textOf(config), config)
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(path, undefined, `cannot be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}
