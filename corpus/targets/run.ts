/** Installs, starts and stops targets. On loopback only, for a bounded time, ended by their own process ids. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Target, tokens } from './target.ts'

export interface Folders {
  /** Where packages are installed, outside the repository. */
  readonly cache: string
  /** Where the checkouts of the corpus lie; without it, targets of fixes are left out. */
  readonly checkouts?: string
}

export interface Started {
  readonly url: string
  /** What it and everything that it started have taken of this machine so far; undefined where the system does not say. */
  cpuMs(): number | undefined
  stop(): Promise<void>
}

const INSTALL_MS = 600_000
const BUILD_MS = 300_000
const START_MS = 60_000
const LONGEST_NAME = 120

/** Starts a target. Throws, with what it printed, where it does not come to listen. */
export async function start(target: Target, folders: Folders): Promise<Started> {
  const folder = await prepared(target, folders)
  const port = await freePort()
  const entry = target.entry.startsWith('servers/') ? copied(target.entry, folder) : join(folder, target.entry)
  const child = spawn(
    process.execPath,
    [
      '--require',
      join(import.meta.dirname, 'loopback.cjs'),
      ...loader(target),
      entry,
      ...numbered(target.arguments ?? [], port),
    ],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        TARGET_PORT: String(port),
        TOKENS: JSON.stringify(Object.fromEntries(Object.entries(tokens).map(([user, token]) => [token, user]))),
        ...Object.fromEntries(
          Object.entries(target.env ?? {}).map(([name, value]) => [name, value.replaceAll('$PORT', String(port))]),
        ),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  const meter = new Meter(child.pid ?? 0)
  const stop = (): Promise<void> => {
    meter.stop()
    return ended(child)
  }
  const printed = listenTo(child)
  if (await comesUp(child, port)) {
    return { url: `http://127.0.0.1:${port}${target.path}`, cpuMs: () => meter.cpuMs(), stop }
  }
  await stop()
  throw new Error(`did not listen:\n${printed().slice(-800)}`)
}

/** A folder that holds the target and everything that it needs. */
async function prepared(target: Target, { cache, checkouts }: Folders): Promise<string> {
  const packages = Object.entries(target.install ?? {}).map(([name, version]) => `${name}@${version}`)
  if (target.fix === undefined) return installed(join(cache, folderOf(packages.join('+'))), packages)
  if (checkouts === undefined) throw new Error('no checkouts given')
  const { number, state } = target.fix
  // Beside its packages, which both states share: what the checkout itself asks for is not what it was written with.
  const beside = await installed(join(cache, `fix-${number}`), packages)
  const folder = join(beside, state)
  if (existsSync(join(folder, '.prepared'))) return folder
  cpSync(join(checkouts, 'fixes', String(number), state), folder, { recursive: true })
  for (const [name, value] of Object.entries(target.files ?? {}))
    writeFileSync(join(folder, name), JSON.stringify(value))
  if (target.build !== undefined) await built(folder, target.build)
  writeFileSync(join(folder, '.prepared'), '')
  return folder
}

/** As its authors build it. A compiler that finds fault with types still writes what runs: whether it does is seen when it starts. */
async function built(folder: string, command: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, command, { cwd: folder, timeout: BUILD_MS })
  } catch (error) {
    if (error instanceof Error && 'killed' in error && error.killed === true) throw error
  }
}

/** Long lists of packages make no name of a folder. */
function folderOf(packages: string): string {
  const name = packages.replaceAll(/[^\w.@+-]/g, '-')
  return name.length <= LONGEST_NAME ? name : createHash('sha256').update(packages).digest('hex').slice(0, 24)
}

/** Without install scripts: nothing of a package runs before it is started on purpose. */
async function installed(folder: string, packages: readonly string[]): Promise<string> {
  if (existsSync(join(folder, '.installed'))) return folder
  mkdirSync(folder, { recursive: true })
  if (!existsSync(join(folder, 'package.json')))
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', '--legacy-peer-deps']
  await promisify(execFile)('npm', ['install', ...flags, ...packages], { cwd: folder, timeout: INSTALL_MS })
  writeFileSync(join(folder, '.installed'), '')
  return folder
}

/** With the others, since they share files. */
function copied(entry: string, folder: string): string {
  cpSync(join(import.meta.dirname, 'servers'), folder, { recursive: true })
  return join(folder, basename(entry))
}

/** What is not built runs as it was written. */
function loader({ entry, fix, build }: Target): readonly string[] {
  const isWritten = entry.endsWith('.ts') || (fix !== undefined && build === undefined)
  return isWritten ? ['--import', import.meta.resolve('tsx')] : []
}

function numbered(args: readonly string[], port: number): readonly string[] {
  return args.map((arg) => arg.replaceAll('$PORT', String(port)).replaceAll('$NODE', process.execPath))
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function listenTo(child: ChildProcess): () => string {
  let text = ''
  const add = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-4_000)
  }
  child.stdout?.on('data', add)
  child.stderr?.on('data', add)
  return () => text
}

async function comesUp(child: ChildProcess, port: number): Promise<boolean> {
  const until = performance.now() + START_MS
  while (performance.now() < until && child.exitCode === null) {
    if (await answers(port)) return true
    await setTimeout(200)
  }
  return false
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    const settle = (is: boolean): void => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('close', resolve))
  kill(child)
  await gone
}

/** With what it started itself: it leads a group of its own. */
function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

/** How often a second Linux counts the time of a process; the same on every machine that Node runs on. */
const TICKS_PER_SECOND = 100
const LOOK_EVERY_MS = 250

/**
 * The time of a process and of all that it starts. It is looked at again and again: the time of a process that ends is
 * nobody's, unless whoever started it waits for it. Linux alone tells it without a program.
 */
class Meter {
  private readonly ticks = new Map<string, number>()
  private readonly timer: NodeJS.Timeout

  constructor(root: number) {
    this.ticks.set(String(root), 0)
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref()
  }

  cpuMs(): number | undefined {
    this.look()
    const sum = [...this.ticks.values()].reduce((total, one) => total + one, 0)
    return existsSync('/proc/self/stat') ? sum * (1000 / TICKS_PER_SECOND) : undefined
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private look(): void {
    let rest = processes()
    for (;;) {
      const [own, others] = halves(rest, ({ id, parent }) => this.ticks.has(id) || this.ticks.has(parent))
      for (const { id, ticks } of own) this.ticks.set(id, ticks)
      if (own.length === 0) return
      // Children of those that were found just now.
      rest = others
    }
  }
}

function halves<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

interface Process {
  readonly id: string
  readonly parent: string
  /** User and system time. */
  readonly ticks: number
}

function processes(): readonly Process[] {
  return existsSync('/proc/self/stat') ? readdirSync('/proc').flatMap((name) => processOf(name)) : []
}

function processOf(id: string): readonly Process[] {
  if (!/^\d+$/.test(id)) return []
  try {
    // After the name, which may hold anything, from the third field of proc(5) on.
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return [{ id, parent: fields[1] ?? '', ticks: Number(fields[11]) + Number(fields[12]) }]
  } catch {
    return [] // It has ended meanwhile.
  }
}
