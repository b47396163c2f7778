import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyRing, createRequestStates, createSessions } from '../../src/index.ts'
import { redisStore } from '../../src/store/redis.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { hasRedis, startRedis, type RedisServer } from '../store/redis-server.ts'
import { verifies } from '../verifies.ts'

describe('two processes on one store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-redeem-'))
  const database = join(folder, 'sessions.db')
  const secret = randomBytes(32).toString('base64url')
  let redis: RedisServer | undefined
  let neighbours: readonly ChildProcess[] = []

  beforeAll(async () => {
    redis = hasRedis ? await startRedis() : undefined
    const given = [database, String(redis?.port ?? 0), secret]
    neighbours = Array.from({ length: 2 }, () =>
      fork(join(import.meta.dirname, 'neighbour.ts'), given, { execArgv: ['--import', 'tsx'] }),
    )
    await Promise.all(neighbours.map(said))
  }, 300_000)

  afterAll(async () => {
    for (const neighbour of neighbours) neighbour.disconnect()
    await redis?.stop()
    rmSync(folder, { recursive: true })
  })

  async function redeemTwice(kind: 'sqlite' | 'redis', store: SessionStore): Promise<void> {
    const sessions = createSessions({ store, sweepIntervalMs: 0, storeDeadlineMs: 5000 })
    const keys = createKeyRing([{ id: 'k1', secret }])
    const states = createRequestStates({ sessions, keys, audience: 'https://mcp.example.com' })
    const principal = { issuer: 'i', subject: 's', client: 'c' }
    const binding = { principal, method: 'tools/call', name: 'pay', arguments: { amount: 1 } }
    const state = await states.seal('approved', binding)
    const answers = neighbours.map(said)
    for (const neighbour of neighbours) neighbour.send({ store: kind, state })
    const outcomes = (await Promise.all(answers)) as { good: boolean; reason?: string }[]
    expect(outcomes.filter(({ good }) => good)).toEqual([{ good: true, state: 'approved' }])
    expect(outcomes.filter(({ reason }) => reason === 'used')).toHaveLength(1)
    await sessions.close()
  }

  verifies('mcp-2026-07-28/single-use-request-state', 'redeem a requestState once, though both do it at once', () =>
    redeemTwice('sqlite', sqliteStore({ database })),
  )

  test.skipIf(!hasRedis)('redeem it once on Redis', async () => {
    const client = new Redis({ port: redis!.port, enableOfflineQueue: false, lazyConnect: true })
    await client.connect()
    await redeemTwice('redis', await redisStore({ client }))
    client.disconnect()
  })

  /** Looks often enough to have seen the session, and looks again as soon as the other has said that it is over. */
  async function revokeElsewhere(kind: 'sqlite' | 'redis', store: SessionStore): Promise<void> {
    const sessions = createSessions({ store, sweepIntervalMs: 0, storeDeadlineMs: 5000 })
    const caller = { principal: { issuer: 'i', subject: 's', client: 'c' } }
    for (let turn = 0; turn < 20; turn += 1) {
      const { session, handle } = await sessions.open(caller)
      for (let looks = 0; looks < 3; looks += 1) expect((await sessions.resume(handle, caller)).live).toBe(true)
      const [neighbour] = neighbours
      const done = said(neighbour!)
      neighbour!.send({ store: kind, revoke: session.ref })
      await done
      expect((await sessions.resume(handle, caller)).live).toBe(false)
    }
    await sessions.close()
  }

  verifies('asvs-5.0/7.4.1', 'see at once what the other has ended', () =>
    revokeElsewhere('sqlite', sqliteStore({ database })),
  )

  test.skipIf(!hasRedis)('see it at once on Redis', async () => {
    const client = new Redis({ port: redis!.port, enableOfflineQueue: false, lazyConnect: true })
    await client.connect()
    await revokeElsewhere('redis', await redisStore({ client }))
    client.disconnect()
  })
})

function said(neighbour: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => neighbour.once('message', resolve))
}
