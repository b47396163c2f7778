/** Where secrets come from, where they are put to the test, and what is none. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const web = (handler: string, before = ''): string => `
  import express from 'express'
  import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
  import { decodeJwt } from 'jose'
  ${before}
  const rooms: Record<string, { token: string }> = {}
  const app = express()
  app.post('/x', (req, res) => { ${handler} })
  app.listen(3000, '127.0.0.1')
`

describe('the key of MACs', () => {
  const program = (compared: string): string =>
    web(`const mac = (text) => createHmac('sha256', 'compare').update(text).digest()
      const given = mac(req.get('x-api-key'))
      if (${compared}) res.json({})`)

  it('is no secret where two of them are only compared with each other', () => {
    const blinded = program('timingSafeEqual(given, mac(process.env.API_KEY))')
    expect(outcomeOf('weak-session-secret', blinded)).not.toBe('fail')
    expect(outcomeOf('timing-unsafe-comparison', blinded)).toBe('pass')
  })

  it('is one where what came in has to be such a MAC', () => {
    const signed = program("timingSafeEqual(given, Buffer.from(req.get('x-signature'), 'hex'))")
    expect(outcomeOf('weak-session-secret', signed)).toBe('fail')
  })
})

describe('a comparison of secrets', () => {
  it.each([
    ['a setting', "if (req.get('x-api-key') !== process.env.API_KEY) return res.status(401).end()", 'fail'],
    ['in a template', 'if (req.headers.authorization === `Bearer ${process.env.TOKEN}`) res.end()', 'fail'],
    [
      'a MAC',
      "if (req.get('x-sig') === createHmac('sha256', process.env.K).update('x').digest('hex')) res.end()",
      'fail',
    ],
    [
      'what was found by a MAC',
      "const row = db.get(createHmac('sha256', process.env.K).update(req.headers.authorization).digest('hex'))\nif (!row) return res.status(401).end()\nif (row.team !== req.query.team) return res.status(403).end()",
      'pass',
    ],
    [
      'a MAC that a token brings',
      "const { sig } = JSON.parse(atob(req.get('authorization').slice(7)))\nif (sig === createHmac('sha256', process.env.K).update('x').digest('hex')) res.end()",
      'fail',
    ],
    ['by Object.is', "if (Object.is(req.get('x-api-key'), process.env.API_KEY)) res.end()", 'fail'],
    ['in a switch', "switch (req.get('x-api-key')) { case process.env.API_KEY: res.end() }", 'fail'],
    ['a word in a switch', "switch (req.get('x-mode')) { case process.env.MODE: res.end() }", 'pass'],
    [
      'how a header begins',
      "if (req.get('authorization').startsWith('Bearer ' + process.env.API_KEY)) res.end()",
      'fail',
    ],
    ['how tokens begin', "if (req.get('authorization').startsWith('Bearer github_pat_')) res.end()", 'pass'],
    ['by localeCompare', "if (req.get('x-api-key').localeCompare(process.env.API_KEY) === 0) res.end()", 'fail'],
    ['a password of the body', 'if (req.body.password === process.env.ADMIN_PASSWORD) res.end()', 'fail'],
    ['a literal', "if (req.get('x-api-key') === 'correct-horse-battery') res.end()", 'fail'],
    [
      'the name of what is looked through for secrets',
      "const clean = (of) => { for (const [name, value] of Object.entries(of)) { if (name.toLowerCase() === 'x-api-key') return '***'; clean(value) } }\nclean(req.get('x-api-key'))",
      'pass',
    ],
    ['a scheme', "if (req.headers.authorization.split(' ')[0] === 'Bearer') res.end()", 'pass'],
    ['lengths', "if (req.get('x-api-key').length !== process.env.API_KEY.length) res.end()", 'pass'],
    [
      'lengths in bytes',
      "const bytes = (text) => new TextEncoder().encode(text).buffer\nif (bytes(req.get('x-api-key')).byteLength !== bytes(process.env.API_KEY).byteLength) res.end()",
      'pass',
    ],
    ['presence', "if (req.get('x-api-key') === undefined) res.end()", 'pass'],
    [
      'digests',
      "const of = (text) => createHash('sha256').update(text).digest('hex')\nif (of(req.get('x-api-key')) === of(process.env.API_KEY)) res.end()",
      'pass',
    ],
    ['names', 'if (req.body.name === process.env.OWNER) res.end()', 'pass'],
    [
      'the issuer that a token names, with an address',
      "const token = req.get('authorization').slice(7)\nconst { iss } = JSON.parse(atob(token.split('.')[1]))\nif (iss === 'https://accounts.example') res.end()",
      'pass',
    ],
    [
      'the issuer that a token names, taken apart by hand, with its short name',
      "const [, body] = req.get('authorization').slice(7).split('.')\nconst claims = JSON.parse(atob(body))\nif (claims.iss !== 'accounts.example') return res.status(401).end()",
      'pass',
    ],
    [
      'a secret that was made for a session beside its ID',
      "const id = req.get('mcp-session-id')\nif (!id) { const token = createHash('sha256').update(randomBytes(32)).digest('hex'); rooms[randomUUID()] = { token }; return res.json({ token }) }\nif (rooms[id]?.token !== req.get('authorization')) return res.status(401).end()\nres.json({})",
      'fail',
    ],
    [
      'what a decoded token says of itself, with a setting',
      "const { azp } = decodeJwt(req.get('authorization').slice(7))\nif (azp !== process.env.CLIENT) res.end()",
      'pass',
    ],
    ['a word about a token', "if (req.body.token_type_hint === 'refresh_token') res.end()", 'pass'],
    ['of principals', 'if (req.auth.subject === req.body.subject) res.end()', 'pass'],
    ['the ID of a key', 'if (req.body.keyId !== process.env.AUTH_KEY_ID) return res.status(400).end()', 'pass'],
    [
      'a part of a text that a record calls its key',
      'rooms[req.body.name] = { key: new Date().toDateString() }\nres.json(Object.values(rooms).filter((room) => room.key.includes(req.query.key)))',
      'pass',
    ],
    [
      'a list of keys that a record has',
      "rooms[req.body.name] = { keys: [randomUUID()] }\nres.json(Object.values(rooms).filter((room) => room.keys.includes(req.get('x-api-key'))))",
      'fail',
    ],
    [
      'a list of keys that is set',
      "if (!process.env.API_KEYS.includes(req.get('x-api-key'))) res.status(401).end()",
      'fail',
    ],
    [
      'of what a credential found with another record',
      "const mine = db.prepare('SELECT shop FROM keys WHERE key = ?').get(req.get('x-api-key'))\nconst rows = db.prepare('SELECT shop FROM shops WHERE open = ?').all(1)\nif (rows.find((row) => row.shop === mine.shop)) res.end()",
      'pass',
    ],
  ])('%s', (_what, handler, outcome) => {
    expect(outcomeOf('timing-unsafe-comparison', web(handler))).toBe(outcome)
  })
})

/** A server with a tool; `config` of what makes it has the key and the account that the request names. */
const tooled = (body: string, before = ''): string => `
  import express from 'express'
  import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  import snapshot from './snapshot.json'
  ${before}
  function build(config) {
    const server = new McpServer({ name: 'n', version: '1' })
    const account = config.account ?? config.key.split('.')[1]
    ${body}
    return server
  }
  const app = express()
  app.post('/mcp', async (req, res) => {
    const server = build({ key: req.headers['x-acme-api-key'], account: req.headers['x-acme-account'] })
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await server.connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  app.listen(3000, '127.0.0.1')`

