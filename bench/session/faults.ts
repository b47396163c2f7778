/**
 * How long a request waits where Redis fails, and how soon it goes on: the numbers of docs/reliability.md.
 *
 *   npx tsx bench/session/faults.ts
 */
import { Redis } from 'ioredis'
import { createGuard, createSessions, type RequestView } from '../../packages/session/src/index.ts'
import { redisStore } from '../../packages/session/src/store/redis.ts'
import { startRedis } from '../../packages/session/test/store/redis-server.ts'

const me = { principal: { issuer: 'https://id.example', subject: 'alice', client: 'app' } }
let server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
const client = new Redis({ port: server.port, enableOfflineQueue: false, lazyConnect: true, retryStrategy: () => 50 })
client.on('error', () => undefined)
await client.connect()
const sessions = createSessions({ store: await redisStore({ client }), sweepIntervalMs: 0 })
const guard = createGuard({ sessions, transport: { hosts: ['x'] }, authenticate: () => me })
const { handle } = await sessions.open(me)
const view: RequestView = {
  method: 'POST',
  target: '/mcp',
  encrypted: true,
  remoteAddress: '192.0.2.1',
  header: (name) => (name === 'host' ? ['x'] : name === 'mcp-session-id' ? [handle] : []),
}

console.log(
  '| Redis | answers, of 50 at once and 50 after | the longest wait, ms | serves again after, ms |\n|---|---|--:|--:|',
)
report('runs', await ask(), undefined)
server.process.kill('SIGSTOP')
const paused = await ask()
server.process.kill('SIGCONT')
report('is paused (SIGSTOP)', paused, await recovery())
await client.call('CLIENT', 'PAUSE', '1500')
const slow = await ask()
report('is slow (CLIENT PAUSE)', slow, await recovery())
await server.kill()
const killed = await ask()
server = await server.restart()
report('is killed (SIGKILL)', killed, await recovery())
client.disconnect()
await server.stop()

interface Answers {
  readonly statuses: readonly number[]
  readonly longestMs: number
}

async function ask(): Promise<Answers> {
  const statuses: number[] = []
  let longestMs = 0
  const one = async (): Promise<void> => {
    const begun = performance.now()
    statuses.push(await statusOf())
    longestMs = Math.max(longestMs, performance.now() - begun)
  }
  await Promise.all(Array.from({ length: 50 }, one))
  for (let made = 0; made < 50; made += 1) await one()
  return { statuses, longestMs }
}

async function recovery(): Promise<number> {
  const begun = performance.now()
  while ((await statusOf()) !== 200) await new Promise((resolve) => setTimeout(resolve, 10))
  return performance.now() - begun
}

async function statusOf(): Promise<number> {
  const admission = await guard.admit(view)
  if (!admission.admitted) return admission.answer.status
  admission.finish()
  return 200
}

function report(name: string, { statuses, longestMs }: Answers, againMs: number | undefined): void {
  const counts = [...new Set(statuses)].map(
    (status) => `${statuses.filter((one) => one === status).length} × ${status}`,
  )
  console.log(`| ${name} | ${counts.join(', ')} | ${longestMs.toFixed(0)} | ${againMs?.toFixed(0) ?? ''} |`)
}
