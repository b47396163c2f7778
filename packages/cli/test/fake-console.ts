/** A console that remembers what was written to it. */
import type { Console, Stream } from '../src/console.ts'

export interface FakeStream extends Stream {
  readonly written: string[]
}

export interface FakeConsole extends Console {
  readonly stdout: FakeStream
  readonly stderr: FakeStream
}

export function fakeConsole(
  options: { isTTY?: boolean; columns?: number; env?: Record<string, string>; platform?: string } = {},
): FakeConsole {
  const { isTTY = false, columns, env = {}, platform = 'linux' } = options
  return { stdout: fakeStream(isTTY, columns), stderr: fakeStream(isTTY, columns), env, platform }
}

function fakeStream(isTTY: boolean, columns: number | undefined): FakeStream {
  const written: string[] = []
  return { isTTY, ...(columns === undefined ? {} : { columns }), written, write: (text) => written.push(text) }
}
