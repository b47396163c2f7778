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

describe('a requestState', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-redeem-'))
  const database = join(folder, 'sessions.db')
  const secret = randomBytes(32).toString('base64url')
  let redis: RedisServer | undefined
  let redeemers: readonly ChildProcess[] = []

  beforeAll(async () => {
    redis = hasRedis ? await startRedis() : undefined
    const given = [database, String(redis?.port ?? 0), secret]
    redeemers = Array.from({ length: 2 }, () =>
      fork(join(import.meta.dirname, 'redeemer.ts'), given, { execArgv: ['--import', 'tsx'] }),
    )
    await Promise.all(redeemers.map(said))
  }, 300_000)

  afterAll(async () => {
    for (const redeemer of redeemers) redeemer.disconnect()
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
    const answers = redeemers.map(said)
    for (const redeemer of redeemers) redeemer.send({ store: kind, state })
    const outcomes = (await Promise.all(answers)) as { good: boolean; reason?: string }[]
    expect(outcomes.filter(({ good }) => good)).toEqual([{ good: true, state: 'approved' }])
    expect(outcomes.filter(({ reason }) => reason === 'used')).toHaveLength(1)
    await sessions.close()
  }

  verifies('mcp-2026-07-28/single-use-request-state', 'that two processes redeem at once is redeemed once', () =>
    redeemTwice('sqlite', sqliteStore({ database })),
  )

  test.skipIf(!hasRedis)('that two processes on one Redis redeem at once is redeemed once', async () => {
    const client = new Redis({ port: redis!.port, enableOfflineQueue: false, lazyConnect: true })
    await client.connect()
    await redeemTwice('redis', await redisStore({ client }))
    client.disconnect()
  })
})

function said(redeemer: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => redeemer.once('message', resolve))
}
