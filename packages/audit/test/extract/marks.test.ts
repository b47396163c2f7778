/** Sessions that are ended by a mark, and sessions of MCP that a DELETE takes out and leaves open. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const invalidation = 'missing-session-invalidation'

interface Parts {
  readonly imports?: string
  readonly open: string
  readonly find: string
  readonly leave: string
}

const served = ({ imports = '', open, find, leave }: Parts): string => `
  import express from 'express'
  import cookieParser from 'cookie-parser'
  import { check } from './users.js'
  ${imports}
  const app = express()
  app.use(express.json(), cookieParser())
  app.post('/login', async (req, res) => {
    const user = await check(req.body.name, req.body.password)
    if (!user) return res.sendStatus(401)
    const sid = crypto.randomUUID()
    ${open}
    res.cookie('sid', sid).end()
  })
  app.get('/me', async (req, res) => {
    ${find}
    if (!session) return res.sendStatus(401)
    res.json(session)
  })
  app.post('/logout', async (req, res) => {
    ${leave}
    res.clearCookie('sid').end()
  })
  app.listen(3000)`

describe('a mark on a session that is left', () => {
  const map = (find: string, leave: string): string =>
    served({
      imports: 'const sessions = new Map()\nconst epochs = new Map()',
      open: 'sessions.set(sid, { user: user.id, epoch: epochs.get(user.id) ?? 0 })',
      find: `const found = sessions.get(req.cookies.sid)\n${find}`,
      leave: `const left = sessions.get(req.cookies.sid)\nif (left) ${leave}`,
    })

  it.each([
    ['and asked for', 'const session = found && !found.over ? found : undefined', 'left.over = true', 'pass'],
    ['and nobody looks at it', 'const session = found', 'left.over = true', 'fail'],
    ['beside one that is asked for', 'const session = found?.over ? undefined : found', 'left.note = "bye"', 'fail'],
    [
      'of its user, and held against it',
      'const session = found && found.epoch === epochs.get(found.user) ? found : undefined',
      'epochs.set(left.user, left.epoch + 1)',
      'pass',
    ],
    ['of its user, and nobody looks at it', 'const session = found', 'epochs.set(left.user, left.epoch + 1)', 'fail'],
  ])('is made %s', (_, find, leave, outcome) => {
    expect(outcomeOf(invalidation, map(find, leave))).toBe(outcome)
  })

  const table = (where: string, mark: string): string =>
    served({
      imports: "import Database from 'better-sqlite3'\nconst db = new Database('x.db')",
      open: "db.prepare('INSERT INTO sessions (id, user, seen) VALUES (?, ?, ?)').run(sid, user.id, Date.now())",
      find: `const session = db.prepare('SELECT * FROM sessions WHERE id = ? ${where}').get(req.cookies.sid, Date.now() - 1000)`,
      leave: `db.prepare('UPDATE sessions SET ${mark} = ? WHERE id = ?').run(Date.now(), req.cookies.sid)`,
    })

  it.each([
    ['that rows are found without', 'AND revoked_at IS NULL', 'revoked_at', 'pass'],
    ['that no row is asked for', '', 'revoked_at', 'fail'],
    ['that says when it was used', 'AND seen > ?', 'seen', 'fail'],
    ['that says until when it is good', 'AND valid_until > ?', 'valid_until', 'pass'],
  ])('is a column %s', (_, where, mark, outcome) => {
    expect(outcomeOf(invalidation, table(where, mark))).toBe(outcome)
  })

  it.each([
    [0, 'pass'],
    [3600, 'fail'],
  ])('is a time to live of %i', (seconds, outcome) => {
    const redis = served({
      imports: "import { Redis } from 'ioredis'\nconst redis = new Redis()",
      open: "await redis.set('sess:' + sid, JSON.stringify(user), 'EX', 3600)",
      find: "const session = await redis.get('sess:' + req.cookies.sid)",
      leave: `await redis.expire('sess:' + req.cookies.sid, ${seconds})`,
    })
    expect(outcomeOf(invalidation, redis)).toBe(outcome)
  })
})

describe('a DELETE that takes a transport out', () => {
  const mcp = (end: string): string => `
    import express from 'express'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { farewell } from './farewell.js'
    const sessions = new Map()
    const app = express()
    app.post('/mcp', async (req, res) => {
      const known = sessions.get(req.headers['mcp-session-id'])
      if (known) return known.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      })
      transport.onclose = () => sessions.delete(transport.sessionId)
      await new McpServer({ name: 'a', version: '1' }).connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.delete('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      ${end}
      res.sendStatus(204)
    })
    app.listen(3000)`

  it.each([
    ['and leaves it open', 'sessions.delete(id)', 'fail'],
    ['and closes it', 'const known = sessions.get(id); sessions.delete(id); await known?.close()', 'pass'],
    ['and has something done about it', 'await farewell(sessions.get(id)); sessions.delete(id)', 'pass'],
  ])('%s', (_, end, outcome) => {
    expect(outcomeOf(invalidation, mcp(end))).toBe(outcome)
  })
})
