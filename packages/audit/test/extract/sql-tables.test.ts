/** Sessions in a table that is written without the names of its columns. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const server = (table: string, insert: string, find: string): string => `
  import express from 'express'
  import Database from 'better-sqlite3'
  import { createHash, randomBytes } from 'node:crypto'
  const db = new Database('s.db')
  db.exec(\`${table}\`)
  const digest = (token) => createHash('sha256').update(token).digest('hex')
  const app = express()
  app.post('/login', async (req, res) => {
    const user = await check(req.body.user, req.body.password)
    if (!user) return res.status(401).end()
    const token = randomBytes(32).toString('base64url')
    db.prepare('${insert}').run(digest(token), user, Date.now())
    res.json({ token })
  })
  app.post('/mcp', (req, res) => {
    const row = db.prepare('${find}').get(digest(req.get('authorization').replace('Bearer ', '')))
    if (!row) return res.status(401).end()
    res.json({ jsonrpc: '2.0', id: req.body.id, result: { content: [row.user_id] } })
  })
  app.listen(3000, '127.0.0.1')`

const TABLE =
  'create table if not exists sessions (\n digest text primary key, user_id text not null,\n seen integer check (seen > 0), primary key (digest))'
const FIND = 'select user_id from sessions where digest = ?'

describe('a table of sessions', () => {
  it.each([
    ['written by places', server(TABLE, 'insert into sessions values (?, ?, ?)', FIND), 'fail'],
    ['written by names', server(TABLE, 'insert into sessions (digest, user_id, seen) values (?, ?, ?)', FIND), 'fail'],
    [
      'with a schema and quotes',
      server(
        'CREATE TABLE "sessions" ("digest" TEXT, "user_id" TEXT, "seen" INTEGER)',
        'INSERT INTO "sessions" VALUES (?, ?, ?)',
        FIND,
      ),
      'fail',
    ],
    ['that is another one', server(TABLE, 'insert into visits values (?, ?, ?)', FIND), 'notApplicable'],
  ])('%s', (_what, program, outcome) => {
    expect(outcomeOf('missing-session-expiry', program)).toBe(outcome)
  })
  const INSERT = 'insert into sessions values (?, ?, ?)'
  const UNLIKE = 'create table sessions (seen integer, user_id text, digest text)'
  const making = (table: string, then = ''): string => `
    import Database from 'better-sqlite3'
    const db = new Database('a.db')
    db.exec(\`${table}\`)
    ${then}`

  it('is the one that its own file makes, whichever was asked for first', () => {
    const other = making(UNLIKE, `db.prepare('${INSERT}').run(Date.now(), 'u', 'x')`)
    const program = { 'server.ts': `import './other.js'\n${server(TABLE, INSERT, FIND)}`, 'other.ts': other }
    expect(outcomeOf('missing-session-expiry', program)).toBe('fail')
  })

  it('is made elsewhere, and by all in the same way', () => {
    const main = `import './a.js'\nimport './b.js'\n${server('', INSERT, FIND)}`
    const outcome = (a: string, b: string): string =>
      outcomeOf('missing-session-expiry', { 'server.ts': main, 'a.ts': making(a), 'b.ts': making(b) })
    expect(outcome(TABLE, TABLE)).toBe('fail')
    expect(outcome(TABLE, UNLIKE)).toBe('notApplicable')
  })
})
