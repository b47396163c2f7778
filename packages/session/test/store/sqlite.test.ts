import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { certification } from '../../src/store/certify.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

/** Two connections to one file, as two processes have them. */
function makeStore() {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-sqlite-'))
  const database = join(folder, 'sessions.db')
  let now = 1_700_000_000_000
  const clock = () => now
  const store = sqliteStore({ database, clock, durability: 'normal' })
  const other = sqliteStore({ database, clock, durability: 'normal' })
  return {
    database,
    store,
    other,
    advance: (ms: number) => void (now += ms),
    close: () => {
      void store.close()
      void other.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

describe('the SQLite store is certified', () => {
  test.each(certification)('$name', ({ run }) => run(makeStore))
})

describe('the file', () => {
  test('is for its owner alone', () => {
    const { database, close } = makeStore()
    for (const file of [database, `${database}-wal`]) expect(statSync(file).mode & 0o077).toBe(0)
    close()
  })

  test('keeps sessions over a restart, also where the wall clock was set back meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-sqlite-'))
    const database = join(folder, 'sessions.db')
    let now = 1_700_000_000_000
    const before = sqliteStore({ database, clock: () => now })
    const opened = await before.open({
      digest: 'd',
      kind: 'session',
      principal: 'alice',
      agent: '',
      parent: '',
      group: 'alice',
      absoluteTimeoutMs: 10_000,
      idleTimeoutMs: 10_000,
      credentialEnd: 0,
      meta: '{}',
      data: '1',
      caps: { group: 1, total: 1, whenFull: 'refuse' },
    })
    await before.close()
    now -= 86_400_000
    const after = sqliteStore({ database, clock: () => now })
    const read = () =>
      after.read({ ref: 'd', principal: 'alice', generation: 1, activity: false, graceMs: 0 }) as { kind: string }
    expect(opened.kind).toBe('opened')
    expect(read().kind).toBe('live')
    now += 10_000
    expect(read().kind).toBe('ended')
    await after.close()
    rmSync(folder, { recursive: true })
  })
})
