/** What is written down, told to others, replayed, or brought in by a lockfile. */
import { describe, expect, it } from 'vitest'
import { factsOf, findingsOf, outcomeOf, place } from './programs.ts'

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
    ['all headers as text', 'console.log(JSON.stringify({ at: 1, headers: req.headers }))', 'fail'],
    ['a copy of all headers', 'const all = { ...req.headers }; console.log(all)', 'fail'],
    ['all headers but a few', 'const { authorization, cookie, ...rest } = req.headers; console.log(rest)', 'pass'],
    ['all headers but others', 'const { host, ...rest } = req.headers; console.log(rest)', 'fail'],
    ['a copy with one taken out', 'const all = { ...req.headers }; delete all.authorization; console.log(all)', 'pass'],
    ['a copy with one replaced', "console.log({ ...req.headers, authorization: '***' })", 'pass'],
    ['as a function wants', "console.log(JSON.stringify(req.headers, (k, v) => (hides(k) ? '***' : v)))", 'pass'],
    ['another header', "console.log(req.get('user-agent'))", 'pass'],
    ['behind a time', 'console.log(`[${new Date().toISOString()}] ${JSON.stringify(req.headers)}`)', 'fail'],
    ['beside a time', "console.log(JSON.stringify({ at: Date.now(), id: req.get('mcp-session-id') }))", 'fail'],
    ['in a list with a time', "console.log([Date.now(), req.get('mcp-session-id')].join(' '))", 'fail'],
    [
      'a digest behind a time',
      "console.log(`${Date.now()} ${createHash('sha256').update(req.get('mcp-session-id')).digest('hex')}`)",
      'pass',
    ],
    [
      'a digest of it behind a time',
      "console.log(createHash('sha256').update(`${Date.now()} ${req.get('mcp-session-id')}`).digest('hex'))",
      'pass',
    ],
    [
      'an excerpt beside a time',
      "console.log(JSON.stringify({ at: Date.now(), id: req.get('mcp-session-id').slice(0, 8) }))",
      'pass',
    ],
    ['what a process prints', "process.stdout.write(`${req.get('mcp-session-id')}\\n`)", 'fail'],
    ['nothing of it that a process prints', 'process.stdout.write(`${req.path}\\n`)', 'pass'],
    ['with each line of a logger', "req.log = logger.child({ id: req.get('mcp-session-id') })", 'fail'],
    ['no key of a tree', "await tree.child(req.get('mcp-session-id'))", 'pass'],
    ['who was verified', 'console.log(req.auth.subject)', 'pass'],
  ])('%s', (_what, handler, outcome) => {
    expect(outcomeOf('session-token-exposure', web(handler)) === 'fail').toBe(outcome === 'fail')
  })
})

describe('a logger that leaves out parts', () => {
  const outcome = (options: string, log = "log.info({ headers: req.headers }, 'in')"): string =>
    outcomeOf('session-token-exposure', `import pino from 'pino'\nconst log = pino(${options})\n${web(log)}`)

  it.each([
    ["{ redact: ['headers.authorization', 'headers.cookie'] }"],
    ["{ redact: { paths: ['headers[\"authorization\"]'], censor: '***' } }"],
    ["{ redact: ['headers'] }"],
    ["{ redact: ['*.authorization'] }).child({ part: 'http' }"],
  ])('writes nothing of them: %s', (options) => {
    expect(outcome(options)).toBe('pass')
  })

  it.each([
    ["{ redact: ['password', 'headers.cookie'] }", undefined],
    ["{ level: 'info' }", undefined],
    ["{ redact: ['headers.authorization'] }", 'log.info(`token ${req.headers.authorization}`)'],
  ])('leaves out nothing else: %s', (options, log) => {
    expect(outcome(options, log)).toBe('fail')
  })

  it('is the one of the requests that a server is told to use it for', () => {
    const fastify = (options: string): string => `import Fastify from 'fastify'
      const app = Fastify(${options})
      app.addHook('onRequest', async (request) => { request.log.info({ headers: request.headers }) })
      app.get('/', (request) => serve(request.headers.authorization))
      app.listen({ port: 3000 })`
    expect(outcomeOf('session-token-exposure', fastify("{ logger: { redact: ['headers.authorization'] } }"))).not.toBe(
      'fail',
    )
    expect(outcomeOf('session-token-exposure', fastify('{ logger: true }'))).toBe('fail')
  })
})

