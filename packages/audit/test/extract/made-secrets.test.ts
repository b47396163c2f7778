/** Secrets that are made with Math.random: followed to where a name says what they are for. */
import { describe, expect, it } from 'vitest'
import { findingsOf, outcomeOf } from './programs.ts'

const rule = 'predictable-session-id'
const linesOf = (program: string | Record<string, string>): readonly string[] =>
  findingsOf(rule, program).map((finding) => finding.replace(/ holds.*/, '').replace('server.ts:', ''))

describe('a weak generator', () => {
  it.each([
    ['a variable', 'const password = Math.random().toString(36)', '1: The value of password'],
    [
      'a text that is put together',
      "let pw = Math.random()\nconst secret = 'x' + pw + Date.now()",
      '2: The value of secret',
    ],
    ['a property', 'export const user = { apiKey: Math.random() }', '1: The value of apiKey'],
    ['a member', 'const user = {}\nuser.resetToken = Math.random()', '2: The value of resetToken'],
    ['a parameter', 'function use(accessToken) {}\nuse(Math.random())', '1: The value of accessToken'],
    [
      'a field of a class',
      'export class Vault {\n  #secret = Math.random()\n}\nnew Vault()',
      '2: The value of #secret',
    ],
    [
      'characters that are picked',
      "const abc = 'abc'\nlet otp = ''\nfor (let i = 0; i < 6; i++) otp += abc[Math.floor(Math.random() * 3)]",
      '3: The value of otp',
    ],
    ['an identifier', 'const session_uid = Math.random()', '1: The value of session_uid'],
    [
      'what a function gives back',
      'export function generateToken() {\n  const parts = [Math.random()]\n  return parts[0].toString(36)\n}',
      '3: The result of generateToken',
    ],
    [
      'a clock that is hashed by a library',
      "import md5 from 'md5'\nconst sessionToken = md5(String(Date.now()))",
      '2: The value of sessionToken',
    ],
    [
      'a clock that is hashed by the program itself',
      "function md5(text) {\n  let sum = 0\n  for (const c of text) sum ^= c.charCodeAt(0)\n  return sum.toString(16)\n}\nconst session = {}\nsession.loginHash = md5('' + Date.now())",
      '7: The value of loginHash',
    ],
  ])('in %s', (_what, program, finding) => {
    expect(linesOf(program)).toEqual([finding])
  })

  it('of an identifier is none where sessions have IDs of their own', () => {
    const program = (name: string, serves: string) =>
      `${serves}\nexport const rule = () => {\n  const ${name} = Math.random()\n  return ${name}\n}\nrule()`
    const serves = `
      import express from 'express'
      import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
      const app = express()
      app.post('/mcp', (req, res) =>
        new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() }).handleRequest(req, res))
      app.listen(3000)`
    expect(linesOf(program('uuid', serves))).toEqual([])
    expect(linesOf(program('sessionUuid', serves))).toHaveLength(1)
    expect(linesOf(program('apiKey', serves))).toHaveLength(1)
    expect(linesOf(program('uuid', ''))).toHaveLength(1)
  })

  it('is no secret where it is posted to whoever listens', () => {
    const program = (use: string) => `;((token) => { ${use} })(\`mark@\${Math.random()}\`)`
    expect(linesOf(program("globalThis.postMessage(token, '*')"))).toEqual([])
    expect(linesOf(program('globalThis.keep(token)'))).toHaveLength(1)
  })

  it('is told of once, where it first gets such a name', () => {
    expect(
      linesOf('const secret = Math.random()\nconst token = secret\nexport const user = { password: token }'),
    ).toHaveLength(1)
    expect(linesOf('const createToken = () => Math.random()\nexport const token = createToken()')).toEqual([
      '1: The result of createToken',
    ])
  })

  it('is followed into a method that nothing here calls', () => {
    expect(
      linesOf('export class Users {\n  invite() {\n    const password = Math.random()\n    return password\n  }\n}'),
    ).toEqual(['3: The value of password'])
  })
})

it.each([
  ['how many', 'export const usage = { inputTokens: Math.floor(Math.random() * 900) }'],
  ['no secret', 'const jitter = Math.random()\nconst liquid = Math.random()\nexport const cancelToken = Math.random()'],
  [
    'a time, and what is hashed to tell files apart',
    "import md5 from 'md5'\nexport const token = Date.now()\nexport const etag = md5(String(Date.now()))\nexport const sessionHash = md5(process.env.SALT)",
  ],
  [
    'a sound generator that is hashed',
    "import md5 from 'md5'\nimport { randomBytes } from 'node:crypto'\nexport const sessionToken = md5(randomBytes(32) + Date.now())",
  ],
  [
    'a sound generator beside it',
    "import { randomUUID } from 'node:crypto'\nexport const token = randomUUID() + Math.random()",
  ],
  [
    'only where there is no sound one',
    'const draw = () => globalThis.crypto ? crypto.randomUUID() : String(Math.random())\nexport const token = draw()',
  ],
])('%s', (_what, program) => {
  expect(linesOf(program)).toEqual([])
})

it('what names a session is told of where it does, and only there', () => {
  const server = `
    import express from 'express'
    const sessions = new Map()
    const app = express()
    app.post('/mcp', (req, res) => {
      const sessionId = Math.random().toString(36)
      sessions.set(sessionId, { user: req.get('authorization') })
      res.set('mcp-session-id', sessionId).end()
    })
    app.get('/mcp', (req, res) => res.json(sessions.get(req.get('mcp-session-id'))))
  `
  expect(linesOf(server)).toEqual(['6: The session ID'])
  expect(outcomeOf(rule, server)).toBe('fail')
})

describe('a secret that is summed up by shifts', () => {
  const signed = (sum: string, of: string): string =>
    `import express from 'express'
    const KEY = process.env.SIGNING_SECRET ?? crypto.randomUUID()
    function sum(text) {
      let all = 0
      ${sum}
      return Math.abs(all).toString(36)
    }
    const createSessionToken = (until) => until + ':' + sum(${of})
    express().post('/login', (req, res) => res.json({ token: createSessionToken(5) })).listen(3000)`
  const loop = 'for (const byte of new TextEncoder().encode(text)) all = (all << 5) - all + byte'

  it.each([
    ['byte by byte', loop],
    ['by positions', 'for (let at = 0; at < text.length; at++) all = ((all << 5) + all) ^ text.charCodeAt(at)'],
  ])('%s, is no signature', (_, sum) => {
    expect(linesOf(signed(sum, "until + ':' + KEY"))).toEqual(['8: The result of createSessionToken'])
  })

  it('is told from a text that is no secret', () => {
    expect(linesOf(signed(loop, 'until + process.env.REGION'))).toEqual([])
  })
})

describe('what the code of a client calls the ID of a session', () => {
  const made = 'export const connect = () => { const sessionId = `s-${Math.random()}`; return open(sessionId) }'

  it.each([
    ['src/connect.ts', 1],
    ['packages/mcp-client/src/connect.ts', 0],
  ])('%s', (path, count) => {
    expect(linesOf({ [path]: made })).toHaveLength(count)
  })
})
