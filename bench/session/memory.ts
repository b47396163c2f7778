/**
 * What an idle session holds of memory: a million of them, each of a principal of its own, then ten to a principal.
 *
 *   node --expose-gc --max-old-space-size=4096 --import tsx bench/session/memory.ts [sessions]
 */
import { createSessions } from '../../packages/session/src/index.ts'

const count = Number(process.argv[2] ?? 1_000_000)
const collect = globalThis.gc
if (!collect) throw new Error('run with --expose-gc')

console.log(`${count} idle sessions, Node ${process.versions.node}`)
for (const perPrincipal of [1, 10])
  console.log(`${perPrincipal} to a principal: ${await bytesEach(perPrincipal)} bytes each`)

async function bytesEach(perPrincipal: number): Promise<number> {
  const before = used()
  const sessions = createSessions({ caps: { total: count }, sweepIntervalMs: 0 })
  for (let made = 0; made < count; made += 1) {
    const subject = `auth0|${String(Math.floor(made / perPrincipal)).padStart(24, '0')}`
    await sessions.open({ principal: { issuer: 'https://tenant.eu.auth0.com/', subject, client: 'mcp-client' } })
  }
  const each = Math.round((used() - before) / count)
  if ((await sessions.count()) !== count) throw new Error('some are missing')
  await sessions.close()
  return each
}

function used(): number {
  collect?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
