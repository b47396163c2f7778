/** What one caller's credential was answered, kept for all; sessions that are taken as they come. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

interface Cache {
  readonly before: string
  /** In the function that makes a server for a `token`. */
  readonly own?: string
  /** The tool, which is asked for `id`. */
  readonly tool: string
}

function server({ before, own = '', tool }: Cache): string {
  return `
    import express from 'express'
    import { createHash } from 'node:crypto'
    import { LRUCache } from 'lru-cache'
    import NodeCache from 'node-cache'
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { api, ApiClient } from 'upstream-api'
    ${before}
    const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] })
    function makeServer(token) {
      ${own}
      const server = new McpServer({})
      server.registerTool('project', {}, async ({ id }, extra) => {
        ${tool}
      })
      return server
    }
    const app = express()
    app.post('/mcp', async (req, res) => {
      const token = req.headers.authorization?.slice(7)
      if (!token) return res.status(401).end()
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await makeServer(token).connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')`
}

const MAP = 'const cache = new Map()'
const ASKED =
  'const hit = cache.get(id); if (hit) return text(hit); const found = await api.project(id, token); cache.set(id, found); return text(found)'
const shared = (program: string): readonly string[] => findingsOf('shared-session-state', program)

describe('an answer that one credential was given is kept for all', () => {
  it.each<[string, Cache]>([
    ['in a map', { before: MAP, tool: ASKED }],
    ['in a cache', { before: 'const cache = new LRUCache({ max: 500 })', tool: ASKED }],
    ['in a cache that forgets', { before: 'const cache = new NodeCache({ stdTTL: 60 })', tool: ASKED }],
    [
      'in a class',
      {
        before:
          'class Cache { map = new Map(); get(key) { const entry = this.map.get(key); return entry && entry.until > Date.now() ? entry.value : null } set(key, value) { this.map.set(key, { value, until: Date.now() + 60000 }) } } const cache = new Cache()',
        tool: ASKED,
      },
    ],
    [
      'in an object',
      { before: 'const cache = {}', tool: 'cache[id] ??= await api.project(id, token); return text(cache[id])' },
    ],
    [
      'before it has come',
      {
        before: MAP,
        tool: 'let found = cache.get(id); if (!found) { found = api.project(id, token); cache.set(id, found) } return text(await found)',
      },
    ],
    [
      'with the time',
      {
        before: MAP,
        tool: 'const hit = cache.get(id); if (hit && Date.now() - hit.at < 60000) return text(hit.data); const data = await api.project(id, token); cache.set(id, { data, at: Date.now() }); return text(data)',
      },
    ],
    [
      'of a client that was made with it',
      {
        before: MAP,
        own: 'const client = new ApiClient({ token })',
        tool: ASKED.replace('api.project(id, token)', 'client.project(id)'),
      },
    ],
    [
      'of a function that is handed on',
      {
        before: `${MAP}; async function cached(key, load) { if (cache.has(key)) return cache.get(key); const value = await load(); cache.set(key, value); return value }`,
        tool: 'return text(await cached(`project:${id}`, () => api.project(id, token)))',
      },
    ],
  ])('%s', (_, cache) => {
    expect(shared(server(cache))).toEqual([expect.stringContaining('holds what each caller’s credential was answered')])
  })

  it.each<[string, Cache]>([
    [
      'under the credential as well',
      {
        before: MAP,
        tool: ASKED.replaceAll('cache.get(id', 'cache.get(token + id').replaceAll(
          'cache.set(id',
          'cache.set(token + id',
        ),
      },
    ],
    [
      'under a digest of it',
      {
        before: MAP,
        own: "const who = createHash('sha256').update(token).digest('hex')",
        tool: ASKED.replaceAll('cache.get(id', 'cache.get(`${who}:${id}`').replaceAll(
          'cache.set(id',
          'cache.set(`${who}:${id}`',
        ),
      },
    ],
    [
      'in a map for each',
      {
        before: 'const all = new Map()',
        own: 'let cache = all.get(token); if (!cache) { cache = new Map(); all.set(token, cache) }',
        tool: ASKED,
      },
    ],
    ['in a map of the session', { before: '', own: MAP, tool: ASKED }],
    [
      'and given to its owner alone',
      { before: MAP, tool: ASKED.replace('if (hit)', 'if (hit && hit.owner === (await api.whoami(token)).id)') },
    ],
    [
      'that nobody has to be told for',
      {
        before: MAP,
        tool: ASKED.replace('api.project(id, token)', "(await fetch('https://docs.example.com/' + id)).json()"),
      },
    ],
    ['that the server itself was given', { before: MAP, tool: ASKED.replace('token)', 'process.env.API_TOKEN)') }],
    ['under the session', { before: MAP, tool: ASKED.replaceAll('(id', '(extra.sessionId') }],
    [
      'under a new name',
      {
        before: 'const jobs = new Map()',
        tool: 'const job = crypto.randomUUID(); jobs.set(job, await api.project(id, token)); return text(job)',
      },
    ],
    [
      'only as long as this request',
      {
        before: 'const seen = new Map()',
        tool: 'seen.set(id, await api.project(id, token)); return text(seen.get(id))',
      },
    ],
  ])('or not: %s', (_, cache) => {
    expect(shared(server(cache))).toEqual([])
  })
})