describe('a page about sessions', () => {
  const serving = (route: string): string => `
    import express from 'express'
    import { createHash, randomUUID } from 'node:crypto'
    import jwt from 'jsonwebtoken'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    class Register {
      infos = new Map()
      add(id, user) { this.infos.set(id, { sessionId: id, user, at: Date.now() }) }
      close(id) { return this.infos.delete(id) }
      active() { const kept = []; for (const info of this.infos.values()) if (info.at > 5) kept.push(info); return kept }
    }
    const register = new Register()
    const sessions = new Map()
    const app = express()
    const auth = (req, res, next) => {
      try { req.user = jwt.verify(req.headers.authorization, process.env.KEY).sub } catch { return res.sendStatus(401) }
      next()
    }
    ${route}
    app.post('/mcp', auth, async (req, res) => {
      const found = sessions.get(req.headers['mcp-session-id'])
      if (found) return found.user === req.user ? found.transport.handleRequest(req, res, req.body) : res.sendStatus(404)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => {
          sessions.set(id, { id, user: req.user, transport, at: Date.now() })
          register.add(id, req.user)
        },
      })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '127.0.0.1')
  `
  const told = (route: string): readonly string[] =>
    findingsOf('session-token-exposure', serving(route)).map((finding) => finding.replace(/^\S+ /, ''))

  const ALL = 'An answer lists the IDs of all sessions to whoever asks.'
  const USERS = 'An answer lists the IDs of all sessions to every user who is let in.'
  const HOLDERS = 'An answer lists the IDs of all sessions to whoever is let in.'

  it.each([
    [
      'keys, deep in an object',
      'const list = [...sessions].map(([id, s]) => ({ id, at: s.at })); res.json({ ok: { list } })',
    ],
    ['a field of the records', 'res.json([...sessions.values()].map((s) => s.id))'],
    ['the ID of their transports', 'res.json([...sessions.values()].map((s) => ({ id: s.transport.sessionId })))'],
    [
      'collected in a loop',
      'const all = []; for (const s of sessions.values()) all.push({ sessionId: s.id }); res.json(all)',
    ],
    ['written as text', 'res.end(JSON.stringify({ ids: [...sessions.values()].map((s) => s.id) }))'],
    ['from a register beside them', 'res.json({ list: register.active().map((s) => ({ sessionId: s.sessionId })) })'],
    ['whole records of it', 'res.json(register.active())'],
  ])('names them: %s', (_what, body) => {
    expect(told(`app.get('/s', (req, res) => { ${body} })`)).toEqual([ALL])
  })

  it.each([
    ['counts them', 'res.json({ count: register.active().length })'],
    ['tells digests', "res.json([...sessions.values()].map((s) => createHash('sha256').update(s.id).digest('hex')))"],
    ['tells when they began', 'res.json(register.active().map((s) => ({ at: s.at })))'],
    [
      'names those of the caller',
      'res.json([...sessions.values()].filter((s) => s.user === req.user).map((s) => s.id))',
    ],
    [
      'skips those of others',
      'const own = []; for (const [id, s] of sessions) { if (s.user !== req.user) continue; own.push(id) } res.json(own)',
    ],
    [
      'tells of the one at hand',
      "const s = sessions.get(req.get('mcp-session-id')); if (s?.user !== req.user) return res.sendStatus(404); res.json({ id: s.id })",
    ],
  ])('names none: %s', (_what, body) => {
    expect(told(`app.get('/s', auth, (req, res) => { ${body} })`)).toEqual([])
  })

  it('tells every user where each has a credential, though a setting alone opens it', () => {
    expect(told("app.get('/s', auth, (req, res) => { res.json([...sessions.keys()]) })")).toEqual([USERS])
    const list = 'const list = (req, res) => { res.json([...sessions.keys()]) }'
    const either = "if (process.env.OPEN === '1') app.get('/s', list)\nelse app.get('/s', auth, list)"
    expect(told(`${list}\n${either}`)).toEqual([USERS])
    expect(told(`${list}\napp.get('/s', auth, list)\napp.get('/other', list)`)).toEqual([ALL])
  })

  it('is the lesser weakness behind the one key that all share', () => {
    const key =
      "if (!timingSafeEqual(Buffer.from(req.get('x-api-key')), Buffer.from(process.env.API_KEY))) return res.sendStatus(401)"
    const page = `import { timingSafeEqual } from 'node:crypto'
      app.get('/s', (req, res) => { ${key}; res.json([...sessions.keys()]) })`
    expect(told(page)).toEqual([HOLDERS])
  })

  it('names them in the answer to an ID that is not known', () => {
    const list = "res.status(404).json({ error: `unknown; there are ${[...sessions.keys()].join(', ')}` })"
    expect(told(`app.get('/s', auth, (req, res) => { if (!sessions.has(req.query.id)) ${list} })`)).toEqual([USERS])
  })

  const tool = (answer: string): string => `
    const describe = (server) => server.registerTool('who', {}, async () => ({ content: [{ type: 'text', text: ${answer} }] }))
    app.put('/mcp', auth, async (req, res) => {
      const server = new McpServer({ name: 'x', version: '1' })
      describe(server)
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await server.connect(transport)
      await transport.handleRequest(req, res, req.body)
    })
    import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'`

  it.each([
    ['a record of all', "app.get('/s', (req, res) => res.json(Object.fromEntries(sessions)))"],
    [
      'one of a part of them',
      "app.get('/s', (req, res) => res.json(Object.fromEntries([...sessions].filter(([, s]) => s.at > 5).map(([name, s]) => [name, { at: s.at }]))))",
    ],
    [
      'one in a field',
      "const sum = (shape) => Object.fromEntries([...sessions].map(([name, s]) => [name, shape(s)]))\napp.get('/s', (req, res) => res.json({ up: 1, open: sum(({ at }) => ({ at })) }))",
    ],
  ])('names them in %s', (_how, route) => {
    expect(told(route)).toEqual([ALL])
  })

  it.each([
    [
      'keyed by users',
      "app.get('/s', (req, res) => res.json(Object.fromEntries([...sessions.values()].map((s) => [s.user, s.at]))))",
    ],
    [
      'keyed by digests',
      "app.get('/s', (req, res) => res.json(Object.fromEntries([...sessions].map(([id, s]) => [createHash('sha256').update(id).digest('hex'), s.at]))))",
    ],
    [
      'of the caller’s own',
      "app.get('/s', auth, (req, res) => res.json(Object.fromEntries([...sessions].filter(([, s]) => s.user === req.user).map(([id, s]) => [id, s.at]))))",
    ],
  ])('names none in a record %s', (_how, route) => {
    expect(told(route)).toEqual([])
  })

  it('is what a tool answers', () => {
    expect(told(tool('JSON.stringify(register.active())'))).toEqual([USERS])
    expect(told(tool('String(register.active().length)'))).toEqual([])
  })

  const ending = (before: string): readonly string[] =>
    findingsOf(
      'session-as-authentication',
      serving(`const end = (req, res) => { res.json(register.close(req.params.sessionId)) }\n${before}`),
    )

  it('is no place to end sessions for whoever asks, in the register or among the sessions', () => {
    expect(ending("app.delete('/s/:sessionId', end)")).toHaveLength(1)
    expect(ending("app.delete('/s/:sessionId', auth, end)")).toEqual([])
    const either =
      "if (process.env.OPEN === '1') app.delete('/s/:sessionId', end)\nelse app.delete('/s/:sessionId', auth, end)"
    expect(ending(either)).toEqual([])
  })
})

