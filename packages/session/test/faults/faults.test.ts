/** What fails, fails closed: nothing that was answered is lost or comes back, and nobody waits for a store that is gone. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { createGuard, createSessions, StoreUnavailableError, type RequestView, type Sessions } from '../../src/index.ts'
import { redisStore } from '../../src/store/redis.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { alice } from '../layer.ts'
import { hasRedis, startRedis, type RedisServer } from '../store/redis-server.ts'

const me = { principal: alice }

const requestWith = (handle: string): RequestView => ({
  method: 'POST',
  target: '/mcp',
  encrypted: true,
  remoteAddress: '192.0.2.1',
  header: (name) => (name === 'host' ? ['x'] : name === 'mcp-session-id' ? [handle] : []),
})

async function statusOf(sessions: Sessions, handle: string): Promise<number> {
  const guard = createGuard({ sessions, transport: { hosts: ['x'] }, authenticate: () => me })
  const admission = await guard.admit(requestWith(handle))
  if (!admission.admitted) return admission.answer.status
  admission.finish()
  return 200
}

async function until(wanted: number, status: () => Promise<number>): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    if ((await status()) === wanted) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  expect(await status()).toBe(wanted)
}

describe.skipIf(!hasRedis)('a Redis that', { timeout: 60_000 }, () => {
  let server: RedisServer
  let client: Redis
  afterEach(async () => {
    client.disconnect()
    await server.stop()
  })

  async function begin(...settings: string[]): Promise<Sessions> {
    server = await startRedis(settings)
    client = new Redis({ port: server.port, enableOfflineQueue: false, lazyConnect: true, retryStrategy: () => 50 })
    client.on('error', () => undefined)
    await client.connect()
    return createSessions({ store: await redisStore({ client }), sweepIntervalMs: 0 })
  }

  test('stops answering costs a refusal, and nothing once it goes on', async () => {
    const sessions = await begin()
    const { handle, session } = await sessions.open(me, { data: 1 })
    server.process.kill('SIGSTOP')
    expect(await statusOf(sessions, handle)).toBe(503)
    await expect(sessions.update(session, () => 2)).rejects.toThrow(StoreUnavailableError)
    await expect(sessions.open(me)).rejects.toThrow(StoreUnavailableError)
    server.process.kill('SIGCONT')
    await until(200, () => statusOf(sessions, handle))
  })

  test('is killed and comes back empty has no session, and one that was ended least of all', async () => {
    const sessions = await begin()
    const { handle } = await sessions.open(me)
    await server.kill()
    expect(await statusOf(sessions, handle)).toBe(503)
    server = await server.restart()
    await until(404, () => statusOf(sessions, handle))
  })

  test('is killed and keeps a log on the disk has what was answered, and not what was ended', async () => {
    const sessions = await begin('--appendonly', 'yes', '--appendfsync', 'always')
    const kept = await sessions.open(me, { data: 'kept' })
    const ended = await sessions.open(me)
    const old = await sessions.open(me)
    const fresh = await sessions.regenerate(old.session)
    await sessions.terminate(ended.session)
    await server.kill()
    server = await server.restart()
    await until(200, () => statusOf(sessions, kept.handle))
    expect(await statusOf(sessions, fresh.handle)).toBe(200)
    expect(await statusOf(sessions, ended.handle)).toBe(404)
    expect(await statusOf(sessions, old.handle)).toBe(404)
  })

  test('is full refuses new sessions, goes on with old ones, and still ends and revokes', async () => {
    const sessions = await begin()
    const one = await sessions.open(me, { data: 'x'.repeat(1000) })
    const other = await sessions.open(me)
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    await client.config('SET', 'maxmemory', '1')
    await expect(sessions.open(me)).rejects.toThrow(StoreUnavailableError)
    expect(await statusOf(sessions, one.handle)).toBe(200)
    await sessions.terminate(one.session)
    expect(await statusOf(sessions, one.handle)).toBe(404)
    await sessions.revoke({ principal: alice }, 'account disabled')
    expect(await statusOf(sessions, other.handle)).toBe(404)
  })

  test('forgot its scripts is told them again', async () => {
    const sessions = await begin()
    const { handle } = await sessions.open(me)
    await client.script('FLUSH')
    expect(await statusOf(sessions, handle)).toBe(200)
  })
})

describe('a process that writes to SQLite', { timeout: 120_000 }, () => {
  test('and is killed loses nothing that was answered, and revives nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-kill-'))
    const database = join(folder, 'sessions.db')
    const said: string[] = []
    for (let round = 0; round < 4; round += 1) said.push(...(await writeAndKill(database, 20 + round * 7)))
    const sessions = createSessions({ store: sqliteStore({ database }), sweepIntervalMs: 0 })
    const caller = { principal: { issuer: 'i', subject: 's', client: 'c' } }
    const last = new Map(said.map((line) => line.split(' ')).map(([what, handle, count]) => [handle, { what, count }]))
    expect(last.size).toBeGreaterThan(10)
    for (const [handle, { what, count }] of last) {
      const found = await sessions.resume<number>(handle, caller)
      if (what === 'ended') expect(found.live).toBe(false)
      else if (found.live) expect(found.session.data).toBeGreaterThanOrEqual(Number(count ?? 0))
      // The end of the last one may have been written without having been said.
      else expect(said.filter((line) => line.includes(handle!)).length).toBe(4)
    }
    await sessions.close()
    rmSync(folder, { recursive: true })
  })
})

/** What the writer was answered before the kill, which comes as soon as it has said so many lines. */
async function writeAndKill(database: string, lines: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'sqlite-writer.ts')
  const writer = spawn(process.execPath, ['--import', 'tsx', script, database], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  writer.stdout.on('data', (part) => {
    text += String(part)
    if (text.split('\n').length > lines) writer.kill('SIGKILL')
  })
  await new Promise((resolve) => writer.once('close', resolve))
  return text.split('\n').slice(0, -1)
}
