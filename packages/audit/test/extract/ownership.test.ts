/** Whose a session is says nothing of whose the other things are that a request names. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const server = (tools: string): string => `
  import http from 'node:http'
  import { randomUUID } from 'node:crypto'
  import { createRemoteJWKSet, jwtVerify } from 'jose'
  const keys = createRemoteJWKSet(new URL('https://id.example/jwks'))
  const sessions = new Map()
  const drafts = new Map()
  const told = new Map()
  const read = async (req) => { let text = ''; for await (const part of req) text += part; return JSON.parse(text) }
  http.createServer(async (req, res) => {
    const answer = (result) => res.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
    const { payload } = await jwtVerify(req.headers.authorization.slice(7), keys, { audience: 'drafts', issuer: 'https://id.example' })
    const user = payload.sub
    const { method, params } = await read(req)
    if (method === 'initialize') {
      const id = randomUUID()
      sessions.set(id, { owner: user })
      res.setHeader('Mcp-Session-Id', id)
      return answer({ protocolVersion: '2025-06-18' })
    }
    const session = sessions.get(req.headers['mcp-session-id'])
    if (!session || session.owner !== user) return res.writeHead(404).end()
    if (method === 'tools/call' && params.name === 'write') {
      const id = randomUUID()
      drafts.set(id, { owner: user, text: params.arguments.text, until: Date.now() + 3_600_000 })
      return answer({ content: [{ type: 'text', text: id }] })
    }
    ${tools}
  }).listen(3000, '127.0.0.1')
`

const reading = (check: string): string => `
  if (method === 'tools/call' && params.name === 'read') {
    const draft = drafts.get(params.arguments.draft)
    ${check}
    return answer({ content: [{ type: 'text', text: draft.text }] })
  }
`

const OWNED = 'if (draft.owner !== user) return res.writeHead(404).end()'
const overdue = (then: string): string => `
  if (!draft) return res.writeHead(404).end()
  if (draft.until < Date.now()) {
    drafts.delete(params.arguments.draft)
    return res.writeHead(404).end()
  }
  ${then}
`

describe('behind a session that is compared with the caller, a draft that a tool is asked for', () => {
  it.each([
    ['is given to whoever names it', reading(''), 'fail'],
    ['is compared as well', reading('if (draft?.owner !== user) return res.writeHead(404).end()'), 'pass'],
    [
      'is taken away by whoever names it',
      "if (params.name === 'drop') { drafts.delete(params.arguments.draft); return answer({}) }",
      'fail',
    ],
    [
      'is taken away by its owner',
      `if (params.name === 'drop') {
         if (drafts.get(params.arguments.draft)?.owner === user) drafts.delete(params.arguments.draft)
         return answer({})
       }`,
      'pass',
    ],
    ['is taken away where it has expired, by whoever comes upon it', reading(overdue(OWNED)), 'pass'],
    ['is taken away where it has expired, and else given to whoever names it', reading(overdue('')), 'fail'],
  ])('%s', (_what, tools, outcome) => {
    expect(outcomeOf('unbound-state-handle', server(tools))).toBe(outcome)
    expect(outcomeOf('unbound-session', server(tools))).toBe('pass')
  })
})

it('a session ended by its ID, which has been compared, is the caller’s own in every store', () => {
  const ends =
    "if (req.method === 'DELETE') { drafts.delete(req.headers['mcp-session-id']); sessions.delete(req.headers['mcp-session-id']); return answer({}) }"
  expect(outcomeOf('unbound-session', server(ends))).toBe('pass')
})

describe('behind such a session, news of what a client names', () => {
  const news = (check: string): string => `
    if (method === 'resources/read') {
      const order = drafts.get(params.uri)
      if (order?.owner !== user) return res.writeHead(404).end()
      return answer({ contents: [{ uri: params.uri, text: order.text }] })
    }
    if (method === 'resources/subscribe') {
      ${check}
      if (!told.has(params.uri)) told.set(params.uri, new Set())
      told.get(params.uri).add(session)
      return answer({})
    }
    if (method === 'listen') { session.out = res; return res.writeHead(200, { 'content-type': 'text/event-stream' }) }
    for (const member of told.get('order://1') ?? [])
      member.out.write('data: ' + JSON.stringify({ method: 'notifications/resources/updated', params: { uri: 'order://1' } }) + '\\n\\n')
  `
  it.each([
    ['go to whoever asks', '', 'fail'],
    ['go to whose it is', 'if (drafts.get(params.uri)?.owner !== user) return res.writeHead(404).end()', 'pass'],
  ])('%s', (_what, check, outcome) => {
    expect(outcomeOf('unauthorized-subscription', server(news(check)))).toBe(outcome)
  })
})
