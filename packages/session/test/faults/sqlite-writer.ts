/**
 * Writes to a session database until it is killed, and says what it was answered, one line each, before it goes on:
 * `opened <handle>`, `updated <handle> <count>`, `ended <handle>`. What it has said must be true of the file for ever.
 */
import { writeSync } from 'node:fs'
import { createSessions, type Session } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

const database = process.argv[2] as string
const sessions = createSessions({ store: sqliteStore({ database }), caps: { perPrincipal: 1e6, total: 1e6 } })
const caller = { principal: { issuer: 'i', subject: 's', client: 'c' } }
const say = (line: string): number => writeSync(1, `${line}\n`)

for (let turn = 0; ; turn += 1) {
  const opened = await sessions.open(caller, { data: 0 })
  say(`opened ${opened.handle}`)
  const session: Session<number> = opened.session
  for (let count = 1; count <= 3; count += 1) {
    await sessions.update(session, (before) => before + 1)
    say(`updated ${opened.handle} ${count}`)
  }
  if (turn % 2 === 0) continue
  await sessions.terminate(session)
  say(`ended ${opened.handle}`)
}
