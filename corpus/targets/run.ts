/** Installs, starts and stops targets. On loopback only, for a bounded time, ended by their own process ids. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
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
  const stop = (): Promise<void> => ended(child)
  const printed = listenTo(child)
  if (await comesUp(child, port)) return { url: `http://127.0.0.1:${port}${target.path}`, stop }
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
