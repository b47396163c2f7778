/** Starts an example as a process of its own, asks it one thing over loopback, and stops it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** Status of the server's answer to one GET without credentials. Throws, with what the server printed, where it does not get that far. */
export async function statusOf(entry: string, timeoutMs: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', entry], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    return await get(await portOf(child, timeoutMs))
  } finally {
    await stop(child)
  }
}

function portOf(child: ChildProcess, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = ''
    const fail = (why: string): void => reject(new Error(`${why}:\n${printed}`))
    const timer = setTimeout(() => fail(`not listening after ${timeoutMs} ms`), timeoutMs)
    const read = (chunk: Buffer): void => {
      printed += chunk.toString()
      const port = /^listening on (\d+)$/m.exec(printed)?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      resolve(Number(port))
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`exited with ${code} before it listened`)
    })
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
