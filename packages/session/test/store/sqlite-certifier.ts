/**
 * Certifies the SQLite store where users run it, in the main thread of a process, which a thread of a test runner is
 * not: only there does the store look at the header of the log. Prints what failed, by case, and how often it looked.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let looks = 0
const { readSync } = fs
fs.readSync = ((...given: Parameters<typeof readSync>) => {
  looks += 1
  return readSync(...given)
}) as typeof readSync
syncBuiltinESMExports()
const { certification } = await import('../../src/store/certify.ts')
const { sqliteStore } = await import('../../src/store/sqlite.ts')

function makeStore() {
  const folder = fs.mkdtempSync(join(tmpdir(), 'sallyport-certified-'))
  let now = 1_700_000_000_000
  const open = () => sqliteStore({ database: join(folder, 'sessions.db'), clock: () => now, durability: 'normal' })
  const [store, other] = [open(), open()]
  return {
    store,
    other,
    advance: (ms: number) => void (now += ms),
    close: () => {
      void store.close()
      void other.close()
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}

const failures: Record<string, string> = {}
for (const { name, run } of certification) {
  try {
    await run(makeStore)
  } catch (error) {
    failures[name] = String(error)
  }
}
process.stdout.write(JSON.stringify({ cases: certification.length, failures, looks }))