describe('what is compared beside a credential', () => {
  const tool = (use: string) => `server.tool('use', {}, async ({ key, auth, apiKey, text }) => { ${use} })`
  const notes = 'const notes = []'
  it.each([
    ['a part of what a body calls a key', tool("if (key.schemaType === 'PROTOBUF') return {}"), '', 'pass'],
    [
      'the key of an entry',
      tool('notes.push({ key, text })\nreturn notes.find((note) => note.key === key)'),
      notes,
      'pass',
    ],
    [
      'one of the words in the source',
      tool('return BUTTONS.filter((button) => button.toLowerCase() === key.toLowerCase())[0]'),
      "const BUTTONS = ['enter', 'tab', 'backspace']",
      'pass',
    ],
    ['a header or a part of another', tool('if (snapshot.account === account) return {}'), '', 'pass'],
    [
      'an answer to a request made with it',
      tool(
        "const run = await (await fetch('https://acme.example', { headers: { 'x-api-key': config.key, 'x-account': account } })).json()\nif (run.state === 'completed') return {}",
      ),
      '',
      'pass',
    ],
    [
      'what a package lists',
      tool('return Object.values(Region).filter((one) => one !== (region ?? token))'),
      "import { Region } from '@acme/sdk'",
      'pass',
    ],
    ['the key itself, with text', "if (config.key !== 'acme-key-83kdk29') throw new Error('no')", '', 'fail'],
    ['a password within what a body brings', tool("if (auth.password !== 'sesame-open-93') return {}"), '', 'fail'],
    ['what a body calls a key, with a setting', tool('if (key !== process.env.ADMIN_KEY) return {}'), '', 'fail'],
    [
      'a key of the API that is searched for',
      tool('notes.push({ apiKey: crypto.randomUUID() })\nreturn notes.find((note) => note.apiKey === apiKey)'),
      notes,
      'fail',
    ],
  ])('%s', (_what, body, before, outcome) => {
    expect(outcomeOf('timing-unsafe-comparison', tooled(body, before))).toBe(outcome)
  })
})

