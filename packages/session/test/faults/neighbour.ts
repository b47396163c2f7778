/**
 * Another process on the same stores: redeems the requestStates and revokes the sessions that it is sent, and tells what
 * came of each. `neighbour.ts <SQLite database> <Redis port, or 0> <secret>`.
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
const layerOn = (store: SessionStore) => {
  const sessions = createSessions({ store, sweepIntervalMs: 0, storeDeadlineMs: 5000 })
  return { sessions, states: createRequestStates({ sessions, keys, audience: 'https://mcp.example.com' }) }
}
const layers = {
  sqlite: layerOn(sqliteStore({ database })),
  redis: port === '0' ? undefined : await client.connect().then(async () => layerOn(await redisStore({ client }))),
}

interface Errand {
  readonly store: 'sqlite' | 'redis'
  readonly state?: string
  readonly revoke?: string
}

process.on('message', async ({ store, state, revoke }: Errand) => {
  const layer = layers[store]
  const binding = { principal, method: 'tools/call', name: 'pay', arguments: { amount: 1 } }
  if (revoke !== undefined) await layer?.sessions.revoke({ session: revoke }, 'by the neighbour')
  process.send?.(state === undefined ? 'done' : await layer?.states.unseal(state, binding))
})
process.once('disconnect', () => client.disconnect())
process.send?.('ready')
