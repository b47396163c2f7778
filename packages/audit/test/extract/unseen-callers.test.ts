/** Parts of servers: who the caller is, code finds out that is not in the tree. Whether sessions are theirs stands here. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const rule = 'unbound-session'

/** A handler that serves a session that is there (`known`), or opens one for `owner`. */
const handler = (known: string, owner: string): string => `
  const id = req.headers['mcp-session-id']
  const session = id ? sessions.get(id) : undefined
  if (session) {
    ${known}
    return session.transport.handleRequest(req, res, req.body)
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (sid) => { sessions.set(sid, { transport, owner: ${owner} }) },
  })
  await new McpServer({}).connect(transport)
  await transport.handleRequest(req, res, req.body)`

const imports = `
  import express from 'express'
  import { Hono } from 'hono'
  import { randomUUID, createHash } from 'node:crypto'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  import { requireAuth, getContext, assertOwner, owns, canUse, audit } from './auth.js'
  const sessions = new Map()`

const router = (known: string, owner = 'req.user.id'): string => `${imports}
  export const router = express.Router()
  router.use(requireAuth)
  router.all('/mcp', async (req, res) => {${handler(known, owner)}
  })`

const left = (known: string, owner = 'context.userId'): string => `${imports}
  export async function handleMcp(req, res) {
    const context = getContext()
    ${handler(known, owner)}
  }`

const injected = (known: string): string => `${imports}
  export class Handler {
    constructor(private readonly auth) {}
    async post(req: express.Request, res: express.Response) {${handler(known, 'req.auth?.sub')}
    }
  }`

const hono = (known: string): string => `${imports}
  export function create() {
    const app = new Hono()
    app.use(requireAuth)
    app.all('/mcp', async (c) => {
      const caller = c.get('caller')
      const req = c.req.raw
      const res = undefined
      ${handler(known, 'caller.id')}
    })
    return app
  }`

describe('a session', () => {
  it.each([
    [
      'a router behind imported middleware',
      router(''),
      router('if (session.owner !== req.user.id) return res.sendStatus(404)'),
    ],
    [
      'a function that nobody calls',
      left(''),
      left('if (session.owner !== context.userId) return res.sendStatus(404)'),
    ],
    [
      'a method that nobody registers',
      injected(''),
      injected('if (session.owner !== req.auth?.sub) return res.sendStatus(404)'),
    ],
    ['Hono', hono(''), hono('if (session.owner !== caller.id) return c.json({}, 404)')],
  ])('is served to anybody, or to its owner: %s', (_what, loose, bound) => {
    expect(findingsOf(rule, loose)).toEqual([
      expect.stringContaining('the caller is not compared with the session’s owner'),
    ])
    expect(outcomeOf(rule, bound)).toBe('pass')
  })

  it.each([
    ['asked of it', 'if (!owns(session.owner, req.user)) return res.sendStatus(404)'],
    ['asked of the session', 'if (!canUse(session, req.user)) return res.sendStatus(404)'],
    ['thrown', 'assertOwner(session, req)'],
    ['awaited', 'await assertOwner(session.owner, req.user)'],
    ['looked up', 'const me = await getContext(req)\nif (me.id !== session.owner) return res.sendStatus(404)'],
    [
      'a digest',
      "if (session.owner !== createHash('sha256').update(req.headers.authorization).digest('hex')) return res.sendStatus(404)",
    ],
  ])('may be compared by code that is not here: %s', (_how, known) => {
    expect(outcomeOf(rule, router(known))).not.toBe('fail')
  })

  it.each([
    ['written down', 'audit(session, req.user)'],
    ['touched', 'session.touch(req)'],
    ['counted', 'metrics.record(id, req.user)'],
  ])('is not compared where it is only %s', (_how, known) => {
    expect(outcomeOf(rule, router(known))).toBe('fail')
  })

  it('of nobody has no owner', () => {
    expect(outcomeOf(rule, left('', 'undefined'))).not.toBe('fail')
  })
})

