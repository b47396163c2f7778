/** Who the caller is, asked of code that is not in the tree: a part of a server lacks the file that does it. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, outcomeOf } from './programs.ts'

const handler = (asked: string, compared: string): string => `
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { validateApiKey, extractBearerToken, authenticate, requireUser, tokenFrom } from '@/utils/auth'
    import { createServer } from '@/utils/server'
    const sessions = new Map()
    export default async function handler(req, res) {
      ${asked}
      const id = req.headers['mcp-session-id']
      const session = sessions.get(id)
      if (session) {
        ${compared}
        return session.transport.handleRequest(req, res, req.body)
      }
      if (id) return res.status(404).end()
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (sid) => sessions.set(sid, { transport, caller }),
      })
      await createServer(caller).connect(transport)
      await transport.handleRequest(req, res, req.body)
    }`

const COMPARED = 'if (caller.id !== session.caller.id) return res.status(403).end()'

const ASKED: readonly (readonly [string, string])[] = [
  [
    'a token that a function takes out of the request',
    'const token = extractBearerToken(req)\nif (!token) return res.status(401).end()\nconst caller = await validateApiKey(token)\nif (!caller) return res.status(401).end()',
  ],
  [
    'a function that is given the request',
    'const caller = await authenticate(req)\nif (!caller) return res.status(401).end()',
  ],
  ['a function that answers by itself', 'const caller = await authenticate(req, res)\nif (!caller) return'],
  ['a function that throws', 'const caller = await requireUser(req)'],
  [
    'a header that is given to one',
    'const caller = await validateApiKey(req.headers.authorization?.slice(7))\nif (!caller) return res.status(401).end()',
  ],
]

describe('a caller who is known by code that is not there', () => {
  it.each(ASKED)('is compared with the owner: %s', (_, asked) => {
    expect(dispatchesOf(handler(asked, '')).some((line) => line.endsWith('unbound'))).toBe(true)
    expect(dispatchesOf(handler(asked, COMPARED)).every((line) => line.endsWith(' bound'))).toBe(true)
  })

  it.each(ASKED)('is known, as far as is seen: %s', (_, asked) => {
    const known = factsOf(handler(asked, COMPARED)).dispatches.map(({ authenticated }) => authenticated)
    expect(known).not.toContain('never')
  })

  it('is nobody where the request is only looked at', () => {
    const looked = 'const caller = { id: req.headers["x-name"] }'
    const known = factsOf(handler(looked, '')).dispatches.map(({ authenticated }) => authenticated)
    expect(known).toContain('never')
  })
})

describe('a server that code makes which is not there', () => {
  const program = (made: string, connected: string): string => `
    import type { FastifyInstance } from 'fastify'
    import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
    import { createServer } from './mcp/server'
    export async function register(app: FastifyInstance, config) {
      ${made}
      const transports = {}
      app.route({ method: 'GET', url: '/sse', handler: async (request, reply) => {
        const transport = new SSEServerTransport('/messages', reply.raw)
        transports[transport.sessionId] = transport
        ${connected}
      } })
    }`

  it('is one for everybody where it was made before they came', () => {
    const shared = program('const server = await createServer(config)', 'await server.connect(transport)')
    expect(outcomeOf('shared-session-state', shared)).toBe('fail')
  })

  it.each([
    ['for each of them', '', 'const server = await createServer(config)\nawait server.connect(transport)'],
    [
      'by a function that gives one',
      'const make = createServer',
      'const server = make(config)\nawait server.connect(transport)',
    ],
    ['at once', '', 'await createServer(config).connect(transport)'],
  ])('is not where it is made %s', (_, made, connected) => {
    expect(outcomeOf('shared-session-state', program(made, connected))).not.toBe('fail')
  })
})

describe('sessions that a file keeps which is not there', () => {
  const program = (id: string, use: string): string => `
    import { Hono } from 'hono'
    import { sessionManager } from '../sessions/manager'
    import { verify } from '../auth'
    import { Stream } from '../stream'
    export const app = new Hono()
    app.get('/mcp', async (c) => {
      const user = await verify(c.req.header('Authorization'))
      if (!user) return c.text('no', 401)
      const sessionId = ${id}
      const stream = new Stream(c)
      sessionManager.createSession(sessionId, { stream, owner: user.id })
      return stream.open()
    })
    app.post('/mcp', async (c) => {
      const user = await verify(c.req.header('Authorization'))
      if (!user) return c.text('no', 401)
      const session = sessionManager.getSession(c.req.header('Mcp-Session-Id'))
      if (!session) return c.text('gone', 404)
      ${use}
      await session.stream.handleMessage(await c.req.json())
      return c.body(null, 202)
    })`
  const chosen = "c.req.header('Mcp-Session-Id') || crypto.randomUUID()"
  const owned = "if (session.owner !== user.id) return c.text('no', 403)"

  it('are opened under an ID that the client chooses, or are not', () => {
    expect(outcomeOf('client-supplied-session-id', program(chosen, owned))).toBe('fail')
    expect(outcomeOf('client-supplied-session-id', program('crypto.randomUUID()', owned))).toBe('pass')
  })

  it('are served to whoever names them, or to their owners', () => {
    expect(outcomeOf('unbound-session', program('crypto.randomUUID()', ''))).toBe('fail')
    expect(outcomeOf('unbound-session', program('crypto.randomUUID()', owned))).toBe('pass')
    const asked = program('crypto.randomUUID()', '').replace(
      "header('Mcp-Session-Id'))",
      "header('Mcp-Session-Id'), user.id)",
    )
    expect(outcomeOf('unbound-session', asked)).toBe('pass')
  })

  it('end nobody knows when', () => {
    expect(outcomeOf('missing-session-expiry', program('crypto.randomUUID()', owned))).not.toBe('fail')
    expect(outcomeOf('missing-session-invalidation', program('crypto.randomUUID()', owned))).not.toBe('fail')
  })
})
