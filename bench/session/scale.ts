/**
 * How two processes on one Redis serve, beside one: CPU of the servers for a request, and requests in a second.
 *
 *   npx tsx bench/session/scale.ts [--rounds 3] [--requests 20000]
 *
 * CPU for a request says whether sharing costs anything; requests in a second scale only where there are cores for all,
 * Redis and the load among them.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis } from '../../packages/session/test/store/redis-server.ts'
import { built } from './built.ts'
import { run } from './load.ts'
import { said, usageOf } from './measured.ts'

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, requests: { type: 'string', default: '20000' } },
})
const rounds = Number(flags.rounds)
const requests = Number(flags.requests)
const servers = await built('servers.ts')

interface Measured {
  readonly cpuUs: number
  readonly perSecond: number
}

const results = new Map<number, Measured[]>([
  [1, []],
  [2, []],
])
for (let round = 0; round < rounds; round += 1)
  for (const [count, measured] of results) measured.push(await measure(count))

console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}, ${rounds} rounds of ${requests}\n`)
console.log('| processes | CPU of the servers for a request, µs, least | requests in a second, most |\n|---|--:|--:|')
for (const [count, measured] of results) {
  const cpuUs = Math.min(...measured.map((one) => one.cpuUs))
  const perSecond = Math.max(...measured.map((one) => one.perSecond))
  console.log(`| ${count} | ${cpuUs.toFixed(1)} | ${perSecond.toFixed(0)} |`)
}

/** So many servers on a Redis of their own, all asked for the session that the first of them opened. */
async function measure(count: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-scale-'))
  const redis = await startRedis()
  const started: ChildProcess[] = []
  try {
    const ready: { port: number; headers: Record<string, string> }[] = []
    for (let made = 0; made < count; made += 1) {
      const server = fork(servers, ['redis', folder, String(redis.port)], {
        execArgv: [],
        env: { ...process.env, NODE_ENV: 'production' },
      })
      started.push(server)
      ready.push(await said(server))
    }
    const headers = ready[0]?.headers ?? {}
    const load = async (all: number): Promise<number> => {
      const each = { headers, requests: all / count, connections: 32 / count }
      const wrong = await Promise.all(ready.map(({ port }) => run({ ...each, port })))
      return wrong.reduce((sum, one) => sum + one, 0)
    }
    await load(requests / 2)
    const before = await usageOfAll(started)
    const begun = performance.now()
    const wrong = await load(requests)
    const seconds = (performance.now() - begun) / 1000
    if (wrong > 0) throw new Error(`${wrong} of ${requests} answers were wrong`)
    return { cpuUs: ((await usageOfAll(started)) - before) / requests, perSecond: requests / seconds }
  } finally {
    for (const server of started) server.kill('SIGKILL')
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function usageOfAll(processes: readonly ChildProcess[]): Promise<number> {
  let all = 0
  for (const server of processes) all += await usageOf(server)
  return all
}
