/** Starts a local server, finds out where it listens, and stops it with all that it started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'

export interface Launched {
  /** Where it listens; with a path where it printed one. */
  readonly url: string
  stop(): Promise<void>
}

/** A command that did not become a server, in words for the user. What it printed may be in it. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError'
}

export interface LaunchOptions {
  /** How long it may take to listen. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const START_MS = 30_000
const LOOK_EVERY_MS = 100
const STOP_MS = 2_000
const ANSWER_MS = 1_000
const TURNS_TO_READ = 4
const MOST_OUTPUT = 64 * 1024
const LINES_SHOWN = 5

/** Runs the command in a process group of its own, without a shell. Throws LaunchError where nothing comes to listen. */
export async function launch(command: readonly string[], options: LaunchOptions = {}): Promise<Launched> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const watched = watch(child)
  // A group of its own outlives ours, so that whoever leaves without a word has to take it along.
  const takeAlong = (): void => kill(child)
  process.once('exit', takeAlong)
  const end = async (): Promise<void> => {
    await stop(child)
    process.off('exit', takeAlong)
  }
  try {
    return { url: await findAddress(child, watched, options), stop: end }
  } catch (error) {
    await end()
    throw error
  }
}

/** What became of the process so far. */
interface Watched {
  output: string
  end: string | undefined
}

function watch(child: ChildProcess): Watched {
  const watched: Watched = { output: '', end: undefined }
  const keep = (chunk: Buffer): void => {
    watched.output = (watched.output + chunk.toString()).slice(-MOST_OUTPUT)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('error', (error: NodeJS.ErrnoException) => (watched.end ??= `could not be started (${error.code})`))
  child.on('exit', (code, signal) => (watched.end ??= `ended (${code ?? signal}) before it listened`))
  return watched
}

async function findAddress(
  child: ChildProcess,
  watched: Watched,
  { timeoutMs = START_MS, signal }: LaunchOptions,
): Promise<string> {
  const deadline = performance.now() + timeoutMs
  const mayWait = (): boolean => performance.now() < deadline && signal?.aborted !== true
  while (mayWait()) {
    if (watched.end !== undefined) throw failure(`The command ${watched.end}.`, watched)
    for (const url of candidatesFor(child, watched.output))
      if (await listens(url)) return (isPath(url) ? url : await sayingMore(url, child, watched)).href
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw failure(`The command did not listen within ${timeoutMs / 1000} seconds.`, watched)
}

/**
 * The same server at the address that it prints, where it does. It listens before it says so: whoever has answered one
 * request has said what there is to say, and what it printed can be read.
 */
async function sayingMore(url: URL, child: ChildProcess, watched: Watched): Promise<URL> {
  await answered(url)
  for (let turn = 0; turn < TURNS_TO_READ; turn++) await new Promise((resolve) => setImmediate(resolve))
  return candidatesFor(child, watched.output).find(({ port }) => port === url.port) ?? url
}

function answered(url: URL): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(url.port), timeout: ANSWER_MS })
    const settle = (): void => {
      socket.destroy()
      resolve()
    }
    socket.once('connect', () => socket.write(`HEAD / HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`))
    for (const end of ['data', 'timeout', 'error', 'close'] as const) socket.once(end, settle)
  })
}

function failure(reason: string, { output }: Watched): LaunchError {
  const lines = output.trim().split('\n').slice(-LINES_SHOWN).join('\n')
  return new LaunchError(lines === '' ? reason : `${reason} It printed last:\n${lines}`)
}

/** Addresses that it printed, those with a path first; else ports that it listens on, or names. */
export function addressesIn(output: string): readonly URL[] {
  const printed = [
    ...output.matchAll(
      /\bhttps?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::\d{1,5})?(?![\w-]|\.\w|:\d)[\w/.-]*/gi,
    ),
  ]
    .map(([text]) => text.replace(/[.]+$/, ''))
    .filter((text) => URL.canParse(text))
    .map((text) => reachable(new URL(text)))
  const ports = [...output.matchAll(/\b(?:port|listening(?: on)?|started on|on)[\s:=]*:?(\d{2,5})\b/gi)]
    .map(([, port]) => Number(port))
    .filter((port) => port > 0 && port < 65_536)
  const paths = printed.toSorted((a, b) => Number(isPath(b)) - Number(isPath(a)))
  return [...paths, ...ports.map((port) => new URL(`http://127.0.0.1:${port}/`))]
}

function candidatesFor(child: ChildProcess, output: string): readonly URL[] {
  const own = portsOf(child.pid ?? 0)
  const printed = addressesIn(output)
  // Where the system tells what the group listens on, an address of another server is none of this one.
  const theirs = own === undefined ? printed : printed.filter((url) => own.includes(Number(url.port)))
  return [...theirs, ...(own ?? []).map((port) => new URL(`http://127.0.0.1:${port}/`))]
}

/** A server that listens everywhere is asked on this machine. */
function reachable(url: URL): URL {
  if (/^(?:0\.0\.0\.0|\[::\])$/.test(url.hostname)) url.hostname = '127.0.0.1'
  return url
}

function isPath({ pathname }: URL): boolean {
  return pathname !== '/' && /mcp|sse|message/i.test(pathname)
}

function listens(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, timeout: 500 })
    const settle = (found: boolean): void => {
      socket.destroy()
      resolve(found)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
}

/** Ports that processes of the group listen on; undefined where the system does not say. */
function portsOf(group: number): readonly number[] | undefined {
  try {
    const inodes = new Set(membersOf(group).flatMap(socketsOf))
    return ['tcp', 'tcp6'].flatMap((name) => listeningIn(readFileSync(`/proc/net/${name}`, 'utf8'), inodes))
  } catch {
    return undefined
  }
}

function membersOf(group: number): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      // After the name in brackets, which may hold anything: state, parent, group.
      return (
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[2] === String(group)
      )
    } catch {
      return false
    }
  })
}

function socketsOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => inodeOf(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

function inodeOf(path: string): readonly string[] {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]
    return inode === undefined ? [] : [inode]
  } catch {
    return []
  }
}

/** `0A`: LISTEN. The local address is `hex:port`, the inode the tenth column. */
function listeningIn(table: string, inodes: ReadonlySet<string>): readonly number[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === '0A' && inodes.has(columns[9] ?? ''))
    .map((columns) => Number.parseInt(columns[1]?.split(':')[1] ?? '', 16))
    .filter((port) => port > 0)
}

/** Asks the whole group to end, and after a while does not ask. */
async function stop(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  const exited = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  signalGroup(pid, 'SIGTERM')
  const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
  // What it started may have outlived it.
  signalGroup(pid, 'SIGKILL')
}

function kill({ pid }: ChildProcess): void {
  if (pid !== undefined) signalGroup(pid, 'SIGKILL')
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}
