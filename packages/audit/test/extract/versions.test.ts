/** What a library does depends on the version that the lockfile names. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf } from './programs.ts'

function locked(name: string, version: string, server: string): Readonly<Record<string, string>> {
  return {
    'package.json': JSON.stringify({ name: 'app', dependencies: { [name]: '*' } }),
    'package-lock.json': JSON.stringify({
      lockfileVersion: 3,
      packages: { '': { dependencies: { [name]: '*' } }, [`node_modules/${name}`]: { version } },
    }),
    'server.ts': server,
  }
}

const SDK = '@modelcontextprotocol/sdk'

function sessions(options: string, afterwards = ''): string {
  return `
    import express from 'express'
    import { McpServer } from '${SDK}/server/mcp.js'
    import { StreamableHTTPServerTransport } from '${SDK}/server/streamableHttp.js'
    const transports = new Map()
    const app = express()
    app.all('/mcp', async (req, res) => {
      const known = transports.get(req.headers['mcp-session-id'])
      if (known) return known.handleRequest(req, res)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => transports.set(id, transport),
        ${options}
      })
      ${afterwards}
      await transport.handleRequest(req, res)
    })
    app.listen(3000)`
}

describe('MCP SDK 1.13.2: connect() keeps an onclose that was set before it', () => {
  const before =
    'transport.onclose = () => transports.delete(transport.sessionId); await new McpServer({}).connect(transport)'
  const after =
    'await new McpServer({}).connect(transport); transport.onclose = () => transports.delete(transport.sessionId)'

  it.each([
    ['1.13.1', before, 'fail'],
    ['1.13.2', before, 'pass'],
    ['1.20.0', before, 'pass'],
    ['1.13.1', after, 'pass'],
    ['1.13.2', after, 'pass'],
  ])('%s: %s', (version, afterwards, expected) => {
    expect(outcomeOf('missing-session-invalidation', locked(SDK, version, sessions('', afterwards)))).toBe(expected)
  })

  it('and the message says so', () => {
    expect(findingsOf('missing-session-invalidation', locked(SDK, '1.12.0', sessions('', before)))).toEqual([
      expect.stringMatching(/^server\.ts:11: .* since the clean-up handler never runs with the installed SDK/),
    ])
  })

  it('an unknown version gets the benefit of the doubt', () => {
    expect(outcomeOf('missing-session-invalidation', sessions('', before))).toBe('pass')
  })
})

describe('MCP SDK 1.15.1: DELETE calls onsessionclosed', () => {
  it.each([
    ['1.15.0', 'fail'],
    ['1.15.1', 'pass'],
    ['1.26.0', 'pass'],
  ])('%s', (version, expected) => {
    const program = locked(SDK, version, sessions('onsessionclosed: (id) => { transports.delete(id) },'))
    expect(outcomeOf('missing-session-invalidation', program)).toBe(expected)
  })
})

describe('passport 0.6.0: logIn regenerates the session', () => {
  const login = (call: string): string => `
    import express from 'express'
    import session from 'express-session'
    import passport from 'passport'
    const app = express()
    app.use(session({ secret: process.env.SECRET }))
    app.post('/login', ${call}, (req, res) => res.redirect('/'))
    app.listen(3000)`
  const authenticate = "passport.authenticate('local')"
  const custom = '(req, res, next) => req.logIn({ id: 1 }, next)'

  it.each([
    ['0.5.3', authenticate, 'fail'],
    ['0.6.0', authenticate, 'pass'],
    ['0.7.0', authenticate, 'pass'],
    ['0.6.0', custom, 'pass'],
    ['0.5.3', "passport.authenticate('local', { session: false })", 'pass'],
    ['0.5.3', "passport.authenticate('bearer')", 'pass'],
  ])('%s: %s', (version, call, expected) => {
    expect(outcomeOf('session-fixation', locked('passport', version, login(call)))).toBe(expected)
  })

  it.each([
    ['0.5.3', custom],
    ['0.7.0', '(req, res, next) => req.logIn({ id: 1 }, { keepSessionInfo: true }, next)'],
  ])('%s: %s', (version, call) => {
    expect(outcomeOf('session-fixation', locked('passport', version, login(call)))).toBe('fail')
  })

  const renewed = 'await promisify(req.session.regenerate).bind(req.session)()\n'
  it.each([
    ['promisified, then bound', 'await promisify(req.login).bind(req)({ id: 1 })', 'fail'],
    ['bound, then promisified', 'await promisify(req.logIn.bind(req))({ id: 1 })', 'fail'],
    ['called for the request', 'await promisify(req.login).call(req, { id: 1 })', 'fail'],
    ['applied to it', 'await promisify(req.login).apply(req, [{ id: 1 }])', 'fail'],
    ['applied with its options', 'req.login.apply(req, [{ id: 1 }, { keepSessionInfo: true }, () => {}])', 'fail'],
    ['in a new session', `${renewed}await promisify(req.login).bind(req)({ id: 1 })`, 'pass'],
    ['called in a new session', `${renewed}await promisify(req.login).call(req, { id: 1 })`, 'pass'],
  ])('as a value: %s', (_how, body, expected) => {
    const server = `import { promisify } from 'node:util'\n${login(`async (req, res, next) => { ${body}\n next() }`)}`
    expect(outcomeOf('session-fixation', locked('passport', '0.4.1', server))).toBe(expected)
  })

  it('an unknown version leaves it open', () => {
    expect(outcomeOf('session-fixation', login(authenticate))).toBe('open')
  })

  it.each([
    ['^0.5.0', [false]],
    ['^0.6.0', [true]],
  ])('without a lockfile, package.json has the say: %s', (range, expected) => {
    const files = {
      'package.json': JSON.stringify({ dependencies: { passport: range } }),
      'server.ts': login(authenticate),
    }
    expect(factsOf(files).logins.map((fact) => fact.regenerated)).toEqual(expected)
  })
})

describe('a dependency with weak sessions', () => {
  const RULE = 'vulnerable-session-dependency'
  const server = `
    import passport from 'passport'
    import express from 'express'
    const app = express()
    app.use(passport.initialize())
    app.listen(3000)`
  const asked = (range: string, more = {}): Readonly<Record<string, string>> => ({
    'package.json': JSON.stringify({ name: 'app', dependencies: { passport: range } }, undefined, 2),
    'server.ts': server,
    ...more,
  })
  const dependency = (program: Readonly<Record<string, string>>) =>
    factsOf(program).dependencies.find(({ name }) => name === 'passport')

  it.each([
    ['^0.5.3', 'fail'],
    ['~0.4.1', 'fail'],
    ['0.5.x', 'fail'],
    ['>=0.4 <0.6', 'fail'],
    ['^0.5.3 || ^0.6.0', 'notApplicable'],
    ['>=0.5.3', 'notApplicable'],
    ['^0.6.0', 'notApplicable'],
    ['*', 'notApplicable'],
  ])('asked for as %s: %s', (range, expected) => {
    expect(outcomeOf(RULE, asked(range))).toBe(expected)
  })

  it('is shown where its range is written', () => {
    expect(dependency(asked('^0.5.3'))?.pinned).toMatchObject({ path: 'package.json', startLine: 4 })
  })

  it.each([
    [
      'package-lock.json',
      '{\n"lockfileVersion": 3,\n"packages": {\n"": { "dependencies": { "passport": "*" } },\n"node_modules/@x/passport": { "version": "0.5.3" },\n"node_modules/passport": {\n"version": "0.5.3" } } }',
      7,
    ],
    [
      'pnpm-lock.yaml',
      "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      passport:\n        specifier: '*'\n        version: 0.5.3\n",
      7,
    ],
    ['yarn.lock', '# yarn lockfile v1\n\npassport@*:\n  version "0.5.3"\n', 4],
  ])('or where %s has it', (file, text, line) => {
    expect(dependency(asked('*', { [file]: text }))?.pinned).toMatchObject({ path: file, startLine: line })
  })
})
