/** What the benches of sessions share: a server in a process of its own, and the figures made of its costs. */
import type { ChildProcess } from 'node:child_process'

/** CPU time of a server so far, in µs. */
export async function usageOf(server: ChildProcess): Promise<number> {
  server.send('usage')
  const { user, system } = await said<NodeJS.CpuUsage>(server)
  return user + system
}

/** The next message of a server. @throws Error where the server ends first */
export function said<T>(server: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once('message', (message) => resolve(message as T))
    server.once('exit', (code) => reject(new Error(`a server ended with ${code}`)))
  })
}

export function least(values: readonly number[]): number {
  return Math.min(...values)
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
