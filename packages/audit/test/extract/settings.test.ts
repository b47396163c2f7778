/** Settings count by their defaults: what is off until somebody turns it on is off. */
import { describe, expect, it } from 'vitest'
import { authenticationOf, factsOf, listenersOf, outcomeOf, type Program } from './programs.ts'

function reachOf(before: string, host: string): string {
  const [listener] = factsOf(
    `import { createServer } from 'node:http'\n${before}\ncreateServer(() => {}).listen(3000, ${host})`,
  ).listeners
  return listener!.byDefault ? `${listener!.reach} by default` : listener!.hosts.join(' or ') || listener!.reach
}

describe('a credential that a setting asks for', () => {
  const program = (host: string, required: string) => `
    import express from 'express'
    import { randomUUID, timingSafeEqual } from 'node:crypto'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    const app = express()
    app.use((req, res, next) => {
      if (req.path === '/mcp'${required}) {
        const key = Buffer.from(String(req.headers.authorization))
        if (!timingSafeEqual(key, Buffer.from(process.env.API_KEY))) return res.status(401).end()
      }
      next()
    })
    const handler = async (req, res) => {
      const session = sessions.get(req.headers['mcp-session-id'])
      if (session) return session.handleRequest(req, res, req.body)
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      })
      await transport.handleRequest(req, res, req.body)
    }
    app.all('/mcp', handler)
    app.all('/', handler)
    app.listen(3000${host})`

  it('is one for whoever sets it, on loopback', () => {
    const optional = ' && process.env.REQUIRE_KEY'
    expect(outcomeOf('session-as-authentication', program(", '127.0.0.1'", optional))).toBe('notApplicable')
    expect(outcomeOf('session-as-authentication', program('', optional))).toBe('fail')
    expect(outcomeOf('session-as-authentication', program(", '127.0.0.1'", ''))).toBe('fail')
  })
})

describe('a check of what is set', () => {
  it('is no end of every path', () => {
    const reach = reachOf(
      `const known = ['change-me-in-production']
      const isDefault = (text) => { if (known.includes(text)) return true; return text.toLowerCase().includes('change') }
      function need(name, text) {
        if (!text) throw new Error(name + ' is not set')
        if (isDefault(text)) throw new Error(name + ' is a placeholder')
        return text
      }
      need('KEY', process.env.KEY)`,
      "'127.0.0.1'",
    )
    expect(reach).toBe('127.0.0.1')
  })
})

describe('the default of a setting is its value', () => {
  it.each([
    ['an environment variable', '', "process.env.HOST ?? '127.0.0.1'", '127.0.0.1'],
    ['an environment variable, with ||', '', "process.env.HOST || '0.0.0.0'", '0.0.0.0'],
    ['an environment variable, by a default', "const { HOST = '127.0.0.1' } = process.env", 'HOST', '127.0.0.1'],
    ['one of several', '', "process.env.HOST ?? process.env.BIND ?? '0.0.0.0'", '0.0.0.0'],
    [
      'through a function',
      'const setting = (name, fallback) => process.env[name] ?? fallback',
      "setting('HOST', '127.0.0.1')",
      '127.0.0.1',
    ],
    [
      'in a configuration object',
      "const config = { host: process.env.HOST || '127.0.0.1' }",
      'config.host',
      '127.0.0.1',
    ],
    ['no default', '', 'process.env.HOST', 'network by default'],
    [
      'parseArgs',
      "import { parseArgs } from 'node:util'\nconst { values } = parseArgs({ options: { host: { type: 'string', default: '127.0.0.1' } } })",
      'values.host',
      '127.0.0.1',
    ],
    [
      'parseArgs without a default',
      "import { parseArgs } from 'node:util'\nconst { values } = parseArgs({ options: { host: { type: 'string' } } })",
      "values.host ?? '0.0.0.0'",
      '0.0.0.0',
    ],
    [
      'yargs',
      "import yargs from 'yargs'\nconst argv = yargs(process.argv).option('host', { type: 'string', default: '127.0.0.1' }).parseSync()",
      'argv.host',
      '127.0.0.1',
    ],
    [
      'yargs with several options',
      "import yargs from 'yargs'\nconst { host } = yargs().options({ port: { default: 1 }, host: { default: '0.0.0.0' } }).argv",
      'host',
      '0.0.0.0',
    ],
    [
      'commander',
      "import { Command } from 'commander'\nconst program = new Command().option('-h, --host <host>', 'address', '127.0.0.1')\nconst options = program.parse().opts()",
      'options.host',
      '127.0.0.1',
    ],
    [
      'zod',
      "import { z } from 'zod'\nconst env = z.object({ HOST: z.string().default('127.0.0.1') }).parse(process.env)",
      'env.HOST',
      '127.0.0.1',
    ],
    [
      'zod, safely',
      "import { z } from 'zod'\nconst { data } = z.object({ HOST: z.string().min(1).default('0.0.0.0') }).safeParse(process.env)",
      'data.HOST',
      '0.0.0.0',
    ],
    [
      'zod, optional',
      "import { z } from 'zod'\nconst env = z.object({ HOST: z.string().optional() }).parse(process.env)",
      "env.HOST ?? '127.0.0.1'",
      '127.0.0.1',
    ],
    [
      'minimist',
      "import minimist from 'minimist'\nconst argv = minimist(process.argv.slice(2), { default: { host: '127.0.0.1' } })",
      'argv.host',
      '127.0.0.1',
    ],
  ])('%s', (_, before, host, expected) => {
    expect(reachOf(before, host)).toBe(expected)
  })
})

