/** What is written down, told to others, replayed, or brought in by a lockfile. */
import { describe, expect, it } from 'vitest'
import { factsOf, outcomeOf, place } from './programs.ts'

const web = (handler: string): string => `
  import express from 'express'
  import { createHash } from 'node:crypto'
  const app = express()
  app.use((req, res, next) => { if (!check(req.headers.authorization)) return res.sendStatus(401); next() })
  app.post('/x', (req, res) => { ${handler} })
  app.listen(3000, '127.0.0.1')
`

describe('a log', () => {
  it.each([
    ['a credential', 'console.log(req.headers.authorization)', 'fail'],
    ['all headers', "console.log('request', req.headers)", 'fail'],
    ['a member of an object', "logger.info('in', { id: req.get('mcp-session-id') })", 'fail'],
    ['in a template', 'logger.warn(`unknown session ${req.query.sessionId}`)', 'fail'],
    ['a digest', "console.log(createHash('sha256').update(req.get('mcp-session-id')).digest('hex'))", 'pass'],
    ['a few characters', "console.log(req.get('mcp-session-id').slice(0, 8))", 'pass'],
    ['another header', "console.log(req.get('user-agent'))", 'pass'],
    ['who was verified', 'console.log(req.auth.subject)', 'pass'],
  ])('%s', (_what, handler, outcome) => {
    expect(outcomeOf('session-token-exposure', web(handler)) === 'fail').toBe(outcome === 'fail')
  })
})

describe('dependencies', () => {
  const lock = (name: string, version: string): Record<string, string> => ({
    'package.json': JSON.stringify({ name: 'it', dependencies: { [name]: '*' } }),
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages: { [`node_modules/${name}`]: { version } } }),
  })
  const server = (name: string): string =>
    `import x from '${name}'\nimport express from 'express'\nexpress().listen(1)\n`

  it.each([
    ['passport', '0.5.3', 'fail'],
    ['passport', '0.6.0-beta.1', 'fail'],
    ['passport', '0.6.0', 'pass'],
    ['mcp-handler', '1.0.9', 'fail'],
    ['@modelcontextprotocol/sdk', '1.9.0', 'fail'],
    ['@modelcontextprotocol/sdk', '1.26.0', 'pass'],
    ['@modelcontextprotocol/server', '2.2.0', 'fail'],
    ['@modelcontextprotocol/server', '2.3.0', 'pass'],
    ['left-pad', '1.0.0', 'notApplicable'],
  ])('%s %s', (name, version, outcome) => {
    expect(outcomeOf('vulnerable-session-dependency', { 'server.ts': server(name), ...lock(name, version) })).toBe(
      outcome,
    )
  })

  it('are found where they are imported, and only what is imported', () => {
    const files = { 'server.ts': server('passport'), ...lock('passport', '0.5.3') }
    expect(factsOf(files).dependencies.map(({ name, version, at }) => `${name} ${version} ${place(at)}`)).toEqual([
      'passport 0.5.3 server.ts:1',
    ])
    expect(factsOf({ ...files, 'server.ts': server('express') }).dependencies).toEqual([])
  })
})

describe('an event store', () => {
  const serving = (before: string, store: string): string => `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    class Events { storeEvent() {} replayEventsAfter() {} }
    ${before}
    const app = express()
    app.post('/mcp', (req, res) => {
      new StreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), eventStore: ${store} }).handleRequest(req, res)
    })
    app.listen(3000, '127.0.0.1')
  `
  it.each([
    ['for all', 'const events = new Events()', 'events', 'fail'],
    [
      'in a field of what is for all',
      'class Deps { events = new Events() }\nconst deps = new Deps()',
      'deps.events',
      'fail',
    ],
    ['of its own', '', 'new Events()', 'pass'],
    ['made by a function', 'const make = () => new Events()', 'make()', 'pass'],
  ])('%s', (_what, before, store, outcome) => {
    expect(outcomeOf('event-replay-across-sessions', serving(before, store))).toBe(outcome)
  })
})
