/** A real Redis on a port of its own, for as long as the tests of one file run. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RedisServer {
  readonly port: number
  readonly process: ChildProcess
  /** Kills it as a crash would. */
  kill(): Promise<void>
  /** A server on the same port and folder. */
  restart(): Promise<RedisServer>
  stop(): Promise<void>
}

/** Whether there is a Redis to test with. Its absence is said aloud, because a skipped test proves nothing. */
const asked = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
export const hasRedis = asked.status === 0
/** The first part of its version; 0 where there is none. */
export const redisVersion = Number(/v=(\d+)/.exec(asked.stdout ?? '')?.[1] ?? 0)

if (!hasRedis)
  process.stderr.write('\nNO redis-server ON THE PATH: the Redis store is not tested. apt-get install redis-server\n\n')

export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-redis-'))
  return start(await freePort(), folder, settings)
}

async function start(port: number, folder: string, settings: readonly string[]): Promise<RedisServer> {
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const server = spawn('redis-server', [...where, '--save', '', '--daemonize', 'no', ...settings])
  await new Promise<void>((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
    server.stdout.on('data', (text) => String(text).includes('Ready to accept connections') && resolve())
  })
  server.removeAllListeners('exit')
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL')
    await exited
  }
  return {
    port,
    process: server,
    kill,
    restart: () => start(port, folder, settings),
    stop: async () => {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
