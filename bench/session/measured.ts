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
    const ended = (code: number | null): void => reject(new Error(`a server ended with ${code}`))
    server.once('exit', ended)
    server.once('message', (message) => {
      server.off('exit', ended)
      resolve(message as T)
    })
  })
}

export function least(values: readonly number[]): number {
  return Math.min(...values)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value that this part of them is below. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * part)] ?? Number.NaN
}
