/**
 * Redeems the requestStates that it is sent, in a process of its own, and tells what came of each:
 * `redeemer.ts <SQLite database> <Redis port, or 0> <secret>`.
 */
import { Redis } from 'ioredis'
import { createKeyRing, createRequestStates, createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/store/redis.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import type { SessionStore } from '../../src/store/store.ts'

const [database = '', port = '0', secret = ''] = process.argv.slice(2)
const client = new Redis({ port: Number(port), enableOfflineQueue: false, lazyConnect: true })
const keys = createKeyRing([{ id: 'k1', secret }])
const principal = { issuer: 'i', subject: 's', client: 'c' }
const statesIn = (store: SessionStore) => {
  const sessions = createSessions({ store, sweepIntervalMs: 0, storeDeadlineMs: 5000 })
  return createRequestStates({ sessions, keys, audience: 'https://mcp.example.com' })
}
const states = {
  sqlite: statesIn(sqliteStore({ database })),
  redis: port === '0' ? undefined : await client.connect().then(async () => statesIn(await redisStore({ client }))),
}

process.on('message', async ({ store, state }: { store: 'sqlite' | 'redis'; state: string }) => {
  const binding = { principal, method: 'tools/call', name: 'pay', arguments: { amount: 1 } }
  process.send?.(await states[store]?.unseal(state, binding))
})
process.once('disconnect', () => client.disconnect())
process.send?.('ready')
