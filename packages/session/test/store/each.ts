/** Every store, as two processes have it: two connections to the same data, under one clock that tests move. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { memoryStore } from '../../src/index.ts'
import { redisStore } from '../../src/store/redis.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { hasRedis, startRedis, type RedisServer } from './redis-server.ts'

export const start = 1_700_000_000_000

export interface Pair {
  readonly stores: readonly [SessionStore, SessionStore]
  readonly clock: { now: number }
  close(): void
}

export interface StoreKind {
  readonly name: string
  /** Before the first pair. */
  begin(): Promise<void>
  /** A fresh one, empty. */
  make(): Promise<Pair>
  /** After the last. */
  finish(): Promise<void>
}

const memory: StoreKind = {
  name: 'memory',
  begin: async () => undefined,
  finish: async () => undefined,
  async make() {
    const clock = { now: start }
    const store = memoryStore({ clock: () => clock.now })
    return { stores: [store, store], clock, close: () => store.close() }
  },
}

const sqlite: StoreKind = {
  name: 'sqlite',
  begin: async () => undefined,
  finish: async () => undefined,
  async make() {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-sqlite-'))
    const clock = { now: start }
    const open = () =>
      sqliteStore({ database: join(folder, 'sessions.db'), clock: () => clock.now, durability: 'normal' })
    const stores = [open(), open()] as const
    return {
      stores,
      clock,
      close: () => {
        for (const store of stores) void store.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

function redis(): StoreKind {
  let server: RedisServer
  let clients: Redis[] = []
  let made = 0
  return {
    name: 'redis',
    async begin() {
      server = await startRedis()
      clients = [0, 1].map(() => new Redis({ port: server.port, enableOfflineQueue: false, lazyConnect: true }))
      await Promise.all(clients.map((client) => client.connect()))
    },
    async make() {
      const clock = { now: start }
      made += 1
      const [one, other] = await Promise.all(
        clients.map((client) => redisStore({ client, prefix: `pair-${made}`, clock: () => clock.now })),
      )
      return { stores: [one!, other!], clock, close: () => undefined }
    },
    async finish() {
      for (const client of clients) client.disconnect()
      await server.stop()
    },
  }
}

export const storeKinds: readonly StoreKind[] = [memory, sqlite, ...(hasRedis ? [redis()] : [])]
