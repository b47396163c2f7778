/** Sessions are found however they are kept: what counts is what is looked up under the ID that the client presents. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

/** A server that answers MCP by hand and keeps its sessions in what `kept` declares. */
function keeping(kept: string, found: string, opened: string, more = ''): string {
  return `import express from 'express'
import { randomUUID } from 'node:crypto'
const app = express()
app.use(express.json())
${kept}
app.post('/mcp', async (req, res) => {
  let id = req.headers['mcp-session-id']
  if (id) {
    const session = ${found}
    if (!session) return res.status(404).end()
  } else {
    id = randomUUID()
    ${opened}
  }
  res.setHeader('mcp-session-id', id)
  if (req.body.method === 'tools/call') return res.json({ jsonrpc: '2.0', id: req.body.id, result: { content: [] } })
  res.json({ jsonrpc: '2.0', id: req.body.id, result: {} })
})
${more}
app.listen(3000)`
}

describe('sessions that never end are found', () => {
  it.each([
    ['in a list that is searched', 'const all = []', 'all.find((one) => one.id === id)', 'all.push({ id })'],
    ['in a list that is never changed', 'let all = []', 'all.find((one) => one.id === id)', 'all = [...all, { id }]'],
    ['in a record that is never changed', 'let all = {}', 'all[id]', 'all = { ...all, [id]: { id } }'],
    ['in a record that is assigned to', 'const all = {}', 'all[id]', 'Object.assign(all, { [id]: { id } })'],
    [
      'in a class that is a Map',
      'class All extends Map {}\nconst all = new All()',
      'all.get(id)',
      'all.set(id, { id })',
    ],
    [
      'in a class that opens them by itself',
      'class All extends Map { open(id) { super.set(id, { id }) } }\nconst all = new All()',
      'all.get(id)',
      'all.open(id)',
    ],
    ['with the app', 'app.locals.all = {}', 'app.locals.all[id]', 'app.locals.all[id] = { id }'],
    [
      'in a table whose columns are not named',
      "import { DatabaseSync } from 'node:sqlite'\nconst db = new DatabaseSync('a.db')",
      "db.prepare('SELECT * FROM sessions WHERE id = ?').get(id)",
      "db.prepare('INSERT INTO sessions VALUES (?, ?)').run(id, Date.now())",
    ],
    [
      'by a repository',
      'import { repository } from "./data.js"',
      'await repository.findOneBy({ id })',
      'await repository.save({ id })',
    ],
    [
      'in a table behind a Proxy',
      "import { connect } from './data.js'\nconst db = new Proxy({}, { get: (_, key) => connect()[key] })",
      "db.prepare('SELECT * FROM sessions WHERE id = ?').get(id)",
      "db.prepare('INSERT INTO sessions (id) VALUES (?)').run(id)",
    ],
    ['by a model', 'import { Session } from "./data.js"', 'await Session.findByPk(id)', 'await Session.create({ id })'],
  ])('%s', (_, kept, found, opened) => {
    expect(findingsOf('missing-session-expiry', keeping(kept, found, opened))).toHaveLength(1)
  })
})

describe('a list without the session takes the place of the one with it', () => {
  const list = ['let all = []', 'all.find((one) => one.id === id)', 'all = [...all, { id }]'] as const

  it('where the client ends it', () => {
    const ends = "app.delete('/mcp', (req, res) => { all = all.filter(KEEPS); res.status(204).end() })"
    const program = (keeps: string): string => keeping(...list, ends.replace('KEEPS', keeps))
    expect(
      findingsOf('missing-session-invalidation', program("(one) => one.id !== req.headers['mcp-session-id']")),
    ).toEqual([])
    expect(findingsOf('missing-session-invalidation', keeping(...list))).toHaveLength(1)
  })
})