describe('one verb', () => {
  const server = (find: string): string => `${imports}
    const own = (req) => { const found = sessions.get(req.headers['mcp-session-id']); return found?.owner === req.user.id ? found : undefined }
    export const router = express.Router()
    router.use(requireAuth)
    router.post('/mcp', async (req, res) => {${handler('if (own(req) === undefined) return res.sendStatus(404)', 'req.user.id')}
    })
    router.delete('/mcp', async (req, res) => {
      const session = ${find}
      if (!session) return res.sendStatus(404)
      await session.transport.handleRequest(req, res)
    })`

  it('without the comparison that verifies the caller on the others', () => {
    expect(findingsOf(rule, server("sessions.get(req.headers['mcp-session-id'])"))).toEqual([
      expect.stringContaining('served on DELETE to whoever presents its ID'),
    ])
    expect(outcomeOf(rule, server('own(req)'))).toBe('pass')
  })
})

describe('DELETE ends a session by a function of its own', () => {
  const own = `
    import { verify } from 'jsonwebtoken'
    export function requireAuth(req, res, next) {
      try { req.user = verify(req.headers.authorization.slice(7), process.env.KEY) } catch { return res.sendStatus(401) }
      next()
    }`
  /** Routes that a function puts on the app it is given, under paths that another file makes, which is not here. */
  const routes = (ending: string): string => `${imports}
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    import { withBase } from './paths.js'
    const streams = new Map()
    async function destroySession(id) {
      const known = sessions.get(id)
      if (!known) return
      await known.server.close()
      sessions.delete(id)
    }
    export default function register(app) {
      const serve = async (req, res) => {
        const id = req.headers['mcp-session-id']
        let entry = id ? sessions.get(id) : null
        if (entry && entry.owner !== req.user.id) return res.sendStatus(403)
        if (!entry) {
          const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID() })
          const server = new McpServer({})
          await server.connect(transport)
          entry = { transport, server, owner: req.user.id }
        }
        await entry.transport.handleRequest(req, res, req.body)
        if (entry.transport.sessionId) sessions.set(entry.transport.sessionId, entry)
      }
      app.post(withBase('/mcp'), requireAuth, serve)
      app.get(withBase('/mcp'), requireAuth, serve)
      app.delete(withBase('/mcp'), requireAuth, async (req, res) => {
        const id = req.headers['mcp-session-id']
        ${ending}
        res.status(204).end()
      })
      app.post(withBase('/messages'), requireAuth, async (req, res) => {
        const entry = streams.get(req.query.sessionId)
        if (!entry) return res.sendStatus(404)
        if (entry.owner !== req.user.id) return res.sendStatus(403)
        await entry.transport.handlePostMessage(req, res, req.body)
      })
      app.get(withBase('/sse'), requireAuth, async (req, res) => {
        const transport = new SSEServerTransport(withBase('/messages'), res)
        await new McpServer({}).connect(transport)
        streams.set(transport.sessionId, { transport, owner: req.user.id })
      })
    }`
  const entry =
    "import express from 'express'\nimport register from './routes.js'\nconst app = express()\nregister(app)\napp.listen(3000)"
  const loose = 'if (id) await destroySession(id)'
  const bound =
    'const known = id ? sessions.get(id) : null\nif (known && known.owner !== req.user.id) return res.sendStatus(404)\nif (known) await destroySession(id)'

  it.each([
    ['with all that it needs', { 'auth.js': own, 'server.js': entry }],
    ['without its middleware', { 'server.js': entry }],
    ['without its entry', { 'auth.js': own }],
    ['by itself', {}],
  ])('%s', (_what, others) => {
    expect(findingsOf(rule, { 'routes.js': routes(loose), ...others })).toEqual([
      expect.stringContaining('served on DELETE to whoever presents its ID'),
    ])
    expect(outcomeOf(rule, { 'routes.js': routes(bound), ...others })).toBe('pass')
  })
})