describe('a middleware for an app that is elsewhere', () => {
  const guard = (test: string): string => `
    import type { Request, Response, NextFunction } from 'express'
    import { timingSafeEqual } from 'node:crypto'
    const KEY = process.env.ADMIN_API_KEY
    function isAdmin(req: Request): boolean {
      const header = req.headers.authorization
      if (!KEY || !header?.startsWith('Bearer ')) return false
      const token = header.slice(7)
      return ${test}
    }
    export function requireAdmin(req: Request, res: Response, next: NextFunction) {
      if (isAdmin(req)) return next()
      res.status(403).end()
    }`
  it.each([
    ['token === KEY', ['server.ts:8']],
    ['token.length === KEY.length && timingSafeEqual(Buffer.from(token), Buffer.from(KEY))', []],
  ])('is read: %s', (test, places) => {
    const found = findingsOf('timing-unsafe-comparison', guard(test))
    expect(found.map((finding) => finding.split(': ')[0])).toEqual(places)
  })
})

describe('a secret in a URL', () => {
  it.each([
    ['looked up', 'const keys = new Set([process.env.API_KEY])\nif (keys.has(req.query.api_key)) res.end()', true],
    ['after two headers', 'verify(req.get("x-api-key") ?? req.headers.authorization ?? req.query.token)', true],
    ['a session handed on', 'bus.publish(`to:${req.query.sessionId}`, req.body)', true],
    ['only logged', 'console.log(req.query.sessionId)', false],
    ['a page number', 'list(req.query.page)', false],
    ['a code of OAuth', 'exchange(req.query.code, req.query.state)', false],
  ])('%s', (_what, handler, found) => {
    const guarded = `if (!check(req.headers.authorization)) return res.status(401).end()\n${handler}`
    expect(outcomeOf('session-token-in-url', web(guarded)) === 'fail').toBe(found)
  })
})

