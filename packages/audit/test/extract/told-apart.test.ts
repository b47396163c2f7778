/** Several credentials, each of which stands for somebody: which one was brought says who the caller is. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

interface Server {
  /** Beside the server. */
  readonly before?: string
  /** From `token` to `role`, or an answer. */
  readonly find: string
  /** How the owner of a session is compared. */
  readonly differs?: string
}

function server({ before = '', find }: Server, compared = ''): string {
  return `
    import http from 'node:http'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    import { timingSafeEqual } from 'node:crypto'
    import { makeServer } from './mcp.js'
    const equal = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
    const { ADMIN = '', READER = '' } = process.env
    ${before}
    const sessions = new Map()
    http.createServer(async (req, res) => {
      const token = (req.headers.authorization ?? '').replace(/^Bearer /, '')
      ${find}
      const id = req.headers['mcp-session-id']
      const found = id ? sessions.get(id) : undefined
      ${compared}
      if (found) { await found.transport.handleRequest(req, res); return }
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (sid) => { sessions.set(sid, { transport, role }) },
      })
      await makeServer(role).connect(transport)
      await transport.handleRequest(req, res)
    }).listen(3000, '0.0.0.0')`
}

const REFUSE = 'if (!role) { res.writeHead(401).end(); return }'
const WHO = `const role = who(token); ${REFUSE}`
const SAME = 'found.role !== role'
const RECORDS = "const tokens = JSON.parse(process.env.TOKENS ?? '{}')"

const several: readonly (readonly [string, Server])[] = [
  [
    'one of two words',
    { find: `const role = equal(token, ADMIN) ? 'admin' : equal(token, READER) ? 'reader' : null; ${REFUSE}` },
  ],
  [
    'a variable that is set or not',
    {
      find: `let role; if (equal(token, ADMIN)) role = 'admin'; else if (equal(token, READER)) role = 'reader'; ${REFUSE}`,
    },
  ],
  [
    'a variable that is set or else the request refused',
    {
      find: "let role; if (equal(token, ADMIN)) role = 'admin'; else if (equal(token, READER)) role = 'reader'; else { res.writeHead(401).end(); return }",
    },
  ],
  [
    'records',
    {
      before:
        "function who(t) { if (equal(t, ADMIN)) return { ok: true, name: 'admin' }; if (equal(t, READER)) return { ok: true, name: 'reader' }; return { ok: false } }",
      find: 'const auth = who(token); if (!auth.ok) { res.writeHead(401).end(); return }; const role = auth.name',
    },
  ],
  [
    'a function that throws',
    {
      before:
        "function who(t) { if (equal(t, ADMIN)) return 'admin'; if (equal(t, READER)) return 'reader'; throw new Error('no') }",
      find: 'let role; try { role = who(token) } catch { res.writeHead(401).end(); return }',
    },
  ],
  [
    'the name beside it in a record of settings',
    {
      before: `${RECORDS}; function who(t) { for (const [known, name] of Object.entries(tokens)) if (equal(t, known)) return name }`,
      find: WHO,
    },
  ],
  [
    'what a record of settings has under it',
    {
      before: `${RECORDS}; function who(t) { for (const known in tokens) if (equal(t, known)) return tokens[known] }`,
      find: WHO,
    },
  ],
  [
    'a record of a file',
    {
      before:
        "import { readFileSync } from 'node:fs'; const all = JSON.parse(readFileSync('clients.json', 'utf8')); function who(t) { let match; for (const one of all) { if (equal(t, one.token)) match = one } return match }",
      find: WHO,
      differs: 'found.role.name !== role.name',
    },
  ],
  [
    'a record of a list that is made of a setting',
    {
      before:
        "const users = (process.env.KEYS ?? '').split(',').map((pair) => { const [name, key] = pair.split(':'); return { name, key } }); function who(t) { for (const user of users) { if (equal(t, user.key)) return user.name } }",
      find: WHO,
    },
  ],
  [
    'a token that was given out here',
    {
      before:
        'const tiers = new Map(); export function give(tier) { tiers.set(crypto.randomUUID(), tier) }; function who(t) { for (const [known, tier] of tiers) { if (equal(t, known)) return tier } return null }',
      find: WHO,
    },
  ],
]

describe('several credentials are several callers', () => {
  it.each(several)('%s', (_, of) => {
    expect(outcomeOf('unbound-session', server(of))).toBe('fail')
    const compared = `if (found && ${of.differs ?? SAME}) { res.writeHead(404).end(); return }`
    expect(outcomeOf('unbound-session', server(of, compared))).toBe('pass')
  })
})

describe('one principal', () => {
  it.each([
    [
      'has an old key beside the new one',
      { find: `const role = equal(token, ADMIN) || equal(token, READER); ${REFUSE}` },
    ],
    [
      'brings one key in one of two headers',
      {
        before:
          "function how(h) { if (equal(h.authorization ?? '', 'Bearer ' + ADMIN)) return 'bearer'; if (equal(h['x-api-key'] ?? '', ADMIN)) return 'api-key'; return null }",
        find: `const role = how(req.headers); ${REFUSE}`,
      },
    ],
    [
      'is let in by one of three words',
      {
        before: "function how(t) { if (!t) return 'missing'; return equal(t, ADMIN) ? 'ok' : 'wrong' }",
        find: "const role = how(token); if (role !== 'ok') { res.writeHead(401).end(); return }",
      },
    ],
    [
      'has a name',
      {
        before:
          "const user = { name: 'me', key: process.env.KEY }; function who(t) { return equal(t, user.key) ? user.name : undefined }",
        find: WHO,
      },
    ],
  ])('%s', (_, of) => {
    expect(outcomeOf('unbound-session', server(of))).toBe('notApplicable')
  })
})
