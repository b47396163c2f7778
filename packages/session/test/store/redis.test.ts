import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSessions, MisuseError } from '../../src/index.ts'
import { principalKey } from '../../src/principal.ts'
import { StoreUser } from '../../src/store/certification/user.ts'
import { certification, type StoreUnderTest } from '../../src/store/certify.ts'
import { redisStore, type RedisClient } from '../../src/store/redis.ts'
import { maxTombstones, tombstoneMs } from '../../src/store/store.ts'
import { alice } from '../layer.ts'
import { hasRedis, startRedis, type RedisServer } from './redis-server.ts'

describe.skipIf(!hasRedis)('the Redis store is certified', () => {
  let server: RedisServer
  const clients: RedisClient[] = []
  let cases = 0

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => ('quit' in client ? client.quit() : client.close())))
    await server.stop()
  })

  const connectIoRedis = async () => {
    const client = new Redis({ port: server.port, enableOfflineQueue: false, lazyConnect: true })
    await client.connect()
    return client
  }
  const connectNodeRedis = async () => {
    const client = createClient({ socket: { port: server.port, host: '127.0.0.1' }, disableOfflineQueue: true })
    return client.connect()
  }

  describe.each([
    ['ioredis', connectIoRedis],
    ['node-redis', connectNodeRedis],
  ])('with %s', (_name, connect) => {
    let pair: RedisClient[]
    beforeAll(async () => {
      pair = [await connect(), await connect()]
      clients.push(...pair)
    })

    async function makeStore(): Promise<StoreUnderTest> {
      let now = 1_700_000_000_000
      const prefix = `case-${(cases += 1)}`
      const [store, other] = await Promise.all(pair.map((client) => redisStore({ client, prefix, clock: () => now })))
      return { store: store!, other: other!, advance: (ms) => void (now += ms), close: () => undefined }
    }

    test.each(certification)('$name', ({ run }) => run(makeStore))

    test("the time is the server's", async () => {
      const store = await redisStore({ client: pair[0]! })
      const before = Date.now()
      expect(Math.abs((await store.now()) - before)).toBeLessThan(5000)
    })
  })

  test('a short session does not make the server forget the long ones of its principal', async () => {
    const client = await connectIoRedis()
    const sessions = createSessions({ store: await redisStore({ client, prefix: 'long' }), sweepIntervalMs: 0 })
    const { session } = await sessions.open({ principal: alice })
    await sessions.open({ principal: alice }, { absoluteTimeoutMs: 1000 })
    const keptMs = await client.pttl(`{long}:g:${principalKey(alice)}`)
    expect(keptMs).toBeGreaterThan(session.expiresAt - session.openedAt)
    await sessions.close()
  })

  test('whoever opens and ends sessions without end fills no memory: beyond a number none is known as ended', async () => {
    const client = await connectIoRedis()
    const store = await redisStore({ client, prefix: 'graves', clock: () => tombstoneMs * 7 })
    const user = new StoreUser(store)
    const known = await user.open()
    await store.end({ name: { ref: known.ref }, reason: 'terminated' })
    expect(await user.resume(known.ref)).toMatchObject({ kind: 'refused', reason: 'ended' })
    await client.incrby('{graves}:b:7', maxTombstones - 1)
    const { ref } = await user.open()
    await store.end({ name: { ref }, reason: 'terminated' })
    expect(await user.resume(ref)).toEqual({ kind: 'unknown' })
    expect(await client.keys(`{graves}:*${ref}*`)).toEqual([])
    expect(await client.pttl('{graves}:b:7')).toBeGreaterThan(0)
    await client.quit()
  })

  test('a client that queues while offline is refused', async () => {
    const io = new Redis({ port: server.port, lazyConnect: true })
    await expect(redisStore({ client: io })).rejects.toThrow(MisuseError)
    const node = createClient({ socket: { port: server.port } })
    await expect(redisStore({ client: node })).rejects.toThrow(MisuseError)
  })

  test('a server that may evict keys is refused', async () => {
    const evicting = await startRedis(['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'])
    const client = new Redis({ port: evicting.port, enableOfflineQueue: false, lazyConnect: true })
    await client.connect()
    await expect(redisStore({ client })).rejects.toThrow(/noeviction/)
    await client.quit()
    await evicting.stop()
  })

  test('a server that begins to evict keys is asked nothing until it stops', async () => {
    const changing = await startRedis(['--maxmemory', '50mb', '--maxmemory-policy', 'noeviction'])
    const client = new Redis({ port: changing.port, enableOfflineQueue: false, lazyConnect: true })
    await client.connect()
    const store = await redisStore({ client, recheckMs: 0 })
    await store.sweep(1)
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await expect(store.sweep(1)).rejects.toThrow(/evict/)
    await expect(store.count()).rejects.toThrow(/evict/)
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    await store.sweep(1)
    expect(await store.count()).toBe(0)
    await client.quit()
    await changing.stop()
  })
})