describe('the default of a setting is its value, too, by', () => {
  it('an imported env', () => {
    expect(reachOf("import { env } from 'node:process'", "env.HOST ?? '127.0.0.1'")).toBe('127.0.0.1')
  })

  it('the program of commander', () => {
    const before =
      "import { program } from 'commander'\nprogram.option('--bind-host <host>', 'address', '127.0.0.1').parse()"
    expect(reachOf(before, 'program.opts().bindHost')).toBe('127.0.0.1')
  })
})

describe('a credential that is verified only where a setting asks for it', () => {
  const server = (before: string, condition: string): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${before}
    const transports = new Map()
    const app = express()
    app.post('/mcp', (req, res) => {
      if (${condition}) return res.status(401).end()
      transports.get(req.headers['mcp-session-id']).handleRequest(req, res)
      const made = new StreamableHTTPServerTransport({ sessionIdGenerator: () => crypto.randomUUID() })
      transports.set(made.sessionId, made)
    })
    app.listen(3000)`

  const wrong = 'req.headers.authorization !== process.env.TOKEN'

  it('is verified always where there is no condition', () => {
    expect(authenticationOf(server('', wrong))).toEqual(['POST server.ts:8 always'])
  })

  it.each([
    ['is optional', '', `process.env.TOKEN && ${wrong}`, 'optional'],
    [
      'is verified always where start-up insists on the setting',
      "if (!process.env.TOKEN) throw new Error('TOKEN is not set')",
      `process.env.TOKEN && ${wrong}`,
      'always',
    ],
    [
      'is verified always where start-up exits without it',
      'if (!process.env.TOKEN) process.exit(1)',
      `process.env.TOKEN && ${wrong}`,
      'always',
    ],
  ])('%s', (_, before, condition, expected) => {
    expect(authenticationOf(server(before, condition))).toEqual([`POST server.ts:8 ${expected}`])
  })

  it.each([
    ['is optional', '', 'optional'],
    [
      'is verified always where start-up insists',
      "if (!process.env.TOKEN) throw new Error('TOKEN is not set')",
      'always',
    ],
    ['is verified always where start-up exits', 'if (!process.env.TOKEN) process.exit(1)', 'always'],
  ])('and so in nested conditions: %s', (_, before, expected) => {
    const nested = server(before, 'refuses(req)').replace(
      'const app',
      `const refuses = (req) => { if (process.env.TOKEN) { if (${wrong}) return true } return false }\n    const app`,
    )
    expect(authenticationOf(nested)).toEqual([`POST server.ts:9 ${expected}`])
  })
})

describe('a default', () => {
  const server = (given: string): string => `
    import { createServer } from 'node:http'
    const options = {}
    for (const [name, text] of Object.entries(process.argv)) options[name] = text
    class Transport {
      constructor(settings) { this.settings = settings }
      start() { createServer(() => {}).listen(80, this.settings.host ?? '0.0.0.0') }
    }
    new Transport({ host: ${given} }).start()`

  it.each([
    ['once given', "options.host ?? '127.0.0.1'", '127.0.0.1'],
    ['once given for what is empty', "options.host || '127.0.0.1'", '127.0.0.1'],
    ['that may be missing itself', 'options.host ?? options.bind', '0.0.0.0'],
    [
      'of one case of two',
      "process.argv.length > 2 ? options.host ?? '127.0.0.1' : options.host",
      '127.0.0.1 or 0.0.0.0',
    ],
  ])('%s decides what is left to another', (_which, given, hosts) => {
    expect(listenersOf(server(given))).toEqual([`server.ts:6 ${hosts}`])
  })
})

describe('where it listens while nothing is set', () => {
  const started = (start: string): Program => `
    import express from 'express'
    const app = express()
    app.get('/', (req, res) => res.end())
    ${start}`

  it.each([
    ['a switch', "app.listen(3000, process.env.IN_CLOUD ? '0.0.0.0' : 'localhost')", 'localhost'],
    ['a switch the other way round', "app.listen(3000, !process.env.IN_CLOUD ? 'localhost' : '0.0.0.0')", 'localhost'],
    ['a word for yes', "app.listen(3000, process.env.PUBLIC === 'true' ? '0.0.0.0' : '127.0.0.1')", '127.0.0.1'],
    [
      'a switch in another function, in a mode that has to be chosen',
      "const host = () => { if (process.env.PUBLIC === '1') return '0.0.0.0'; return '127.0.0.1' }\n    if (process.env.MODE === 'http') app.listen(3000, host())",
      '127.0.0.1',
    ],
    [
      'a setting that start-up insists on',
      "if (!process.env.KEY) throw new Error('KEY is missing')\n    app.listen(3000, process.env.PUBLIC ? '0.0.0.0' : '127.0.0.1')",
      '127.0.0.1',
    ],
    ['a switch that closes it', "app.listen(3000, process.env.LOCAL ? '127.0.0.1' : '0.0.0.0')", '0.0.0.0'],
    [
      'what it runs as',
      "app.listen(3000, process.env.NODE_ENV === 'production' ? '0.0.0.0' : 'localhost')",
      '0.0.0.0 or localhost',
    ],
    [
      'a word that chooses',
      "app.listen(3000, process.env.MODE === 'lan' ? '0.0.0.0' : 'localhost')",
      '0.0.0.0 or localhost',
    ],
  ])('%s', (_, start, hosts) => {
    expect(listenersOf(started(start))).toEqual([expect.stringMatching(new RegExp(` ${hosts}$`))])
  })
})

describe('an address that a setting opens', () => {
  const server = (opens: string): string => `
    import { createServer } from 'node:http'
    const fromEnvironment = () => {
      const found = {}
      ${opens}
      return found
    }
    const resolved = (given = {}) => ({ local: given.local ?? fromEnvironment().local ?? true })
    const address = (given) => (resolved(given).local !== false ? '127.0.0.1' : '0.0.0.0')
    createServer((req, res) => res.end(req.headers.authorization === process.env.TOKEN ? 'yes' : 'no')).listen(3000, address())`

  it('is its default where nothing is set', () => {
    const opens = "if (process.env.OPEN === 'true') found.local = false"
    expect(listenersOf(server(opens))).toEqual([expect.stringContaining('127.0.0.1')])
    expect(listenersOf(server('found.local = false'))).toEqual([expect.stringContaining('0.0.0.0')])
  })
})

describe('a check that a setting turns off or on', () => {
  const server = (check: string, before = ''): string => `
    import express from 'express'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    const sessions = new Map()
    const app = express()
    const key = process.env.KEY
    if (!key) throw new Error('Set KEY.')
    const proves = (req) => req.headers.authorization === key
    const isDevelopment = process.env.NODE_ENV === 'development'
    const isVerbose = process.env.DEBUG
    const mode = process.env.MODE ?? 'closed'
    ${before}
    app.all('/mcp', (req, res, next) => {
      ${check}
    }, async (req, res) => {
      const transport = sessions.get(req.headers['mcp-session-id']) ?? new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => { sessions.set(id, transport) },
      })
      await transport.handleRequest(req, res, req.body)
    })
    app.listen(3000, '0.0.0.0')
  `
  const insists = 'if (!proves(req)) return res.sendStatus(401)\nnext()'

  it.each([
    [`if (isDevelopment) return next()\n${insists}`],
    [`if (isVerbose || isDevelopment) return next()\n${insists}`],
    [`if (process.env.OPEN === 'true') return next()\n${insists}`],
    [`if (mode === 'open') return next()\n${insists}`],
    ["if (process.env.OPEN === 'true' || proves(req)) return next()\nres.sendStatus(401)"],
    ["if (process.env.OPEN !== 'true' && !proves(req)) return res.sendStatus(401)\nnext()"],
    [
      'const allows = (req) => process.env.OPEN ? true : proves(req)\nif (!allows(req)) return res.sendStatus(401)\nnext()',
    ],
  ])('is made as the server is shipped: %s', (check) => {
    expect(authenticationOf(server(check))[0]).toMatch(/ always$/)
  })

  it.each([
    [`if (process.env.NODE_ENV !== 'production') return next()\n${insists}`],
    [`if (process.env.CLOSED !== 'true') return next()\n${insists}`],
    [`if (mode === 'closed') return next()\n${insists}`],
    ["if (process.env.CLOSED === 'true' && !proves(req)) return res.sendStatus(401)\nnext()"],
    [`if (req.headers['x-open'] === 'true') return next()\n${insists}`],
  ])('is not made as the server is shipped: %s', (check) => {
    expect(authenticationOf(server(check))[0]).toMatch(/ optional$/)
  })

  it('is made where nobody but whoever develops the program goes without', () => {
    const cookie = (secure: string): string => `
      import express from 'express'
      const app = express()
      const isDevelopment = process.env.NODE_ENV === 'development'
      app.post('/login', (req, res) => res.cookie('sid', 'x', { httpOnly: true, sameSite: 'lax', secure: ${secure} }))
      app.listen(3000)`
    expect(outcomeOf('insecure-session-cookie', cookie('!isDevelopment'))).toBe('pass')
    expect(outcomeOf('insecure-session-cookie', cookie('isDevelopment'))).toBe('fail')
    expect(
      outcomeOf('insecure-session-cookie', cookie("(process.env.NODE_ENV ?? 'development') === 'development'")),
    ).toBe('pass')
  })
})
