/** `sallyport probe`: a running server in, one report out. */
import { readFileSync } from 'node:fs'
import {
  ConfigError,
  draftFor,
  emptyConfig,
  launch,
  LaunchError,
  nameOf,
  parseProbeConfig,
  probe,
  type ProbeConfig,
  ProbeError,
  type ProbeOptions,
  type Report,
  TargetError,
} from '@sallyport/audit'
import manifest from '../../package.json' with { type: 'json' }
import type { Invocation, Probing, Target } from '../arguments.ts'
import type { Console } from '../console.ts'
import { deliver } from '../deliver.ts'
import { deliverReport } from '../documents.ts'
import { exitCodes, refuse, type ExitCode } from '../exit.ts'
import { progressLine, type ProgressLine } from '../progress.ts'

type ProbeInvocation = Extract<Invocation, { kind: 'probe' }>

/** Each ends the probe early, and with it what it started: also where the terminal is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Probes, delivers the report, and says by the exit code whether it holds a finding at or above the threshold. */
export async function probeCommand(invocation: ProbeInvocation, console: Console): Promise<ExitCode> {
  if (!invocation.init)
    return probeThen(invocation.probe, console, (report) => deliverProbed(report, report, invocation, console))
  return withTarget(invocation.probe, console, async (url, options) =>
    deliverDraft(await draftFor(url, options), invocation, console),
  )
}

/** Delivers `report`. Where the probe in it decided too little for a grade, says so and how to go on: it was of no use. */
export function deliverProbed(
  report: Report,
  live: Report,
  asked: Parameters<typeof deliverReport>[1],
  console: Console,
): ExitCode {
  const code = deliverReport(report, asked, console)
  return code === exitCodes.clean && live.grade === null ? refuse(describeUndecided(live), console) : code
}

/** What stayed open most often, and what a user can do about it. */
function describeUndecided({ assessments, subject }: Report): string {
  const reasons = assessments.filter(({ outcome }) => outcome === 'open').flatMap((one) => one.reasons)
  const timesOf = (reason: string) => reasons.filter((one) => one === reason).length
  const [why = 'Nothing could be tried.'] = [...new Set(reasons)].toSorted(
    (one, other) => timesOf(other) - timesOf(one),
  )
  const isAnswered = subject.kind === 'target' && subject.eras.length > 0
  const wayOn = isAnswered
    ? 'More can be decided with more in --config: other principals, tools that may be called, timeouts, a larger budget.'
    : 'Check the address, and name credentials that the server accepts under "principals" of --config.'
  return `The probe of ${nameOf(subject)} decided too little for a grade. ${why}\n${wayOn} A first one: sallyport probe --init <url>`
}

/** Probes, and gives what is made of the report. What is for the user to mend is a refusal. */
export function probeThen<T>(
  probing: Probing,
  console: Console,
  use: (report: Report, isInterrupted: boolean) => T,
): Promise<T | ExitCode> {
  return withTarget(probing, console, async (url, options, progress) => {
    const report = await probe(url, options)
    progress.clear()
    return use(report, options.signal?.aborted === true)
  })
}

async function withTarget<T>(
  probing: Probing,
  console: Console,
  use: (url: string, options: ProbeOptions, progress: ProgressLine) => Promise<T>,
): Promise<T | ExitCode> {
  const interrupt = new AbortController()
  const stop = (): void => {
    // Who asks twice does not wait for the goodbyes.
    if (interrupt.signal.aborted) process.exit(exitCodes.misuse)
    interrupt.abort()
  }
  const progress = progressLine(console, () => performance.now(), 'requests')
  for (const signal of SIGNALS) process.on(signal, stop)
  try {
    const options = optionsFor(probing, interrupt.signal, progress)
    return await withServer(probing.target, interrupt.signal, async (url) => {
      if (probing.authorized) announce(url, options.config ?? emptyConfig, console)
      return use(url, options, progress)
    })
  } catch (error) {
    progress.clear()
    if (isOurs(error)) return refuse(error.message, console)
    throw error
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop)
  }
}

function optionsFor(probing: Probing, signal: AbortSignal, progress: ProgressLine): ProbeOptions {
  return {
    config: configFor(probing),
    ...(probing.ca !== undefined && { ca: certificatesIn(probing.ca) }),
    authorized: probing.authorized,
    signal,
    onProgress: progress.update,
    tool: { name: manifest.name, version: manifest.version },
  }
}

/** The server runs while it is used, and is stopped whatever happens. */
async function withServer<T>(target: Target, signal: AbortSignal, use: (url: string) => Promise<T>): Promise<T> {
  if ('url' in target) return use(target.url)
  const server = await launch(target.command, { signal })
  try {
    return await use(server.url)
  } finally {
    await server.stop()
  }
}

/** What is for the user to mend. */
function isOurs(error: unknown): error is Error {
  return (
    error instanceof ConfigError ||
    error instanceof TargetError ||
    error instanceof ProbeError ||
    error instanceof LaunchError
  )
}

function deliverDraft(draft: string, { output }: ProbeInvocation, console: Console): ExitCode {
  const refusal = deliver(draft, output, console)
  return refusal === undefined ? exitCodes.clean : refuse(refusal, console)
}

/** Whoever authorizes a probe sees what it will do. */
function announce(url: string, { principals, budget }: ProbeConfig, console: Console): void {
  const names = ['nobody', ...Object.keys(principals)].join(', ')
  console.stderr.write(
    `Probing ${JSON.stringify(url)} as ${names}: at most ${budget.requests} requests in ${budget.seconds} seconds. It opens sessions, presents them as others, and closes them. It calls read-only tools and those that the configuration names.\n`,
  )
}

function configFor({ config }: Probing): ProbeConfig {
  return config === undefined ? emptyConfig : parseProbeConfig(textOf(config), config)
}

function certificatesIn(path: string): string {
  const text = textOf(path)
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new ConfigError(path, undefined, 'holds no certificate in PEM, though --ca names it.')
  return text
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(path, undefined, `cannot be read (${(error as NodeJS.ErrnoException).code}).`)
  }
}
