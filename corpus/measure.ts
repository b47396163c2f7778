/** Runs the audit over checkouts, one after another; a crash is a result, not the end. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { audit, AuditError, type Report } from '@sallyport/audit'
import { type FixScore, isScored, scoreFix } from './fixes.ts'
import { Places } from './place.ts'
import { type Pair, scoreServer } from './score.ts'
import type { FixPair, Server, Verdicts } from './verdicts.ts'

export interface Selection {
  readonly checkouts: string
  readonly verdicts: Verdicts
  /** Absent: all. */
  readonly servers?: readonly number[] | undefined
  readonly fixes?: readonly number[] | undefined
  /** Called when a subject has been measured, with a word on how it went. */
  readonly onDone?: (subject: string, milliseconds: number, crash: string | undefined) => void
}

export interface ServerResult {
  readonly number: number
  readonly milliseconds: number
  readonly crash?: string
  readonly pairs: readonly Pair[]
  readonly report?: Report
}

export interface FixResult {
  readonly number: number
  readonly milliseconds: number
  readonly crash?: string
  readonly score: FixScore
}

export interface Measured {
  readonly servers: readonly ServerResult[]
  readonly fixes: readonly FixResult[]
  /** What was asked for and not checked out. */
  readonly missing: readonly string[]
}

export async function measure(selection: Selection): Promise<Measured> {
  const servers = selection.verdicts.servers.filter(({ number }) => selection.servers?.includes(number) ?? true)
  const fixes = selection.verdicts.fixes.filter(
    (pair) => isScored(pair) && (selection.fixes?.includes(pair.number) ?? true),
  )
  const missing: string[] = []
  const serverResults: ServerResult[] = []
  for (const server of servers) {
    const root = join(selection.checkouts, 'servers', String(server.number))
    if (existsSync(root)) serverResults.push(await measureServer(server, root, selection))
    else missing.push(`server ${server.number}`)
  }
  const fixResults: FixResult[] = []
  for (const pair of fixes) {
    const root = fixFolder(selection.checkouts, pair)
    if (root) fixResults.push(await measureFix(pair, root, selection))
    else missing.push(`fix ${pair.number}`)
  }
  return { servers: serverResults, fixes: fixResults, missing }
}

/** `fixes/<number>`, or `fixes/<id>` where the labels give it. */
export function fixFolder(checkouts: string, { number, id }: FixPair): string | undefined {
  const names = [String(number), ...(id === undefined ? [] : [id])]
  return names.map((name) => join(checkouts, 'fixes', name)).find((path) => existsSync(path))
}

async function measureServer(server: Server, root: string, { onDone }: Selection): Promise<ServerResult> {
  const { report, milliseconds, crash } = await attempt(root)
  onDone?.(`server ${server.number}`, milliseconds, crash)
  const pairs = scoreServer(server, report, new Places(root))
  return { number: server.number, milliseconds, pairs, ...(crash ? { crash } : {}), ...(report ? { report } : {}) }
}

async function measureFix(pair: FixPair, root: string, { onDone }: Selection): Promise<FixResult> {
  const vulnerable = await attempt(join(root, 'vulnerable'))
  const fixed = await attempt(join(root, 'fixed'))
  const milliseconds = vulnerable.milliseconds + fixed.milliseconds
  const crash = vulnerable.crash ?? fixed.crash
  onDone?.(`fix ${pair.number}`, milliseconds, crash)
  const score = scoreFix(
    pair,
    { report: vulnerable.report, places: new Places(join(root, 'vulnerable')) },
    { report: fixed.report, places: new Places(join(root, 'fixed')) },
  )
  return { number: pair.number, milliseconds, score, ...(crash ? { crash } : {}) }
}

interface Attempt {
  readonly report: Report | undefined
  readonly milliseconds: number
  readonly crash: string | undefined
}

async function attempt(root: string): Promise<Attempt> {
  const start = performance.now()
  try {
    const report = await audit(root)
    return { report, milliseconds: performance.now() - start, crash: undefined }
  } catch (error) {
    // Where nothing is there to be graded, nothing is found: that is an answer.
    const isAnswer = error instanceof AuditError && error.code === 'no-server-code'
    const crash = isAnswer ? undefined : describe(error)
    return { report: undefined, milliseconds: performance.now() - start, crash }
  }
}

/** Enough of a stack to find the place. */
function describe(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const lines = text.split('\n').slice(0, 6)
  return lines.map((line) => line.slice(0, 200)).join('\n')
}
