/** In a large program much is kept under names: texts by language, tools, settings. None of it is a session, a secret or a log of events. */
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../src/extract/machine.ts'
import { factsOf, outcomeOf } from './programs.ts'

const EXPIRY = 'missing-session-expiry'

const web = (before: string, routes: string): string => `
  import express from 'express'
  import jwt from 'jsonwebtoken'
  import { randomUUID } from 'node:crypto'
  ${before}
  const app = express()
  app.use(express.json())
  ${routes}
  app.listen(3000, '127.0.0.1')`

describe('records of which some are found by a header', () => {
  const program = (header: string): string =>
    web(
      'const records = {}',
      `app.post('/records', (req, res) => { const id = randomUUID(); records[id] = { name: req.body.name }; res.json({ id }) })
       app.get('/record', (req, res) => res.json(records[req.get('${header}')] ?? {}))`,
    )

  it.each(['Accept-Language', 'Content-Type', 'Host', 'X-Forwarded-Host', 'Origin'])('%s are no sessions', (header) => {
    expect(outcomeOf(EXPIRY, program(header))).toBe('notApplicable')
  })

  it.each(['X-Visitor', 'Mcp-Session-Id', 'X-Accept-Id'])('%s are', (header) => {
    expect(outcomeOf(EXPIRY, program(header))).toBe('fail')
  })
})

describe('what is looked up under the session’s ID', () => {
  const program = (name: string): string =>
    web(
      `const tools = new Map()
       const add = (name, run) => tools.set(name ?? randomUUID(), { run })`,
      `app.post('/add', (req, res) => { add(req.body.name, () => req.body.text); res.json({}) })
       app.post('/run', (req, res) => {
         const id = req.headers['x-editor-session-id']
         const found = tools.get(${name})
         res.json(found ? {} : { error: true })
       })`,
    )

  it('is a session', () => {
    expect(outcomeOf(EXPIRY, program('id'))).toBe('fail')
    expect(outcomeOf(EXPIRY, program("id ?? 'default'"))).toBe('fail')
  })

  it('or under any of many names is none', () => {
    const name = "req.body.a ? 'openFile' : req.body.b ? 'closeFile' : req.body.c ? 'listFiles' : id"
    expect(outcomeOf(EXPIRY, program(name))).toBe('notApplicable')
  })
})

describe('settings that one cache holds', () => {
  const kept = (most: number): string =>
    Array.from(
      { length: most },
      (_, n) => `keep('part${n}', { part: ${n}, key: ${n === 3 ? "'multiline'" : 'load()'} })`,
    ).join('\n')
  const program = (most: number): string =>
    web(
      `import { load } from './load.js'
       const cache = new Map()
       const keep = (name, data) => cache.set(name, data)
       ${kept(most)}`,
      `app.post('/login', (req, res) => res.json({ token: jwt.sign({ id: req.body.id }, cache.get(req.app.part).key) }))
       app.get('/me', (req, res) => res.json(jwt.verify(req.headers.authorization, process.env.KEY)))`,
    )

  it('say nothing of one of them where there are many', () => {
    expect(outcomeOf('weak-session-secret', program(4))).toBe('fail')
    expect(outcomeOf('weak-session-secret', program(12))).not.toBe('fail')
  })
})

describe('what is found among records', () => {
  const program = (test: string): string =>
    web(
      `import { readNote } from './notes.js'
       const notes = []
       console.log(process.env.NOTES_HOME)`,
      `app.post('/notes', (req, res) => {
         const id = randomUUID() + readNote(process.env.NOTES_HOME)
         notes.push({ key: id, keys: [id] })
         res.json({})
       })
       app.get('/notes', (req, res) => res.json(notes.filter((note) => ${test})))`,
    )

  it('by a part of a text is searched for', () => {
    expect(outcomeOf('timing-unsafe-comparison', program('note.key.includes(req.query.key)'))).not.toBe('fail')
    expect(outcomeOf('timing-unsafe-comparison', program('note.key === req.query.key'))).toBe('fail')
  })

  it('makes no secret of where they lie', () => {
    expect(outcomeOf('session-token-exposure', program('note.key === req.query.key'))).not.toBe('fail')
    const asked = web(
      'console.log(process.env.API_KEY)',
      "app.get('/x', (req, res) => { if (req.query.key !== process.env.API_KEY) return res.sendStatus(401); res.json({}) })",
    )
    expect(outcomeOf('session-token-exposure', asked)).toBe('fail')
  })
})

describe('a stream that is taken up', () => {
  const program = (log: string, again: string): string =>
    web(
      `const sessions = new Map()
       const news = []
       const log = []`,
      `app.post('/mcp', (req, res) => {
         const id = randomUUID()
         sessions.set(id, { id, log: [] })
         ${log}
         news.push({ id, text: req.body.text })
         res.set('Mcp-Session-Id', id).json({ jsonrpc: '2.0', id: req.body.id, result: {} })
       })
       app.get('/mcp', (req, res) => {
         const session = sessions.get(req.get('mcp-session-id'))
         if (!session) return res.sendStatus(404)
         const last = req.headers['last-event-id']
         ${again}
         for (const item of news) res.write(item.text)
       })`,
    )

  it('is sent what is kept for it, beside what is news for all', () => {
    const own = program(
      'sessions.get(id).log.push({ n: 1, text: req.body.text })',
      'for (const e of session.log) if (e.n > Number(last)) res.write(e.text)',
    )
    expect(outcomeOf('event-replay-across-sessions', own)).not.toBe('fail')
    const shared = program(
      'log.push({ n: 1, text: req.body.text })',
      'for (const e of log) if (e.n > Number(last)) res.write(e.text)',
    )
    expect(outcomeOf('event-replay-across-sessions', shared)).toBe('fail')
  })
})