describe('where a secret comes from', () => {
  const signing = (secret: string): string => `
    import jwt from 'jsonwebtoken'
    import { randomBytes } from 'node:crypto'
    import { createServer } from 'node:http'
    createServer((req, res) => res.end(jwt.sign({ sub: 'alice' }, ${secret}, { expiresIn: 60 }))).listen(3000, '127.0.0.1')
  `
  it.each([
    ['text', "'keyboard cat'", 'fail'],
    ['a fallback', "process.env.JWT_SECRET || 'dev'", 'fail'],
    ['16 bytes', 'randomBytes(16)', 'fail'],
    ['32 bytes', 'randomBytes(32)', 'pass'],
    ['the environment', 'process.env.JWT_SECRET', 'pass'],
    ['a fallback for tests', "process.env.JWT_SECRET ?? (process.env.NODE_ENV === 'test' ? 'dev' : undefined)", 'pass'],
    ['a fallback outside of tests', "process.env.JWT_SECRET ?? (process.env.NODE_ENV !== 'test' ? 'dev' : '')", 'fail'],
    ['the environment or 32 bytes', "process.env.JWT_SECRET ?? randomBytes(32).toString('hex')", 'pass'],
  ])('%s', (_what, secret, outcome) => {
    expect(outcomeOf('weak-session-secret', signing(secret))).toBe(outcome)
  })

  it('one of several, of which another is set', () => {
    const sessions = (list: string): string => `
      import express from 'express'
      import session from 'express-session'
      const app = express()
      app.use(session({ secret: ${list} }))
      app.listen(3000, '127.0.0.1')`
    expect(outcomeOf('weak-session-secret', sessions("[process.env.NEW_SECRET, 'the old one, written'] "))).toBe('fail')
    expect(outcomeOf('weak-session-secret', sessions('[process.env.NEW_SECRET, process.env.OLD_SECRET]'))).toBe('pass')
  })

  it.each([
    ['the name of a key', "const ref = text('AUDIT_SIGNING_KEY_REF') ?? 'refs/keys'", 'pass'],
    ['a key', "const key = text('AUDIT_SIGNING_KEY') ?? 'refs-keys'", 'fail'],
    ['the newest key', "const key = text('SIGNING_KEY_CURRENT') ?? 'refs-keys'", 'fail'],
    [
      'a helper that read a key before',
      "text('A'); text('SIGNING_KEY'); text('SIGNING_KEY'); const url = text('TOKEN_URL') ?? 'https://x.example'",
      'pass',
    ],
  ])('a setting: %s', (_what, reading, outcome) => {
    const before = `const text = (name) => process.env[name]?.trim() || undefined\n${reading}`
    expect(outcomeOf('weak-session-secret', `${before}\n${signing('process.env.JWT_SECRET')}`)).toBe(outcome)
  })

  it('a compose file sets what the source insists on', () => {
    const files = {
      'server.ts': signing('process.env.SIGNED_WITH'),
      'docker-compose.yml': 'services:\n  web:\n    environment:\n      SIGNED_WITH: ${SIGNED_WITH:-change-me}\n',
    }
    expect(findingsOf('weak-session-secret', files)).toEqual([
      'docker-compose.yml:4: The key that tokens are signed with falls back to text in the source where its setting is missing.',
    ])
  })

  it.each([
    ['by the name in the environment', 'config.SIGNED_WITH', 1],
    ['by a name of its own', 'config.signedWith', 0],
  ])('a compose file sets what is read off settings as a whole: %s', (_what, secret, found) => {
    const files = {
      'server.ts': `import { z } from 'zod'\nlet config = null\n{\n const read = z.object({ SIGNED_WITH: z.string() }).safeParse(process.env)\n config = read.data\n}\n${signing(secret)}`,
      'docker-compose.yml': 'services:\n  web:\n    environment:\n      SIGNED_WITH: "change-me-in-production"\n',
    }
    expect(findingsOf('weak-session-secret', files)).toHaveLength(found)
  })

  it('a text stands where it is given its name, however far from its use', () => {
    const named = `const JWT_SECRET = 'notes-signing-key'\n\n${signing('JWT_SECRET')}`
    expect(findingsOf('weak-session-secret', named)).toEqual([
      'server.ts:1: The key that tokens are signed with is text in the source: everybody who can read it has it.',
    ])
  })

  it.each([
    ['a signing key by its name', 'SESSION_SECRET', 1],
    ['the password of another program', 'DASHBOARD_ADMIN_PASSWORD', 0],
  ])('a compose file sets what no source reads: %s', (_what, name, found) => {
    const files = {
      'server.ts': signing('process.env.SIGNED_WITH'),
      'docker-compose.yml': `services:\n  web:\n    environment:\n      ${name}: \${${name}:-change-me}\n`,
    }
    expect(findingsOf('weak-session-secret', files)).toHaveLength(found)
  })

  it('a compose file sets what start-up refuses to run with', () => {
    const files = {
      'server.ts': signing('process.env.SIGNED_WITH'),
      'start.ts': "if (['change-me', 'secret'].includes(process.env.SIGNED_WITH)) throw new Error('Set it.')",
      'docker-compose.yml': 'services:\n  web:\n    environment:\n      SIGNED_WITH: ${SIGNED_WITH:-change-me}\n',
    }
    expect(findingsOf('weak-session-secret', files)).toEqual([])
  })

  it.each([
    ['in a list', '      - SIGNED_WITH=key-for-testing', 1],
    ['in a map', "      SIGNED_WITH: 'key-for-testing' # for now", 1],
    ['of something else', '      - POSTGRES_PASSWORD=key-for-testing', 0],
    ['that is to be put there', '      - SIGNED_WITH=<your key>', 0],
    ['that is taken from outside', '      - SIGNED_WITH=${SIGNED_WITH}', 0],
    ['that is a file', '      - SIGNED_WITH=/run/secrets/key', 0],
  ])('a text that a compose file writes down %s', (_what, line, found) => {
    const files = {
      'server.ts': signing('process.env.SIGNED_WITH'),
      'compose.yaml': `services:\n  web:\n    environment:\n${line}\n`,
    }
    expect(findingsOf('weak-session-secret', files)).toHaveLength(found)
  })

  it('a compose file writes down what callers must know', () => {
    const files = {
      'server.ts': web("if (req.get('x-api-key') !== process.env.MCP_KEY) return res.status(401).end()"),
      'compose.yaml': 'services:\n  web:\n    environment:\n      MCP_KEY: sesame\n',
    }
    expect(findingsOf('weak-session-secret', files)).toHaveLength(1)
  })

  it('a compose file for development sets what start-up refuses in production', () => {
    const files = (mode: string) => ({
      'server.ts': signing('process.env.SIGNED_WITH'),
      'start.ts':
        "const isKnown = ['change-me'].includes(process.env.SIGNED_WITH)\nif (process.env.NODE_ENV === 'production' && isKnown) throw new Error('Set it.')",
      'compose.yaml': `services:\n  web:\n    environment:\n      - NODE_ENV=${mode}\n      - SIGNED_WITH=change-me\n`,
    })
    expect(findingsOf('weak-session-secret', files('development'))).toHaveLength(1)
    expect(findingsOf('weak-session-secret', files('production'))).toEqual([])
  })

  it('a compose file without a default sets nothing', () => {
    const files = {
      'server.ts': signing('process.env.SIGNED_WITH'),
      'docker-compose.yml': 'services:\n  web:\n    environment:\n      SIGNED_WITH: ${SIGNED_WITH:?set it}\n',
    }
    expect(outcomeOf('weak-session-secret', files)).toBe('pass')
  })
})

