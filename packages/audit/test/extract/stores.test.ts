/** Sessions are found however they are kept: what counts is what is looked up under the ID that the client presents. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf } from './programs.ts'

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

describe('stores of the same make', () => {
  /** Sessions in one of two, what clients register in the other. */
  const program = (made: string, beside = '') => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${made}
    const app = express()
    app.all('/mcp', async (req, res) => {
      const known = sessions.get(req.headers['mcp-session-id'])
      if (known) return known.value.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      })
      await transport.handleRequest(req, res, req.body)
    })
    app.post('/register', (req, res) => { clients.set(req.body.client_id, req.body.name); res.end() })
    app.get('/client', (req, res) => res.json(clients.get(req.query.client_id)))
    ${beside}
    app.listen(3000, '127.0.0.1')`
  const makes = [
    [
      'a class',
      `class Store {
        items = new Map()
        get(id) { return this.items.get(id) }
        set(id, value) { this.items.set(id, { value, at: Date.now() }) }
        sweep() { for (const [id, item] of this.items) if (Date.now() - item.at > 60_000) this.items.delete(id) }
      }
      const clients = new Store(), sessions = new Store()`,
    ],
    [
      'a factory',
      `function createStore() {
        const items = new Map()
        return {
          get: (id) => items.get(id),
          set(id, value) { items.set(id, { value, at: Date.now() }) },
          sweep() { for (const [id, item] of items) if (Date.now() - item.at > 60_000) items.delete(id) },
        }
      }
      const clients = createStore(), sessions = createStore()`,
    ],
  ] as const

  it.each(makes)('by %s are told apart', (_what, made) => {
    expect(outcomeOf('client-supplied-session-id', program(made))).toBe('pass')
    expect(outcomeOf('session-token-in-url', program(made))).toBe('pass')
    const limits = (swept: string) =>
      factsOf(program(made, `setInterval(() => ${swept}.sweep(), 60_000)`)).stores.flatMap((store) => store.limits)
    expect(limits('clients')).toEqual([])
    expect(limits('sessions')).toMatchObject([{ kind: 'absolute' }])
  })

  it('are found at their place once', () => {
    const twice = makes[0][1].replace('const clients', 'const others = new Store(), clients')
    const filled = ['sessions', 'others']
      .map(
        (store) => `${store}.set(randomUUID(), new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID }))`,
      )
      .join('\n')
    const found = findingsOf('missing-session-expiry', program(`${twice}\n${filled}`))
    expect(found).toEqual([found[0]])
  })

  it('that sweep themselves are swept each, be they made in a request', () => {
    const own = makes[0][1].replace(
      'items = new Map()',
      'items = new Map()\n constructor() { setInterval(() => this.sweep(), 60_000) }',
    )
    const late = own.replace(
      'const clients = new Store(), sessions = new Store()',
      'const clients = new Store()\nlet made\nconst sessions = { get: (id) => (made ??= new Store()).get(id), set: (id, value) => (made ??= new Store()).set(id, value) }',
    )
    for (const made of [own, late])
      expect(factsOf(program(made)).stores.flatMap((store) => store.limits)).toMatchObject([{ kind: 'absolute' }])
  })
})

describe('a cache of everything', () => {
  const program = (first: string): string => `
    import express from 'express'
    import cookieParser from 'cookie-parser'
    import { randomUUID } from 'node:crypto'
    const kept = new Map()
    const put = (key, value) => kept.set(\`app:\${key}\`, { value })
    const get = (key) => kept.get(\`app:\${key}\`)?.value
    const app = express()
    app.use(cookieParser(), express.json())
    app.post('/start', (req, res) => {
      const id = randomUUID()
      put(\`${first}:\${id}\`, req.body)
      put(\`page:\${req.body.page}\`, 1)
      put(\`search:\${req.body.text}\`, [])
      put(\`draft:\${req.body.draft}\`, {})
      res.cookie('place', id).end()
    })
    app.get('/place', (req, res) => res.json(get(\`${first}:\${req.cookies.place}\`)))
    app.listen(3000)`

  it('keeps sessions only where one of the kinds is', () => {
    expect(factsOf(program('place')).stores).toEqual([])
    expect(factsOf(program('session')).stores).toHaveLength(1)
  })
})

describe('where answers go, beside the sessions', () => {
  const program = (beside: string, body: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    const app = express()
    ${beside}
    app.all('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      const session = sessions.get(id)
      if (session) {
        ${body}
        return session.transport.handleRequest(req, res)
      }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sid) => { sessions.set(sid, { transport }) },
      })
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
  const names = (beside: string, body: string): readonly string[] =>
    factsOf(program(beside, body)).stores.map(({ name }) => name)

  it.each([
    ['under the session and a number', 'const inner = `${id}:${++n}`'],
    ['under a number', 'const inner = ++n'],
  ])('is no session %s', (_, key) => {
    const body = `${key}; routes.set(inner, { transport: session.transport, id: req.body.id }); req.body.id = inner`
    expect(names('const routes = new Map(); let n = 0', body)).toEqual(['sessions'])
  })

  it('is one where clients ask for it', () => {
    const beside =
      "const others = new Map(); app.delete('/', (req) => others.get(req.headers['mcp-session-id']).transport.close())"
    expect(names(beside, 'others.set(id, { transport: session.transport })')).toEqual(['others', 'sessions'])
  })
})
