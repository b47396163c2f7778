import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { certification } from '../../src/store/certify.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { watchChanges } from '../../src/store/sqlite/changes.ts'
import { openDatabase, type SqliteDatabase } from '../../src/store/sqlite/database.ts'

type Binding = new (path: string) => SqliteDatabase

/** The libraries that speak SQLite and are installed here. An absent one is said aloud: a skipped test proves nothing. */
const bindings = ['better-sqlite3', 'libsql'].flatMap((name) => {
  try {
    return [[name, createRequire(import.meta.url)(name) as Binding] as const]
  } catch {
    process.stderr.write(`\nNO ${name} HERE: the SQLite store is not tested with it. npm install --no-save ${name}\n\n`)
    return []
  }
})

/** Two connections to one file, as two processes have them. */
function makeStore(Database?: Binding) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-sqlite-'))
  const database = join(folder, 'sessions.db')
  let now = 1_700_000_000_000
  const clock = () => now
  const open = () =>
    sqliteStore({ database: Database ? new Database(database) : database, clock, durability: 'normal' })
  const [store, other] = [open(), open()]
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
  test.each(certification)('$name', ({ run }) => run(() => makeStore()))
})

test('the SQLite store is certified where users run it, in the main thread of a process', async () => {
  const certifier = join(import.meta.dirname, 'sqlite-certifier.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', certifier])
  const told = JSON.parse(stdout) as { cases: number; failures: object; looks: number }
  expect(told.failures).toEqual({})
  expect(told.cases).toBe(certification.length)
  if (['linux', 'darwin'].includes(process.platform)) expect(told.looks).toBeGreaterThan(told.cases)
})

/** Opened by the application, so that its file is not known to the store. */
describe.each(bindings)('the SQLite store is certified on a database of %s', (_, Database) => {
  test.each(certification)('$name', ({ run }) => run(() => makeStore(Database)))
})

interface Connections {
  readonly here: SqliteDatabase
  readonly there: SqliteDatabase
  readonly database: string
}

/** What two connections may do, some of it a commit. */
const deeds: Readonly<Record<string, (given: Connections) => void>> = {
  'this one writes': ({ here }) => void here.exec('INSERT INTO things VALUES (1)'),
  'the other writes': ({ there }) => void there.exec('INSERT INTO things VALUES (2)'),
  'the other writes much': ({ there }) => void there.exec(`INSERT INTO things VALUES ('${'x'.repeat(100_000)}')`),
  'the other moves the log into the file': ({ there }) => void there.exec('PRAGMA wal_checkpoint(PASSIVE)'),
  'the other empties the log': ({ there }) => void there.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
  'the other reads': ({ there }) => void there.prepare('SELECT count(*) FROM things').all(),
  'the other changes its mind': ({ there }) =>
    void there.exec('BEGIN IMMEDIATE; INSERT INTO things VALUES (3); ROLLBACK'),
  'a third writes and goes': ({ database }) => {
    const third = openDatabase(database)
    third.exec('INSERT INTO things VALUES (4)')
    third.close()
  },
}

describe('whether anything was written', () => {
  test.each([
    ['by the header of the log', true],
    ['by asking SQLite', false],
  ])('is never missed, in whatever order things happen: %s', (_, byHeader) => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-changes-'))
    let runs = 0
    const property = fc.property(fc.array(fc.constantFrom(...Object.keys(deeds)), { maxLength: 30 }), (drawn) => {
      const database = join(folder, `${(runs += 1)}.db`)
      const [here, there] = [openDatabase(database), openDatabase(database)]
      for (const connection of [here, there])
        connection.exec(
          'PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS things (thing)',
        )
      const write = (): void => void here.exec('INSERT INTO things VALUES (0)')
      const hasChanged = watchChanges(here, byHeader ? database : undefined, write)
      hasChanged()
      for (const deed of drawn) {
        deeds[deed]?.({ here, there, database })
        // Of what this connection wrote itself, SQLite does not tell; the store knows.
        const told = deed.includes('write') && (byHeader || deed !== 'this one writes')
        if (told) expect(hasChanged()).toBe(true)
        hasChanged()
        expect(hasChanged()).toBe(false)
      }
      here.close()
      there.close()
    })
    fc.assert(property, { numRuns: 20 })
    rmSync(folder, { recursive: true })
  })

  test.skipIf(!['linux', 'darwin'].includes(process.platform))('is told by the header, where that can be read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-changes-'))
    const database = openDatabase(join(folder, 'a.db'))
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE things (thing)')
    const asked: string[] = []
    const listening: SqliteDatabase = {
      exec: (sql) => database.exec(sql),
      close: () => database.close(),
      prepare: (sql) => {
        asked.push(sql)
        return database.prepare(sql)
      },
    }
    const write = (): void => void database.exec('INSERT INTO things VALUES (0)')
    watchChanges(listening, join(folder, 'a.db'), write)
    expect(asked).toEqual([])
    // Where nothing is seen to change, the header is not believed.
    watchChanges(listening, join(folder, 'a.db'), () => undefined)
    watchChanges(listening, join(folder, 'b.db'), write)
    expect(asked).toEqual(['PRAGMA data_version', 'PRAGMA data_version'])
    database.close()
    rmSync(folder, { recursive: true })
  })
})

/** Another process opens the database, reads, and closes it: the log goes where that one was the last that had it open. */
function visit(database: string): void {
  const visitor = join(import.meta.dirname, 'sqlite-visitor.ts')
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', visitor, database], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

/** A thread of this process opens a store on the database, closes it, and ends. */
async function visitFromThread(database: string): Promise<void> {
  const store = new URL('../../src/store/sqlite.ts', import.meta.url)
  const work = `
    const { register } = require('tsx/cjs/api')
    register()
    const { sqliteStore } = require(${JSON.stringify(store.pathname)})
    sqliteStore({ database: ${JSON.stringify(database)} }).close()`
  await new Promise((resolve, reject) => {
    new Worker(work, { eval: true }).once('exit', resolve).once('error', reject)
  })
}

/** A process that closes any file gives up all its locks on it, whoever in it had them. */
describe('the locks of a process that has the database open', () => {
  test('outlive the opening of another store', () => {
    const { database, close } = makeStore()
    visit(database)
    expect(existsSync(`${database}-wal`)).toBe(true)
    close()
  })

  test('outlive a thread that had a store', async () => {
    const { database, store, close } = makeStore()
    const own = openDatabase(database)
    const hasChanged = watchChanges(own, database, () => void store.consume('a', 1000))
    await visitFromThread(database)
    hasChanged()
    visit(database)
    // Whoever comes and finds no lock makes the index of the log anew.
    expect(hasChanged()).toBe(false)
    own.close()
    close()
  })
})

test('what is no handle of a session does not wait for whoever writes', () => {
  const { database, store, close } = makeStore()
  const writer = openDatabase(database)
  writer.exec('BEGIN IMMEDIATE')
  expect(store.end({ name: { digest: 'nobody’s' }, reason: 'exposed' })).toEqual({ kind: 'gone' })
  writer.exec('ROLLBACK')
  writer.close()
  close()
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
      after.read({ ref: 'd', principal: 'alice', generation: 1, activity: false, coalesceMs: 0, graceMs: 0 }) as {
        kind: string
      }
    expect(opened.kind).toBe('opened')
    expect(read().kind).toBe('live')
    now += 10_000
    expect(read().kind).toBe('ended')
    await after.close()
    rmSync(folder, { recursive: true })
  })
})