describe('the cookie of a session', () => {
  it.each([
    ['with nothing', "res.cookie('sid', req.get('x'))", 'HttpOnly, Secure and SameSite'],
    ['for production only', "res.cookie('sid', 'x', { httpOnly: true, sameSite: 'lax', secure: production })", ''],
    ['for other sites', "res.cookie('sid', 'x', { httpOnly: true, secure: true, sameSite: 'none' })", 'SameSite=None'],
    ['as text', "res.setHeader('Set-Cookie', 'sid=' + req.get('x') + '; HttpOnly; SameSite=Lax')", 'Secure'],
    ['one of several', "res.setHeader('Set-Cookie', ['a=1', 'sid=x; Secure; SameSite=Lax'])", 'HttpOnly'],
    ['a preference', "res.cookie('theme', 'dark')", ''],
    ['removed', "res.cookie('sid', '')", ''],
  ])('%s', (_what, handler, missing) => {
    const before = "const production = process.env.NODE_ENV === 'production'"
    const lacks = findingsOf('insecure-session-cookie', web(handler, before)).map(
      (text) => /with(?:out)? (.*)\./.exec(text)?.[1],
    )
    expect(lacks.join()).toBe(missing)
  })
})

describe('a setting that nobody has to set', () => {
  const check = (fallback: string): string => `
    const settings = () => ({ token: process.env.ADMIN_TOKEN || ${fallback} })
    function admitted(header, config = settings()) {
      if (!config.token) return true
      return header === \`Bearer \${config.token}\`
    }`

  it.each([
    ['is no text where it is missing', 'undefined', []],
    ['is no text where it is empty', "''", []],
    [
      'is text where it falls back to some',
      "'open-sesame'",
      ['server.ts:5: The secret that callers must know falls back to text in the source where its setting is missing.'],
    ],
  ])('%s', (_what, fallback, findings) => {
    const program = web('if (!admitted(req.headers.authorization)) return res.status(401).end()', check(fallback))
    expect(findingsOf('weak-session-secret', program)).toEqual(findings)
  })
})