describe('a connection that is kept with a session', () => {
  const served = (done: string): number => {
    const program = web(
      `import { open } from './lines.js'
       const sessions = new Map()`,
      `app.post('/open', (req, res) => { const id = randomUUID(); sessions.set(id, { line: open() }); res.set('X-Session-Id', id).end() })
       app.post('/say', (req, res) => {
         const { line } = sessions.get(req.get('x-session-id'))
         ${done}
         res.end()
       })`,
    )
    return factsOf(program).dispatches.length
  }

  it.each([
    'line.setMaxListeners(20)',
    "line.once('drain', go)",
    "line.removeListener('close', go)",
    'line.setNoDelay(true)',
  ])('serves nobody by %s', (done) => {
    expect(served(done)).toBe(served(''))
  })

  it.each(['line.say(req.body.text)', 'line.write(req.body.text)', "line.on('answer', go)", 'line.resume(res)'])(
    'serves by %s',
    (done) => {
      expect(served(done)).toBe(served('') + 1)
    },
  )
})

describe('an account that somebody is let in to take away', () => {
  const program = (column: string, list = '[]'): string =>
    web(
      `import Database from 'better-sqlite3'
       const db = new Database('a.db')
       const known = (req) => db.prepare('SELECT * FROM sessions WHERE id = ?').get(req.get('x-session-id'))`,
      `app.post('/sessions', (req, res) => {
         const id = randomUUID()
         db.prepare('INSERT INTO sessions (id, user_id) VALUES (?, ?)').run(id, req.body.user)
         res.json({ id })
       })
       app.get('/me', (req, res) => { const session = known(req); if (!session) return res.sendStatus(401); res.json({ session }) })
       app.get('/notes', (req, res) => res.json({ notes: ${list} }))
       app.delete('/users/:id', (req, res) => {
         if (req.get('x-api-key') !== process.env.KEY) return res.sendStatus(401)
         db.prepare('DELETE FROM sessions WHERE ${column} = ?').run(req.params.id)
         res.end()
       })`,
    )
  const ended = (column: string): number => factsOf(program(column)).dispatches.filter(({ ends }) => ends).length

  it('takes its sessions along, none of which it names', () => {
    expect(ended('user_id')).toBe(0)
    expect(ended('id')).toBe(1)
  })

  it('is told nothing of sessions by what they have written elsewhere', () => {
    const notes = `(db.prepare('INSERT INTO notes (author) VALUES (?)').run(last.author), db.prepare('SELECT author FROM notes').all())`
    const kept = (list: string): string =>
      program('id', list)
        .replace('const known', 'const last = {}; const known')
        .replace('res.json({ session })', 'last.author = session.user_id; res.json({ session })')
    const told = (list: string): number => factsOf(kept(list)).dispatches.filter(({ ends }) => !ends).length
    expect(told(notes)).toBe(told('[]'))
    expect(told('known(req)')).toBe(told('[]') + 1)
  })
})

describe('where steps do not suffice for all routes', () => {
  const few = <T>(run: () => T): T => {
    const bounds = LIMITS as { stepsPerPass: number; stepsAfterwards: number }
    const { stepsPerPass, stepsAfterwards } = bounds
    Object.assign(bounds, { stepsPerPass: 3_000, stepsAfterwards: 5 })
    try {
      return run()
    } finally {
      Object.assign(bounds, { stepsPerPass, stepsAfterwards })
    }
  }
  const pages = (many: number): string =>
    Array.from(
      { length: many },
      (_, n) => `app.get('/page${n}', (req, res) => { ${'res.write(text(req));'.repeat(20)} res.end() })`,
    ).join('\n')
  const program = (many: number): Readonly<Record<string, string>> => ({
    'server.js': `
      import express from 'express'
      import { register } from './mcp.js'
      const text = (req) => { const name = req.query.name; return 'Hello ' + name }
      const app = express()
      ${pages(many)}
      register(app)
      app.listen(3000, '127.0.0.1')`,
    'mcp.js': `
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const sessions = new Map()
      export function register(app) {
        app.post('/mcp', async (req, res) => {
          const found = sessions.get(req.headers['mcp-session-id'])
          if (found) return found.handleRequest(req, res)
          const transport = new StreamableHTTPServerTransport({
            sessionIdGenerator: () => crypto.randomUUID(),
            onsessioninitialized: (id) => sessions.set(id, transport),
          })
          await transport.handleRequest(req, res)
        })
      }`,
  })

  it('those of MCP come first', () => {
    expect(few(() => factsOf(program(70))).stores.map(({ name }) => name)).toEqual(['sessions'])
  })
})
