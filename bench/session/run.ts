/**
 * What a session check costs on the server, beside a bare handler and beside what others cost.
 *
 *   npm ci --prefix bench/session        # the peers; leave it out and their rows are missing
 *   npx tsx bench/session/run.ts [--starts 3] [--rounds 12] [--requests 2000] [--only 'node:http, bare;sqlite'] [--node <another Node>]
 *
 * All candidates are started, each in a process of its own, and warmed up. In each round every one of them, in turn,
 * answers so many requests on 32 connections, and the CPU time of its process alone is taken. A round is short, so that
 * whatever else the machine does hits a candidate and its bare server alike, and what a candidate costs above it is
 * reckoned round by round: the median of these differences is the result on a quiet machine, and the quarters on either
 * side of it say how far it is to be trusted. On a busy one every µs of work is longer, the bare server's too. What holds
 * there is the ratio of the two in one round: its median, applied to the least that the bare server was seen to need, is
 * the last column. All of that is done for several starts, because a process has luck of its own. Compare within one
 * table only.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis, hasRedis } from '../../packages/session/test/store/redis-server.ts'
import { built } from './built.ts'
import { run, type Load } from './load.ts'
import { least, median, quantile, said, usageOf } from './measured.ts'

const memory = ['node:http', 'express 5', 'express 4', 'fastify', 'hono', 'fetch']
const own = [...memory.flatMap((name) => [`${name}, bare`, name]), 'sqlite', ...(hasRedis ? ['redis'] : [])]
const peers = ['express-session', ...(hasRedis ? ['connect-redis'] : []), '@fastify/session']
const { values: flags } = parseArgs({
  options: {
    starts: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '12' },
    requests: { type: 'string', default: '2000' },
    only: { type: 'string' },
    node: { type: 'string', default: process.execPath },
  },
})
const starts = Number(flags.starts)
const rounds = Number(flags.rounds)
const requests = Number(flags.requests)
/** Until the compiler, whose threads count as well, has nothing left to do. */
const warmUp = 40_000
const hasPeers = existsSync(join(import.meta.dirname, 'node_modules/express-session'))
const candidates = flags.only?.split(';') ?? [...own, ...(hasPeers ? peers : [])]
const baselineOf: Readonly<Record<string, string>> = {
  ...Object.fromEntries(memory.map((name) => [name, `${name}, bare`])),
  sqlite: 'node:http, bare',
  redis: 'node:http, bare',
  'express-session': 'express 5, bare',
  'connect-redis': 'express 5, bare',
  '@fastify/session': 'fastify, bare',
}

/** One that runs, and how to reach it. */
interface Running {
  readonly name: string
  readonly server: ChildProcess
  readonly folder: string
  readonly load: Omit<Load, 'requests'>
}

const servers = await built('servers.ts')
const redis = hasRedis ? await startRedis() : undefined
/** Of each candidate, by rounds. */
const costs = new Map<string, number[]>(candidates.map((name) => [name, []]))
try {
  for (let made = 0; made < starts; made += 1) await measureOnce()
} finally {
  await redis?.stop()
}
printTable()

async function measureOnce(): Promise<void> {
  const running: Running[] = []
  try {
    for (const name of candidates) running.push(await start(name))
    for (const one of running) await ask(one, warmUp)
    for (let round = 0; round < rounds; round += 1)
      // There and back, so that nobody always comes after the same one.
      for (const one of round % 2 ? running.toReversed() : running) costs.get(one.name)?.push(await costOf(one))
  } finally {
    for (const { server, folder } of running) {
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function start(name: string): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const server = fork(servers, [name, folder, String(redis?.port ?? 0)], {
    execPath: flags.node,
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const { port, headers } = await said<{ port: number; headers: Record<string, string> }>(server)
  return { name, server, folder, load: { port, headers, connections: 32 } }
}

/** Microseconds of CPU of the server for a request. */
async function costOf(one: Running): Promise<number> {
  const before = await usageOf(one.server)
  await ask(one, requests)
  return ((await usageOf(one.server)) - before) / requests
}

async function ask({ name, load }: Running, count: number): Promise<void> {
  const wrong = await run({ ...load, requests: count })
  if (wrong > 0) throw new Error(`${name}: ${wrong} of ${count} answers were wrong`)
}

function printTable(): void {
  const machine = `${cpus().length} × ${cpus()[0]?.model}, load average ${loadavg()[0]?.toFixed(1)}`
  console.log(`Node ${process.versions.node}, ${machine}, ${starts} × ${rounds} rounds of ${requests} requests\n`)
  console.log(
    '| | CPU, µs, least | median | above its bare server, median | lower quarter | upper quarter | by the ratio |',
  )
  console.log('|---|--:|--:|--:|--:|--:|--:|')
  for (const [name, values] of costs) {
    const bare = costs.get(baselineOf[name] ?? '')
    const above = bare && values.map((value, round) => value - (bare[round] ?? Number.NaN))
    const figures = above ? [median(above), quantile(above, 0.25), quantile(above, 0.75), byRatio(values, bare)] : []
    const cells = [least(values), median(values), ...figures].map((cost) => cost.toFixed(1))
    console.log(`| ${[name, ...cells, ...(above ? [] : ['', '', '', ''])].join(' | ')} |`)
  }
}

/** µs above the bare server, were the machine as quiet as in the bare server's best round. */
function byRatio(values: readonly number[], bare: readonly number[]): number {
  const ratios = values.map((value, round) => value / (bare[round] ?? Number.NaN))
  return least(bare) * (median(ratios) - 1)
}