describe('a logger of requests', () => {
  const server = (app: string): string => `
    import express from 'express'
    import Fastify from 'fastify'
    import pinoHttp from 'pino-http'
    import morgan from 'morgan'
    ${app}
    app.get('/', (req, res) => res.send(req.headers.authorization === process.env.KEY ? 'yes' : 'no'))
    app.listen({ port: 3000, host: '127.0.0.1' })`
  const fastify = (logger: string): string => `const app = Fastify({ logger: ${logger} })`
  const headers = 'serializers: { req: (req) => ({ method: req.method, headers: req.headers }) }'

  it.each([
    ['a serializer', fastify(`{ level: 'info', ${headers} }`)],
    ['what it logs by itself', 'const app = express(); app.use(pinoHttp())'],
    [
      'a function of its own',
      'const app = express(); app.use(morgan((tokens, req) => `${req.method} ${req.headers.authorization}`))',
    ],
    ['a format', "const app = express(); app.use(morgan(':method :url :req[authorization]'))"],
  ])('writes credentials down by %s', (_what, app) => {
    expect(outcomeOf('session-token-exposure', server(app))).toBe('fail')
  })

  it.each([
    ['a serializer that leaves them out', fastify('{ serializers: { req: (req) => ({ url: req.url }) } }')],
    ['a list of what is redacted', fastify(`{ redact: ['req.headers.authorization'], ${headers} }`)],
    ['its own default, which has no headers', fastify('true')],
    ['a list of what it redacts', "const app = express(); app.use(pinoHttp({ redact: ['req.headers'] }))"],
    ['a logger that may redact them', 'const app = express(); app.use(pinoHttp({ logger: makeLogger() }))'],
    ['a format without them', "const app = express(); app.use(morgan('combined'))"],
  ])('writes none down by %s', (_what, app) => {
    expect(outcomeOf('session-token-exposure', server(app))).toBe('pass')
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

  it.each([
    [
      'npm, beside it',
      'package-lock.json',
      JSON.stringify({
        packages: {
          'node_modules/@vercel/mcp-adapter': { version: '1.0.0' },
          'node_modules/mcp-handler': { version: '1.0.2' },
        },
      }),
      'fail',
    ],
    [
      'npm, within it',
      'package-lock.json',
      JSON.stringify({
        packages: {
          'node_modules/@vercel/mcp-adapter': { version: '1.0.0' },
          'node_modules/mcp-handler': { version: '1.1.0' },
          'node_modules/@vercel/mcp-adapter/node_modules/mcp-handler': { version: '1.0.2' },
        },
      }),
      'fail',
    ],
    [
      'npm, mended',
      'package-lock.json',
      JSON.stringify({
        packages: {
          'node_modules/@vercel/mcp-adapter': { version: '1.0.0' },
          'node_modules/mcp-handler': { version: '1.1.0' },
        },
      }),
      'pass',
    ],
    [
      'bun',
      'bun.lock',
      '{ "workspaces": { "": {} }, "packages": { "@vercel/mcp-adapter": ["@vercel/mcp-adapter@1.0.0", "", {}, ""], "mcp-handler": ["mcp-handler@1.0.2", "", {}, ""], } }',
      'fail',
    ],
    [
      'bun, within it',
      'bun.lock',
      '{ "workspaces": { "": {} }, "packages": { "@vercel/mcp-adapter/mcp-handler": ["mcp-handler@1.0.2", "", {}, ""], "mcp-handler": ["mcp-handler@1.1.0", "", {}, ""], } }',
      'fail',
    ],
    [
      'bun, mended',
      'bun.lock',
      '{ "workspaces": { "": {} }, "packages": { "mcp-handler": ["mcp-handler@1.1.0", "", {}, ""], } }',
      'pass',
    ],
    [
      'pnpm',
      'pnpm-lock.yaml',
      "importers:\n  .:\n    dependencies:\n      '@vercel/mcp-adapter':\n        specifier: ^1.0.0\n        version: 1.0.0(next@15.0.0)\nsnapshots:\n  '@vercel/mcp-adapter@1.0.0(next@15.0.0)':\n    dependencies:\n      mcp-handler: 1.0.2(next@15.0.0)\n",
      'fail',
    ],
    [
      'pnpm, mended',
      'pnpm-lock.yaml',
      "importers:\n  .:\n    dependencies:\n      '@vercel/mcp-adapter':\n        specifier: ^1.0.0\n        version: 1.0.0(next@15.0.0)\nsnapshots:\n  '@vercel/mcp-adapter@1.0.0(next@15.0.0)':\n    dependencies:\n      mcp-handler: 1.1.0(next@15.0.0)\n",
      'pass',
    ],
    [
      'yarn',
      'yarn.lock',
      '"@vercel/mcp-adapter@^1.0.0":\n  version "1.0.0"\n  dependencies:\n    mcp-handler "^1.0.0"\n\nmcp-handler@^1.0.0:\n  version "1.0.2"\n\nmcp-handler@^1.1.0:\n  version "1.1.0"\n',
      'fail',
    ],
    [
      'yarn, mended',
      'yarn.lock',
      '"@vercel/mcp-adapter@^1.0.0":\n  version "1.0.0"\n  dependencies:\n    mcp-handler "^1.0.0"\n\nmcp-handler@^1.0.0:\n  version "1.1.0"\n',
      'pass',
    ],
  ])('are seen through an older name by the lockfile of %s', (_, lockfile, text, outcome) => {
    const files = {
      'server.ts': server('@vercel/mcp-adapter'),
      'package.json': JSON.stringify({ name: 'it', dependencies: { '@vercel/mcp-adapter': '^1.0.0' } }),
      [lockfile]: text,
    }
    const found = outcomeOf('vulnerable-session-dependency', files)
    expect(found).toBe(outcome)
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

describe('the secret that callers have to bring', () => {
  const server = (start: string): string => `
    import express from 'express'
    import { createHash, randomBytes } from 'node:crypto'
    const app = express()
    ${start}
    app.use((req, res, next) => {
      if (req.headers.authorization !== 'Bearer ' + token) return res.sendStatus(401)
      next()
    })
    app.post('/mcp', (req, res) => res.json({ jsonrpc: '2.0', id: req.body.id, result: {} }))
    app.listen(3000)`
  const setting = 'const token = process.env.API_TOKEN'

  it.each([
    [
      'as it is drawn',
      "const token = process.env.API_TOKEN || randomBytes(32).toString('hex'); console.log(`Token: ${token}`)",
    ],
    ['as a setting has it', `${setting}; console.log('token', token)`],
    [
      'with all settings',
      "const config = { token: process.env.API_TOKEN }; const { token } = config; console.log('config', config)",
    ],
  ])('is written down %s', (_how, start) => {
    expect(findingsOf('session-token-exposure', server(start))).toHaveLength(1)
  })

  it.each([
    ['whether it is there', `${setting}; console.log(token ? 'on' : 'off', Boolean(token), !!token)`],
    [
      'that it is there, by a comparison',
      `${setting}; console.log({ present: token !== undefined, set: token != null })`,
    ],
    ['how long it is', `${setting}; console.log(token.length)`],
    ['how it begins', `${setting}; console.log(token.slice(0, 4) + '…')`],
    ['its digest', `${setting}; console.log(createHash('sha256').update(token).digest('hex').slice(0, 8))`],
    ['something else that is drawn', `${setting}; console.log(randomBytes(8).toString('hex'))`],
  ])('is not: %s', (_what, start) => {
    expect(findingsOf('session-token-exposure', server(start))).toEqual([])
  })
})
