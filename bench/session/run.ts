/**
 * What a session check costs on the server, beside a bare handler and beside what others cost.
 *
 *   npm ci --prefix bench/session        # the peers; leave it out and their rows are missing
 *   npx tsx bench/session/run.ts [--rounds 5] [--requests 20000] [--only 'node:http, bare;sqlite'] [--node <another Node>]
 *
 * Each round starts every candidate in a process of its own, in turn, warms it up, and takes the CPU time of that
 * process alone over so many requests on 32 connections. Compare within one table only.
 */
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRedis, hasRedis } from '../../packages/session/test/store/redis-server.ts'
import { built } from './built.ts'
import { run } from './load.ts'
import { least, median, said, usageOf } from './measured.ts'

const memory = ['node:http', 'express 5', 'express 4', 'fastify', 'hono', 'fetch']
const own = [...memory.flatMap((name) => [`${name}, bare`, name]), 'sqlite', ...(hasRedis ? ['redis'] : [])]
const peers = ['express-session', ...(hasRedis ? ['connect-redis'] : []), '@fastify/session']
const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '20000' },
    only: { type: 'string' },
    node: { type: 'string', default: process.execPath },
  },
})
const rounds = Number(flags.rounds)
const requests = Number(flags.requests)
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

const servers = await built('servers.ts')
const redis = hasRedis ? await startRedis() : undefined
const costs = new Map<string, number[]>(candidates.map((name) => [name, []]))
try {
  for (let round = 0; round < rounds; round += 1)
    for (const name of candidates) costs.get(name)?.push(await costOf(name))
} finally {
  await redis?.stop()
}
printTable()

/** Microseconds of CPU of the server for a request. */
async function costOf(name: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  const server = fork(servers, [name, folder, String(redis?.port ?? 0)], {
    execPath: flags.node,
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  try {
    const { port, headers } = await said<{ port: number; headers: Record<string, string> }>(server)
    const load = { port, headers, connections: 32 }
    await run({ ...load, requests: Math.ceil(requests / 2) })
    const before = await usageOf(server)
    const wrong = await run({ ...load, requests })
    const after = await usageOf(server)
    if (wrong > 0) throw new Error(`${name}: ${wrong} of ${requests} answers were wrong`)
    return (after - before) / requests
  } finally {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

function printTable(): void {
  console.log(
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}, ${rounds} rounds of ${requests} requests\n`,
  )
  console.log('| | CPU, µs, least | CPU, µs, median | above its bare server, least | median |\n|---|--:|--:|--:|--:|')
  for (const [name, values] of costs) {
    const bare = costs.get(baselineOf[name] ?? name) ?? values
    const above = [least(values) - least(bare), median(values) - median(bare)]
    console.log(`| ${name} | ${[least(values), median(values), ...above].map((cost) => cost.toFixed(1)).join(' | ')} |`)
  }
}
