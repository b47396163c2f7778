/** Starts examples in processes of their own, asks each one thing over loopback, and stops them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { fileURLToPath } from 'node:url'
import type { Start } from './start-here.ts'

const START_HERE = fileURLToPath(new URL('start-here.ts', import.meta.url))

/**
 * A process that starts examples, one at a time. To load the libraries of the examples takes longer than all else:
 * here they are loaded once. What one example breaks is replaced before the next.
 */
export class Stage {
  private child: ChildProcess | undefined

  /** Status of the server's answer to one GET without credentials. Throws, with what was printed, where it does not get that far. */
  async statusOf(entry: string, timeoutMs: number): Promise<number> {
    try {
      return await get(await this.portOf(entry, timeoutMs))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Starts an example under an environment of its own; where it is, `http://127.0.0.1:3000`. It runs until `close`. */
  async start(entry: string, timeoutMs: number, env: Readonly<Record<string, string>>): Promise<string> {
    return `http://127.0.0.1:${await this.portOf(entry, timeoutMs, env)}`
  }

  private portOf(entry: string, timeoutMs: number, env: Readonly<Record<string, string>> = {}): Promise<number> {
    this.child ??= raise()
    return portOf(this.child, { entry, env }, timeoutMs)
  }

  async close(): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child !== undefined) await stop(child)
  }
}

function raise(): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', START_HERE], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

function portOf(child: ChildProcess, start: Start, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const timer = setTimeout(() => fail(`not listening after ${timeoutMs} ms`), timeoutMs)
    const settle = (): void => {
      clearTimeout(timer)
      child.stdout?.off('data', read)
      child.stderr?.off('data', read)
      child.off('close', end)
    }
    const fail = (why: string): void => {
      settle()
      reject(new Error(`${why}:\n${printed}`))
    }
    const read = (chunk: Buffer): void => {
      printed += chunk.toString()
      const port = /^listening on (\d+)$/m.exec(printed)?.[1]
      if (port === undefined) return
      settle()
      resolve(Number(port))
    }
    const end = (code: number | null): void => fail(`exited with ${code} before it listened`)
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('close', end)
    child.send(start)
  })
}

/** Plain HTTP first; a server that does not speak it is asked over TLS, with whatever certificate it has. */
async function get(port: number): Promise<number> {
  const target = { host: '127.0.0.1', port, path: '/mcp', timeout: 5_000, rejectUnauthorized: false }
  try {
    return await send(httpRequest, target)
  } catch {
    return send(httpsRequest, target)
  }
}

function send(request: typeof httpRequest | typeof httpsRequest, target: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(target, (response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.once('error', reject)
    sent.end()
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill()
  const killer = setTimeout(() => child.kill('SIGKILL'), 2_000)
  await exited
  clearTimeout(killer)
}