describe('a MAC of the web platform that is written as text', () => {
  const worker = (check: string): string => `
    const enc = new TextEncoder()
    const b64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_' })[c] ?? '')
    const keyOf = (secret) => crypto.subtle.importKey('raw', enc.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
    const mac = (secret, text) => keyOf(secret).then((key) => crypto.subtle.sign('HMAC', key, enc.encode(text))).then(b64)
    const open = (secret, handle) => {
      const [text, presented] = handle.split('.')
      ${check}
    }
    export default {
      async fetch(req, env) {
        const me = await open(env.SECRET, (req.headers.get('authorization') ?? '').replace(/^Bearer /, ''))
        return me ? Response.json({ jsonrpc: '2.0', id: 1, result: me }) : new Response(null, { status: 401 })
      },
    }`

  it('is compared like any secret', () => {
    const unsafe = 'return mac(secret, text).then((tag) => presented !== tag ? null : JSON.parse(atob(text)))'
    const safe =
      "return keyOf(secret).then((key) => crypto.subtle.verify('HMAC', key, Uint8Array.from(atob(presented), (c) => c.charCodeAt(0)), enc.encode(text))).then((ok) => ok ? JSON.parse(atob(text)) : null)"
    expect(outcomeOf('timing-unsafe-comparison', worker(unsafe))).toBe('fail')
    expect(outcomeOf('timing-unsafe-comparison', worker(safe))).not.toBe('fail')
  })
})

describe('a token that is looked for among those that were given out', () => {
  const server = (use: string): string => `
    import express from 'express'
    import jwt from 'jsonwebtoken'
    import { randomUUID } from 'node:crypto'
    const sessions = new Map()
    const app = express()
    app.post('/login', (req, res) => {
      const token = jwt.sign({ sub: req.body.user }, process.env.SECRET, { expiresIn: '1h' })
      sessions.set(randomUUID(), { token, seen: Date.now() })
      res.json({ token })
    })
    const verify = (given) => {
      const payload = jwt.verify(given, process.env.SECRET)
      const session = [...sessions.values()].find((one) => one.token === given)
      if (session) session.seen = Date.now()
      return payload
    }
    app.get('/me', async (req, res) => {
      const token = req.headers.authorization.slice(7)
      ${use}
      res.json({ ok: true })
    })
    app.listen(3000)`
  const find = 'const session = [...sessions.values()].find((one) => one.token === token)'
  const refuse = 'if (!session) return res.status(401).end()'

  it.each([
    ['after its signature was verified', `jwt.verify(token, process.env.SECRET)\n${find}\n${refuse}`, []],
    [
      'by the callback that is told who it is of',
      `jwt.verify(token, process.env.SECRET, {}, (error, user) => { ${find}\n${refuse} })`,
      [],
    ],
    [
      'after a promise of the callback',
      `await new Promise((ok, no) => jwt.verify(token, process.env.SECRET, {}, (error, user) => error ? no(error) : ok(user)))\n${find}\n${refuse}`,
      [],
    ],
    [
      'behind a call whose callback goes on with any',
      `jwt.verify(token, process.env.SECRET, {}, (error) => { if (error) console.log('not ours') })\n${find}\n${refuse}`,
      ['server.ts:20'],
    ],
    ['by the function that verifies it', 'verify(token)', []],
    ['by the function that verifies what a body brought', 'verify(req.body.refreshToken)', []],
    ['and nothing was verified', `${find}\n${refuse}`, ['server.ts:19']],
    ['before it is verified', `${find}\n${refuse}\njwt.verify(token, process.env.SECRET)`, ['server.ts:19']],
    [
      'after another one was verified',
      `jwt.verify(req.cookies.other, process.env.SECRET)\n${find}\n${refuse}`,
      ['server.ts:20'],
    ],
  ])('%s', (_what, use, expected) => {
    const found = findingsOf('timing-unsafe-comparison', server(use)).map((told) => told.split(': ')[0])
    expect(found).toEqual(expected)
  })
})
