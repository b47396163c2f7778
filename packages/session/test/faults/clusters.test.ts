/** More than one Redis: a cluster of three, and a replica that takes over. */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createSessions, StoreUnavailableError } from '../../src/index.ts'
import { certification, type StoreUnderTest } from '../../src/store/certify.ts'
import { redisStore } from '../../src/store/redis.ts'
import { alice, bob } from '../layer.ts'
import { freePort, redisVersion, startRedis, type RedisServer } from '../store/redis-server.ts'

const plain = (port: number) => new Redis({ port, enableOfflineQueue: false, lazyConnect: true })

// Before 7 the port of the cluster's own talk cannot be chosen.
describe.skipIf(redisVersion < 7)('a cluster of three masters', { timeout: 120_000 }, () => {
  const servers: RedisServer[] = []
  const clusters: Cluster[] = []
  let cases = 0

  beforeAll(async () => {
    for (let made = 0; made < 3; made += 1) {
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]
      servers.push(await startRedis([...cluster, '--cluster-announce-ip', '127.0.0.1']))
    }
    await join(servers)
    for (let made = 0; made < 2; made += 1) {
      const nodes = servers.map(({ port }) => ({ port, host: '127.0.0.1' }))
      const cluster = new Cluster(nodes, { enableOfflineQueue: false, lazyConnect: true })
      clusters.push(cluster)
      await cluster.connect()
    }
  }, 300_000)

  afterAll(async () => {
    for (const cluster of clusters) cluster.disconnect()
    await Promise.all(servers.map((server) => server.stop()))
  })

  test.each(certification)('is certified: $name', ({ run }) =>
    run(async (): Promise<StoreUnderTest> => {
      let now = 1_700_000_000_000
      // Other names are in other slots, so that all three masters have a part in it.
      const prefix = `cluster-${(cases += 1)}`
      const [store, other] = await Promise.all(
        clusters.map((client) => redisStore({ client, prefix, clock: () => now })),
      )
      return { store: store!, other: other!, advance: (ms) => void (now += ms), close: () => undefined }
    }),
  )
})

describe.skipIf(redisVersion < 7)('a replica that takes over', { timeout: 120_000 }, () => {
  test('has what had reached it, and nobody waits or is served unchecked meanwhile', async () => {
    const master = await startRedis()
    const replica = await startRedis(['--replicaof', '127.0.0.1', String(master.port)])
    const address = await startAddress(master.port)
    const client = new Redis({
      port: address.port,
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: () => 20,
    })
    client.on('error', () => undefined)
    await client.connect()
    const sessions = createSessions({ store: await redisStore({ client }), sweepIntervalMs: 0, storeDeadlineMs: 5000 })
    const me = { principal: alice }
    const kept = await sessions.open(me, { data: 0 })
    const ended = await sessions.open(me)
    const old = await sessions.open(me)
    const revoked = await sessions.open({ principal: bob })
    const fresh = await sessions.regenerate(old.session)
    await sessions.terminate(ended.session)
    await sessions.revoke({ principal: bob }, 'account disabled')
    // The replica has had its first copy, and has said that it has all of the above.
    await expect.poll(() => client.wait(1, 1000), { timeout: 60_000 }).toBe(1)

    const inFlight = Array.from({ length: 20 }, () => sessions.update(kept.session, (count) => count + 1))
    await master.kill()
    const outcomes = await Promise.allSettled(inFlight)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(StoreUnavailableError)
    await expect(sessions.resume(kept.handle, me)).rejects.toThrow(StoreUnavailableError)

    const promoting = plain(replica.port)
    await promoting.connect()
    await promoting.replicaof('NO', 'ONE')
    promoting.disconnect()
    address.leadTo(replica.port)
    const isBack = () =>
      sessions.resume(kept.handle, me).then(
        ({ live }) => live,
        () => undefined,
      )
    await expect.poll(isBack, { timeout: 60_000 }).toBe(true)
    expect((await sessions.resume(fresh.handle, me)).live).toBe(true)
    for (const { handle } of [ended, old]) expect((await sessions.resume(handle, me)).live).toBe(false)
    expect((await sessions.resume(revoked.handle, { principal: bob })).live).toBe(false)
    const before = (await sessions.read(kept.session)).data
    expect(await sessions.update(kept.session, (count) => count + 1)).toBe(before + 1)

    client.disconnect()
    await address.close()
    await replica.stop()
    await master.stop()
  })
})

/** Gives each its slots and waits until all of them know all. */
async function join(servers: readonly RedisServer[]): Promise<void> {
  const slots = 16_384
  const clients = servers.map(({ port }) => plain(port))
  for (const [place, client] of clients.entries()) {
    await client.connect()
    const [from, to] = [place, place + 1].map((part) => Math.floor((slots * part) / clients.length)) as [number, number]
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to - 1)
    await client.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes')
  }
  const ports = await Promise.all(clients.map((client) => client.config('GET', 'cluster-port')))
  for (const [place, { port }] of servers.entries())
    await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port, (ports[place] as string[])[1] as string)
  for (const client of clients) {
    const state = async () => /cluster_state:(\w+)/.exec(String(await client.call('CLUSTER', 'INFO')))?.[1]
    const known = async () => /cluster_known_nodes:(\d+)/.exec(String(await client.call('CLUSTER', 'INFO')))?.[1]
    await vi.waitFor(async () => expect([await state(), await known()]).toEqual(['ok', '3']), { timeout: 120_000 })
    client.disconnect()
  }
}

/** An address that leads to whichever server is the master, as a name or a virtual address does. */
async function startAddress(port: number) {
  let target = port
  const sockets = new Set<Socket>()
  const server = createServer((here) => {
    const there = connect(target, '127.0.0.1')
    for (const [socket, other] of [
      [here, there],
      [there, here],
    ] as const) {
      sockets.add(socket)
      socket
        .on('error', () => undefined)
        .once('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
      socket.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (other: number) => void (target = other),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
