/** One audit as a command asks for it: settings found, progress shown, refusals as values. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  AuditError,
  audit,
  type AuditOptions,
  type Baseline,
  type Config,
  ConfigError,
  findConfig,
  mend,
  type Mended,
  parseBaseline,
  type Report,
  rules,
} from '@sallyport/audit'
import manifest from '../package.json' with { type: 'json' }
import type { Fixing, Settings } from './arguments.ts'
import { compileFor } from './compiling.ts'
import type { Console } from './console.ts'
import { progressLine } from './progress.ts'

export interface Audited {
  readonly report: Report
  readonly config: Config | undefined
  readonly baseline: Baseline | undefined
}

export interface Refusal {
  readonly refusal: string
}

interface Extras {
  readonly since?: string
  readonly includeTests?: true
}

/** Audits under the settings; says why not where the source or a setting cannot be used. */
export async function auditUnder(settings: Settings & Extras, console: Console): Promise<Audited | Refusal> {
  return under(settings, console, async (options) => ({ report: await audit(settings.path, options) }))
}

/** The same, and what fixes make of the source. */
export async function mendUnder(
  settings: Settings & Extras,
  kinds: Fixing['kinds'],
  console: Console,
): Promise<(Audited & { readonly mended: Mended }) | Refusal> {
  return under(settings, console, async (options) => {
    const mended = await mend(settings.path, { ...options, kinds })
    return { mended, report: mended.after }
  })
}

async function under<Result extends object>(
  settings: Settings & Extras,
  console: Console,
  run: (options: AuditOptions) => Promise<Result>,
): Promise<(Result & Omit<Audited, 'report'>) | Refusal> {
  const progress = progressLine(console, () => performance.now())
  try {
    const config = configOf(settings)
    const baseline = baselineOf(settings, config)
    const result = await run({
      ...(settings.profile && { profile: settings.profile }),
      ...(settings.includeTests && { includeTests: true }),
      config,
      baseline,
      since: settings.since,
      comments: !settings.untrusted,
      tool: { name: manifest.name, version: manifest.version },
      onProgress: (made) => {
        compileFor(made)
        progress.update(made)
      },
    })
    return { ...result, config, baseline }
  } catch (error) {
    if (error instanceof ConfigError) return { refusal: error.message }
    if (error instanceof AuditError) return { refusal: describeRefusal(error) }
    throw error
  } finally {
    progress.clear()
  }
}

/** A file that the user names is the user's own word, also about source that is not trusted. */
function configOf({ path, config, untrusted }: Settings): Config | undefined {
  if (untrusted && config === undefined) return undefined
  return findConfig(path, { rules: rules.map(({ rule }) => rule.id), ...(config !== undefined && { file: config }) })
}

function baselineOf(settings: Settings, config: Config | undefined): Baseline | undefined {
  const path = settings.baseline ?? baselinePath(settings, config)
  if (path === undefined || (settings.untrusted && settings.baseline === undefined)) return undefined
  return parseBaseline(readSetting(path, settings.baseline === undefined ? 'baseline' : '--baseline'), path)
}

/** Where the configuration says that the baseline lies, relative to its own folder. */
export function baselinePath({ path }: Settings, config: Config | undefined): string | undefined {
  if (config?.baseline === undefined) return undefined
  return join(folderOf(path), dirname(config.path), config.baseline)
}

function readSetting(path: string, field: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(
      path,
      undefined,
      `cannot be read, though ${field} names it (${(error as NodeJS.ErrnoException).code}).`,
    )
  }
}

/** Paths are relative to the audited folder, or to the folder of the one audited file. */
export function folderOf(root: string): string {
  return statSync(root, { throwIfNoEntry: false })?.isFile() ? dirname(root) : root
}

/** What went wrong, what may be behind it, and a way on. */
function describeRefusal({ code, message, gaps }: AuditError): string {
  if (code === 'unknown-revision') return `${message}\nName a revision that this clone holds: git log --oneline`
  const wayOn = code === 'unreadable' ? 'Check the path' : 'Name the folder that holds the server'
  const [gap] = gaps
  const behind = gap
    ? ` Not understood: ${gap.path}: ${gap.reason}${gaps.length > 1 ? ` (and ${gaps.length - 1} more)` : ''}`
    : ''
  return `${message}${behind}\n${wayOn}: sallyport audit <path>`
}