function connections(
  take: string,
  keep = 'connections.set(transport.sessionId, transport)',
  kept = 'new Map()',
): string {
  return `
    import express from 'express'
    import { createServer } from './server.js'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    const app = express()
    const connections = ${kept}
    app.get('/sse', async (req, res) => {
      const transport = new SSEServerTransport('/messages', res)
      ${keep}
      await createServer().connect(transport)
    })
    app.post('/messages', async (req, res) => {
      ${take}
      if (!transport) return res.status(404).end()
      await transport.handlePostMessage(req, res)
    })
    app.listen(3000, '127.0.0.1')`
}

const PUSH = 'connections.push(transport)'

describe('a request is served by whichever session is there', () => {
  it.each([
    ['the first', connections('const transport = Array.from(connections.values())[0]')],
    ['the first of a list', connections('const [transport] = [...connections.values()]')],
    ['the next', connections('const transport = connections.values().next().value')],
    [
      'the first, where none is named',
      connections(
        'const { id } = req.query; const transport = id ? connections.get(id) : connections.values().next().value',
      ),
    ],
    ['the last', connections('const transport = connections[connections.length - 1]', PUSH, '[]')],
    ['the last, as one says now', connections('const transport = connections.at(-1)', PUSH, '[]')],
  ])('%s', (_, program) => {
    expect(shared(program)).toEqual([expect.stringContaining('connections holds everybody’s sessions')])
  })

  it.each([
    ['by its ID', connections('const transport = connections.get(req.query.sessionId)')],
    [
      'the first of those that a loop has chosen',
      connections(`const own = []
      for (const [id, one] of connections) if (id === req.query.sessionId) own.push(one)
      const transport = own[0]`),
    ],
    [
      'the first that has its ID',
      connections(
        'const transport = connections.filter((one) => one.sessionId === req.query.sessionId)[0]',
        PUSH,
        '[]',
      ),
    ],
    [
      'at the place of its ID',
      connections(
        'const transport = connections[connections.findIndex((one) => one.sessionId === req.query.sessionId)]',
        PUSH,
        '[]',
      ),
    ],
  ])('or by the one that it names: %s', (_, program) => {
    expect(shared(program)).toEqual([])
  })
})

describe('an answer that is held against the caller', () => {
  const routes = (hit: string, other: string): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    const cache = new Map()
    const app = express()
    app.use((req, res, next) => {
      try { req.user = jwt.verify(req.headers.authorization?.slice(7), process.env.KEY, { audience: 'me' }); next() }
      catch { res.status(401).end() }
    })
    app.put('/projects/:id', async (req, res) => {
      ${hit}
      const { authorization } = req.headers
      const data = await (await fetch('https://api.example/' + req.params.id, { headers: { authorization } })).json()
      cache.set(req.params.id, data)
      res.json(data)
    })
    app.get('/projects/:id', (req, res) => {
      const hit = cache.get(req.params.id)
      ${other}
    })
    app.listen(3000, '127.0.0.1')`
  const own = 'if (hit && hit.owner === req.user.sub) return res.json(hit)\n res.end()'
  const given = 'const hit = cache.get(req.params.id); if (hit) return res.json(hit)'

  it('is given to others where another route does that, and not this one', () => {
    expect(shared(routes(given, own))).toHaveLength(1)
  })

  it.each([
    ['in each route', `const hit = cache.get(req.params.id); ${own.split('\n')[0]}`],
    ['where the other only asks whether it is there', 'if (cache.has(req.params.id)) return res.status(409).end()'],
  ])('is given to no other: %s', (_where, hit) => {
    expect(shared(routes(hit, own))).toEqual([])
  })
})
